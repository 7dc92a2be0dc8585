"""The forms of consent that the collector takes, and the purposes that each grants."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.consent import TcfConsent, tcf_purposes, with_purposes
from services.segmentation.events import InvalidEvent

# Published examples, made by others' encoders.
CORE = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"
MORE_SEGMENTS = (
    CORE + ".IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJA"
    "AIAAgAAAYQEAAAQmAgBC3ZAYzUw"
)
FOUR_PURPOSES = "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA"


def tc_string(purposes: set[int], version: int = 2, bits: int = 240) -> str:
    """A TC string of `bits` bits in which the version and the purposes are set and the fields around them full."""
    fields = [f"{version:06b}", "1" * 146, "".join("01"[p in purposes] for p in range(1, 25)), "1" * 64]
    text = "".join(fields)[:bits]
    return base64.urlsafe_b64encode(int(text, 2).to_bytes(bits // 8)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "purposes"), [(CORE, [1, 2, 3]), (MORE_SEGMENTS, [1, 2, 3]), (FOUR_PURPOSES, [1, 3, 9, 10])]
)
def test_published_tc_strings_grant_what_their_publishers_say(text: str, purposes: list[int]) -> None:
    assert tcf_purposes(text) == purposes


@given(purposes=st.sets(st.integers(1, 24)))
def test_every_set_of_purposes_is_read_back(purposes: set[int]) -> None:
    assert tcf_purposes(tc_string(purposes)) == sorted(purposes)


def test_the_example_in_the_documentation_is_one() -> None:
    (example,) = TcfConsent.model_json_schema()["properties"]["tcf"]["examples"]
    assert tcf_purposes(example) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (tc_string({1}, version=1), "version 2"),
        (tc_string({1}, version=3), "version 2"),
        ("", "version 2"),
        (".IFoEUQQg", "version 2"),
        (tc_string({1}, bits=168), "cut off"),
        ("C", "base64url"),
        ("COvF yGBO", "base64url"),
        ("COvFyGBÖ", "base64url"),
    ],
)
def test_what_is_no_tc_string_of_version_2_is_refused(text: str, error: str) -> None:
    with pytest.raises(InvalidEvent, match=error):
        tcf_purposes(text)


@given(text=st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert set(tcf_purposes(text)) <= set(range(1, 25))
    except InvalidEvent as error:
        assert str(error).startswith("consent.tcf: ")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"consent": {"tcf": CORE}}, {"consent": {"purposes": [1, 2, 3]}}),
        ({"consent": {"gpc": True}}, {"consent": {"purposes": []}}),
        ({"consent": {"gpc": False}}, {}),
        ({"consent": {"purposes": [4, 1]}}, {"consent": {"purposes": [4, 1]}}),
        ({"consent": None}, {"consent": None}),
        ({}, {}),
    ],
)
def test_every_form_becomes_purposes(sent: dict[str, object], kept: dict[str, object]) -> None:
    assert with_purposes({"type": "view", **sent}) == {"type": "view", **kept}


@pytest.mark.parametrize(
    "consent",
    [
        {},
        {"gpc": 1},
        {"gpc": None},
        {"tcf": 5},
        {"usp": "1YNN"},
        {"gpc": True, "purposes": [1]},
        {"tcf": CORE, "gpc": True},
        {"tcf": CORE, "purposes": [1]},
        {"purposes": [1], "extra": 1},
    ],
)
def test_unknown_and_mixed_forms_are_refused(consent: dict[str, object]) -> None:
    with pytest.raises(InvalidEvent, match="expected exactly one of"):
        with_purposes({"consent": consent})


@pytest.mark.parametrize("raw", [None, 5, "text", [], {"consent": "yes"}, {"consent": [1]}])
def test_what_is_no_consent_is_left_for_validation_to_refuse(raw: object) -> None:
    assert with_purposes(raw) == raw


def test_the_event_that_was_sent_is_not_changed() -> None:
    raw = {"consent": {"gpc": True}}
    with_purposes(raw)
    assert raw == {"consent": {"gpc": True}}
