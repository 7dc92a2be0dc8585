"""How many users are in each segment, and how far the background pass is."""
