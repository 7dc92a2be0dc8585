"""The door of the API: who is let in when more comes than can be served."""
