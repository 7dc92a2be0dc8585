"""What Tranche is compared with."""
