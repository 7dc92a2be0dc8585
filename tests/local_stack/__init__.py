"""What `tranche up` makes of its options."""
