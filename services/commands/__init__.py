"""Groups of commands of `tranche`, each with its options and its help. What a command does is elsewhere."""
