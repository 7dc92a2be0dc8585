"""What has to hold: limits of figures, by scenario, from one file. Everything that decides a verdict is in here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from loadtests.load.measured.figures import Figures

THRESHOLDS_FILE = Path(__file__).parents[2] / "thresholds.yaml"


class BadThresholds(Exception):
    """The file does not say what it should."""


class Limit(NamedTuple):
    figure: str
    bound: str
    """max or min."""
    value: float


class Verdict(StrEnum):
    OK = "ok"
    BROKEN = "broken"
    INVALID = "invalid"

    @property
    def exit_code(self) -> int:
        return {"ok": 0, "broken": 1, "invalid": 2}[self]


@dataclass(frozen=True)
class Judged:
    """`value` None: the figure was not measured, so nothing can be said."""

    limit: Limit
    value: float | None

    @property
    def verdict(self) -> Verdict:
        if self.value is None:
            return Verdict.INVALID
        holds = self.value <= self.limit.value if self.limit.bound == "max" else self.value >= self.limit.value
        return Verdict.OK if holds else Verdict.BROKEN


def read_thresholds(path: Path, *scenarios: str) -> list[Limit]:
    """The defaults, changed by what the scenarios say, the last one last; null takes away. Raises BadThresholds."""
    try:
        told = yaml.safe_load(path.read_text())
        table: dict[str, Any] = dict(told["defaults"])
        for scenario in scenarios:
            table |= told["scenarios"].get(scenario) or {}
        return [
            _limit(figure, bound, value)
            for figure, bounds in table.items()
            if bounds is not None
            for bound, value in bounds.items()
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadThresholds(f"{path}: {type(error).__name__}: {error}") from None


def applicable(limits: list[Limit], parts: Mapping[str, bool]) -> list[Limit]:
    """Those of parts that the run has; `parts` tells of some beginnings of figures' names whether it does."""
    return [limit for limit in limits if parts.get(limit.figure.partition(".")[0], True)]


def judge(limits: Sequence[Limit], figures: Figures) -> list[Judged]:
    return [Judged(limit, figures.get(limit.figure)) for limit in limits]


def _limit(figure: str, bound: str, value: object) -> Limit:
    if bound not in {"max", "min"} or isinstance(value, bool) or not isinstance(value, int | float):
        raise BadThresholds(f"{figure}: {{{bound}: {value}}} is no limit; write {{max: 10}} or {{min: 0.5}}")
    return Limit(figure, bound, float(value))
