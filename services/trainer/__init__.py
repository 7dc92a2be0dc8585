"""The trainer: models learn from the samples log, and what they have learned is published as snapshots."""
