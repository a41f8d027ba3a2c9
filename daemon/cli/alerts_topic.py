"""The alerts topic as the verbs read it: what is not an alert is skipped, counted, and named with its place."""

from __future__ import annotations

from typing import Any

import orjson

from daemon.cli.saying import say
from daemon.core.text import clean


class AlertDecoder:
    """Decodes alerts. `foreign` counts the records that are not alerts."""

    def __init__(self) -> None:
        self.foreign = 0

    def decode(self, place: str, value: bytes) -> dict[str, Any] | None:
        """Return the alert, None for any other record. `place` is where the record is, for people."""
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict) and all(isinstance(document.get(name), str) for name in ("id", "scope")):
            return document
        self.pass_over(place)
        return None

    def pass_over(self, place: str) -> None:
        """Count a record that is not an alert; name the first one."""
        self.foreign += 1
        if self.foreign == 1:
            say(f"strayline: {clean(place)} is not an alert; such records are skipped", error=True)
