"""Who may use a port, and the certificate that it shows. Both are read again when their files change."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daemon.adapters.web.accounts import read_accounts
from daemon.adapters.web.certificate import Certificate, LiveCertificate
from daemon.adapters.web.watched_files import WatchedFiles


class Access:
    """The accounts of a users file and a live certificate. Without `users` everybody may enter; without `tls`, no TLS.

    `setting` names the users file in errors. Raises ConfigError where a file cannot be used.
    """

    def __init__(self, users: Path | None, tls: Certificate | None, setting: str) -> None:
        self.accounts = read_accounts(users, setting) if users is not None else None
        self._certificate = LiveCertificate(tls) if tls is not None else None
        self.tls = self._certificate.context if self._certificate is not None else None
        """What the port listens with."""
        self._watched: list[WatchedFiles] = []
        if users is not None:
            self._watched.append(WatchedFiles([users], lambda: self._read_users(users, setting)))
        if tls is not None and self._certificate is not None:
            self._watched.append(WatchedFiles([tls.certificate, tls.key], self._certificate.read))

    @property
    def scheme(self) -> str:
        """``https`` or ``http``."""
        return "http" if self.tls is None else "https"

    def knows(self, token: str) -> bool:
        """Return whether `token` is that of an account; always True without accounts."""
        return self.accounts is None or self.accounts.by_token(token) is not None

    async def follow(self) -> None:
        """Look for changes of the files, until cancelled; end at once where there are no files."""
        await asyncio.gather(*(files.run() for files in self._watched))

    def _read_users(self, users: Path, setting: str) -> None:
        self.accounts = read_accounts(users, setting)
