"""The processes that put the load on: schedules, connections, probes. Each times itself, too."""
