"""What docs/rules.md holds that can be executed: its rules, its examples, its refusals."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "rules.md"
COOKBOOK = "Cookbook"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TERM = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block: what it holds, and in which sections it stands."""

    kind: str
    text: str
    line: int
    chapter: str
    section: str

    def __str__(self) -> str:
        return f"{self.section or self.chapter} (line {self.line})"


@dataclass(frozen=True)
class Reference:
    text: str

    @cached_property
    def blocks(self) -> list[Block]:
        return [self._block(match) for match in _FENCE.finditer(self.text)]

    @cached_property
    def inline(self) -> list[str]:
        """What stands in `code` in running text and in tables."""
        return _TERM.findall(_FENCE.sub("", self.text).replace("\\|", "|"))

    def _block(self, match: re.Match[str]) -> Block:
        before = self.text[: match.start()]
        chapters, sections = (re.findall(rf"^{mark} (.+)$", before, re.MULTILINE) for mark in ("##", "###"))
        latest_chapter = before.rfind("\n## ")
        section = sections[-1] if sections and before.rfind("\n### ") > latest_chapter else ""
        return Block(match[1], match[2], before.count("\n") + 1, chapters[-1] if chapters else "", section)


def reference() -> Reference:
    return Reference(REFERENCE.read_text(encoding="utf-8"))
