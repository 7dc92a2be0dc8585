"""The known name that is nearest to one that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 100  # characters: comparing takes time that grows with the product of both lengths


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The nearest of the known names, whatever the case of letters; None where none is near."""
    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(name[:_LONGEST].lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[near[0]] if near else None


def did_you_mean(better: str | None) -> str | None:
    """The hint that proposes it, if there is something to propose."""
    return None if better is None else f"did you mean {better}?"
