"""API keys: how one looks, what is kept of it, and whether one that was shown is good.

A key carries 256 random bits, so an ordinary fast hash keeps it: nobody can try that many (a slow one is for passwords
that people think up). What is kept cannot be turned back into the key.
"""

import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

KEY_ID_PATTERN = "[a-z0-9]{8}"

_KEY = re.compile(rb"tranche_(%s)_[A-Za-z0-9_-]{43}" % KEY_ID_PATTERN.encode())
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Scope(StrEnum):
    """What a key may be good for."""

    LOOKUP = "lookup"
    """Which segments users are in."""
    SEGMENTS = "segments"
    """All about segments and lists, their members included."""
    PRIVACY = "privacy"
    """The rights of users: what is known of one, and to forget it."""
    OPERATIONS = "operations"
    """How the services are."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is kept of a key."""

    id: str
    name: str
    digest: bytes
    """SHA-256 of the whole key."""
    scopes: frozenset[Scope]
    expires_ms: int | None = None

    def expired(self, now_ms: int) -> bool:
        return self.expires_ms is not None and now_ms >= self.expires_ms


def new_key(name: str, scopes: Collection[Scope], expires_ms: int | None = None) -> tuple[str, KeyRecord]:
    """A key that nobody has seen, and what is to be kept of it."""
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(8))
    key = f"tranche_{key_id}_{secrets.token_urlsafe(32)}"
    return key, KeyRecord(key_id, name, _digest(key.encode()), frozenset(scopes), expires_ms)


class KeyRing:
    """The keys that are good."""

    def __init__(self, records: Iterable[KeyRecord] = ()) -> None:
        self._records = {record.id.encode(): record for record in records}
        self._nobody = KeyRecord("", "", secrets.token_bytes(32), frozenset())

    def find(self, key: bytes) -> KeyRecord | None:
        """What is kept of `key`, be it expired; None for what is no key of ours.

        How long it takes tells nothing of the keys that there are.
        """
        shaped = _KEY.fullmatch(key)
        if shaped is None:
            return None
        record = self._records.get(shaped[1], self._nobody)
        return record if compare_digest(_digest(key), record.digest) else None


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()
