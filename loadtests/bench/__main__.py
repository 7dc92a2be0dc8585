"""`python -m loadtests.bench`: Tranche beside its peers on this machine. Without a command, all comparisons in turn."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from loadtests.bench.batch import cli as batch
from loadtests.bench.errors import BenchError
from loadtests.bench.lookups import cli as lookups
from loadtests.bench.progress import say
from loadtests.bench.scale import cli as scale
from loadtests.bench.workers import cli as workers

DESCRIPTION = """\
Compares Tranche with what others would take for the same work, on this machine and in the same minutes, and holds the
ratios against its budgets. Without a command all comparisons run, about fifteen minutes. Nothing of yours is touched:
every server is started here, on free ports of loopback and in temporary folders.
"""
SERVERS = ("TRANCHE_KAFKA_", "TRANCHE_REDIS_", "TRANCHE_HOST", "TRANCHE_API_KEYS", "TRANCHE_WEBHOOKS")
"""Settings that name an operator's own servers; a comparison must not reach them."""

_ENDS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 for a comparison that was made, whatever its verdict, and 2 for one that could not be."""
    for name in [each for each in os.environ if each.startswith(SERVERS)]:
        del os.environ[name]
    for each in _ENDS:
        signal.signal(each, _end)
    runs = [arguments] if arguments else [["lookups"], ["batch"], ["workers"]]
    try:
        return max([_run(_parser().parse_args(each)) for each in runs])
    except KeyboardInterrupt as interrupted:
        return 128 + int(str(interrupted))


def _end(number: int, _: FrameType | None) -> None:
    """The first one has all that was started stopped and deleted, in which no second one may disturb."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _run(options: argparse.Namespace) -> int:
    try:
        options.run(options)
    except BenchError as error:
        say(str(error))
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m loadtests.bench", description=DESCRIPTION, formatter_class=form)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, cli in (("lookups", lookups), ("batch", batch), ("workers", workers), ("scale", scale)):
        command = commands.add_parser(
            name, help=cli.HELP, description=cli.DESCRIPTION, epilog=cli.READING, formatter_class=form
        )
        cli.add_arguments(command)
        command.set_defaults(run=cli.run)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
