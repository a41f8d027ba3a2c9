"""The audit of the first promise: every line in exactly one verdict or dead letter, every alert once.

It reads what was published and nothing else, so it holds for the fake broker, for a real one, and for the chaos runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

Place = tuple[str, int, int, int]
"""Topic, partition, offset, line of the record (0: all of it)."""


@dataclass
class Audit:
    """What is wrong; empty lists are a pass."""

    lost: list[Place] = field(default_factory=list)
    duplicated: list[Place] = field(default_factory=list)
    alerts_lost: list[str] = field(default_factory=list)
    alerts_duplicated: list[str] = field(default_factory=list)
    ids_duplicated: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing came twice."""
        return not (self.lost or self.duplicated or self.alerts_lost or self.alerts_duplicated or self.ids_duplicated)

    def __str__(self) -> str:
        return (
            f"{len(self.lost)} lost, {len(self.duplicated)} duplicated, {len(self.alerts_lost)} alerts lost, "
            f"{len(self.alerts_duplicated)} alerts duplicated, {len(self.ids_duplicated)} ids duplicated"
        )


def places_of(document: Mapping[str, Any]) -> Iterable[Place]:
    """Yield the places of a verdict's lines."""
    source = document["source"]
    for text in source["positions"]:
        offsets, _, lines = text.partition(":")
        first, _, last = offsets.partition("-")
        for offset in range(int(first), int(last or first) + 1):
            start, _, end = lines.partition("-")
            for line in range(int(start), int(end or start) + 1) if lines else (0,):
                yield source["topic"], source["partition"], offset, line


def audit(
    expected: Iterable[Place],
    verdicts: Sequence[bytes],
    alerts: Sequence[bytes],
    dead_letters: Sequence[Mapping[str, bytes]] = (),
) -> Audit:
    """Compare what went in with what came out; `dead_letters` are their headers."""
    seen: Counter[Place] = Counter()
    ids: Counter[str] = Counter()
    anomalous: set[str] = set()
    for value in verdicts:
        document = orjson.loads(value)
        seen.update(places_of(document))
        ids[document["id"]] += 1
        if document["anomalous"]:
            anomalous.add(document["id"])
    for headers in dead_letters:
        prefix = "__connect.errors."
        topic, partition, offset = (headers[prefix + name].decode() for name in ("topic", "partition", "offset"))
        seen[topic, int(partition), int(offset), 0] += 1
    firing = Counter(d["id"] for d in map(orjson.loads, alerts) if d["status"] == "firing")
    wanted = Counter(expected)
    return Audit(
        lost=sorted((wanted - seen).elements()),
        duplicated=sorted((seen - wanted).elements()),
        alerts_lost=sorted(anomalous - firing.keys()),
        alerts_duplicated=sorted(id_ for id_, count in firing.items() if count > 1 or id_ not in anomalous),
        ids_duplicated=sorted(id_ for id_, count in ids.items() if count > 1),
    )
