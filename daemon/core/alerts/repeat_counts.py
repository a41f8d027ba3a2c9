"""Unusual counts: lines that repeat more or less often than in the most similar normal sessions.

Counts of repeats have heavy tails (a retry loop, a long session), so the share of sessions that repeat a line k times
as often as usual is assumed to be 1/k. The evidence is therefore the logarithm of the ratio of the two counts, in nats,
and it counts only beyond a ratio of about seven (`attribution.USUAL_NATS`). Of several normal patterns, the one with
the nearest count is used, so a count that varies between normal sessions is not evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from daemon.core.types import Evidence, Neighbour


def repeats(
    lines: Sequence[tuple[str, int]], compared: Neighbour | None, normal: Sequence[Neighbour]
) -> list[Evidence]:
    """Return evidence of kind ``count`` for each of a session's `lines` whose count differs from that in `compared`.

    `normal` are all patterns that stand for normal traffic, and `compared` is the one that the alert shows.
    """
    if compared is None:
        return []
    shown, others = dict(compared.lines), [dict(near.lines) for near in normal]
    evidence: list[Evidence] = []
    for line, here in lines:
        usual = shown.get(line)
        if usual is None or usual == here:
            continue
        known = [usual, *(counts[line] for counts in others if line in counts)]
        nats = min(abs(math.log(here / count)) for count in known)
        if nats > 0:
            evidence.append(Evidence(line, "count", nats, 1.0))
    return evidence
