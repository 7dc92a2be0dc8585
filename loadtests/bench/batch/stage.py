"""Sets the stage for many users at a time: as for one, and a second Tranche with the same users on a Redis Cluster."""

from pathlib import Path

from loadtests.bench.lookups import stage as single
from loadtests.bench.lookups.product import Product
from loadtests.bench.lookups.stage import Wanted, feed, write_segments
from loadtests.bench.machine import Cores
from loadtests.bench.processes import Servers
from loadtests.bench.redis_server import redis_cluster
from loadtests.peers.lookups.contender import Contender

CLUSTER = "cluster"


def set_stage(servers: Servers, folder: Path, cores: Cores, wanted: Wanted) -> list[Contender]:
    """All that take part, started and filled. Raises BenchError."""
    at_a_single = single.set_stage(servers, folder, cores, wanted).contenders
    return [*at_a_single, _tranche_on_a_cluster(servers, folder, cores, wanted)]


def _tranche_on_a_cluster(servers: Servers, folder: Path, cores: Cores, wanted: Wanted) -> Contender:
    redis = redis_cluster(servers, folder, cores.load)
    product = Product(servers, wanted.tranche, redis, CLUSTER)
    tranche = product.start_api(cores.server, write_segments(folder, wanted.segments), unbounded=True)
    feed(product, tranche, wanted.users)
    return tranche
