"""Repairing partitions: by an operator's decision, whatever workers do meanwhile."""
