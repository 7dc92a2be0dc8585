"""`python -m tests.quality [planted|visits|portal|scores|real …] [--seeds N]`: the tables of docs/models.md."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from tests.quality import clusters, portal, real, scores, visits

Report = Callable[[Sequence[str], int], Iterator[str]]
REPORTS: dict[str, Report] = {
    "planted": clusters.report,
    "visits": visits.report,
    "portal": lambda _, seeds: portal.report(seeds),
    "scores": lambda _, seeds: scores.report(seeds),
    "real": lambda estimators, _: real.report(estimators),
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("reports", nargs="*", default=[], help=f"of {', '.join(REPORTS)}; all without any")
    parser.add_argument("--seeds", type=int, default=5, help="streams of each sort")
    parser.add_argument("--estimators", nargs="+", default=["KMeans", "DBSTREAM", "DenStream"])
    chosen = parser.parse_args(arguments)
    for name in chosen.reports or REPORTS:
        for shown in REPORTS[name](chosen.estimators, chosen.seeds):
            sys.stdout.write(f"{shown}\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
