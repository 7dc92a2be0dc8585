"""Text of a rule made fit to be shown: quoted inside a sentence, or on a line with its place marked below.

Whatever the text holds, what comes out stays on its line and can be encoded.
"""

from unicodedata import combining, east_asian_width

WIDTH = 100
"""Characters of a line that are shown at most."""
_BEFORE = 60
"""How many of them stand before the place, where the line is cut."""


def quoted(text: str, limit: int = 60) -> str:
    """`text` on one line, at most `limit` characters of it."""
    plain = "".join(map(_printable, " ".join(text.split())))
    return plain if len(plain) <= limit else f"{plain[: limit - 3]}..."


def caret(line: str, begin: int, end: int) -> str:
    """The line, and below it `^` under its characters from `begin` to `end`, under one place at least."""
    cut = max(0, min(begin - _BEFORE, len(line) - WIDTH))
    lead, tail = "..." * (cut > 0), "..." * (cut + WIDTH < len(line))
    shown = "".join(map(_in_place, line[cut : cut + WIDTH]))
    indent = len(lead) + _columns(shown[: begin - cut])
    marks = max(1, _columns(shown[begin - cut : end - cut]))
    return f"{lead}{shown}{tail}\n{' ' * indent}{'^' * marks}"


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def _in_place(character: str) -> str:
    """One character for each, so that places stay: a space for a tab, a replacement for what does not show."""
    return " " if character.isspace() else character if character.isprintable() else "\ufffd"


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes (Unicode Standard Annex 11)."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)
