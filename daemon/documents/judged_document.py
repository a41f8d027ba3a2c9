"""A document of the stream with its check, as the verdict and the case that all alerts have.

A document is a session of its own: its lines are its clauses, its key is its name, its scope is the base. The detector
has no part in the judgement: its evidence is the departures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from daemon.core.alerts import Provenance, case_of
from daemon.core.documents import KeptDocument
from daemon.core.observations import Case
from daemon.core.positions import position_of
from daemon.core.types import (
    ClosedBy,
    Evidence,
    Judgement,
    Pattern,
    Phase,
    Session,
    SessionClue,
    SessionLine,
    TopicPartition,
    Verdict,
)
from daemon.documents.checking import Check
from daemon.documents.description import document_case

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """`time` is the record's in microseconds, `tokens` the number of tokens of the text; texts are redacted."""

    source: TopicPartition
    offset: int
    time: int
    scope: str
    document: KeptDocument
    tokens: int
    check: Check
    remark: str = ""

    def verdict(self) -> Verdict:
        """Return the verdict."""
        position, document = position_of(self.offset), self.document
        counts = Counter(clause.text for clause in document.clauses)
        lines = [SessionLine(text, count, position, position, text) for text, count in counts.items()]
        session = Session(
            scope=self.scope,
            key=document.name,
            start=self.time,
            end=self.time,
            size=len(document.clauses),
            tokens=self.tokens,
            closed_by=ClosedBy.WHOLE,
            lines=lines,
            positions=np.array([position], dtype=np.int64),
        )
        pattern = Pattern(document.id, self.scope, tuple(counts.items()))
        return Verdict(self.source, session, pattern, self._judgement())

    def case(self, about: Provenance, causes: list[str], redact: Redact) -> Case:
        """Return the case of an odd document; `redact` hides secrets of the standards' texts."""
        case = case_of(self.verdict(), about)
        document = self.document
        shown = document_case(self.check, document.name, document.format, len(document.clauses), redact)
        return replace(case, causes=causes, document={**case.document, "document": {**shown, "remark": self.remark}})

    def _judgement(self) -> Judgement:
        matches, odd = self.check.matches, self.check.odd
        ranked = next((opinion for opinion in self.check.opinions if opinion.method == "p"), None)
        near = next((opinion for opinion in self.check.opinions if opinion.method == "cosine"), None)
        return Judgement(
            score=matches[0].comparison.weight if matches else 0.0,
            similarity=near.figure if near else None,
            p_value=ranked.figure if ranked else None,
            anomalous=odd,
            learned=False,
            phase=Phase.LIVE,
            parts={opinion.method: opinion.figure for opinion in self.check.opinions},
            evidence=self._evidence(),
            clues=[SessionClue.DEPARTURE] if odd else [],
        )

    def _evidence(self) -> list[Evidence]:
        clauses = self.document.clauses
        departures = self.check.matches[0].comparison.departures if self.check.matches else ()
        heaviest: dict[str, float] = {}
        for departure in departures:
            if departure.clause_here is not None:
                text = clauses[departure.clause_here].text
                heaviest[text] = max(heaviest.get(text, 0.0), departure.weight)
        return [Evidence(text, "new", nats, 0.0) for text, nats in heaviest.items()]
