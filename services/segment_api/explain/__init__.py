"""Why a user is in a segment, or is not."""
