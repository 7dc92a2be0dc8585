"""Growth to millions of users on one machine: what one user, one event and one lookup cost, the more there are."""
