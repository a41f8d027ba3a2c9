"""The contestants: where each is defined, what it leaves out, and how many lines it can handle.

Nothing of theirs or ours is imported before it is made, so that a process holds one contestant's libraries only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table.

    `place` is ``module:class``; the class has `learn(rows)` for lines that are not counted and `run(rows)`, which
    returns how many sessions it scored (0: it has none), and maybe `close()`. `ours` is run by this interpreter, the
    others by the peers' own. `raw` is given records with their JSON, the others messages; `by_key` is given the idle
    gap, in microseconds. `lines` is the most that it is given.
    """

    place: str
    lacks: str
    options: Mapping[str, bool] = field(default_factory=dict)
    ours: bool = False
    raw: bool = False
    by_key: bool = False
    lines: int | None = None

    def make(self, gap_us: int) -> Any:
        """Import it and return it, ready to learn."""
        module, _, name = self.place.partition(":")
        gap = {"gap_us": gap_us} if self.by_key else {}
        return getattr(import_module(f"benchmarks.peers.{module}"), name)(**self.options, **gap)


_TEMPLATES = "all but templates: sessions, scores, redaction"
ENTRIES: Mapping[str, Entry] = {
    "strayline": Entry("ours:Ours", "Kafka; its embeddings are hashes", {"model": False}, ours=True, raw=True),
    "strayline, MiniLM": Entry("ours:Ours", "Kafka", {"model": True}, ours=True, raw=True),
    "strayline, masks alone": Entry("ours:Masks", "all but redaction and masks", ours=True),
    "Drain3": Entry("contestants:Drain3", _TEMPLATES, {"masks": False}),
    "Drain3, 7 masks": Entry("contestants:Drain3", _TEMPLATES, {"masks": True}),
    "Drain3 + isolation forest": Entry("contestants:DrainForest", "redaction, a budget, reasons", by_key=True),
    "DeepLog on Drain3": Entry("contestants:NextEvent", "redaction, a budget, learning on", by_key=True),
    "LogLead RarityModel": Entry("contestants:Rarity", "redaction, a budget, words not seen before", by_key=True),
    "Cordon": Entry("contestants:Cordon", "redaction, sessions, streaming: a file at once", lines=2_000),
}
