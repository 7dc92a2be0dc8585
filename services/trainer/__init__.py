"""The trainer: models learn from the samples log, and what they have learned is published as snapshots.

The law: a training is a function of the log up to an offset. Both are stored in one write, fenced by the offset before;
so a trainer that is killed, or one of two, ends with the same snapshots, number for number.
"""
