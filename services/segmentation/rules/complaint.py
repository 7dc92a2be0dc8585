"""What there is to say against a rule: the parts of an error, before its place is turned into a line and a column."""

from typing import NamedTuple


class Span(NamedTuple):
    """A place in the text of a rule, by characters from 0."""

    begin: int
    end: int


class Complaint(NamedTuple):
    place: Span
    expected: str
    found: str | None = None
    """What stands at the place, where that is not to be quoted as it is."""
    hint: str | None = None


A_RULE = 'one condition, such as count("purchase", within="30d") >= 2'
