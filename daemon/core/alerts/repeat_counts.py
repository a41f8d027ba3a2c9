"""Counts that are odd: a line that stands another number of times than in the normal sessions most like this one.

How often lines repeat has heavy tails (a retry loop, a long session), so the share of sessions that repeat a line k
times as often as usual is taken to be 1/k: its evidence is the logarithm of how many times the one count is the other,
in nats, and comes to what counts for something only beyond seven times. Of several normal patterns the one whose count
is nearest is believed, so that a count which varies from one normal session to the next is no evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from daemon.core.types import Evidence, Neighbour, Session


def repeats(session: Session, compared: Neighbour | None, normal: Sequence[Neighbour]) -> list[Evidence]:
    """Return evidence of kind ``count`` for each line that `compared` has another number of times.

    `normal` are all patterns that may speak for normal traffic, `compared` the one that the alert shows.
    """
    if compared is None:
        return []
    shown, others = dict(compared.lines), [dict(near.lines) for near in normal]
    found: list[Evidence] = []
    for line in session.lines:
        usual = shown.get(line.masked)
        if usual is None or usual == line.count:
            continue
        known = [usual, *(counts[line.masked] for counts in others if line.masked in counts)]
        nats = min(abs(math.log(line.count / count)) for count in known)
        if nats > 0:
            found.append(Evidence(line.masked, "count", nats, 1.0))
    return found
