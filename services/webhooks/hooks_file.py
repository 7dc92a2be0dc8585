"""The file of webhooks that an operator writes, in YAML. Everything that decides whether one is valid lives here.

No error repeats a value of the file, since most of them are secret: an address too may carry a token.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from services.runtime.errors import OperatorError
from services.segmentation.events import SEGMENT_ID_PATTERN, SPACE_PATTERN
from services.webhooks.signature import SigningKey

MAX_CHANGES = 100
"""In one delivery."""

HookId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
SegmentId = Annotated[str, Field(pattern=SEGMENT_ID_PATTERN)]
Space = Annotated[str, Field(pattern=SPACE_PATTERN)]

_OURS = frozenset({"host", "user-agent", "content-type", "content-length", "transfer-encoding", "connection"})


class BadHooksFile(OperatorError):
    """The file of webhooks cannot be used; the message names the place, and no value."""


class Hook(BaseModel):
    """A receiver of changes: where, signed with what, and which changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: HookId
    url: SecretStr
    secret: SecretStr | None = None
    secret_env: str | None = None
    segments: frozenset[SegmentId] | None = None
    """None for all of them."""
    spaces: frozenset[Space] | None = None
    headers: Mapping[HeaderName, SecretStr] = Field({}, max_length=20)
    max_batch: int = Field(MAX_CHANGES, ge=1, le=MAX_CHANGES)
    begin: Literal["end", "beginning"] = Field("end", alias="from")
    """Where to begin in the changes stream when nothing was delivered yet."""
    allow_http: bool = False

    @model_validator(mode="after")
    def _is_sound(self) -> "Hook":
        _check_address(self.url.get_secret_value(), allow_http=self.allow_http)
        if (self.secret is None) == (self.secret_env is None):
            raise ValueError("expected either secret or secret_env")
        for name, value in self.headers.items():
            if name.lower() in _OURS or name.lower().startswith("webhook-"):
                raise ValueError("headers: names one that every delivery has already")
            if not value.get_secret_value().isprintable() or not value.get_secret_value().isascii():
                raise ValueError("headers: expected a value of one line of ASCII")
        return self

    def signing_key(self, env: Mapping[str, str]) -> SigningKey:
        """Raises BadHooksFile."""
        secret = self.secret.get_secret_value() if self.secret else env.get(self.secret_env or "")
        if secret is None:
            raise BadHooksFile(f"webhook {self.id}: the variable {self.secret_env} is not set")
        try:
            return SigningKey(secret)
        except ValueError as error:
            raise BadHooksFile(f"webhook {self.id}: {error}") from None


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    webhooks: list[Hook] = Field(min_length=1)


def read_hooks(path: Path | None, env: Mapping[str, str] = os.environ) -> Sequence[Hook]:
    """The webhooks of the file, all with a secret that can sign. Raises BadHooksFile."""
    if path is None:
        raise BadHooksFile("TRANCHE_WEBHOOKS: name the file of the webhooks to deliver")
    try:
        hooks = _Content.model_validate(_load(path)).webhooks
    except ValidationError as error:
        raise BadHooksFile(f"{path}: {_explain(error)}") from None
    for hook_id, count in Counter(hook.id for hook in hooks).items():
        if count > 1:
            raise BadHooksFile(f"{path}: there are {count} webhooks with the id {hook_id}")
    for hook in hooks:
        hook.signing_key(env)
    return hooks


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:  # its text quotes the line
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BadHooksFile(f"{path}: {where}cannot be read as YAML") from None
    except OSError as error:
        raise BadHooksFile(f"{path}: {error.strerror}") from None
    except Exception as error:  # PyYAML's own: a date that does not exist, endless nesting
        raise BadHooksFile(f"{path}: cannot be read: {type(error).__name__}") from None


def _check_address(url: str, *, allow_http: bool) -> None:
    """Raises ValueError."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("url: expected an address") from None
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError("url: expected https://…")
    if address.userinfo or address.fragment:
        raise ValueError("url: expected neither a user nor a fragment; an Authorization goes into headers")
    if address.scheme == "http" and not (allow_http or _is_loopback(address.host)):
        raise ValueError("url: plain http reaches only this machine, unless allow_http is true")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _explain(error: ValidationError) -> str:
    details = error.errors(include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in details[:3])
