"""TLS to Redis: one context for all connections of a client. It trusts the authorities that it is given and no others.

redis-py makes a context for each connection, which holds the event loop up for 20 ms every time, and trusts the
machine's own authorities beside those that it is given.
"""

import ssl
from collections.abc import Mapping
from typing import Any, TypeVar

from redis.asyncio import RedisCluster, SSLConnection
from redis.asyncio.connection import AbstractConnection, ConnectionPool

from services.runtime.redis_cluster import connect_by

K = TypeVar("K", bound=AbstractConnection)

_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_STRICT = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


class BadTls(ValueError):
    """What the URL says of TLS cannot be followed; the message repeats no value of it but the name of a file."""


def secure_pool(pool: ConnectionPool) -> None:
    """Where its connections use TLS, have them share a context. Raises BadTls where that cannot be made."""
    pool.connection_class = _sharing(pool.connection_class, pool.connection_kwargs)


def secure_cluster(cluster: RedisCluster) -> None:
    """The same for every node that is known by now or found later."""
    options = cluster.connection_kwargs
    connect_by(cluster, _sharing(options["connection_class"], options))


def _sharing(kind: type[K], options: Mapping[str, Any]) -> type[K]:
    if not issubclass(kind, SSLConnection):
        return kind
    told = {name: value for name, value in options.items() if name.startswith("ssl_") and value is not None}
    context = _context(told)

    class Sharing(kind):  # type: ignore[valid-type, misc] # whatever kind it is
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.ssl_context.context = context

    return Sharing


def _context(told: Mapping[str, Any]) -> ssl.SSLContext:
    """Of what stands in the URL. Raises BadTls, also for what would weaken it."""
    if others := {name for name, value in told.items() if name not in _FILES and _STRICT.get(name) != value}:
        raise BadTls(f"takes no {', '.join(sorted(others))}: certificates are always verified")
    try:
        context = ssl.create_default_context(cafile=told.get("ssl_ca_certs"))
        if certificate := told.get("ssl_certfile"):
            context.load_cert_chain(certificate, told.get("ssl_keyfile"))
    except OSError as error:
        raise BadTls(f"the certificates cannot be used: {error.strerror or error}") from None
    return context
