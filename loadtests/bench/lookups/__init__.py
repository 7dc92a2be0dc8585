"""Lookups: Tranche beside nginx + Lua + Redis, webdis and what people write themselves."""
