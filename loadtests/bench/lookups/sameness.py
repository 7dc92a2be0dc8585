"""Who answers something else is not compared: before anything is measured, all are asked for the same users."""

import json
from collections.abc import Sequence
from statistics import mean
from typing import Any

from loadtests.bench.errors import BenchError
from loadtests.bench.lookups.product import exchange
from loadtests.peers.lookups.contender import Contender


def refuse_differences(contenders: Sequence[Contender], user_ids: Sequence[str]) -> None:
    """The moment of an answer aside, and what ends or begins meanwhile. Raises BenchError."""
    told = {each.name: [_answer(each, user_id) for user_id in user_ids] for each in contenders}
    first, *others = told
    for name in others:
        differing = sum(one != another for one, another in zip(told[first], told[name], strict=True))
        if differing * 10 > len(user_ids):
            raise BenchError(f"{name} answers otherwise than {first} for {differing} of {len(user_ids)} users")


def described_answers(contender: Contender, user_ids: Sequence[str]) -> dict[str, str]:
    """How much there is in an answer on average."""
    bodies = [_body(contender, user_id) for user_id in user_ids]
    segments = mean(len(json.loads(body)["segments"]) for body in bodies)
    return {"bytes of an answer": f"{mean(map(len, bodies)):.0f}", "segments in it": f"{segments:.1f}"}


def _answer(contender: Contender, user_id: str) -> Any:
    answer = json.loads(_body(contender, user_id))
    return {name: value for name, value in answer.items() if name != "at"}


def _body(contender: Contender, user_id: str) -> bytes:
    status, body = exchange(contender.port, "GET", f"{contender.prefix}{user_id}{contender.suffix}")
    if status != 200:
        raise BenchError(f"{contender.name} answered {status} for {user_id}: {body[:200].decode(errors='replace')}")
    return body
