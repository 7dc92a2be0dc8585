"""Webhooks: delivers the changes stream to HTTP receivers, signed, in order of each user, at least once."""
