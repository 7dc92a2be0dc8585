"""What was uploaded to which list: the API's own record, in Redis. Who is on a list, only users' profiles know.

The law: each upload to a list has a moment later than that of the one before, whatever the clocks of the processes
say. Its entries carry that moment, so of two uploads the one that began later is right about whoever is in both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.runtime.clock import Clock
from services.runtime.redis_client import RedisClient
from services.runtime.watched import UnreadableValue
from services.segmentation.events import MAX_TS_MS
from services.segmentation.wire import keys

LISTS_KEY = f"{{{keys.CATALOG}}}:lists"
MAX_LISTS = 1_000
MAX_UPLOADS = 20
"""Uploads to one list that are remembered: the last ones."""

Action = Literal["add", "remove"]


class Upload(BaseModel):
    """An upload to a list, as far as the log has it."""

    model_config = ConfigDict(frozen=True)

    upload: str = Field(description="its id: with it, an upload that broke off is resumed or repeated")
    action: Action
    at: int = Field(description="when it began, in milliseconds: of two entries for a user the later one counts")
    space: str
    expires: int | None = Field(description="when those without an expiry of their own leave the list; null: they stay")
    author: str | None = Field(description="who made it, as they said")
    lines: int = Field(0, description="lines of the body that are done with, good and bad: what `skip` takes")
    accepted: int = Field(0, description="ids put on the list, or taken off it")
    rejected: int = 0
    ended: bool = Field(False, description="false while it goes on, and for good where it broke off")


@dataclass(frozen=True, slots=True)
class Wish:
    """An upload as it was asked for. At most one of `until_ms` and `lasting_ms`, which counts from its moment on."""

    upload: str
    action: Action
    space: str
    until_ms: int | None = None
    lasting_ms: int | None = None
    author: str | None = None


class UploadRefused(ValueError):
    """The id was used for another upload, or there are too many lists."""


class BadExpiry(ValueError):
    """The ids would leave the list before they are on it, or too late for any calendar."""


Uploads = tuple[Upload, ...]
"""Newest first."""

_UPLOADS = TypeAdapter(Uploads)


class ListStore:
    """All calls raise REDIS_ERRORS when Redis does not answer in time, and UnreadableValue."""

    def __init__(self, redis: RedisClient, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._replace = redis.register_script(files(__package__).joinpath("lua/replace_list.lua").read_text())

    async def begin(self, list_id: str, wish: Wish) -> Upload:
        """A new upload, or the one that has begun under the same id. Raises UploadRefused and BadExpiry."""
        uploads = await self._change(list_id, lambda uploads: _with(uploads, wish, self._clock()))
        return next(each for each in uploads if each.upload == wish.upload)

    async def note(self, list_id: str, upload: Upload) -> None:
        """Remember how far an upload is. Raises UploadRefused where there are too many lists."""
        await self._change(list_id, lambda uploads: _newest(upload, *_others(uploads, upload.upload)))

    async def uploads(self, list_id: str) -> Uploads:
        """The last ones, newest first; none for a list that nothing was uploaded to."""
        return _decode(list_id, await self._redis.hget(LISTS_KEY, list_id))

    async def every(self) -> Mapping[str, Uploads]:
        """The same for every list, by its id."""
        rows = cast("dict[bytes, bytes]", await self._redis.hgetall(LISTS_KEY))
        return {name.decode(): _decode(name.decode(), row) for name, row in rows.items()}

    async def forget(self, list_id: str) -> bool:
        """Whether there was a record."""
        return bool(await self._redis.hdel(LISTS_KEY, list_id))

    async def _change(self, list_id: str, edit: Callable[[Uploads], Uploads]) -> Uploads:
        while True:
            row = await self._redis.hget(LISTS_KEY, list_id)
            before = _decode(list_id, row)
            after = edit(before)
            if after == before:
                return after
            replaced = await self._replace(
                keys=[LISTS_KEY], args=[list_id, row or b"", _UPLOADS.dump_json(after), MAX_LISTS]
            )
            if replaced == 1:
                return after
            if replaced == -1:
                raise UploadRefused(f"there are {MAX_LISTS} lists already")


def _with(uploads: Uploads, wish: Wish, now_ms: int) -> Uploads:
    for each in uploads:
        if each.upload == wish.upload:
            if (each.action, each.space, each.expires) != (wish.action, wish.space, _expires(wish, each.at)):
                raise UploadRefused("the upload of this id was another one: other action, space or expiry")
            return uploads
    at_ms = max([now_ms, *(each.at + 1 for each in uploads)])
    expires_ms = _expires(wish, at_ms)
    if expires_ms is not None and not at_ms < expires_ms <= MAX_TS_MS:
        raise BadExpiry("the expiry is not after the moment of the upload, or past the year 9999")
    upload = Upload(
        upload=wish.upload, action=wish.action, at=at_ms, space=wish.space, expires=expires_ms, author=wish.author
    )
    return _newest(upload, *uploads)


def _expires(wish: Wish, at_ms: int) -> int | None:
    return wish.until_ms if wish.lasting_ms is None else at_ms + wish.lasting_ms


def _others(uploads: Uploads, upload: str) -> Sequence[Upload]:
    return [each for each in uploads if each.upload != upload]


def _newest(*uploads: Upload) -> Uploads:
    return tuple(sorted(uploads, key=lambda each: each.at, reverse=True)[:MAX_UPLOADS])


def _decode(list_id: str, row: bytes | str | None) -> Uploads:
    try:
        return _UPLOADS.validate_json(row) if row else ()
    except ValidationError as error:
        raise UnreadableValue(f"the record of list {list_id} was not written by this version") from error
