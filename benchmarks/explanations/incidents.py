"""Incidents: without the lines of its causes, nothing of an incident is told; without as many others, it still is.

The quiet part of a stream is read once. The rest is read once for each trial, by copies of the sessions, the observer
and the incidents stage. A trial takes lines out of the sessions of one told incident: all lines, from its onset on, of
the causes that it names at the end, or as many lines of the same sessions that are not named, drawn at random. What an
incident names as missing has no lines to take out. An incident names at most 32 causes.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.explanations.proof import Proof
from benchmarks.quiet.chain import SOURCE, Chain, Observing
from benchmarks.quiet.recordings import Row
from benchmarks.quiet.streams import as_json
from daemon.core.incidents import TOLD, Incident, IncidentSettings, IncidentStage, News, Symptom
from daemon.core.observations import cause_of
from daemon.core.types import Session

STEP = 30.0
"""Seconds of a stream that are read at once. How a stream is cut does not change what is told."""

Cause = tuple[str, str]
"""A scope and the id of a cause in it."""
Keep = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Faulty:
    """A stream from its first fault on, and what has observed all before."""

    observing: Observing
    stage: IncidentStage
    lines: pl.DataFrame

    def read(self, keep: Keep) -> tuple[IncidentStage, list[News], list[Session]]:
        """Read the lines to `keep`; return the stage afterwards, its news, and the sessions."""
        observing, stage = copy.deepcopy((self.observing, self.stage))
        lines, news, sessions = self.lines.filter(pl.Series(keep)), list[News](), list[Session]()
        steps = (lines["time"].cum_max() // round(STEP * 1e6)).to_numpy()
        cuts = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(lines)]
        for begin, end in pairwise(cuts):
            sessions += observing.push(lines[begin:end])
            news += stage.take(observing.take((steps[begin] + 1) * STEP))
        sessions += observing.end()
        news += stage.take(observing.take(float(steps[-1] + 1) * STEP))
        return stage, news, sessions


def faulty_part(stream: Iterable[tuple[float, Row]], faults_from: float, settings: IncidentSettings) -> Faulty:
    """Read a stream of (seconds since the epoch, line) up to `faults_from`; return the rest."""
    chain, stage = Chain(SOURCE), IncidentStage(settings)
    until, late = 0.0, list[bytes]()
    for at, row in stream:
        if at >= faults_from:
            late.append(as_json(at, row))
            continue
        if at >= until:
            stage.take(chain.observed(at))
            until = at + STEP
        chain.hold(as_json(at, row))
    stage.take(chain.observed(faults_from))
    return Faulty(chain.observing, stage, chain.read(late))


class Trials:
    """The told incidents of a stream's faulty part, and the trials of them."""

    def __init__(self, faulty: Faulty) -> None:
        self._faulty = faulty
        stage, news, sessions = faulty.read(np.ones(len(faulty.lines), np.bool_))
        self._symptoms = symptoms_of(news, stage)
        self._times = faulty.lines["time"].to_numpy()
        self._causes = _causes(faulty.lines, stage)
        self._session_of = _session_of(faulty.lines, sessions)
        self._sessions_at: dict[tuple[str, str, int], set[int]] = defaultdict(set)
        for cause, time, session in zip(self._causes, self._times.tolist(), self._session_of.tolist(), strict=True):
            self._sessions_at[(*cause, time)].add(session)

    def prove(self, every: int = 1, seed: int = 1) -> Proof:
        """Try told incidents, in the order in which they were told: each, or every second, and so on."""
        proof, rng = Proof(), np.random.default_rng(seed)
        for name, symptoms in list(self._symptoms.items())[::every]:
            proof.count += 1
            named = self._named(symptoms)
            rows = np.flatnonzero(named)
            if not len(rows):
                continue
            inside = set(self._session_of[rows].tolist())
            title = f"{symptoms[0].scope}: {symptoms[0].text[:120]!r}"
            proof.named.add(title, right=not self._is_told(name, inside, ~named))
            others = np.flatnonzero(np.isin(self._session_of, self._session_of[rows]) & ~named)
            if len(others) >= len(rows):
                as_many = np.ones(len(named), np.bool_)
                as_many[rng.choice(others, len(rows), replace=False)] = False
                proof.others.add(title, right=self._is_told(name, inside, as_many))
        return proof

    def _named(self, symptoms: Sequence[Symptom]) -> Keep:
        """Return which lines are of the causes that an incident names, from its onset on."""
        causes = {(symptom.scope, symptom.cause) for symptom in symptoms if symptom.kind != "silent"}
        onset = round(min(symptom.time for symptom in symptoms) * 1e6)
        return np.array([cause in causes for cause in self._causes]) & (self._times >= onset)

    def _is_told(self, name: str, inside: set[int], keep: Keep) -> bool:
        """Return whether anything in the sessions `inside` is told that another incident does not name by itself."""
        theirs = {(s.scope, s.cause) for other, symptoms in self._symptoms.items() if other != name for s in symptoms}
        stage, news, _ = self._faulty.read(keep)
        return any(
            inside & self._sessions_at[symptom.scope, symptom.cause, round(symptom.time * 1e6)]
            for symptoms in symptoms_of(news, stage).values()
            for symptom in symptoms
            if (symptom.scope, symptom.cause) not in theirs
        )


def symptoms_of(news: Sequence[News], stage: IncidentStage) -> dict[str, list[Symptom]]:
    """Return all symptoms of each told incident, the headline first: those at the end, or in its last message."""
    told = {one.incident.id for one in news if one.event in TOLD}
    last = {one.incident.id: one.incident for one in news if one.incident.id in told}
    return {name: _headline_first(stage.incidents.get(name, incident)) for name, incident in last.items()}


def _headline_first(incident: Incident) -> list[Symptom]:
    head = incident.symptoms[incident.headline]
    return [head, *(symptom for symptom in incident.symptoms if symptom is not head)]


def _causes(lines: pl.DataFrame, stage: IncidentStage) -> list[Cause]:
    """Return the cause of each line, as the stage knows it: that of the line that it rewords, if it does."""
    parents = {scope: memory.parents for scope, memory in stage.scopes.items()}
    pairs = zip(lines["scope"].to_list(), lines["masked"].to_list(), strict=True)
    return [(scope, parents[scope].get(cause, cause)) for scope, line in pairs for cause in [cause_of(line).id]]


def _session_of(lines: pl.DataFrame, sessions: Sequence[Session]) -> NDArray[np.int64]:
    """Return the number of each line's session."""
    numbers = np.full(len(lines), -1)
    for number, session in enumerate(sessions):
        numbers[np.isin(lines["position"].to_numpy(), session.positions)] = number
    return numbers
