"""Without keys a service listens on this machine alone."""

from pathlib import Path

import pytest

from services.runtime.access.listening import OpenDoor, refuse_open_door

_ALL = "0.0.0.0"  # noqa: S104 - nothing is bound here
ELSEWHERE = [_ALL, "::", "", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "example.org", "127.0.0.1.x"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    refuse_open_door(host, None)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_elsewhere_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(OpenDoor, match=r"`tranche keys create`.*TRANCHE_API_KEYS.*TRANCHE_HOST"):
        refuse_open_door(host, None)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_with_keys_any_address_will_do(host: str, tmp_path: Path) -> None:
    refuse_open_door(host, tmp_path / "keys.yaml")
