"""The slow, obvious second reading of the rules' meaning, and what drives it against the fast one."""
