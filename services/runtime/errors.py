"""The base of errors that an operator can fix: their message says what to do, and no traceback is shown."""


class OperatorError(Exception):
    """The surroundings are not as they must be; the message tells how to change that."""
