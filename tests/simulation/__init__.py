"""Workers, log and Redis in one process, on a clock of its own, under faults that one integer decides."""
