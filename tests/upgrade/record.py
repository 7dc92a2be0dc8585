"""What a release stores of the stories. It runs under that release's code, so it asks for nothing that came later.

How a recording was made, with the release checked out at RELEASE:

    python -m tests.upgrade.stories | PYTHONPATH=RELEASE python tests/upgrade/record.py > written_by_codec_N.json
"""

import base64
import json
import sys
from datetime import UTC
from typing import Any

import orjson

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import decode_fact
from services.segmentation.keep import KEEP_ALL
from services.segmentation.wire.membership import encode_membership
from services.segmentation.wire.profile import encode_profile

ARRIVED_MS = 1_800_000_000_000


def record(rules: dict[str, str], stories: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, str]]:
    catalog = Catalog()
    for segment_id, rule in rules.items():
        catalog = catalog.put(segment_id, SegmentDefinition(name=segment_id, rule=rule), KEEP_ALL)
    return {user: stored(told, catalog) for user, told in stories.items()}


def stored(told: list[dict[str, Any]], catalog: Catalog) -> dict[str, str]:
    facts = [decode_fact(orjson.dumps(each), ARRIVED_MS) for each in told]
    state = step(UserState(), facts, catalog, KEEP_ALL, UTC)
    assert state.profile is not None
    assert state.membership is not None
    return {"profile": text(encode_profile(state.profile)), "membership": text(encode_membership(state.membership))}


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    json.dump(record(**json.load(sys.stdin)), sys.stdout, indent=1)
