"""Verdicts as documents and as records of the verdicts topic."""

from __future__ import annotations

from daemon.core.messages.cloudevents import cloud_event
from daemon.core.messages.json import encode, rfc3339
from daemon.core.messages.schema import VERDICT_SCHEMA, VerdictDocument
from daemon.core.messages.sources import source_document
from daemon.core.types import OutRecord, Verdict

SCORE_DIGITS = 6
P_VALUE_DIGITS = 6


def verdict_document(verdict: Verdict) -> VerdictDocument:
    """Return a verdict as its document. Scores have 6 decimals, p-values 6 significant digits."""
    session, judgement = verdict.session, verdict.judgement
    return {
        "id": verdict.id,
        "scope": session.scope,
        "key": session.key,
        "start": rfc3339(session.start),
        "end": rfc3339(session.end),
        "lines": session.size,
        "tokens": session.tokens,
        "closed_by": session.closed_by.value,
        "pattern": verdict.pattern.id,
        "score": round(judgement.score, SCORE_DIGITS),
        "similarity": None if judgement.similarity is None else round(judgement.similarity, SCORE_DIGITS),
        "p_value": None if judgement.p_value is None else float(f"{judgement.p_value:.{P_VALUE_DIGITS}g}"),
        "anomalous": judgement.anomalous,
        "clues": [clue.value for clue in judgement.clues],
        "learned": judgement.learned,
        "phase": judgement.phase.value,
        "source": source_document(verdict.source, session.positions, verdict.origins),
    }


def verdict_record(verdict: Verdict) -> OutRecord:
    """Return the verdict as the record for the verdicts topic: key is the scope."""
    return OutRecord(
        role="verdicts",
        key=verdict.session.scope.encode(),
        value=encode(verdict_document(verdict)),
        headers=cloud_event(
            id=verdict.id,
            type="strayline.verdict.v1",
            source=verdict.source,
            subject=verdict.session.key,
            time=verdict.session.end,
            schema=VERDICT_SCHEMA,
        ),
    )
