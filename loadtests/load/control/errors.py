"""What keeps a run from taking place."""


class CannotRun(Exception):
    """The reason, in a sentence that helps whoever started the tool."""
