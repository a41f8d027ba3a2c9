"""The stream time that each partition of the input has reached, and when one resumed after a pause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

PAUSE = 300.0
"""Seconds without a line of a whole partition; after such a pause, a silence begins when it resumed at the earliest."""
_LONG_AGO = -1e18


@dataclass(slots=True)
class Clocks:
    """Stream times by partition, and the times at which one resumed after a pause, all in seconds.

    `now` is stream time: that of the partition that is furthest ahead.
    """

    times: dict[str, float] = field(default_factory=dict)
    resumed: dict[str, float] = field(default_factory=dict)
    now: float = field(init=False)

    def __post_init__(self) -> None:
        self.now = max(self.times.values(), default=_LONG_AGO)

    def advance(self, source: str, time: float) -> None:
        """Note that `source` has reached `time`; time never goes back."""
        before = self.times.get(source, time)
        if time - before > PAUSE:
            self.resumed[source] = time
        if time >= before:
            self.times[source] = time
            self.now = max(self.now, time)

    def reached(self, sources: Iterable[str]) -> float:
        """Return the time that all of `sources`, at least one, have reached."""
        return min([self.times.get(source, _LONG_AGO) for source in sources])

    def went_on(self, sources: Iterable[str]) -> float:
        """Return the latest time at which one of `sources`, at least one, resumed after a pause."""
        return max([self.resumed.get(source, _LONG_AGO) for source in sources])
