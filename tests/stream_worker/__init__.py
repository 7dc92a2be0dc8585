"""The stream worker's parts on a real Redis, and its loop in this process."""
