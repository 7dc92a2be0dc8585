"""A group of consumers that deals the partitions out, by giving everybody's up and dealing anew, as Kafka's does.

A member hears late of what is decided, and a frozen one not at all: until then it goes on with what others own.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.simulation.processes import Process, current
from tests.simulation.trace import Trace

SOON_S = 0.005


@dataclass(eq=False)
class Member:
    """What a consumer knows of its part."""

    process: Process
    assigned: frozenset[int] = frozenset()
    opened: set[int] = field(default_factory=set)
    positions: dict[int, int] = field(default_factory=dict)
    generation: int = 0
    """The last dealing that it heard of."""
    left_out: bool = False

    def take(self, partitions: frozenset[int]) -> None:
        self.assigned, self.opened, self.positions = partitions, set(), {}

    def be_left_out(self) -> None:
        self.take(frozenset())
        self.left_out = True


class Group:
    def __init__(self, partitions: int, random: Random, trace: Trace) -> None:
        self.doubled = random.choice((0, 0.2, 0.8))
        """How likely a partition is dealt twice, as by hand it can be."""
        self._partitions, self._random, self._trace = partitions, random, trace
        self._hearing_s = random.choice((0.01, 0.2, 1.0))
        """The longest that it takes a member to hear of anything."""
        self._members: list[Member] = []
        self._generation = 0

    def join(self) -> Member:
        """By the process that calls."""
        process = current()
        assert process is not None
        member = Member(process)
        self._members.append(member)
        self.deal()
        return member

    def leave(self, member: Member) -> None:
        if member in self._members:
            self._members.remove(member)
            self.deal()

    def leave_out(self, process: Process) -> None:
        """It has not been heard of for too long; if it lives, it is told some time."""
        for member in [member for member in self._members if member.process is process]:
            self.leave(member)
            self._tell(member, member.be_left_out, self._random.random() * self._hearing_s)

    def deal(self) -> None:
        self._generation += 1
        shares = [set[int]() for _ in self._members]
        for partition in range(self._partitions if shares else 0):
            owners = 2 if self._random.random() < self.doubled else 1
            for share in self._random.sample(shares, min(owners, len(shares))):
                share.add(partition)
        self._trace.tell("the group deals", [(member.process.name, share) for member, share in self._told(shares)])
        for member, share in self._told(shares):
            self._deal(member, frozenset(share), self._generation)

    def _deal(self, member: Member, share: frozenset[int], generation: int) -> None:
        def take() -> None:
            if generation == member.generation and not member.left_out:
                member.take(share)

        def give_up() -> None:
            if generation > member.generation and not member.left_out:
                member.generation = generation
                member.take(frozenset())
                self._tell(member, take, SOON_S)

        self._tell(member, give_up, self._random.random() * self._hearing_s)

    def _told(self, shares: list[set[int]]) -> list[tuple[Member, set[int]]]:
        return list(zip(self._members, shares, strict=True))

    def _tell(self, member: Member, news: Callable[[], None], later_s: float) -> None:
        """The process gets it once it is not frozen, and some time later looks at it."""
        loop, context = asyncio.get_running_loop(), member.process.context
        loop.call_soon(lambda: loop.call_later(later_s, news, context=context), context=context)
