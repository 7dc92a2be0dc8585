"""TCP ports on loopback for what the embedded stack starts."""

import socket


def free_port(preferred: int = 0) -> int:
    """`preferred` when nothing listens there, else any free port."""
    for port in (preferred, 0):
        if found := _bindable(port):
            return found
    raise OSError("no free TCP port on 127.0.0.1")


def is_free(port: int) -> bool:
    """Whether nothing listens on `port`."""
    return _bindable(port) is not None


def reachable(host: str) -> str:
    """Where this machine reaches what listens on `host`, as a URL writes it; no host stands for loopback."""
    if host in ("", "0.0.0.0"):  # noqa: S104 - nothing is bound here
        return "127.0.0.1"
    return f"[{host if host != '::' else '::1'}]" if ":" in host else host


def _bindable(port: int) -> int | None:
    """The port that was bound for a moment; 0 stands for any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])
