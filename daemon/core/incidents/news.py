"""News: one message about an incident, as the incident stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from daemon.core.incidents.incident import Incident

Event = Literal["opened", "reopened", "escalated", "updated", "resolved"]
TOLD: tuple[Event, ...] = ("opened", "reopened", "escalated")
"""The events that count against the ceilings."""


@dataclass(frozen=True, slots=True)
class News:
    """One message about an incident as it stands: the `number`-th, at stream time `at` in seconds.

    `held_back` is how many incidents of the headline's scope the ceiling has held back so far. `muted` says
    why it was not told in time, empty where it was.
    """

    event: Event
    incident: Incident
    number: int
    at: float
    held_back: int = 0
    muted: str = ""


def at_once(said: Sequence[News], incidents: Mapping[str, Incident]) -> Iterator[News]:
    """Yield one message for each incident that was decided on at one moment, as the incident stands afterwards."""
    numbers = {news.incident.id: news.number for news in reversed(said)}
    told = {news.incident.id: news for news in sorted(said, key=lambda news: news.event in TOLD)}
    for name in dict.fromkeys(news.incident.id for news in said):
        incident, number = incidents[name], numbers[name]
        incident.messages = number
        yield replace(told[name], incident=incident.as_it_stands(), number=number)
