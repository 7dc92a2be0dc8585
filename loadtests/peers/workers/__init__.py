"""What others would write instead of Tranche's worker: the same features in well-known stream processors."""
