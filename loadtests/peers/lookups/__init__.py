"""Services that answer lookups as others would: each with its configuration, ready to be started."""
