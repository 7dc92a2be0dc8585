"""The file of keys: written and read alike, followed while it changes, and never quoted."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.access.api_keys import KeyRecord, Scope, new_key
from services.runtime.access.followed_keys import FollowedKeys
from services.runtime.access.key_file import BadKeyFile, as_yaml, read_key_file
from services.runtime.access.key_file_edits import change_key_file, write_key_file

SECRET = "tranche_abcdefgh_" + "s" * 43
ENTRY = {"id": "abcdefgh", "name": "n", "sha256": "ab" * 32, "scopes": "[lookup]"}

records = st.builds(
    lambda name, scopes, expires_ms: new_key(name, scopes, expires_ms)[1],
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200),
    st.sets(st.sampled_from(Scope), min_size=1),
    st.none() | st.integers(0, 253_402_300_799_000),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


@settings(max_examples=25)  # each syncs a file
@given(st.lists(records, unique_by=lambda record: record.id))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, written: list[KeyRecord]) -> None:
    path = tmp_path_factory.getbasetemp() / "keys.yaml"
    write_key_file(path, written)
    assert read_key_file(path) == tuple(written)


def test_a_new_file_is_its_owners_alone_and_an_old_one_stays_as_open_as_it_was(path: Path) -> None:
    write_key_file(path, [])
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    write_key_file(path, [])
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_file_keeps_its_owner_and_group(path: Path) -> None:
    write_key_file(path, [])
    take_away(path)
    write_key_file(path, [])
    assert (path.stat().st_uid, path.stat().st_gid) == (65_534, 65_533)


def test_where_the_owner_cannot_be_kept_nothing_is_changed() -> None:
    with TemporaryDirectory() as folder:  # pytest's own folders let nobody else in
        path = Path(folder, "keys.yaml")
        write_key_file(path, [])
        before = path.read_bytes(), path.stat().st_ino
        take_away(path)
        path.parent.chmod(0o777)
        with as_somebody_else(), pytest.raises(BadKeyFile, match="cannot be kept"):
            write_key_file(path, [new_key("a", [Scope.LOOKUP])[1]])
        assert (path.read_bytes(), path.stat().st_ino) == before
        assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_one_and_what_it_leads_to_is_changed(path: Path) -> None:
    target, (_, record) = path.with_name("target.yaml"), new_key("a", [Scope.LOOKUP])
    write_key_file(target, [record])
    path.symlink_to(target.name)
    change_key_file(path, lambda _: [])
    assert (path.is_symlink(), read_key_file(target)) == (True, ())


def test_of_changes_at_the_same_time_none_is_lost(path: Path) -> None:
    def add(name: str) -> None:
        def added(before: tuple[KeyRecord, ...]) -> list[KeyRecord]:
            time.sleep(0.02)
            return [*before, new_key(name, [Scope.LOOKUP])[1]]

        change_key_file(path, added)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, "abcdefgh"))
    assert {record.name for record in read_key_file(path)} == set("abcdefgh")


def take_away(path: Path) -> None:
    if os.geteuid():
        pytest.skip("FILES OF OTHER OWNERS ARE NOT TESTED: only root can make them")
    os.chown(path, 65_534, 65_533)
    path.chmod(0o644)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    os.setegid(65_532)
    os.seteuid(65_532)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def text(**fields: str) -> str:
    lines = [f"{name}: {value}" for name, value in (ENTRY | fields).items()]
    return "keys:\n- " + "\n  ".join(lines)


@pytest.mark.parametrize(
    ("expires", "expected_ms"),
    [
        ("2027-01-01", 1_798_761_600_000),
        ("2027-01-01T01:00:00", 1_798_765_200_000),
        ("2027-01-01T01:00:00+01:00", 1_798_761_600_000),
        ("'2027-01-01T00:00:00Z'", 1_798_761_600_000),
    ],
)
def test_an_expiry_written_by_hand_is_one_of_utc(path: Path, expires: str, expected_ms: int) -> None:
    path.write_text(text(expires=expires))
    assert read_key_file(path)[0].expires_ms == expected_ms


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "keys",
        f"keys: {SECRET}",
        f"keys: [{SECRET}]",
        f"keys:\n- id: {SECRET}",
        f"\tkeys: {SECRET}",
        f"keys: [{SECRET}",
        f"keys: !!python/name:{SECRET}",
        f"keys: []\nmore: {SECRET}",
        f"{SECRET}: []",
        f"keys:\n- {SECRET}: lookup",
        text(scopes="[]"),
        text(scopes=f"[{SECRET}]"),
        text(sha256=SECRET),
        text(sha256="ab" * 31),
        text(name="''"),
        text(id="ABCDEFGH"),
        text(expires="soon"),
        text(expires="2027-02-30"),
        text(secret=SECRET),
        f"{text()}\n  {SECRET}: lookup",
        f"{text()}\n{SECRET}: lookup",
        text() + text()[5:],
    ],
)
def test_a_file_that_does_not_fit_is_refused_without_quoting_it(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(BadKeyFile, match=r"keys\.yaml: ") as raised:
        read_key_file(path)
    assert "ssss" not in str(raised.value)


def test_a_file_that_is_not_there_or_cannot_be_made_is_an_operators_error(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "keys.yaml"
    with pytest.raises(BadKeyFile, match="No such file"):
        read_key_file(path)
    with pytest.raises(BadKeyFile, match="No such file"):
        write_key_file(path, [])
    with pytest.raises(BadKeyFile, match="directory"):
        read_key_file(tmp_path)


async def test_a_change_is_followed_and_a_slip_changes_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key, record = new_key("a", [Scope.LOOKUP])
    write_key_file(path, [record])
    async with followed(path) as keys:
        assert keys.ring.find(key.encode())
        another_key, another = new_key("b", [Scope.LOOKUP])
        write_key_file(path, [record, another])
        await until(lambda: keys.ring.find(another_key.encode()) is not None)
        for slip in (lambda: path.write_text(f"keys: {SECRET}"), path.unlink):
            caplog.clear()
            slip()
            await until(lambda: any(each.levelno == logging.ERROR for each in caplog.records))
            assert keys.ring.find(key.encode())
        assert "ssss" not in caplog.text
        write_key_file(path, [another])
        await until(lambda: keys.ring.find(key.encode()) is None)
        assert keys.ring.find(another_key.encode())


def test_a_file_is_written_as_text_that_can_be_pasted_under_others(path: Path) -> None:
    first, second = (new_key(name, [Scope.LOOKUP])[1] for name in "ab")
    pasted = as_yaml([second]).removeprefix("keys:\n")
    path.write_text(as_yaml([first]) + pasted)
    assert read_key_file(path) == (first, second)


@asynccontextmanager
async def followed(path: Path) -> AsyncIterator[FollowedKeys]:
    keys = FollowedKeys(path)
    task = asyncio.create_task(keys.follow(look_s=0.01))
    try:
        yield keys
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)
