"""What is handed over: a JSON for machines and one HTML page for people, both out of the same figures."""
