"""Tranche beside its peers on this machine, in the same minutes: ratios, and the budgets they are held against."""
