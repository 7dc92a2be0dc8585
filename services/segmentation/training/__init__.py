"""How models are trained: from samples in their order to snapshots, one after the other.

A training is a function of its definition and of the samples so far; its whole state is plain data, from which it goes
on as if it had never stopped. `port` says what every kind of model can, `opening` makes the one that a definition asks
for, `course` is what all have in common and `kinds` what each adds.

In `identity` clusters keep their names, in `telling` they are described, in `geometry` distances are reckoned, and
`river` is the only room that knows River.
"""
