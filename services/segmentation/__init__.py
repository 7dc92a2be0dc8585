"""The meaning of events, profiles, rules and segments. Pure: data in, data out; time is an argument."""
