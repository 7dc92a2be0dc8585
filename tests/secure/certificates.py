"""A certificate authority of a test's own, and what it signs, made by the openssl program."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_EXTENSIONS = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Certificate:
    """Paths of PEM files."""

    certificate: Path
    key: Path


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self.ca = folder / f"{name}.pem"
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._openssl("req", "-x509", *_EC, "-keyout", self._key, "-out", self.ca, "-subj", f"/CN={name}", *usage)

    def sign(self, name: str, alternative_names: str) -> Certificate:
        """For servers and clients; `alternative_names` as openssl writes them, e.g. IP:127.0.0.1."""
        request, made = self._folder / f"{name}.csr", Certificate(self._path(name, "pem"), self._path(name, "key"))
        extensions = self._path(name, "ext")
        extensions.write_text(_EXTENSIONS.format(names=alternative_names))
        self._openssl("req", *_EC, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        signing = ("-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-extfile", extensions)
        self._openssl("x509", "-req", "-in", request, *signing, "-out", made.certificate)
        return made

    @property
    def _key(self) -> Path:
        return self._path(self._name, "key")

    def _path(self, name: str, ending: str) -> Path:
        return self._folder / f"{name}.{ending}"

    def _openssl(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
