"""The file of API keys: what stands in it, and how it is read.

It holds no key, only what recognises one. Its errors name a place in it and never quote it, lest somebody has pasted a
key there.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.runtime.access.api_keys import KEY_ID_PATTERN, KeyRecord, Scope
from services.runtime.errors import OperatorError


class BadKeyFile(OperatorError):
    """The file cannot be used; the message names it and what is wrong."""


def read_key_file(path: Path) -> tuple[KeyRecord, ...]:
    """Raises BadKeyFile."""
    try:
        document = yaml.safe_load(path.read_bytes())
        entries = _File.model_validate(document).keys
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror or type(error).__name__}") from None
    except ValidationError as error:
        raise BadKeyFile(f"{path}: {_first(error)}") from None
    except Exception as error:  # whatever PyYAML raises, also of its own accord
        raise BadKeyFile(f"{path}: not YAML{_line(error)}") from None
    if len({entry.id for entry in entries}) < len(entries):
        raise BadKeyFile(f"{path}: an id is there twice")
    return tuple(entry.record() for entry in entries)


def as_yaml(records: Iterable[KeyRecord]) -> str:
    """The text of a file with these keys."""
    keys = [_Entry.of(record).model_dump(mode="json", exclude_none=True) for record in records]
    return yaml.safe_dump({"keys": keys}, sort_keys=False, allow_unicode=True)


def _in_utc(value: Any) -> Any:
    """A time without a zone is one of UTC, and a date its first moment."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern=f"^{KEY_ID_PATTERN}$")
    name: str = Field(min_length=1, max_length=200)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    scopes: list[Scope] = Field(min_length=1)
    expires: Annotated[AwareDatetime, BeforeValidator(_in_utc)] | None = None

    def record(self) -> KeyRecord:
        expires_ms = None if self.expires is None else round(self.expires.timestamp() * 1000)
        return KeyRecord(self.id, self.name, bytes.fromhex(self.sha256), frozenset(self.scopes), expires_ms)

    @classmethod
    def of(cls, record: KeyRecord) -> "_Entry":
        expires = None if record.expires_ms is None else datetime.fromtimestamp(record.expires_ms / 1000, UTC)
        return cls(
            id=record.id,
            name=record.name,
            sha256=record.digest.hex(),
            scopes=sorted(record.scopes),
            expires=expires,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    keys: list[_Entry]


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    known = {"keys", *_Entry.model_fields}  # a name that nobody knows may be a pasted key, too
    place = ".".join(str(part) for part in found["loc"] if isinstance(part, int) or part in known)
    return f"{place or 'the file'}: {found['msg']}"


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}" if mark else ""
