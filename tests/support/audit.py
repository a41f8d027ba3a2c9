"""The audit of the first promise: every line in exactly one verdict or dead letter, every session observed once, every
message about an incident once.

It reads what was published and nothing else, so it holds for the fake broker, for a real one, and for the chaos runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from daemon.core.observations import load_observations

Place = tuple[str, int, int, int]
"""Topic, partition, offset, line of the record (0: all of it)."""


@dataclass
class Audit:
    """What is wrong; empty lists are a pass."""

    lost: list[Place] = field(default_factory=list)
    duplicated: list[Place] = field(default_factory=list)
    cases_lost: list[str] = field(default_factory=list)
    cases_duplicated: list[str] = field(default_factory=list)
    sessions_miscounted: int = 0
    news_broken: list[str] = field(default_factory=list)
    ids_duplicated: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing came twice."""
        wrong = (self.lost, self.duplicated, self.cases_lost, self.cases_duplicated, self.ids_duplicated)
        return not (any(wrong) or self.sessions_miscounted or self.news_broken)

    def __str__(self) -> str:
        return (
            f"{len(self.lost)} lost, {len(self.duplicated)} duplicated, {len(self.cases_lost)} cases lost, "
            f"{len(self.cases_duplicated)} cases duplicated, {self.sessions_miscounted} sessions miscounted, "
            f"{len(self.news_broken)} incidents with broken news, {len(self.ids_duplicated)} ids duplicated"
        )


def places_of(document: Mapping[str, Any]) -> Iterable[Place]:
    """Yield the places of a verdict's lines."""
    source = document["source"]
    for part in (source, *source.get("others", ())):
        for text in part["positions"]:
            offsets, _, lines = text.partition(":")
            first, _, last = offsets.partition("-")
            for offset in range(int(first), int(last or first) + 1):
                start, _, end = lines.partition("-")
                for line in range(int(start), int(end or start) + 1) if lines else (0,):
                    yield part["topic"], part["partition"], offset, line


def audit(
    expected: Iterable[Place],
    verdicts: Sequence[bytes],
    alerts: Sequence[bytes],
    dead_letters: Sequence[Mapping[str, bytes]] = (),
    observations: Sequence[bytes] = (),
) -> Audit:
    """Compare what went in with what came out; `dead_letters` are their headers.

    Every verdict is counted once as traffic, and every anomalous one is one case of the observations. The messages
    about an incident are numbered from 1, without a gap, and the first opens it.
    """
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
    observed = [load_observations(value) for value in observations]
    cases = Counter(case.id for observation in observed for case in observation.cases)
    counted = sum(traffic.sessions for observation in observed for traffic in observation.traffic)
    wanted = Counter(expected)
    return Audit(
        lost=sorted((wanted - seen).elements()),
        duplicated=sorted((seen - wanted).elements()),
        cases_lost=sorted(anomalous - cases.keys()),
        cases_duplicated=sorted(id_ for id_, count in cases.items() if count > 1 or id_ not in anomalous),
        sessions_miscounted=abs(counted - ids.total()),
        news_broken=broken_news(alerts),
        ids_duplicated=sorted(id_ for id_, count in ids.items() if count > 1),
    )


def broken_news(alerts: Sequence[bytes]) -> list[str]:
    """Return the incidents whose messages are not numbered from 1 without a gap, or do not begin with an opening."""
    by_incident: dict[str, list[tuple[int, str]]] = {}
    for document in map(orjson.loads, alerts):
        incident = document["incident"]
        by_incident.setdefault(incident["id"], []).append((incident["messages"], incident["event"]))
    return sorted(
        id_
        for id_, news in by_incident.items()
        if [number for number, _ in news] != list(range(1, len(news) + 1)) or news[0][1] != "opened"
    )
