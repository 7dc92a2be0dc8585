"""Lookups of a thousand users at a time: Tranche beside nginx, and on a Redis Cluster beside a single Redis."""
