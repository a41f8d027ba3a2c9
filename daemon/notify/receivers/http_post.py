"""One HTTP POST, and what its answer means.

Files are read for every request, and every request has a connection of its own: messages are few, and a password or
certificate that changes is then used at once. Redirections are not followed, because a secret would follow them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from daemon.notify.receivers.base import DeliveryError, Reason, authorities, without

SECONDS = 10.0
LONGEST_AFTER = 300.0
"""The longest wait that a receiver may ask for, in seconds."""
_RETRIED: Mapping[int, Reason] = {
    401: "unauthorized",
    403: "unauthorized",
    404: "unauthorized",
    407: "unauthorized",
    408: "busy",
    425: "busy",
    429: "busy",
}
"""Client errors that a new secret, or waiting, can fix. A wrong secret in an address gives a 404."""


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, ca: Path | None = None, secrets: Sequence[str] = ()
) -> None:
    """Post JSON once. Raises DeliveryError; none of `secrets` is in its text."""
    context = await asyncio.to_thread(_context, ca)
    headers = {"Content-Type": "application/json", "User-Agent": "strayline", **headers}
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, ssl=context, allow_redirects=False) as response,
        ):
            if 200 <= response.status < 300:
                return
            reply = (await response.content.read(2_000)).decode(errors="replace")
            raise _refusal(response.status, without(reply, secrets), response.headers.get("Retry-After", ""))
    except aiohttp.InvalidURL:
        raise DeliveryError("the address is not one that can be used", "secret") from None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        # The text of an error may hold the address, and an address may be a secret.
        why = error.os_error.strerror if isinstance(error, aiohttp.ClientConnectorError) else None
        text = f"no answer within {SECONDS:g} s" if isinstance(error, TimeoutError) else why or type(error).__name__
        raise DeliveryError(without(text, secrets), "unreachable") from None


def _refusal(status: int, reply: str, after: str) -> DeliveryError:
    text = f"answered {status}" + (f": {reply}" if reply else "")
    reason: Reason = "busy" if status >= 500 else _RETRIED.get(status, "refused")
    wait = min(float(after), LONGEST_AFTER) if after.isascii() and after.isdigit() else 0.0
    return DeliveryError(text, reason, retry=reason != "refused", after=wait)


def _context(ca: Path | None) -> ssl.SSLContext | bool:
    """Return how a server's certificate is checked: by this file of authorities, or by the system's."""
    if ca is None:
        return True
    return authorities(ca)
