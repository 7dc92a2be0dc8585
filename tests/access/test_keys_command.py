"""`tranche keys`: a key is shown once, what is kept recognises it, and what is revoked is gone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.commands.keys import app
from services.runtime.access.api_keys import KeyRing, Scope
from services.runtime.access.key_file import read_key_file

EXPIRY_MS = 1_798_761_600_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


def keys(*arguments: str, file: Path | None = None) -> Result:
    return CliRunner().invoke(app, arguments, env={"TRANCHE_API_KEYS": str(file or ""), "COLUMNS": "200"})


def create(name: str, path: Path) -> str:
    done = keys("create", "--name", name, "--scope", "lookup", "--file", str(path))
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_key_that_is_added_to_a_file_is_printed_alone_and_kept_as_a_hash(path: Path) -> None:
    first, second = create("ad server", path), create("bidder", path)
    records = read_key_file(path)
    found = [KeyRing(records).find(key.encode()) for key in (first, second)]
    assert found == list(records)
    assert [record.name for record in records] == ["ad server", "bidder"]
    assert not [key for key in (first, second) if key in path.read_text()]


def test_without_a_file_the_entry_is_printed_to_be_pasted(path: Path) -> None:
    arguments = ("--name", "ops", "--scope", "operations", "--scope", "lookup", "--expires", "2027-01-01")
    key, _, entry = keys("create", *arguments).stdout.partition("\n\n")
    path.write_text(entry)
    [record] = read_key_file(path)
    assert KeyRing([record]).find(key.encode()) == record
    assert record.scopes == {Scope.OPERATIONS, Scope.LOOKUP}
    assert record.expires_ms == EXPIRY_MS


def test_the_file_of_the_services_is_meant_unless_another_is_named(path: Path) -> None:
    assert keys("create", "--name", "a", "--scope", "privacy", file=path).exit_code == 0
    assert [record.name for record in read_key_file(path)] == ["a"]


def test_the_list_shows_whose_keys_there_are_and_no_hash(path: Path) -> None:
    create("[bold]ad server", path)
    keys("create", "--name", "old", "--scope", "segments", "--expires", "2020-01-01", file=path)
    shown = keys("list", file=path).stdout
    for record in read_key_file(path):
        assert record.id in shown
        assert record.digest.hex()[:12] not in shown
    assert "[bold]ad server" in shown
    assert "2020-01-01T00:00:00+00:00 (over)" in shown


def test_a_revoked_key_is_gone_and_the_others_stay(path: Path) -> None:
    first, second = create("a", path), create("b", path)
    assert keys("revoke", first.split("_")[1], file=path).exit_code == 0
    ring = KeyRing(read_key_file(path))
    assert ring.find(first.encode()) is None
    assert ring.find(second.encode())


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--name", "a"),
        ("create", "--name", "a", "--scope", "everything"),
        ("create", "--scope", "lookup"),
        ("revoke", "abcdefgh"),
        ("list", "--file", "/nowhere/keys.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(path: Path, arguments: tuple[str, ...]) -> None:
    create("a", path)
    before = path.read_bytes()
    assert keys(*arguments, file=path).exit_code == 2
    assert path.read_bytes() == before
