"""Lists of users that are uploaded, and reach profiles through the event log."""
