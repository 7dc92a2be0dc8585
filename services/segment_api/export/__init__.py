"""Who is in a segment: all members, streamed."""
