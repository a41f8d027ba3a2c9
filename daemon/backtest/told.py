"""What a backtest told: the latest message of every incident, trimmed to what a page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.alerts import Published
from daemon.core.incidents import TOLD, News
from daemon.core.text import shorten

MAX_INCIDENTS = 500
_TEXT, _ROWS = 400, 30

Alert = Mapping[str, Any]
"""An alert document as it was published, or the part of one that a report shows."""


class Told:
    """The incidents of a run, in the order in which they were told; beyond MAX_INCIDENTS they are only counted."""

    def __init__(self) -> None:
        self.told = 0
        """Incidents opened, reopened and escalated."""
        self.by_scope: Counter[str] = Counter()
        self._latest: dict[str, dict[str, Any]] = {}

    def add(self, news: News, published: Published, label: bool | None) -> None:
        """Add one message; `label` is that of the session it shows."""
        known = self._latest.get(news.incident.id)
        if news.event in TOLD:
            self.told += 1
            self.by_scope[published.alert["scope"]] += 1
        if known is None and len(self._latest) >= MAX_INCIDENTS:
            return
        labelled = label if label is not None else known["labelled"] if known is not None else None
        told_at = known["told_at"] if known is not None else news.at
        self._latest[news.incident.id] = {**trimmed(published.alert), "labelled": labelled, "told_at": told_at}

    def __len__(self) -> int:
        return len(self._latest)

    def alerts(self) -> list[Alert]:
        """Return the latest message of every incident, in the order in which they were told."""
        return list(self._latest.values())


def trimmed(value: Any) -> Any:
    """Return a document with long texts and long lists cut: what is kept for the page, not what is published."""
    if isinstance(value, str):
        return shorten(value, _TEXT)
    if isinstance(value, Mapping):
        return {key: trimmed(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [trimmed(item) for item in value[:_ROWS]]
    return value
