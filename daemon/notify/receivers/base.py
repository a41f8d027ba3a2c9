"""The protocol of receivers, their error, and how their secrets are read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from daemon.core.text import clean
from daemon.notify.announcements import Notification
from daemon.small_files import check_small, read_line

Reason = Literal["refused", "unauthorized", "busy", "unreachable", "secret"]
CUT = "***"


class DeliveryError(Exception):
    """A message was not delivered. `retry`: another attempt may help, not before `after` seconds. Holds no secret."""

    def __init__(self, message: str, reason: Reason, *, retry: bool = True, after: float = 0.0) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.retry = retry
        self.after = after


class Receiver(Protocol):
    """Delivers messages. `renew_s`: after so many seconds, what is firing must be sent again; None: never."""

    @property
    def renew_s(self) -> float | None:
        """Seconds between two calls of `renew`."""

    async def send(self, told: Notification) -> None:
        """Deliver a message once. Raises DeliveryError."""

    async def renew(self, firing: Sequence[Notification]) -> None:
        """Send again what is still firing. Raises DeliveryError."""


class OnceReceiver:
    """A receiver that remembers by itself what is firing."""

    renew_s: float | None = None

    async def renew(self, firing: Sequence[Notification]) -> None:
        """Send nothing."""


async def read_secret(path: Path) -> str:
    """Return a file's text without its last line end. Raises DeliveryError that names the file."""
    try:
        return await asyncio.to_thread(read_line, path)
    except OSError as error:
        raise DeliveryError(f"{path}: {error.strerror}", "secret") from None


def authorities(ca: Path) -> ssl.SSLContext:
    """Return what checks a server's certificate by a file of authorities. Raises DeliveryError that names the file."""
    try:
        check_small(ca)
        return ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        raise DeliveryError(f"{ca}: {getattr(error, 'strerror', None) or error}", "secret") from None


def without(text: str, secrets: Sequence[str], most: int = 200) -> str:
    """Return text that others wrote, such as a server's reply, on one line, cut, and without the secrets."""
    for secret in secrets:
        text = text.replace(secret, CUT)
    return clean(text)[:most]
