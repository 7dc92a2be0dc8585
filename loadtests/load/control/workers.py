"""Where the workers of a stack tell their metrics if nobody says so: on ports one after the other, as `tranche up` has
them, or on the default one of a worker that was started by itself."""

from urllib.parse import urlsplit

from loadtests.load.control.sampler import Source
from loadtests.load.control.stack_client import StackClient
from loadtests.load.measured.prometheus import read_usage
from loadtests.load.traffic.plan import Target

WORKER_PORT = 8082
MOST = 64


async def workers_of(client: StackClient) -> list[Source]:
    """Those that answer; where none does, the one that should."""
    found, looked_for = list[Source](), _places(client.target)
    for source in looked_for:
        text = await client.metrics(source.url)
        if text is None or read_usage("worker", text) is None:
            return found or [source]
        found.append(source)
    return found


def _places(target: Target) -> list[Source]:
    """On the API's host, from the port after the collector's on; one of them may be the API's own."""
    if target.api is None:
        return []
    api, collector = urlsplit(target.api), urlsplit(target.collector or "")
    first = collector.port + 1 if collector.port else WORKER_PORT
    host = f"[{api.hostname}]" if ":" in str(api.hostname) else api.hostname
    ports = [port for port in range(first, first + MOST) if port != api.port]
    return [Source("worker", f"http://{host}:{port}") for port in ports if port < 2**16]
