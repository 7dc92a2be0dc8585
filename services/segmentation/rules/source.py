"""The text of a rule and its syntax tree: turning one into the other, and complaints into errors with their place."""

import ast
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from services.segmentation.rules.caret import caret, quoted
from services.segmentation.rules.complaint import A_RULE, Complaint, Span
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.python import tree_of
from services.segmentation.rules.syntax import misplaced
from services.segmentation.rules.tokens import LINE_END, tokens

MAX_LENGTH = 10_000


@dataclass(frozen=True)
class Source:
    text: str

    def tree(self) -> ast.expr:
        """The rule's only expression. Raises RuleError.

        Brackets around the text let a rule span lines, and cannot be closed from inside without changing the
        shape of the tree, which is checked.
        """
        if len(self.text) > MAX_LENGTH:
            rest = Span(MAX_LENGTH, len(self.text))
            self.refuse(rest, f"a rule of at most {MAX_LENGTH}", f"{len(self.text)} characters")
        complaint = Complaint(Span(0, 0), A_RULE, "text that is nested too deeply, or cannot be read")
        try:
            tree = tree_of(f"[{self.text}\n]")
        except SyntaxError as error:
            complaint = Complaint(self._place_of(error), A_RULE)
        except (ValueError, RecursionError, MemoryError):
            pass
        else:
            if isinstance(tree, ast.List) and len(tree.elts) == 1:
                return tree.elts[0]
        raise self.error(misplaced(self.text) or complaint)

    def refuse(
        self, place: ast.AST | Span, expected: str, found: str | None = None, hint: str | None = None
    ) -> NoReturn:
        """Raise the RuleError that points at a place."""
        raise self.error(Complaint(place if isinstance(place, Span) else self.span(place), expected, found, hint))

    def error(self, complaint: Complaint) -> RuleError:
        """The complaint with its place as line and column, fit to be shown whatever the rule holds."""
        (begin, end), expected, found, hint = complaint
        number = bisect_right(self._line_begins, begin) - 1
        line, line_begin = self._lines[number], self._line_begins[number]
        found = found or quoted(self.text[begin:end]) or "the end of the rule"
        marked = caret(line, begin - line_begin, end - line_begin)
        return RuleError(number + 1, begin - line_begin + 1, found, expected, hint and quoted(hint, 200), marked)

    def span(self, node: ast.AST) -> Span:
        """Where a node of the tree stands."""
        begin = self._offset(getattr(node, "lineno", 1), getattr(node, "col_offset", 1))
        return Span(begin, self._offset(getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 1)))

    def quote(self, node: ast.AST) -> str:
        """What is written at a node, on one line and not too long."""
        begin, end = self.span(node)
        return quoted(self.text[begin:end])

    def between(self, left: ast.AST, right: ast.AST) -> Span:
        """What stands between two nodes and joins them: an operator of one or two words."""
        begin, end = self.span(left).end, self.span(right).begin
        joining = [each.span for each in tokens(self.text[begin:end]) if each.text not in "()"]
        return Span(begin + joining[0].begin, begin + joining[-1].end) if joining else Span(begin, end)

    @cached_property
    def _lines(self) -> list[str]:
        return LINE_END.split(self.text)

    @cached_property
    def _line_begins(self) -> list[int]:
        return [0, *(match.end() for match in LINE_END.finditer(self.text))]

    def _offset(self, line: int, column: int) -> int:
        """The place of Python's line from 1 and column from 0 in bytes, of a text with a bracket before it."""
        opened = "[" * (line == 1)
        before = (opened + self._lines[line - 1]).encode()[:column].decode(errors="replace")
        return self._line_begins[line - 1] + len(before) - len(opened)

    def _place_of(self, error: SyntaxError) -> Span:
        """Where Python stopped, to the end of that line: for what nothing better is known of."""
        line, column = error.lineno or 1, error.offset or 1
        if line > len(self._lines):  # only the closing bracket stands there: the rule stops short
            return Span(len(self.text), len(self.text))
        begin = self._line_begins[line - 1]
        end = begin + len(self._lines[line - 1])
        return Span(min(begin + max(column - 1 - (line == 1), 0), end), end)
