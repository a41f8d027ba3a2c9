"""How sessions are given to the detector, and what is measured.

* S, what the product does: unlabelled, each session scored before it is learned; the first `warm_up` only teach.
* C, a curated baseline: four fifths of the normal sessions are taught, the last fifth of all is judged, not learned.
* operator: as S, and a person answers every session at p <= `asked`: normal or anomalous.
* trivial and peers: other scores on the same sessions, by the backtest's own code.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.datasets import Dataset, Labelled
from daemon.backtest.evaluation import Bools, Floats, block_rates, curve, decide
from daemon.backtest.trivial import Beside
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.types import Judgement, Phase, TopicPartition

SOURCE = TopicPartition("quality", 0)
WINDOW_US = 7 * 86_400_000_000
Vectors = Mapping[str, NDArray[np.float32]]


@dataclass(slots=True)
class Outcome:
    """The judged sessions, in order: labels, scores, p-values, and which are within the `share`."""

    anomalous: list[bool] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    ranks: list[float] = field(default_factory=list)
    share: float = 0.01
    alerts: list[bool] = field(default_factory=list)
    seconds: float = 0.0
    sessions: int = 0
    asked: int = 0
    memory: int = 0

    def add(self, session: Labelled, judgement: Judgement) -> None:
        """Note one live judgement."""
        self.anomalous.append(session.anomalous)
        self.scores.append(judgement.score)
        self.ranks.append(judgement.parts["rank"])
        self.alerts.append(judgement.parts["rank"] <= self.share)

    def row(self) -> dict[str, float]:
        """Return the figures that the tables print."""
        labels, scores = np.array(self.anomalous, bool), np.array(self.scores)
        alerts, ranks = np.array(self.alerts, bool), np.array(self.ranks)
        ranking, decision = curve(labels, scores), decide(labels, alerts)
        return {
            "ap": ranking.average_precision,
            "f1": ranking.best_f1,
            "f1_budget": decision.f1,
            "precision": decision.precision,
            "recall": decision.recall,
            "f1_3": decide(labels, ranks <= 0.03).f1,
            "f1_02": decide(labels, ranks <= 0.002).f1,
            "rate": float(alerts.mean()),
            "worst": max(block_rates(alerts), default=0.0),
            "ms": 1e3 * self.seconds / max(self.sessions, 1),
            "asked": self.asked,
            "memory_mb": self.memory / 2**20,
        }


def make(dataset: Dataset, vectors: Vectors) -> Detector:
    settings = DetectorSettings(warm_up=dataset.warm_up, window_us=WINDOW_US)
    return Detector(settings, "quality", len(next(iter(vectors.values()))))


def protocol_s(dataset: Dataset, vectors: Vectors, share: float = 0.01, asked: float = 0.0) -> Outcome:
    """Judge and learn every session in order; answer those at p <= `asked`."""
    detector, outcome = make(dataset, vectors), Outcome(share=share)
    started = time.process_time()
    for session in dataset.sessions:
        pattern = session.pattern
        judgement = detector.judge(pattern, vectors[pattern.id], end=session.end, source=SOURCE)
        if judgement.phase is Phase.WARM_UP:
            continue
        outcome.add(session, judgement)
        if judgement.parts["rank"] <= asked and judgement.label is None:
            outcome.asked += 1
            verdict = "anomalous" if session.anomalous else "normal"
            detector.label(pattern.scope, pattern.id, verdict, source=SOURCE, at=session.end)
    outcome.seconds, outcome.sessions = time.process_time() - started, len(dataset.sessions)
    outcome.memory = sum(scope.memory_bytes for scope in detector.scopes())
    return outcome


def protocol_c(dataset: Dataset, vectors: Vectors, share: float = 0.002, seed: int = 0) -> Outcome:
    """Teach four fifths of the normal sessions, then judge the last fifth of all without learning."""
    detector, outcome = make(dataset, vectors), Outcome(share=share)
    order = random.Random(seed).sample(dataset.sessions, len(dataset.sessions))
    cut = int(0.8 * len(order))
    for session in order[:cut]:
        if not session.anomalous:
            detector.judge(session.pattern, vectors[session.pattern.id], end=session.end, source=SOURCE, teach=True)
    started = time.process_time()
    for session in order[cut:]:
        vector = vectors[session.pattern.id]
        outcome.add(session, detector.judge(session.pattern, vector, end=session.end, source=SOURCE, learn=False))
    outcome.seconds, outcome.sessions = time.process_time() - started, len(order) - cut
    return outcome


def beside(dataset: Dataset, make_scorers: Callable[[], Beside]) -> dict[str, tuple[float, float, float]]:
    """Return average precision, best F1 and milliseconds a session (all scores of the family together) by score."""
    scorers = make_scorers()
    judged: list[Sequence[tuple[float, float]]] = []
    started = time.process_time()
    for number, session in enumerate(dataset.sessions):
        live = number >= dataset.warm_up
        pairs = scorers.judge(session.pattern, live=live, learn=True)
        if live:
            judged.append(pairs)
    milliseconds = 1e3 * (time.process_time() - started) / len(dataset.sessions)
    labels: Bools = np.array([session.anomalous for session in dataset.sessions[dataset.warm_up :]], bool)
    rows: dict[str, tuple[float, float, float]] = {}
    for place, name in enumerate(scorers.names):
        scores: Floats = np.array([pairs[place][0] for pairs in judged])
        points = curve(labels, scores)
        rows[name] = (points.average_precision, points.best_f1, milliseconds)
    return rows
