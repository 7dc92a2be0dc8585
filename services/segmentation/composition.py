"""How segments are composed of each other: in which order they are evaluated, and which compositions are refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches

MAX_COMPARED = 500
"""Ids that a wrong one is compared with, those with its first letter before others: each takes some microseconds."""

Uses = Mapping[str, Sequence[str]]
"""The ids of the segments that the rule of each segment names."""


def order(uses: Uses) -> Iterator[str]:
    """Every id, each after those that it uses. What is used has to be among them, and nothing may use itself."""
    done: set[str] = set()
    for segment_id in uses:
        waiting = [segment_id]
        while waiting:
            missing = [used for used in uses[waiting[-1]] if used not in done]
            if missing:
                waiting.append(missing[0])
            elif (ready := waiting.pop()) not in done:
                done.add(ready)
                yield ready


def objection(segment_id: str, uses: Uses) -> Callable[[str], str | None]:
    """What speaks against that `segment_id` names another segment: it says what would be right; None where nothing."""

    def object_to(named: str) -> str | None:
        if named not in uses:
            likely = sorted(uses, key=lambda each: each[:1] != named[:1])[:MAX_COMPARED]
            near = get_close_matches(named, likely, n=1)
            return "the id of a segment that exists" + (f"; did you mean {near[0]}?" if near else "")
        path = _path(named, segment_id, uses)
        if path is None:
            return None
        return f"a segment that is not made of this one: {' -> '.join([segment_id, *path])}"

    return object_to


def users_of(segment_id: str, uses: Uses) -> list[str]:
    """The ids of the segments whose rules name this one."""
    return sorted(each for each, used in uses.items() if segment_id in used)


def _path(begin: str, end: str, uses: Uses) -> list[str] | None:
    """The way from one segment to another along what they use; None where there is none."""
    paths, seen = [[begin]], {begin}
    while paths:
        path = paths.pop()
        if path[-1] == end:
            return path
        following = [each for each in uses.get(path[-1], ()) if each not in seen]
        seen.update(following)
        paths += [[*path, each] for each in following]
    return None
