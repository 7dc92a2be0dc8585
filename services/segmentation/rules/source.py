"""The text of a rule and its syntax tree: turning one into the other, and tree nodes back into places in the text."""

import ast
import re
import warnings
from dataclasses import dataclass
from typing import NoReturn

from services.segmentation.rules.errors import RuleError

MAX_LENGTH = 10_000
_LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines
_A_RULE = 'one condition, such as count("purchase", within="30d") >= 2'


@dataclass(frozen=True, slots=True)
class Source:
    text: str

    def tree(self) -> ast.expr:
        """The rule's only expression. Raises RuleError.

        Brackets around the text let a rule span lines, and cannot be closed from inside without changing the
        shape of the tree, which is checked.
        """
        if len(self.text) > MAX_LENGTH:
            raise RuleError(1, 1, f"{len(self.text)} characters", f"a rule of at most {MAX_LENGTH}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # hints about Python code, which a rule is not
                tree = ast.parse(f"[{self.text}\n]", mode="eval").body
        except SyntaxError as error:
            raise self._syntax_error(error) from None
        except (ValueError, RecursionError, MemoryError):
            raise RuleError(1, 1, "text that is nested too deeply or holds odd characters", _A_RULE) from None
        if isinstance(tree, ast.List) and len(tree.elts) == 1:
            return tree.elts[0]
        raise RuleError(1, 1, self._summary(tree), _A_RULE)

    def refuse(self, node: ast.AST, expected: str, found: str | None = None) -> NoReturn:
        """Raise the RuleError that points at `node`."""
        line, column = self._place(node)
        raise RuleError(line, column, found or self.quote(node), expected)

    def quote(self, node: ast.AST) -> str:
        quoted = ast.get_source_segment(f"[{self.text}\n]", node) or "nothing"
        return quoted if len(quoted) <= 60 else f"{quoted[:57]}..."

    def _place(self, node: ast.AST) -> tuple[int, int]:
        line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 1)
        before = _LINE_END.split(f"[{self.text}")[line - 1].encode()[:offset].decode(errors="replace")
        return line, len(before) + (0 if line == 1 else 1)

    def _syntax_error(self, error: SyntaxError) -> RuleError:
        lines = _LINE_END.split(self.text)
        line, offset = error.lineno or 1, error.offset or 1
        if line > len(lines):  # only the closing bracket stands there: the rule stops short
            line, offset = len(lines), len(lines[-1]) + 1 + (len(lines) == 1)
        column = min(max(offset - (line == 1), 1), len(lines[line - 1]) + 1)
        found = lines[line - 1][column - 1 :].strip()[:40] or "the end of the rule"
        return RuleError(line, column, found, f"{_A_RULE} ({error.msg})")

    def _summary(self, tree: ast.expr) -> str:
        if isinstance(tree, ast.List):
            return "several conditions with commas" if tree.elts else "nothing"
        return "brackets that do not match"
