"""What to say of a word that cannot stand where it stands: what has to stand there, and what was probably meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.segmentation.rules.complaint import Complaint, Span
from services.segmentation.rules.nearest import did_you_mean, nearest
from services.segmentation.rules.signatures import SIGNATURES
from services.segmentation.rules.tokens import Token

COMPARING = ("==", "!=", "<", "<=", ">", ">=")
CLOSING = {"(": ")", "[": "]", "{": "}"}
JOINED = '"and", "or" or a comparison such as >= 1'
_A_LIST = 'a list in square brackets, such as ["FR", "BE"]'
_WANTED = {
    "in": _A_LIST,
    "=": 'a value after =, such as "shoes"',
    ":": 'a value after :, such as "shoes"',
    "(": "something between the brackets",
    "[": "something between the brackets",
    "{": "something between the brackets",
    ",": "something between the commas",
}


@dataclass
class Bracket:
    """A bracket that is still open."""

    opening: Token
    is_call: bool
    argument: int
    """Where the current argument begins, among the tokens."""
    is_named: bool = False
    """Whether that has a name."""
    any_named: bool = False


def wanted(before: Token | None) -> str:
    """What has to stand after a word that something has to follow; at the beginning of the rule where it is None."""
    if before is None:
        return 'a condition to begin with, such as count("purchase") >= 1'
    if before.text in COMPARING or before.text == "is":
        return f'something to compare with after {before.text}, such as 3, "gold" or "7d"'
    if before.text in ("and", "or", "not"):
        return f"a condition after {before.text}"
    return _WANTED.get(before.text, f"something after {before.text}")


def side_by_side(before: Token, token: Token, bracket: Bracket | None) -> Complaint:
    """Two things without anything that joins them."""
    if before.kind == "text" and before.span.end == token.span.begin:
        hint = "is a quote missing, or one too many inside the text?"
        return Complaint(before.span, "text between two equal quotes", hint=hint)
    if before.kind == "word" and nearest(before.text, ["not"]):
        return Complaint(before.span, '"not" before a condition', hint=did_you_mean("not"))
    if before.text in SIGNATURES:
        return Complaint(
            token.span, f"a bracket after {before.text}", hint=did_you_mean(f"{before.text}({token.text})")
        )
    if bracket is not None and (bracket.is_call or bracket.opening.text != "("):
        return Complaint(token.span, f"a comma or {CLOSING[bracket.opening.text]}")
    joining = nearest(token.text, ["and", "or", "in", "not"]) if len(token.text) <= 4 else None
    return Complaint(token.span, JOINED, hint=did_you_mean(joining))


def keyword_word(token: Token, *, is_name: bool, expected: str) -> Complaint:
    """A word that the language reserves."""
    if is_name:
        return _reserved_name(token.span, token.text)
    return Complaint(token.span, expected, f"the word {token.text}, which rules do not use")


def equals(tokens: Sequence[Token], index: int, bracket: Bracket | None) -> Complaint:
    """An equals sign that stands after no name of an argument."""
    before, token = tokens[index - 1] if index else None, tokens[index]
    if before is not None and before.text in ("<", ">", "!", "=", "=="):
        place = Span(before.span.begin, token.span.end)
        together = "==" if before.text == "==" else f"{before.text}="
        return Complaint(place, f"{together} without a space", hint=did_you_mean(together))
    if bracket is not None and bracket.opening.text == "{":
        return Complaint(token.span, "a colon between a name and its value", hint=did_you_mean(":"))
    if bracket is not None and bracket.is_call and index > bracket.argument:
        return _argument_name(tokens[bracket.argument : index])
    return Complaint(token.span, "two equals signs to compare", hint=did_you_mean("=="))


def comma_outside(tokens: Sequence[Token], index: int) -> Complaint:
    """A comma that is inside no bracket."""
    around = [tokens[index - 1], *tokens[index + 1 : index + 2]]
    if [each.kind for each in around] == ["number", "number"]:
        number = ".".join(each.text for each in around)
        place = Span(around[0].span.begin, around[1].span.end)
        return Complaint(place, "a number with a decimal point", hint=did_you_mean(number))
    joined_by = next((each.text for each in reversed(tokens[:index]) if each.text in ("and", "or", "in")), None)
    return Complaint(tokens[index].span, _A_LIST if joined_by == "in" else '"and" or "or" between two conditions')


def colon(tokens: Sequence[Token], index: int, bracket: Bracket | None) -> Complaint:
    """A colon outside of `where={…}`."""
    if bracket is not None and bracket.is_call and index == bracket.argument + 1:
        return Complaint(tokens[index].span, "an equals sign after the name of an argument", hint=did_you_mean("="))
    return Complaint(tokens[index].span, JOINED)


def unnamed(tokens: Sequence[Token], index: int, bracket: Bracket) -> Complaint | None:
    """What is wrong with the argument that ends before `index`, if it has no name and others before it do."""
    if bracket.is_named or not bracket.any_named or index == bracket.argument or tokens[bracket.argument].text == "**":
        return None
    place = Span(tokens[bracket.argument].span.begin, tokens[index - 1].span.end)
    return Complaint(place, "arguments without a name before those with one")


def _argument_name(name: Sequence[Token]) -> Complaint:
    place = Span(name[0].span.begin, name[-1].span.end)
    if len(name) == 1 and name[0].kind == "text" and name[0].text[1:-1].isidentifier():
        return Complaint(place, "a name without quotes before =", hint=did_you_mean(f"{name[0].text[1:-1]}="))
    return _reserved_name(place, "".join(each.text for each in name).strip("\"'"))


def _reserved_name(place: Span, name: str) -> Complaint:
    expected = "a name of letters, digits and _; any other goes into where={…}"
    return Complaint(place, expected, hint=did_you_mean(f'where={{"{name}": …}}') if len(name) < 60 else None)
