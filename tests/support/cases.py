"""Verdicts made by hand, for tests of the published messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np

from daemon.core.alerts import Provenance
from daemon.core.positions import position_of
from daemon.core.types import (
    ClosedBy,
    Evidence,
    Judgement,
    LabelVerdict,
    Neighbour,
    Pattern,
    Phase,
    Session,
    SessionLine,
    TopicPartition,
    Verdict,
)

SOURCE = TopicPartition("logs", 3)
NOON = 1_795_348_800_000_000
MINUTE = 60_000_000
ABOUT = Provenance(budget="0.01", model="all-MiniLM-L6-v2:384", config="c0ffee", baseline="strayline.baseline/0@17")


def neighbour(lines: Mapping[str, int], *, similarity: float = 0.87, weight: float = 0.12) -> Neighbour:
    return Neighbour(
        pattern="ab" * 8,
        similarity=similarity,
        weight=weight,
        first_seen=NOON - 60 * MINUTE,
        last_seen=NOON - 2 * MINUTE,
        label=None,
        lines=tuple(sorted(lines.items())),
    )


def verdict(
    lines: Mapping[str, int],
    *,
    nearest: Sequence[Neighbour] = (),
    evidence: Sequence[Evidence] = (),
    scope: str = "payments",
    key: str = "host17",
    end: int = NOON,
    first: int = 100,
    p_value: float | None = 0.0004,
    anomalous: bool = True,
    label: str | None = None,
    pattern: str | None = None,
    seen: int = 41_203,
) -> Verdict:
    """Return a verdict on a session with these masked lines and counts; an example is its masked line in brackets."""
    session_lines, offset = [], first
    for line, count in lines.items():
        session_lines.append(
            SessionLine(line, count, position_of(offset), position_of(offset + count - 1), example=f"[{line}]")
        )
        offset += count
    positions = np.array([position_of(at) for at in range(first, offset)], dtype=np.int64)
    session = Session(
        scope=scope,
        key=key,
        start=end - MINUTE,
        end=end,
        size=offset - first,
        tokens=10 * (offset - first),
        closed_by=ClosedBy.GAP,
        lines=session_lines,
        positions=positions,
    )
    shape = Pattern(pattern or fingerprint(scope, lines), scope, tuple(sorted(lines.items())))
    judgement = Judgement(
        score=7.25,
        similarity=nearest[0].similarity if nearest else None,
        p_value=p_value,
        anomalous=anomalous,
        learned=True,
        phase=Phase.LIVE if p_value is not None else Phase.WARM_UP,
        parts={"dtm": 0.31},
        seen=seen,
        label=None if label is None else LabelVerdict(label),
        nearest=nearest,
        evidence=evidence,
    )
    return Verdict(SOURCE, session, shape, judgement)


def fingerprint(scope: str, lines: Mapping[str, int]) -> str:
    """Return sixteen hexadecimal digits that differ for different sets of lines."""
    return blake2b("\0".join([scope, *sorted(lines)]).encode(), digest_size=8).hexdigest()


DEADLOCK = verdict(
    {"BEGIN": 12, "ERROR deadlock detected while waiting for ShareLock on <NUM>": 3, "SELECT <NUM>": 41},
    nearest=[neighbour({"BEGIN": 12, "COMMIT": 12, "SELECT <NUM>": 41})],
    evidence=[
        Evidence("ERROR deadlock detected while waiting for ShareLock on <NUM>", "new", 9.0, 0.0),
        Evidence("ERROR deadlock detected while waiting for ShareLock on <NUM>", "severe", 2.0, 0.0),
        Evidence("COMMIT", "missing", 6.0, 0.998),
        Evidence("BEGIN", "rare", 0.0, 0.999),
        Evidence("SELECT <NUM>", "rare", 0.0, 1.0),
    ],
)
