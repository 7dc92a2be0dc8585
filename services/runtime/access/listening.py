"""Where a service may listen: beyond this machine only with keys."""

from ipaddress import ip_address
from pathlib import Path

from services.runtime.errors import OperatorError


class OpenDoor(OperatorError):
    """The service would be open to whoever reaches this machine."""


def refuse_open_door(host: str, key_file: Path | None) -> None:
    """Raises OpenDoor where `host` may be reached from elsewhere and there is no file of keys."""
    if key_file is None and not _is_loopback(host):
        raise OpenDoor(
            f"refusing to listen on {host} without API keys, since anybody could come in: make keys with "
            "`tranche keys create` and name their file in TRANCHE_API_KEYS, or set TRANCHE_HOST to 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    """A name other than localhost may lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
