"""What the stage would tell of observations under other settings, with other labels and mutes: a replay.

A replay is a stage of its own that begins without a memory. It reads stored observations in their order and decides as
the daemon does, so two replays of the same observations differ by their terms alone. A label holds from the beginning,
as that of a cause which the window does not know any more. A mute holds from the beginning to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from daemon.core.incidents.history import HISTORY_KEY, learn
from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.news import TOLD, News
from daemon.core.incidents.overview import figures
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.stage import IncidentStage
from daemon.core.observations import MuteOrder, load_observations
from daemon.core.types import LabelVerdict
from daemon.errors import DataError

MOST_TOLD = 2_000
"""Incidents that a replay keeps; beyond them they are only counted."""
MOST_POINTS = 20_000
"""Scores that a replay keeps."""


@dataclass(frozen=True, slots=True)
class KnownCause:
    """A cause of a service as a replay can know it from the beginning."""

    scope: str
    cause: str
    score: float
    words: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class ReplayTerms:
    """What a replay is run with: the settings, causes that are labelled normal, and mutes."""

    settings: IncidentSettings
    normal: Sequence[KnownCause] = ()
    mutes: Sequence[MuteOrder] = ()


@dataclass(slots=True)
class ReplayedIncident:
    """An incident that was told: `at` are the stream times in seconds at which it was opened, reopened or escalated.

    `news` is its latest message, without its session, `causes` what is known of its causes that can be labelled.
    """

    news: News
    at: list[float] = field(default_factory=list)
    causes: dict[tuple[str, str], KnownCause] = field(default_factory=dict)


class IncidentReplay:
    """One replay. `told` holds the incidents by id, in the order in which they were told.

    `scores` are (time in seconds, score) of sessions that carry a clue. `dropped` counts told incidents beyond
    `MOST_TOLD`, `unreadable` records that could not be read, and `held_back`, at the end, what the ceilings kept back.
    """

    def __init__(self, terms: ReplayTerms) -> None:
        self._stage = IncidentStage(terms.settings)
        for known in terms.normal:
            memory = self._stage.scopes.setdefault(known.scope, ScopeMemory())
            labelled = CauseMemory(0.0, 0.0, known.score, None, words=known.words, example=known.example)
            labelled.label = LabelVerdict.NORMAL.value
            memory.causes[known.cause] = labelled
            memory.grave += labelled.gravity > 0
        for order in terms.mutes:
            self._stage.mutes.heed(order, 0.0)
        self.told: dict[str, ReplayedIncident] = {}
        self.scores: list[tuple[float, float]] = []
        self.dropped = 0
        self.held_back = 0
        self.unreadable = 0

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one record of the observations' topic; one that cannot be read is counted and left out."""
        try:
            if key == HISTORY_KEY:
                learn(self._stage, value)
                return
            observations = load_observations(value)
        except DataError:
            self.unreadable += 1
            return
        for news in self._stage.take(observations):
            self._note(news)
        for case in observations.cases:
            score = case.document.get("score")
            if isinstance(score, int | float) and len(self.scores) < MOST_POINTS:
                self.scores.append((case.end / 1e6, float(score)))

    def finish(self) -> None:
        """Let the stage's memory go: only what was told stays."""
        self.held_back = sum(figures(self._stage).held_back.values())
        self._stage = IncidentStage(self._stage.settings)

    def _note(self, news: News) -> None:
        known = self.told.get(news.incident.id)
        if known is None:
            if news.event not in TOLD:
                return
            if len(self.told) >= MOST_TOLD:
                self.dropped += 1
                return
            known = self.told[news.incident.id] = ReplayedIncident(news)
        known.news = replace(news, incident=replace(news.incident, case=None))  # a case can be large
        if news.event in TOLD:
            known.at.append(news.at)
        for symptom in news.incident.symptoms:
            name = symptom.scope, symptom.cause
            memory = self._stage.scopes.get(symptom.scope)
            cause = memory.causes.get(symptom.cause) if memory is not None else None
            if cause is not None and name not in known.causes:
                known.causes[name] = KnownCause(*name, cause.score, cause.words, cause.example)
