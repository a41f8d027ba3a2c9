"""Which lines may move stream time: a minority of lines with a fast clock must not.

Where a record has a timestamp, its lines are compared with it: a line more than `max_lead` ahead counts with that
timestamp. Records of files have none; there a line is compared with the other lines. A line within `max_lead` of the
clock, before or after it, is *in step*. A line further ahead is held back, and one further behind does not move the
clock, until such lines are the majority of the last `VOTES` lines. Then the clock steps:

* ahead, to their median: it was a pause in the log, or the lines before had a slow clock;
* back, to their median: clocks went back an hour, a new file begins, or the clock followed a fast one. Stream time
  never goes back, so from then on the difference is added to the lines' times, and sessions close as they should.
"""

from __future__ import annotations

from collections import Counter, deque
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]

VOTES = 63


class StreamClock:
    """The clock of one partition. Times are microseconds."""

    def __init__(self, max_lead: int) -> None:
        self._max_lead = max_lead
        self._now: int | None = None
        self._shift = 0
        """What is added to the times of files, since the clock stepped back."""
        self._votes: deque[tuple[int, int]] = deque(maxlen=VOTES)
        """Of the last lines of files: 0 in step, 1 ahead, -1 behind; and each line's time on this clock."""

    def read(self, times: Times, stamps: Times) -> tuple[Times, int]:
        """Return each line's time on the stream's clock, and how many lines were held back.

        `times` are the lines' own, `stamps` their records', -1 where there is none.
        """
        stamped = stamps >= 0
        if stamped.all():
            ahead = times > stamps + self._max_lead
            return np.where(ahead, stamps, times), int(ahead.sum())
        clock = times + self._shift
        if self._all_in_step(clock):
            return clock, 0
        held_back = 0
        for at, time in enumerate(times.tolist()):
            clock[at], held = self._read_one(time)
            held_back += held
        return clock, held_back

    def _all_in_step(self, clock: Times) -> bool:
        if not len(clock):
            return True
        if self._now is None:
            self._now = int(clock[0])
        so_far = np.maximum(np.maximum.accumulate(clock), self._now)
        before = np.concatenate(([self._now], so_far[:-1]))
        if (np.abs(clock - before) > self._max_lead).any():
            return False
        self._now = int(so_far[-1])
        self._votes.extend((0, time) for time in clock[-VOTES:].tolist())
        return True

    def _read_one(self, own: int) -> tuple[int, bool]:
        """Return the time of a file's line on the clock, and whether it was held back."""
        assert self._now is not None
        time = own + self._shift
        lead = time - self._now
        vote = 0 if abs(lead) <= self._max_lead else 1 if lead > 0 else -1
        self._votes.append((vote, time))
        if vote == 0:
            self._now = max(self._now, time)
            return time, False
        if Counter(vote for vote, _ in self._votes)[vote] <= VOTES // 2:
            return min(time, self._now), vote > 0
        agreed = median_low(time for other, time in self._votes if other == vote)
        self._votes.clear()
        if vote > 0:
            self._now = max(self._now, min(agreed, time))
        else:
            self._shift += self._now - agreed
        return self._now, False
