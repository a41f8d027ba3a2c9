"""Any other program: the alert as JSON, signed as Standard Webhooks 1.0 says (standardwebhooks.com).

`webhook-id` and `Idempotency-Key` are the alert's id, the same in every attempt. The signature is HMAC-SHA256 over
``id.timestamp.body``; a receiver that also checks the timestamp refuses a replayed message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time

import orjson

from daemon.notify.announcements import Notification
from daemon.notify.receivers.base import DeliveryError, OnceReceiver, read_secret
from daemon.notify.receivers.http_post import post

_PREFIX = "whsec_"


def webhook_body(told: Notification) -> bytes:
    """Return the body: what happened, when, and the message of the alerts topic as it is."""
    data = {"stage": told.stage, "url": told.url or None, "alert": told.said.document}
    time = told.said.last_seen.isoformat()
    return orjson.dumps({"type": f"incident.{told.stage}", "timestamp": time, "data": data})


def signed(body: bytes, id_: str, timestamp: int, key: bytes) -> dict[str, str]:
    """Return the headers of a signed body; `timestamp` is in seconds since the epoch."""
    digest = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "Idempotency-Key": id_,
    }


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for: ``whsec_`` and base64, or the text itself."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)


@dataclass(slots=True)
class Webhook(OnceReceiver):
    """One address; `secret_file` holds the key that messages are signed with."""

    url: str
    secret_file: Path
    ca: Path | None = None
    clock: Callable[[], float] = time

    async def send(self, told: Notification) -> None:
        """Deliver a message once. Raises DeliveryError."""
        secret = await read_secret(self.secret_file)
        try:
            key = key_of(secret)
        except binascii.Error:
            raise DeliveryError(f"{self.secret_file}: is not base64 after {_PREFIX}", "secret") from None
        body = webhook_body(told)
        headers = signed(body, told.said.id, int(self.clock()), key)
        await post(self.url, body, headers, ca=self.ca, secrets=[secret])
