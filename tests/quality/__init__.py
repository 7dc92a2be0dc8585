"""How good the models are, measured on planted groups and on recordings: `python -m tests.quality`.

Every figure stands beside what scikit-learn makes of the same users in batch, who may look at everything as often as
it likes. The law: what is judged is what anybody has, definitions in and snapshots out; how a training works inside is
nobody's business here.
"""
