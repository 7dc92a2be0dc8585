"""Readers, the simulated shop and the sender."""
