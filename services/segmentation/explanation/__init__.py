"""Why a user is in a segment or is not: the rule as a tree with what each part of it finds, and as a sentence.

`explain` makes the tree, `sentence` tells it; both are pure.
"""
