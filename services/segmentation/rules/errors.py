"""What is wrong with a rule, where, and what would be right."""

from dataclasses import dataclass


@dataclass(eq=False)  # not frozen: context managers set the traceback of what passes through them
class RuleError(ValueError):
    """A rule that cannot be accepted. `line` and `column` count from 1, in characters of the rule's text."""

    line: int
    column: int
    found: str
    expected: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: found {self.found}, expected {self.expected}"
