"""Distances between users and centres, and how well these part them: what all rooms of the training count with."""
