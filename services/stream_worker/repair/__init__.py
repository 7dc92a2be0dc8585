"""Repairs of a partition whose watermark and log have come apart, by an operator's decision."""
