"""Words that no rule can hold, wherever they stand, and what was probably meant by each."""

import re

from services.segmentation.rules.complaint import Complaint, Span
from services.segmentation.rules.durations import likely_duration
from services.segmentation.rules.nearest import did_you_mean
from services.segmentation.rules.python import tree_of
from services.segmentation.rules.tokens import Token

_MOST_DIGITS = 400
_ODD = re.compile(r"[\0\ud800-\udfff]")
"""What no text can hold: Python does not read the first, and nothing can write the others."""
_MEANT = (
    dict.fromkeys(["&&", ";"], "and")
    | {"||": "or", "!": "not", "===": "==", ":=": "=="}
    | dict.fromkeys(["<>", "!==", "≠"], "!=")
    | dict.fromkeys(["=>", "≥", "⩾"], ">=")
    | dict.fromkeys(["=<", "≤", "⩽"], "<=")
    | dict.fromkeys("–—−", "-")  # noqa: RUF001
    | dict.fromkeys("“”„«»″", '"')
    | dict.fromkeys("‘’‚′´`", "'")  # noqa: RUF001
)


_PURPOSES = {
    "and": '"and" between two conditions',
    "or": '"or" between two conditions',
    "not": '"not" before a condition',
    "-": "a plain minus sign",
    '"': "a straight quote",
    "'": "a straight quote",
}


def odd_word(token: Token) -> Complaint | None:
    """What is wrong with the word by itself; None where nothing is."""
    match token.kind:
        case "unclosed":
            return Complaint(token.span, f"a second {token.text[0]} at the end of the text", "a quote that stays open")
        case "number":
            return None if _reads(token.text) else _number(token)
        case "text":
            return None if _reads(token.text) else _text(token)
        case "odd" | "symbol":
            return _symbol(token)
        case "word":
            return None


def _number(token: Token) -> Complaint:
    duration = likely_duration(token.text)
    if duration is not None:
        return Complaint(token.span, "a number, or a duration in quotes", hint=did_you_mean(f'"{duration}"'))
    if len(token.text) > _MOST_DIGITS:
        return Complaint(token.span, f"a number of at most {_MOST_DIGITS} digits")
    plain = token.text.lstrip("0") if token.text.isdigit() else None
    return Complaint(token.span, "a number, such as 3 or 2.5", hint=did_you_mean(plain))


def _text(token: Token) -> Complaint:
    odd = _ODD.search(token.text)
    if odd is not None:
        begin = token.span.begin + odd.start()
        return Complaint(Span(begin, begin + 1), "a character that can be written", _named(odd[0]))
    if token.text[0] in "\"'":
        return Complaint(token.span, "text in which a backslash is written twice")
    return Complaint(token.span, "text in quotes, without a letter before them")


def _symbol(token: Token) -> Complaint | None:
    meant = _MEANT.get(token.text)
    if meant is not None:
        expected = _PURPOSES.get(meant, f"a comparison such as {meant}")
        return Complaint(token.span, expected, hint=did_you_mean(meant))
    if token.kind == "symbol":
        return None
    return Complaint(
        token.span, "a plain space" if token.text.isspace() else "a character that rules use", _named(token.text)
    )


def _named(character: str) -> str:
    return character if character.isprintable() else f"the character U+{ord(character):04X}"


def _reads(text: str) -> bool:
    try:
        tree_of(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
