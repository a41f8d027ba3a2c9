"""Unusual counts: lines that repeat more or less often than in the most similar normal sessions.

Counts of repeats have heavy tails (a retry loop, a long session), so the share of sessions that repeat a line k times
as often as usual is assumed to be 1/k. The evidence is therefore the logarithm of the ratio of the two counts, in nats,
and it counts only beyond a ratio of about seven (`attribution.USUAL_NATS`). Of several normal patterns, the one with
the nearest count is used, so a count that varies between normal sessions is not evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from daemon.core.types import Evidence, Neighbour, Session


def repeats(session: Session, compared: Neighbour | None, normal: Sequence[Neighbour]) -> list[Evidence]:
    """Return evidence of kind ``count`` for each line whose count differs from that in `compared`.

    `normal` are all patterns that stand for normal traffic, and `compared` is the one that the alert shows.
    """
    if compared is None:
        return []
    shown, others = dict(compared.lines), [dict(near.lines) for near in normal]
    evidence: list[Evidence] = []
    for line in session.lines:
        usual = shown.get(line.masked)
        if usual is None or usual == line.count:
            continue
        known = [usual, *(counts[line.masked] for counts in others if line.masked in counts)]
        nats = min(abs(math.log(line.count / count)) for count in known)
        if nats > 0:
            evidence.append(Evidence(line.masked, "count", nats, 1.0))
    return evidence
