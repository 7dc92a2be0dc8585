"""What a report is made of, whoever shows it: a page, a terminal, a folder of pictures. All text in it is plain."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    colours: Sequence[str] = ()
    """By row, the colour that stands for it in the pictures, if any."""
    text_columns: int = 1
    """So many columns, from the left, hold text; the others hold numbers."""


@dataclass(frozen=True)
class Picture:
    name: str
    """Of the file."""
    title: str
    note: str
    """How to read it."""
    draw: Callable[[Figure], None]
    width: float = 7.0
    """Inches."""
    height: float = 4.0


@dataclass(frozen=True)
class Chapter:
    """That of one model."""

    model: str
    title: str
    summary: str
    learned_from: str
    definition: str
    """As it is written in a file of models."""
    remarks: Sequence[str] = ()
    """What a reader should know first."""
    parts: Sequence[Table | Picture] = ()
    """In the order in which they are read."""

    @property
    def tables(self) -> Iterator[Table]:
        return (part for part in self.parts if isinstance(part, Table))

    @property
    def pictures(self) -> Iterator[Picture]:
        return (part for part in self.parts if isinstance(part, Picture))
