"""How clients prove who they are to the brokers, and the brokers to them: TLS and SASL, as aiokafka wants them told."""

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class KafkaSecurity:
    """Of one client. A broker's certificate has to be for the name that it is reached by, and of the authority `ca`;
    without one, of an authority that this machine trusts. `certificate` and `key` are the client's own, in PEM."""

    protocol: str = "plaintext"
    mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments of every aiokafka client. Raises OSError where a file cannot be used."""
        return {"security_protocol": self.protocol.upper(), **self._tls(), **self._sasl()}

    def _tls(self) -> dict[str, Any]:
        return {"ssl_context": self._context} if self.protocol.endswith("ssl") else {}

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """One for all clients: to make it takes long enough to hold the event loop up."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def _sasl(self) -> dict[str, Any]:
        if not self.protocol.startswith("sasl"):
            return {}
        return {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }


PLAINTEXT = KafkaSecurity()
