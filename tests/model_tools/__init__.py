"""Trying models on recordings: `tranche models …`."""
