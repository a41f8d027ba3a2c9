"""What is said of an incident: one message, as the incident stands."""

from __future__ import annotations

from dataclasses import dataclass
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
