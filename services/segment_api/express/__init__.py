"""Lookups of one user in the way that nearly all ask for one, answered without a route. The hottest of the hot path."""
