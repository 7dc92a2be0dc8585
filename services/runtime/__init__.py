"""Process plumbing that every service shares: settings, logs, metrics, health, Redis and the event log."""
