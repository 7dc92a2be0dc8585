"""The rule language: text to nodes (`parse`), nodes to text (`str`), nodes to intervals (`evaluate`).

A new term takes a node (`nodes.py`), its arguments (`terms.py`) and its value: a number in `series.py`, a time or a
latest value in `evaluate.py`. The brute-force judge in the tests takes a case too, and so does its generator of rules.
"""
