"""Whether a run says anything about the service at all. One whose generator could not keep up says something about the
generator, and gets no other verdict than that."""

from collections.abc import Sequence

from loadtests.load.measured.figures import Figures
from loadtests.load.measured.thresholds import Judged, Limit, Verdict

LEAST_SECONDS = 5.0
GENERATOR = "generator."
BUSY = 0.8
"""The part of a core from which on a process itself is what is slow."""


def reasons(figures: Figures, judged: Sequence[Judged], seconds: float, complaints: Sequence[str]) -> list[str]:
    """Why a run is invalid; none where it is not. `judged` holds the limits of the generator's own figures, too."""
    found = list(complaints)
    found += [_bottleneck(each, figures) for each in judged if is_own(each.limit) and each.verdict is Verdict.BROKEN]
    if not any(each.verdict is Verdict.BROKEN for each in judged):  # else that is what there is to say
        found += [f"{each.limit.figure} could not be measured" for each in judged if each.value is None]
    if seconds < LEAST_SECONDS:
        found.append(f"{seconds:.1f} s were measured; less than {LEAST_SECONDS:.0f} s say nothing")
    if not any(value for name, value in figures.items() if name.endswith(".requests")):
        found.append("no request was sent")
    return found


def verdict(judged: Sequence[Judged], invalid: Sequence[str]) -> Verdict:
    if invalid:
        return Verdict.INVALID
    broken = any(each.verdict is Verdict.BROKEN for each in judged)
    return Verdict.BROKEN if broken else Verdict.OK


def _bottleneck(judged: Judged, figures: Figures) -> str:
    limit, cpu = judged.limit, figures.get("generator.cpu", 0.0)
    if cpu > BUSY:
        remedy = "a generator process used all of its core: use more --processes, or a lower --rate"
    else:
        remedy = f"it used {cpu:.0%} of a core, so others kept it from running: give it a machine of its own"
    return (
        f"THE LOAD GENERATOR WAS THE BOTTLENECK: {limit.figure} is {judged.value:.4g}, may be {limit.value:g}, so what "
        f"was measured is the generator; {remedy}"
    )


def is_own(limit: Limit) -> bool:
    """Whether it is of the generator itself."""
    return limit.figure.startswith(GENERATOR)
