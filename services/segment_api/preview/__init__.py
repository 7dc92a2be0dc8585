"""What a rule would do, before it is saved."""
