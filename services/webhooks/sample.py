"""What `tranche webhooks test` does: a signed delivery of a change that never was, and what the receiver says of it."""

import asyncio
import os
from uuid import uuid4

import orjson
from rich.console import Console

from services.runtime.clock import now_ms
from services.runtime.errors import OperatorError
from services.webhooks.hooks_file import Hook, read_hooks
from services.webhooks.policy import Answer
from services.webhooks.sender import HttpSender
from services.webhooks.settings import WebhookSettings


class NoSuchWebhook(OperatorError):
    """The file names no webhook with that id."""


def send_sample(settings: WebhookSettings, hook_id: str, console: Console) -> int:
    """The exit code: 0 where the receiver accepts it. Raises OperatorError."""
    hooks = {hook.id: hook for hook in read_hooks(settings.webhooks)}
    if hook_id not in hooks:
        raise NoSuchWebhook(f"there is no webhook {hook_id}; the file has: {', '.join(sorted(hooks))}")
    answer = asyncio.run(_send(hooks[hook_id]))
    outcome = "accepted" if answer.accepted else "not accepted"
    console.print(f"webhook {hook_id}: {outcome}; the answer is {answer.told}", highlight=False)
    return 0 if answer.accepted else 1


def sample(now_ms: int) -> bytes:
    """A body that is told from a real one by its member `test`."""
    change = {
        "id": uuid4().hex,
        "user_id": "example-user",
        "space": "default",
        "segment": "example-segment",
        "change": "entered",
        "at": now_ms,
        "cause": "event",
        "corrects": None,
        "until": now_ms + 3_600_000,
        "partition": 0,
        "offset": 0,
        "catalog": 0,
    }
    return orjson.dumps({"test": True, "changes": [change]})


async def _send(hook: Hook) -> Answer:
    sender = HttpSender(hook, hook.signing_key(os.environ), now_ms)
    try:
        return await sender.send(f"msg_{uuid4().hex}", sample(now_ms()))
    finally:
        await sender.close()
