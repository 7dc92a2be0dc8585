"""Each sort of picture, drawn on an empty figure. What it is of is decided elsewhere."""
