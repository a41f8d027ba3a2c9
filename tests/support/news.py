"""News of incidents made by hand, for tests of what is published and shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from daemon.core.alerts import Published, alert_record, case_of
from daemon.core.alerts.explanation import explain
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.incidents import Clue, Event, News
from daemon.core.incidents.clues import SILENCE
from daemon.core.incidents.incident import open_incident
from daemon.core.observations import Gravity, cause_of
from daemon.core.positions import place
from daemon.core.types import Verdict
from tests.support.cases import ABOUT, DEADLOCK, NOON

WHY = "never seen in 41,203 sessions over 7.5 h; no failure was new before it in 7.5 h"


def clue(
    line: str,
    *,
    scope: str = "payments",
    gravity: Gravity = Gravity.FAILURE,
    time: float = NOON / 1e6,
    text: str | None = None,
    key: str = "host17",
    at: str = "112",
    why: str = WHY,
) -> Clue:
    """Return a clue that a line is new."""
    return Clue(
        kind="new",
        scope=scope,
        cause=cause_of(line).id,
        gravity=gravity,
        time=time,
        period=math.inf,
        bar=0.0,
        often=None,
        why=why,
        line=line,
        text=line if text is None else text,
        key=key,
        place=at,
        source="logs/3",
    )


def news_of(
    case: Verdict = DEADLOCK,
    *,
    event: Event = "opened",
    closed: bool = True,
    others: Sequence[Clue] = (),
    held_back: int = 0,
) -> News:
    """Return news of an incident about a verdict's most telling line; `closed`: its session has closed."""
    session = case.session
    head = session.lines[explain(JudgedLines.of(case)).lines[0].number]
    end = session.end / 1e6
    incident = open_incident(
        clue(head.masked, scope=session.scope, time=end, text=head.example, key=session.key, at=place(head.first)),
        end,
    )
    for other in others:
        incident.add(other)
    if closed:
        incident.case, incident.sessions = case_of(case, ABOUT).document, 1
    return News(event, incident, 1, end, held_back)


def silence(scope: str = "payments") -> News:
    """Return the news that a scope has stopped."""
    end = NOON / 1e6
    stopped = Clue(
        kind="silent",
        scope=scope,
        cause=SILENCE,
        gravity=Gravity.WARNING,
        time=end,
        period=27_000.0,
        bar=0.0,
        often=None,
        why="nothing for 5.0 min, where 300 sessions would have come; its longest pause in 7.5 h was 4 s",
        text=f"{scope} is silent",
    )
    return News("opened", open_incident(stopped, end), 1, end)


def publish(news: News) -> Published:
    """Return the message."""
    return alert_record(news, ABOUT)


def read(news: News) -> Mapping[str, Any]:
    """Return the message as read from the topic."""
    document: Mapping[str, Any] = orjson.loads(publish(news).record.value or b"")
    return document
