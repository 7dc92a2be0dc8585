"""What is wrong with a text that is no expression: the first word that cannot stand where it stands.

Python only says that it cannot read such a text, each version in its own words. So the text is read again here, word
by word: what is compared and what joins take turns, inside brackets that match.
"""

from collections.abc import Sequence
from keyword import iskeyword

from services.segmentation.rules import remedies
from services.segmentation.rules.complaint import A_RULE, Complaint, Span
from services.segmentation.rules.nearest import did_you_mean
from services.segmentation.rules.remedies import CLOSING, COMPARING, Bracket, wanted
from services.segmentation.rules.tokens import Token, tokens
from services.segmentation.rules.words import odd_word

_MOST_BRACKETS = 40


def misplaced(text: str) -> Complaint | None:
    """What is wrong with a text that Python does not read as one expression; None where that does not show."""
    reader = _Reader(list(tokens(text)))
    for index, token in enumerate(reader.tokens):
        found = odd_word(token) or reader.take(index, token)
        if found is not None:
            return found
    return reader.end()


class _Reader:
    """How far the reading has come: which brackets are open, and whether something to compare has just ended."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = found
        self._open: list[Bracket] = []
        self._operand = False

    def take(self, index: int, token: Token) -> Complaint | None:
        """Read the next word: what is wrong with it here, or None."""
        match token.kind, token.text:
            case (("text" | "number"), _):
                return self._operand_at(index)
            case "word", word:
                return self._word(index, word)
            case _, "(" | "[" | "{":
                return self._opening(index)
            case _, ")" | "]" | "}":
                return self._closing(index)
            case _, "=":
                return self._equals(index)
            case _, "," | ":":
                return self._separator(index)
        return self._joining(index)

    def end(self) -> Complaint | None:
        """What is missing at the end."""
        if not self.tokens:
            return Complaint(Span(0, 0), A_RULE, "nothing")
        if self._open:
            opening = self._open[-1].opening
            return Complaint(opening.span, f"{CLOSING[opening.text]} to close it", f"{opening.text} that stays open")
        end = self.tokens[-1].span.end
        return None if self._operand else Complaint(Span(end, end), wanted(self.tokens[-1]), "the end of the rule")

    @property
    def _inner(self) -> Bracket | None:
        return self._open[-1] if self._open else None

    def _before(self, index: int) -> Token | None:
        return self.tokens[index - 1] if index else None

    def _nothing_to_join(self, index: int) -> Complaint:
        return Complaint(self.tokens[index].span, wanted(self._before(index)))

    def _operand_at(self, index: int) -> Complaint | None:
        before, token = self._before(index), self.tokens[index]
        if self._operand and before and not (before.kind == token.kind == "text"):  # Python joins two texts
            return remedies.side_by_side(before, token, self._inner)
        self._operand = True
        return None

    def _word(self, index: int, word: str) -> Complaint | None:
        if word in ("and", "or", "in", "is"):
            return self._joining(index)
        if word == "not":
            return self._not(index)
        if not iskeyword(word) or word in ("True", "False", "None"):
            return self._operand_at(index)
        is_name = self._inner is not None and self._inner.is_call and self._inner.argument == index
        before = self._before(index)
        expected = remedies.JOINED if self._operand else wanted(before)
        return remedies.keyword_word(self.tokens[index], is_name=is_name, expected=expected)

    def _not(self, index: int) -> Complaint | None:
        before, after = self._before(index), self.tokens[index + 1 : index + 2]
        if self._operand and not (after and after[0].text == "in"):
            return Complaint(self.tokens[index].span, '"not in", or "and not" before a condition')
        return self._nothing_to_join(index) if before and before.text in COMPARING else None

    def _joining(self, index: int) -> Complaint | None:
        if self._operand and self.tokens[index].text == "~":
            return Complaint(self.tokens[index].span, remedies.JOINED)
        signs = ("+", "-", "~", "*", "**") if self._open else ("+", "-", "~")
        if not self._operand and self.tokens[index].text not in signs:
            return self._nothing_to_join(index)
        self._operand = False
        return None

    def _opening(self, index: int) -> Complaint | None:
        before, token = self._before(index), self.tokens[index]
        if self._operand and before and token.text == "{":
            return remedies.side_by_side(before, token, self._inner)
        if len(self._open) == _MOST_BRACKETS:
            return Complaint(token.span, f"at most {_MOST_BRACKETS} brackets inside each other", "one bracket more")
        self._open.append(Bracket(token, self._operand and token.text == "(", index + 1))
        self._operand = False
        return None

    def _closing(self, index: int) -> Complaint | None:
        token, bracket = self.tokens[index], self._inner
        if bracket is None:
            return Complaint(token.span, "an opening bracket before it", f"{token.text} that was never opened")
        closing = CLOSING[bracket.opening.text]
        if token.text != closing:
            return Complaint(token.span, f"{closing} to close {bracket.opening.text} first", hint=did_you_mean(closing))
        if not self._operand and self.tokens[index - 1].text not in (bracket.opening.text, ","):
            return self._nothing_to_join(index)
        self._open.pop()
        self._operand = True
        return remedies.unnamed(self.tokens, index, bracket)

    def _separator(self, index: int) -> Complaint | None:
        bracket, token = self._inner, self.tokens[index]
        if not self._operand:
            return self._nothing_to_join(index)
        self._operand = False
        if token.text == ":":
            in_mapping = bracket is not None and bracket.opening.text == "{"
            return None if in_mapping else remedies.colon(self.tokens, index, bracket)
        if bracket is None:
            return remedies.comma_outside(self.tokens, index)
        found = remedies.unnamed(self.tokens, index, bracket)
        bracket.argument, bracket.is_named = index + 1, False
        return found

    def _equals(self, index: int) -> Complaint | None:
        bracket = self._inner
        if bracket is None or not bracket.is_call or index != bracket.argument + 1 or not self._is_name(index - 1):
            return remedies.equals(self.tokens, index, bracket)
        bracket.is_named = bracket.any_named = True
        self._operand = False
        return None

    def _is_name(self, index: int) -> bool:
        return self.tokens[index].kind == "word" and not iskeyword(self.tokens[index].text)
