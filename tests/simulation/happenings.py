"""What happens in a run: work, and every trouble that workers have to bear."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from services.runtime.event_log.port import Message
from services.segmentation.wire import keys
from tests.simulation.network import CALM, Weather
from tests.simulation.processes import Process
from tests.simulation.world import World

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
MOST_KEPT = 4


Happens = Callable[[World], object]


class Happening(NamedTuple):
    weight: float
    happens: Happens


def messages_arrive(world: World) -> None:
    world.log.append(messages := world.websites.messages(world.now_ms))
    world.trace.tell("messages arrive", len(messages))


def catalog_is_edited(world: World) -> None:
    world.trace.tell("the catalog is edited:", world.marketers.edit(world.now_ms))


def time_leaps(world: World) -> None:
    """Seldom far: every minute of the first hour and every hour of the first day is work for the counts."""
    [longest_ms] = world.random.choices((5_000, 2 * MINUTE_MS, HOUR_MS, 5 * DAY_MS), (8, 16, 2, 1))
    world.passed_ms += world.random.randrange(longest_ms)
    world.trace.tell("it is", world.now_ms)


def a_clock_is_set(world: World) -> None:
    for process in _some(world):
        process.clock_ms = world.random.randrange(-HOUR_MS, HOUR_MS)
        world.ahead_ms = HOUR_MS
        world.trace.tell("has its clock set", process.clock_ms, who=process.name)


def the_weather_changes(world: World) -> None:
    world.network.weather = world.random.choice((CALM, Weather.drawn(world.random), Weather.drawn(world.random)))
    world.trace.tell("the weather changes:", world.network.weather)


def a_worker_is_killed(world: World) -> None:
    """At once, or between any two of its next steps."""
    for process in _some(world):
        process.steps_left = world.random.choice((0, world.random.randrange(30)))
        world.trace.tell("is killed in", process.steps_left, "steps", who=process.name)


def a_worker_is_stopped(world: World) -> None:
    for process in _some(world):
        world.workers[process].set()
        world.trace.tell("is told to stop", who=process.name)


def a_worker_freezes(world: World) -> None:
    for process in _some(world):
        world.trace.tell("freezes", who=process.name)
        world.freeze(process, world.random.random() * world.random.choice((0.2, 3)))


def the_group_deals(world: World) -> None:
    world.group.deal()


def redis_is_copied(world: World) -> None:
    world.kept = [*world.kept, world.redis.kept()][-MOST_KEPT:]
    world.trace.tell("Redis is copied")


def redis_loses_writes(world: World) -> None:
    """A replica that is behind becomes the primary: of all partitions, or of one partition's node of a cluster."""
    _go_back(world, world.random.choice((b"{p", b"{p%02d}" % world.random.randrange(world.partitions))))


def everything_is_lost(world: World) -> None:
    """The same with the catalog: an edit that workers know of may never have happened."""
    _go_back(world, b"")


def _go_back(world: World, lost: bytes) -> None:
    if world.kept:
        world.redis.put_back(world.random.choice(world.kept), lost)
        world.redis.forget_scripts()
        world.trace.tell("Redis goes back below", lost)


def redis_forgets_scripts(world: World) -> None:
    world.redis.forget_scripts()
    world.trace.tell("Redis forgets its scripts")


def a_partition_is_emptied(world: World) -> None:
    """By an operator who wants it made anew from the log, and leaves the name of the last write."""
    partition = world.random.randrange(world.partitions)
    watermark = world.redis.run(b"GET", keys.watermark(partition).encode())
    if watermark not in {None, b"0"}:
        tag, turn = b"{p%02d}" % partition, keys.turn(partition).encode()
        for name in [name for name in world.redis.contents if name.startswith(tag) and name != turn]:
            world.redis.run(b"DEL", name)
        world.log.append([Message(partition, b"", b"")])
        world.trace.tell("partition is emptied:", partition)


WORK = (Happening(10, messages_arrive), Happening(4, catalog_is_edited), Happening(2, time_leaps))
TROUBLE = (
    Happening(3, the_weather_changes),
    Happening(4, a_worker_is_killed),
    Happening(2, a_worker_is_stopped),
    Happening(3, a_worker_freezes),
    Happening(3, the_group_deals),
    Happening(3, redis_is_copied),
    Happening(2, redis_loses_writes),
    Happening(1, everything_is_lost),
    Happening(1, redis_forgets_scripts),
    Happening(1, a_clock_is_set),
    Happening(0.5, a_partition_is_emptied),
)


LOSSES = (
    Happening(8, redis_is_copied),
    Happening(5, redis_loses_writes),
    Happening(2, everything_is_lost),
    Happening(1.5, a_partition_is_emptied),
)
"""What some runs have a lot of, beside edits of the catalog."""

AN_EDIT_IS_LOST = (
    *[messages_arrive] * 9,
    redis_is_copied,
    catalog_is_edited,
    *[messages_arrive] * 2,
    everything_is_lost,
)


def told_and_lost(loss: Happens) -> Sequence[Happens]:
    """What was published of records that are then lost is judged again by another catalog."""
    return (redis_is_copied, *[messages_arrive] * 8, *[catalog_is_edited] * 5, loss, messages_arrive)


def drawn(random: Random, count: int) -> Sequence[Happens]:
    """So many, of which each run knows some sorts only: the rarer ones are hidden by the others otherwise."""
    known = [*WORK, *(each for each in TROUBLE if random.random() < 0.6)]
    known += LOSSES if random.random() < 0.1 else ()
    return random.choices([each.happens for each in known], [each.weight for each in known], k=count)


def _some(world: World) -> list[Process]:
    living = list(world.workers)
    return [world.random.choice(living)] if living else []
