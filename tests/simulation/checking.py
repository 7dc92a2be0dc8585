"""When a run is done, and all that has to hold: at any moment, and once it is done."""

from services.segmentation.wire.sizes import decode_turn
from services.stream_worker.turn_name import TurnName
from tests.simulation.comparing import Partition
from tests.simulation.counting import compare_sizes
from tests.simulation.hearing import compare_told
from tests.simulation.judging import compare_memberships
from tests.simulation.world import World


def is_done(world: World) -> bool:
    """Everything is applied, refreshed, and counted as of now."""
    version = world.marketers.catalog.version
    return all(
        (each.number_at(b"wm"), each.number_at(b"refreshed")) == (world.log.ends[each.number], version)
        and _newest(each) <= version
        and _is_counted(each, world.now_ms)
        and (world.changes is None or _is_told(each, world.now_ms))
        for each in _partitions(world)
    )


def compare(world: World) -> None:
    """Holds at any moment."""
    for each in _partitions(world):
        each.compare_profiles()
        each.compare_strays()
        compare_sizes(each, world.random)


def compare_with_oracle(world: World) -> None:
    """Holds once the run is done."""
    for each in _partitions(world):
        compare_memberships(each, world.marketers.catalog, world.random)
        if world.changes:
            compare_told(each, world.changes, world.marketers.catalog, world.now_ms)


def places(world: World) -> list[str]:
    return [
        f"{each.number}: at {each.number_at(b'wm')} of {world.log.ends[each.number]}, "
        f"refreshed to {each.number_at(b'refreshed')} of {world.marketers.catalog.version}"
        for each in _partitions(world)
    ]


def _newest(partition: Partition) -> int:
    """The newest version of the catalog that a membership may be of: of a lost edit, where a worker has not noticed."""
    return TurnName.decode(partition.get(b"turn")).newest


def _is_counted(partition: Partition, now_ms: int) -> bool:
    turn = partition.get(b"turn")
    return turn is None or decode_turn(turn)[1].turned(now_ms) is None


def _is_told(partition: Partition, now_ms: int) -> bool:
    """All is published, and time has had nothing to tell since it was looked at."""
    state = partition.get(b"telling", {})
    due = partition.get(b"due", {})
    return state.get(b"waiting", b"0") == b"0" and all(moment > now_ms for moment in due.values())


def _partitions(world: World) -> list[Partition]:
    return [Partition(number, world.redis, world.log) for number in range(world.partitions)]
