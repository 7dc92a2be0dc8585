"""The stream worker: reads the event log, folds events into users, keeps profiles and memberships in Redis."""
