"""`tranche …`: every command, its options and its help. What a command does is elsewhere.

Each command imports what it needs when it runs, so that a role's process holds nothing of the others.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.commands import dlq, keys, models, repair, rules, webhooks

app = typer.Typer(
    help="Real-time audience segmentation: events in over HTTP, segment memberships out, exact to the millisecond.",
    epilog="Start with `tranche demo`. Roles read their settings from TRANCHE_… variables; see docs/settings.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(rules.app, name="rules")
app.add_typer(models.app, name="models")
app.add_typer(repair.app, name="repair")
app.add_typer(dlq.app, name="dlq")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")

DataDir = Annotated[Path, typer.Option(help="Folder for Redis' data and the roles' logs; created when missing.")]
ApiPort = Annotated[int, typer.Option(help="Port of the API: lookups, segments, status.", min=1, max=65535)]
CollectorPort = Annotated[int, typer.Option(help="Port of the collector: events in.", min=1, max=65535)]
SegmentsFile = Annotated[
    Path | None,
    typer.Option(help="YAML file of segments to put into the catalog at start.", exists=True, dir_okay=False),
]
ModelsFile = Annotated[
    Path | None,
    typer.Option(help="YAML or JSON file of models to put into the catalog at start.", exists=True, dir_okay=False),
]
FORMATS = "globo_news, rees46, retailrocket, yoochoose, online_retail, cdnow, ipinyou, webtrack, zozo, tranche (NDJSON)"
Format = Annotated[str, typer.Option("--format", help=f"One of {FORMATS}.")]
Limit = Annotated[int | None, typer.Option(help="Replay only this many rows.", min=1)]
ApiKey = Annotated[
    str | None,
    typer.Option(help="Key to the API, good for operations.", envvar="TRANCHE_API_KEY", show_envvar=True),
]
DemoKey = Annotated[
    str | None,
    typer.Option(
        help="Key to the API, good for lookup, segments and operations.", envvar="TRANCHE_API_KEY", show_envvar=True
    ),
]

CHECKOUT = Path(__file__).parents[1]
STARTER_SEGMENTS = CHECKOUT / "deploy" / "segments.yaml"


@app.command()
def up(
    api_port: ApiPort = 8080,
    collector_port: CollectorPort = 8081,
    data_dir: DataDir = Path(".tranche"),
    segments: SegmentsFile = None,
    workers: Annotated[int, typer.Option(help="Stream workers to start.", min=1, max=64)] = 1,
    models: ModelsFile = None,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C or SIGTERM; prints `ready` once it serves.

    Redis and the event log are embedded, unless TRANCHE_REDIS_URL and TRANCHE_KAFKA_BOOTSTRAP name others.
    """
    from services.local_stack.stack import StackOptions
    from services.local_stack.up import up as run_stack

    run_stack(StackOptions(api_port, collector_port, data_dir, segments, workers, models))


@app.command()
def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="Recording to replay; without one, a simulated shop.", exists=True, dir_okay=False),
    ] = None,
    format_name: Format = "tranche",
    limit: Limit = None,
    api_port: ApiPort = 8080,
    collector_port: CollectorPort = 8081,
    segments: Annotated[
        Path, typer.Option(help="YAML file of segments.", exists=True, dir_okay=False)
    ] = STARTER_SEGMENTS,
    models: ModelsFile = None,
    api_key: DemoKey = None,
) -> None:
    """Run the product end to end: replay visitors, show who is in which segment, keep serving until Ctrl-C.

    Ports that are taken are replaced by free ones. Everything is stored in a temporary folder.
    """
    from rich.console import Console

    from services.demo.run import DemoOptions
    from services.demo.run import demo as run_demo
    from services.local_stack.ports import free_port
    from services.replay.source import RecordedLog

    log = None if data is None else RecordedLog(data, format_name, limit)
    options = DemoOptions(free_port(api_port), free_port(collector_port), segments, log, models, api_key)
    raise typer.Exit(run_demo(options, Console()))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="The recording, gzipped or not.", exists=True, dir_okay=False)],
    format_name: Format,
    speed: Annotated[float, typer.Option(help="Multiple of recorded time; 0 is as fast as possible.", min=0)] = 0,
    collector: Annotated[str, typer.Option(help="URL of the collector.")] = "http://127.0.0.1:8081",
    api: Annotated[
        str | None, typer.Option(help="URL of the API; shows the lag and waits until all is applied.")
    ] = None,
    limit: Limit = None,
    until_now: Annotated[
        bool,
        typer.Option("--until-now", help="Move all times so that the recording ends now; times ahead do not count."),
    ] = False,
    api_key: ApiKey = None,
) -> None:
    """Feed a recorded log through the collector."""
    from services.replay.run import Target
    from services.replay.run import replay as run_replay
    from services.replay.source import RecordedLog
    from services.runtime.clock import now_ms

    rebase_to_ms = now_ms() if until_now else None
    log = RecordedLog(file, format_name, limit)
    raise typer.Exit(run_replay(log, Target(collector, api, api_key), speed=speed, rebase_to_ms=rebase_to_ms))


@app.command()
def api() -> None:
    """Run the API: which segments is this user in? Private: for ad servers, marketers and operators."""
    from services.segment_api.app import run
    from services.segment_api.settings import ApiSettings

    settings = ApiSettings()
    _log_as("api", settings.log_level)
    run(settings)


@app.command()
def collector() -> None:
    """Run the collector: the public door for events."""
    from services.collector.app import run
    from services.collector.settings import CollectorSettings

    settings = CollectorSettings()
    _log_as("collector", settings.log_level)
    run(settings)


@app.command()
def worker() -> None:
    """Run a stream worker: folds events into users and keeps their memberships."""
    from services.stream_worker.app import run
    from services.stream_worker.settings import WorkerSettings

    settings = WorkerSettings()
    _log_as("worker", settings.log_level)
    run(settings)


@app.command()
def trainer() -> None:
    """Run the trainer: models learn from what workers sample, and what they have learned goes live."""
    from services.trainer.app import run
    from services.trainer.settings import TrainerSettings

    settings = TrainerSettings()
    _log_as("trainer", settings.log_level)
    run(settings)


@app.command()
def schemas(
    folder: Annotated[Path, typer.Argument(help="Where to write event.json and segment.json.")] = CHECKOUT / "schemas",
) -> None:
    """Write the JSON Schemas of events and segments."""
    from services.schemas import write_schemas

    write_schemas(folder)


def main() -> None:
    """The entry point. What a user can fix ends in one line on stderr and exit code 1, not in a traceback."""
    from pydantic import ValidationError
    from redis.exceptions import RedisClusterException, RedisError

    from services.runtime.errors import OperatorError
    from services.runtime.event_log.port import LogUnavailable
    from services.segmentation.time_zones import UnknownTimeZone

    try:
        app()
    except ValidationError as error:
        for each in error.errors():
            _complain(f"setting TRANCHE_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}")
    except (RedisError, RedisClusterException) as error:  # no OSError, which may be of any file
        _complain(f"Redis at TRANCHE_REDIS_URL does not answer as it should: {error}")
    except UnknownTimeZone as error:
        _complain(f"setting TRANCHE_TIME_ZONES: {error}")
    except (OperatorError, LogUnavailable) as error:
        _complain(str(error))
    else:
        return
    sys.exit(1)


def _log_as(role: str, level: str) -> None:
    from services.runtime.logs import configure_logging

    configure_logging(role, level)


def _complain(text: str) -> None:
    typer.secho(f"tranche: {text}", fg="red", err=True)
