"""The catalog of segments: reading it, editing it, its history."""
