"""What clusters are called, from one version to the next: `naming` is the door.

The law: a name stays with its people. It goes where most of those are that had it, is never given to anybody else,
and is given back to a group that was gone and returns to its place. How an estimator numbers its centres means nothing.

It is decided in steps: whose people are where (`stakes`), which centre continues which cluster (`matching`), whether
one has become several or several one (`parting` and `halves`, by the `valleys` between), and what is too small to stand
for itself (`folding`). `memory` is all that is kept, `places` what it is made of, `happenings` what is told of it, and
`predecessor` takes over from another training.
"""
