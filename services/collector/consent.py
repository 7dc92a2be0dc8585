"""Turns every form of consent that the collector takes into the one that events carry: the purposes granted."""

import base64

from pydantic import BaseModel, ConfigDict, Field

from services.segmentation.events import Consent, InvalidEvent, JsonObject

# IAB Europe, "Transparency and Consent String with Global Vendor & CMP List Formats", version 2: the core string
# begins with 6 bits of version; PurposesConsent is 24 bits from bit 152 on, purpose 1 first.
_VERSION_BITS = 6
_PURPOSES_AT_BIT = 152
_PURPOSES = 24


class TcfConsent(BaseModel):
    """The TC string of IAB's Transparency and Consent Framework 2; granted is what its PurposesConsent says."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tcf: str = Field(description="TC string, version 2", examples=["COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"])


class GpcConsent(BaseModel):
    """The Global Privacy Control signal: true grants no purpose at all, false says nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    gpc: bool


CONSENT_FORMS: tuple[type[BaseModel], ...] = (Consent, TcfConsent, GpcConsent)


def with_purposes(raw: object) -> object:
    """`raw`, an event as it was sent, with its consent as `{"purposes": […]}`, or without one that says nothing.

    What is not a form of consent stays as it is, for `read_event` to refuse. Raises InvalidEvent for one that is
    written wrongly, or that mixes forms.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("consent"), dict):
        return raw
    consent = _granted(raw["consent"])
    rest = {name: value for name, value in raw.items() if name != "consent"}
    return rest if consent is None else {**rest, "consent": consent}


def _granted(consent: JsonObject) -> JsonObject | None:
    match consent:
        case {"tcf": str(text), **others} if not others:
            return {"purposes": tcf_purposes(text)}
        case {"gpc": bool(opted_out), **others} if not others:
            return {"purposes": []} if opted_out else None
        case {"purposes": _, **others} if not others:
            return consent
    raise InvalidEvent(
        'consent: expected exactly one of "purposes" (a list), "tcf" (a TC string) and "gpc" (a boolean)'
    )


def tcf_purposes(text: str) -> list[int]:
    """The purposes that a TC string grants, 1 to 24, rising. Raises InvalidEvent where it is none of version 2."""
    core = text.partition(".")[0]
    try:
        data = base64.b64decode(core + "=" * (-len(core) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidEvent("consent.tcf: not in the base64url alphabet") from None
    if _bits(data, 0, _VERSION_BITS) != 2:
        raise InvalidEvent("consent.tcf: not a TC string of version 2")
    if len(data) * 8 < _PURPOSES_AT_BIT + _PURPOSES:
        raise InvalidEvent("consent.tcf: cut off before the purposes")
    granted = _bits(data, _PURPOSES_AT_BIT, _PURPOSES)
    return [purpose for purpose in range(1, _PURPOSES + 1) if granted >> (_PURPOSES - purpose) & 1]


def _bits(data: bytes, at_bit: int, count: int) -> int:
    """`count` bits from `at_bit` on as a number, most significant first; 0 where `data` ends before."""
    behind = len(data) * 8 - at_bit - count
    return int.from_bytes(data) >> behind & (1 << count) - 1 if behind >= 0 else 0
