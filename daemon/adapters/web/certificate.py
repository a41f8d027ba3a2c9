"""TLS of a port: a certificate and its key, from files in PEM, which may be read again.

Connections that are open keep the certificate that they began with; new ones get the one read last.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import ConfigError
from daemon.small_files import check_small


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificate, with the chain that leads to an authority, and its key are.

    `setting` is the configuration's key that names them.
    """

    certificate: Path
    key: Path
    setting: str

    def context(self) -> ssl.SSLContext:
        """Return a server's context, for TLS 1.2 and 1.3. Raises ConfigError when the files cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for file in (self.certificate, self.key):
            try:
                check_small(file)
            except OSError as error:
                raise ConfigError([f"{self.setting}: {file}: {error.strerror}"]) from None
        try:
            context.load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError as error:
            what = error.reason or "not a certificate and its key in PEM, or the key needs a password"
            raise ConfigError([f"{self.setting}: {self.certificate} with {self.key}: {what}"]) from None
        return context


class LiveCertificate:
    """The certificate in use. `context` is what the port listens with; it gives each connection the latest one."""

    def __init__(self, files: Certificate) -> None:
        self._files = files
        self.context = self._latest = files.context()
        self.context.sni_callback = self._choose

    def read(self) -> None:
        """Read the files again, for the next connections. Raises ConfigError, and the old one stays in use."""
        self._latest = self._files.context()

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        connection.context = self._latest
