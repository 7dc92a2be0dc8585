"""What is wrong with a rule, where, what would be right, and what was probably meant."""

from dataclasses import dataclass


@dataclass(eq=False)  # not frozen: context managers set the traceback of what passes through them
class RuleError(ValueError):
    """A rule that cannot be accepted. `line` and `column` count from 1, in characters of the rule's text."""

    line: int
    column: int
    found: str
    expected: str
    hint: str | None = None
    """What was probably meant, such as `did you mean count?`; None where nothing is near."""
    caret: str = ""
    """Two lines: the line of the rule, cut to what is around the place, and `^` below the place."""

    def __str__(self) -> str:
        said = f"line {self.line}, column {self.column}: found {self.found}, expected {self.expected}"
        return f"{said}; {self.hint}" if self.hint else said
