"""The trainer on real Redis and real logs, beside trainings run by hand over what the log holds."""
