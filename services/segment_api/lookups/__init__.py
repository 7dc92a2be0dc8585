"""Lookups: which segments a user is in. The hot path."""
