"""Public door: events come in over HTTP and go, checked, to the event log."""
