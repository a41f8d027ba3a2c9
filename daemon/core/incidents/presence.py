"""How regularly the usual lines and the keys of a scope come, so that the absence of one can be noticed.

Absences are measured in the *active* time of the scope: while the scope itself is silent, nothing in it is absent. The
longest absence of the window is the measure. A line that comes only by day has absences of a night, so that a night
without it is usual. Harmless lines are observed once a minute, so a minute is the unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from daemon.core.incidents.halves import aged
from daemon.core.incidents.rates import MINUTE
from daemon.core.observations import CROWDED, KeySeen, cause_of_key

MOST_TIMES = 10_000
"""Most minutes that count: those of a week."""
TAIL = 2.0
"""An absence longer than this many mean absences is in the tail."""
AWAY = 3600.0
"""Seconds without a session after which a key that is not regular makes room for another one."""
MEMORYLESS = 0.36
"""What an absence of the tail adds to `logs` on average where pauses have no memory: e^2 times E1(2)."""


@dataclass(slots=True)
class Presence:
    """One usual line or key of a scope. Times in seconds; `began` and `at` are active time, at the first and the
    latest sighting.

    `times` are the minutes it was seen in. The longest absences are of this half of the window and of the one before.
    `tail` counts the absences of more than TAIL times the mean, and `logs` sums the logarithms of how many times longer
    than that they were. `silent` is True while its absence is noted. `key` is that of a key, empty
    for a line.
    """

    last: float
    began: float
    at: float
    times: int = 1
    longest: float = 0.0
    longest_before: float = 0.0
    half: int = 0
    silent: bool = False
    tail: int = 0
    logs: float = 0.0
    key: str = ""

    def seen(self, time: float, active: float, half_window: float) -> None:
        """Note that the line was seen."""
        if time <= self.last:
            return
        half = int(time // half_window)
        self.longest, self.longest_before, self.half = aged(self.longest, self.longest_before, self.half, half)
        gap = active - self.at
        self.longest = max(self.longest, gap)
        if gap > TAIL * self.mean:
            self.tail += 1
            self.logs += math.log(gap / (TAIL * self.mean))
        self.times += int(time // MINUTE) > int(self.last // MINUTE)
        self.last, self.at, self.silent = time, active, False

    @property
    def usual(self) -> float:
        """The longest absence of the window in seconds, at least a minute."""
        return max(self.longest, self.longest_before, MINUTE)

    @property
    def mean(self) -> float:
        """Seconds of active time between the minutes that it was seen in."""
        return max((self.at - self.began) / self.times, MINUTE)

    def period(self, gap: float) -> float:
        """Return the seconds between absences of `gap` seconds, by the heavier of two tails.

        Pauses without memory: of n the longest is about the mean times ln n, so the chance of one as long as `gap` is
        n ** -(gap / longest). Pauses of work that comes in bursts have a power's tail: its exponent is that of Hill
        (1975), with one more absence, of the length that pauses without memory have, and less one standard error.
        """
        mean, times = self.mean, self.times
        period = mean * (min(times, MOST_TIMES) + 1.0) ** min(gap / self.usual, 20.0)
        if self.tail:
            tail = self.tail + 1
            exponent = tail / (self.logs + MEMORYLESS) / (1.0 + tail**-0.5)
            period = min(period, mean * times / self.tail * (gap / (TAIL * mean)) ** exponent)
        return float(period)


def attend(
    presences: dict[str, Presence], cause: str, time: float, active: float, half_window: float, most: int, regular: int
) -> list[str]:
    """Note that a line was seen; return the causes whose presence changed, with one that was dropped for it.

    At most `most` lines are followed. Where all are regular, a new one is not followed.
    """
    known = presences.get(cause)
    if known is not None:
        known.seen(time, active, half_window)
        return [cause]
    changed = [cause]
    if len(presences) >= most:
        rare = [(presence.last, name) for name, presence in presences.items() if presence.times < regular]
        if not rare:
            return []
        changed.append(min(rare)[1])
        del presences[changed[-1]]
    presences[cause] = Presence(time, active, active, half=int(time // half_window))
    return changed


def attend_key(
    keys: dict[str, Presence], seen: KeySeen, active: float, half_window: float, most: int, regular: int
) -> list[str]:
    """Note that a session of a returning key began at active time `active`; return the causes that changed.

    At most `most` keys are followed; those that were not regular and away for an hour make room. Where that is not
    enough, keys name people or requests, whose absence is usual: all are forgotten.
    """
    time, cause = seen.time / 1e6, cause_of_key(seen.key)
    known = keys.get(cause)
    if known is not None:
        known.seen(time, active, half_window)
        return [cause]
    gone: list[str] = []
    if len(keys) >= most:
        gone = [name for name, key in keys.items() if key.times < regular and time - key.last >= AWAY]
    if seen.key == CROWDED or len(keys) - len(gone) >= most:
        gone = list(keys)
    for name in gone:
        del keys[name]
    if seen.key == CROWDED:
        return gone
    keys[cause] = Presence(time, active, active, half=int(time // half_window), key=seen.key)
    return [*gone, cause]
