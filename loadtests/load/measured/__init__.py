"""What was seen, and what it means: counts, quantiles, thresholds. Pure, and free of any library but YAML's."""
