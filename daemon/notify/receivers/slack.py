"""Slack, and what speaks its format (Mattermost, Rocket.Chat): an incoming webhook.

The address is the secret. Slack has no key for de-duplication, so a message that is sent again appears twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from daemon.core.text import clean
from daemon.notify.announcements import Notification, Stage
from daemon.notify.receivers.base import OnceReceiver, read_secret
from daemon.notify.receivers.http_post import post

_SIGNS = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}
_LONGEST = 2_000


def slack_message(told: Notification) -> dict[str, Any]:
    """Return the body for an incoming webhook."""
    over = told.stage is Stage.RESOLVED
    sign = ":white_check_mark:" if over else _SIGNS[told.said.severity]
    lines = [f"{sign} {_text(told.title)}"]
    if not over:
        lines += [_text(told.said.why), f"`strayline label {told.said.id} normal`"]
    if told.url:
        lines.append(f"<{told.url}|open in the console>")
    return {"text": "\n".join(lines), "unfurl_links": False, "unfurl_media": False}


def _text(text: str) -> str:
    """Return text without markup: Slack reads &, < and > as such, and a line of a log may hold any."""
    plain = clean(text)[:_LONGEST]
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


@dataclass(slots=True)
class Slack(OnceReceiver):
    """One incoming webhook; `url_file` holds its address."""

    url_file: Path
    ca: Path | None = None

    async def send(self, told: Notification) -> None:
        """Deliver a message once. Raises DeliveryError."""
        url = await read_secret(self.url_file)
        await post(url, orjson.dumps(slack_message(told)), {}, ca=self.ca, secrets=[url])
