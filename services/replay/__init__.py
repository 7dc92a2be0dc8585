"""Feeds recorded logs and a simulated shop through the collector, at any speed."""
