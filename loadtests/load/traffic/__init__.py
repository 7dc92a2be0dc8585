"""What is asked for and when. Pure: the same seed and numbers give the same traffic, whoever sends it."""
