"""What keeps a comparison from running, told so that its reader knows what to do."""


class BenchError(Exception):
    """The message is for whoever started the comparison: what is missing, and the command that mends it."""
