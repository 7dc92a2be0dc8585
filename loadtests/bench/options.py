"""The flags that every comparison shares."""

import argparse
from pathlib import Path


def add_shared(parser: argparse.ArgumentParser, seconds: float, rounds: int) -> None:
    parser.add_argument(
        "--seconds", type=float, default=seconds, help="length of one measurement (default %(default)g)"
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="times that all take their turn (default %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(".cache/bench"), help="folder for the JSON and the HTML (default %(default)s)"
    )


def numbers(text: str) -> list[int]:
    """`64,640` as a list, for argparse. Raises ValueError."""
    return [int(part) for part in text.split(",")]


def names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
