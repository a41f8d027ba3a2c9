"""The metrics of what others can make a console keep: its archive, its logins and its uploads, and what was let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge

from daemon.metrics import PREFIX

Text = Callable[[str, str, tuple[str, ...], str], str]
"""Notes a metric for docs/metrics.md, by its name, kind, labels and text; returns the text."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a console keeps now, and how much it ever let go or refused because that was too much, by what it is."""

    archive_bytes: int = 0
    archive_most: int = 0
    logins: int = 0
    uploads: int = 0
    upload_characters: int = 0
    let_go: Mapping[str, int] = field(default_factory=dict)
    """Of `alerts`, `patterns`, `logins` and `uploads`."""


class BoundMetrics:
    """Says at each scrape what `kept` returns."""

    def __init__(self, registry: CollectorRegistry, text: Text) -> None:
        self.kept: Callable[[], Kept] = Kept

        def gauge(name: str, says: str) -> Gauge:
            return Gauge(PREFIX + name, text(name, "gauge", (), says), registry=registry)

        self.archive_bytes = gauge("console_archive_bytes", "Bytes of the archive that are in use.")
        self.archive_most = gauge("console_archive_max_bytes", "The most that the archive may have (console.max_size).")
        self.logins = gauge("console_logins", "Login sessions that are open, of at most 10,000.")
        self.uploads = gauge(
            "console_uploads_waiting", "Uploads at work or waiting; while there are 9, more are refused."
        )
        self.characters = gauge(
            "console_upload_characters",
            "Characters of uploads that are kept with their results, of at most 50,000,000.",
        )
        name = "console_let_go"
        says = (
            "What the console let go because there was too much: alerts and patterns of the archive before "
            "console.keep was over, the oldest logins. uploads were refused. what: alerts, patterns, logins, uploads."
        )
        text(f"{name}_total", "counter", ("what",), says)
        self.let_go = Counter(PREFIX + name, says, ["what"], registry=registry)
        self._counted = dict.fromkeys(("alerts", "patterns", "logins", "uploads"), 0)
        for what in self._counted:
            self.let_go.labels(what)

    def note(self) -> None:
        """Take over what `kept` says now."""
        now = self.kept()
        self.archive_bytes.set(now.archive_bytes)
        self.archive_most.set(now.archive_most)
        self.logins.set(now.logins)
        self.uploads.set(now.uploads)
        self.characters.set(now.upload_characters)
        for what, total in now.let_go.items():
            self.let_go.labels(what).inc(total - self._counted[what])
            self._counted[what] = total
