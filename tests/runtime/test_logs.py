"""One event, one line of JSON, whatever is in it."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.logs import JsonFormatter

anything = st.text() | st.integers() | st.floats() | st.binary() | st.none() | st.lists(st.text()) | st.builds(object)


def line(message: object, *args: object, **record: object) -> str:
    fields = {"name": "tranche", "msg": message, "args": args, "levelname": "INFO", "levelno": 20, **record}
    return JsonFormatter("collector").format(logging.makeLogRecord(fields))


def test_a_line_names_time_level_role_and_message() -> None:
    fields = orjson.loads(line("%s events", 3, created=1_732_240_000.123))
    expected = {"time": "2024-11-22T01:46:40.123+00:00", "level": "info", "role": "collector", "message": "3 events"}
    assert expected.items() <= fields.items()


def test_extra_becomes_fields_that_cannot_hide_the_standard_ones() -> None:
    fields = orjson.loads(line("moved", partition=7, role="forged"))
    assert (fields["partition"], fields["role"]) == (7, "collector")


def test_a_field_of_an_unknown_type_is_written_as_text_and_the_others_keep_theirs() -> None:
    fields = orjson.loads(line("moved", path=Path("a/b"), partition=7))
    assert (fields["path"], fields["partition"]) == ("a/b", 7)


@given(message=st.text(), extra=st.dictionaries(st.text("xyz", min_size=1), anything, max_size=3))
def test_any_event_is_one_line_of_json(message: str, extra: dict[str, object]) -> None:
    written = line(message, **extra)
    assert len(written.splitlines()) == 1
    assert {"message", *extra} <= orjson.loads(written).keys()


@pytest.mark.parametrize("message", ["a\nb", "a\r\nb", "a\u2028b", "a\u2029b", "a\x85b", "a\x1cb", '"}\n{"forged": 1}'])
def test_line_ends_come_back_as_they_were(message: str) -> None:
    written = line(message)
    assert len(written.splitlines()) == 1
    assert orjson.loads(written)["message"] == message


def test_arguments_that_do_not_fit_lose_nothing() -> None:
    assert "three" in orjson.loads(line("%d events", "three"))["message"]


def test_a_lone_surrogate_is_escaped() -> None:
    assert orjson.loads(line("\ud800"))["message"] == "\\ud800"


def test_an_exception_is_told_by_type_and_place_and_never_by_its_message() -> None:
    try:
        _fail("u-42")
    except RuntimeError as error:
        written = line("it failed", exc_info=(RuntimeError, error, error.__traceback__))
    places = orjson.loads(written)["exception"]
    assert {"RuntimeError", "ExceptionGroup", "KeyError"} <= set(places)
    assert any(place.endswith("_fail") for place in places)
    assert "u-42" not in written


def _fail(user_id: str) -> None:
    try:
        raise ExceptionGroup(user_id, [KeyError(user_id)])
    except ExceptionGroup as group:
        raise RuntimeError(user_id) from group


def test_a_configured_process_writes_json_to_stderr_alone() -> None:
    program = (
        "import logging, warnings\n"
        "from services.runtime.logs import configure_logging\n"
        "configure_logging('worker', 'info')\n"
        "logging.getLogger('a').debug('unseen')\n"
        "logging.getLogger('a').info('two\\nlines')\n"
        "logging.getLogger('uvicorn.error').error('%s', 'failed', extra={'color_message': 'x'})\n"
        "warnings.warn('beware')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    lines = [json.loads(each) for each in done.stderr.splitlines()]
    assert done.stdout == ""
    assert [each["message"] for each in lines][:2] == ["two\nlines", "failed"]
    assert "beware" in lines[2]["message"]
    assert "color_message" not in lines[1]
