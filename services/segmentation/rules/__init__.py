"""The rule language: text to nodes (`parse`), nodes to text (`str`), to intervals (`evaluate`), to warnings (`lint`).

A new term takes a node (`nodes.py`), a line that says how it is called (`signatures.py`), a function that makes the
node (`terms.py`), when it holds (`evaluate.py`, beside `series.py` for numbers, `decay.py` and `sequences.py`), which
values it can have (`outcomes.py`, for the linter) and how it is told (`explanation/readings.py`). The brute-force judge
in the tests and its generator of rules take a case each, and `docs/rules.md` a paragraph.

What models say is told by whoever evaluates (`outputs.py`); `said.py` compares it, `model_terms.py` reads its terms.
"""
