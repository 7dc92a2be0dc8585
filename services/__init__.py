"""Tranche: events in, segment memberships out. One folder a service; `segmentation` holds the meaning."""
