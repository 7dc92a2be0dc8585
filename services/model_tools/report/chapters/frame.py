"""What every chapter begins with: which model it is, and what it has learned from."""

from collections.abc import Iterable, Iterator

import yaml

from services.model_tools.report.chapters.wording import moment_of
from services.model_tools.report.parts import Chapter, Picture, Table
from services.model_tools.tried import Tried
from services.model_tools.words import summary
from services.segmentation.models.definition import RfmModel


def framed(tried: Tried, remarks: Iterable[str], parts: Iterable[Table | Picture] = ()) -> Chapter:
    told = summary(tried.definition)
    return Chapter(
        tried.model,
        tried.definition.name,
        f"{told[0].upper()}{told[1:]}.",
        _learned(tried),
        _written(tried),
        (*remarks, *_features_without_sense(tried)),
        tuple(parts),
    )


def _learned(tried: Tried) -> str:
    of = tried.recorded
    bad = f" ({of.bad_rows:,} rows held no event)" if of.bad_rows else ""
    return (
        f"Learned from {tried.samples:,} samples of {of.name}: {of.events:,} events of {of.users:,} users{bad}, "
        f"{moment_of(of.first_ms)} to {moment_of(of.latest_ms)}."
    )


def _written(tried: Tried) -> str:
    told = {tried.model: tried.definition.model_dump(exclude_defaults=True)}
    text: str = yaml.safe_dump({"models": told}, sort_keys=False, allow_unicode=True, width=110)
    return text


def _features_without_sense(tried: Tried) -> Iterator[str]:
    """A feature that is the same for everybody says nothing; neither does one that nobody has."""
    if isinstance(tried.definition, RfmModel) or len(tried.vectors) < 2:
        return
    for (name, text), values in zip(tried.definition.features.items(), zip(*tried.vectors, strict=True), strict=True):
        if set(values) == {None}:
            yield f"Nobody has the feature {name}, {text}: {_remedy(text)}."
        elif len(set(values)) == 1:
            yield f"The feature {name}, {text}, is the same for everybody: it says nothing here."


def _remedy(text: str) -> str:
    if text.lstrip().startswith(("trait(", "last(")):
        return f'text is no number; compare it, as in {text} == "..."'
    return "there was nothing to measure"
