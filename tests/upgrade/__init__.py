"""What one release leaves to the next: stored bytes, and workers side by side."""
