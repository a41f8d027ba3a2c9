"""Observes lines as they arrive, sessions as they begin and judged sessions, for the incidents stage.

Three rules keep it exact and small:

* What is observed of a line depends on that line and on those before it, not on how records were fetched. Sightings are
  counted in bins of event time, and a session counts once a bin.
* Lines at offsets below the checkpoint's `next` were observed in the transaction that wrote the checkpoint. When they
  are read again they only restore the bins that are remembered.
* A harmless cause is observed once a minute at most, a warning or a failure once a session and ten seconds. So there
  are few observations, whatever the traffic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress, starmap

import numpy as np
import polars as pl

from daemon.core.generation_cache import GenerationCache
from daemon.core.groups import numbered
from daemon.core.observations.causes import Cause, cause_of
from daemon.core.observations.record import Case, KeySeen, Observations, Sighting, Traffic
from daemon.core.observations.returning_keys import Name, ReturningKeys
from daemon.core.observations.versions import Versions
from daemon.core.observations.whole_sessions import WholeSessions
from daemon.core.positions import place, position_of
from daemon.core.text import ends
from daemon.core.types import MINUTE_US, TopicPartition

BIN_US = 10_000_000
DESCRIBED_US = 6 * 3_600_000_000
"""Microseconds after which a harmless cause is described again: its line, its text and its place."""
REMEMBERED = 65_536
"""Described causes, and bins of a cause in a session, that are remembered; at most twice as many are kept."""
NAME_BITS = (1 << 60) - 1
"""The bits of a hash that stands for a name in a cache: a number of 32 bytes, where the name takes 220. That a new name
gets the number of one of 131,072 others has a chance of 1 in 8 x 10^12."""
TEXT = 1_000
"""Most characters of a line in a sighting, from its beginning and its end: a stack trace ends with its reason."""

_SHOWN = ("masked", "text", "key", "position")
_Place = tuple[str, str, int]
"""A scope, a cause and a bin of time."""


class Observer:
    """What one partition has observed since the last `take`. The thread that owns the detector calls it."""

    def __init__(self, source: TopicPartition, place: Callable[[int], str] = place) -> None:
        """`place` returns where a line lies in the input, as text."""
        self._source = str(source)
        self._place = place
        self._described: GenerationCache[int, int] = GenerationCache(REMEMBERED)
        self._bins: GenerationCache[int, bool] = GenerationCache(REMEMBERED)
        self._traffic: Counter[tuple[str, int]] = Counter()
        self._sightings: dict[_Place, tuple[float, int, *tuple[str, ...]]] = {}
        """By cause and bin: its score, the time of its first line, and the description of that line, if it has one."""
        self._counts: Counter[_Place] = Counter()
        self._returning = ReturningKeys()
        self._keys: list[KeySeen] = []
        self._cases: list[Case] = []
        self.whole = WholeSessions()
        """Takes in closed sessions."""
        self.versions = Versions()
        """Takes in versions of services."""
        self.waiting = 0
        """Observations that somebody waits for: something described for the first time, warnings, failures, cases."""

    def lines(self, table: pl.DataFrame, observed_below: int = 0) -> None:
        """Take in masked lines in reading order; those that were `read` below `observed_below` were observed before."""
        if table.is_empty():
            return
        texts, line = numbered(table["masked"])
        causes = [cause_of(text) for text in texts.to_list()]
        bad = np.array([cause.score > 0 for cause in causes])[line]
        names, time = table.select("scope", "key"), table["time"].to_numpy()
        for marks, size, by in ((~bad, MINUTE_US, ("scope",)), (bad, BIN_US, ("scope", "key"))):
            rows = np.flatnonzero(marks)
            bins = pl.DataFrame({"row": rows, "line": line[rows], "bin": time[rows] // size}).hstack(names[rows])
            first = bins.unique(["line", "bin", *by], keep="first", maintain_order=True)
            self._firsts(table, first, causes, position_of(observed_below))

    def sessions(self, table: pl.DataFrame, begun: Sequence[tuple[int, Name]], observed_below: int = 0) -> None:
        """Count the sessions that begin in the `table`: the row of the first line, and scope and key of each.

        They are counted when they are read, not when they are judged, so that the counts match the lines.
        """
        rows = np.array([row for row, _ in begun], np.int64)
        begins = list(zip([name for _, name in begun], table["time"].to_numpy()[rows].tolist(), strict=True))
        if observed_below:
            observed = table["read"].to_numpy()[rows] < position_of(observed_below)
            self._returning.begin(list(compress(begins, observed)))
            begins = list(compress(begins, ~observed))
        self._traffic.update([(scope, time - time % BIN_US) for (scope, _), time in begins])
        self._keys += starmap(KeySeen, self._returning.begin(begins))

    def case(self, case: Case) -> None:
        """Take in the case of a judged session that carries a clue."""
        self._cases.append(case)
        self.waiting += 1

    def take(self, clock: int | None) -> Observations:
        """Return everything since the last `take`, in order of time; `clock` is the partition's stream time."""
        traffic = [Traffic(scope, time, count) for (scope, time), count in self._traffic.items()]
        taken = Observations(
            source=self._source,
            clock=clock,
            traffic=sorted(traffic, key=lambda t: (t.time, t.scope)),
            sightings=sorted(
                (
                    Sighting(scope, cause, score, time, self._counts[scope, cause, number], *shown)
                    for (scope, cause, number), (score, time, *shown) in self._sightings.items()
                ),
                key=lambda s: (s.time, s.scope, s.cause),
            ),
            cases=self._cases,
            keys=sorted(self._keys, key=lambda k: (k.time, k.scope, k.key)),
            together=self.whole.take(),
            versions=self.versions.take(),
        )
        self._traffic, self._sightings, self._counts = Counter(), {}, Counter()
        self._keys, self._cases, self.waiting = [], [], 0
        return taken

    def _firsts(self, table: pl.DataFrame, firsts: pl.DataFrame, causes: Sequence[Cause], observed_below: int) -> None:
        """Count causes that are new in their bin, a bad cause in each session; those read before are not counted.

        `firsts` has the first row of each line in a bin, in order; `causes` are those of the lines.
        """
        rows = firsts.select("row", "line", "bin", "scope", "key").rows()
        bins = [
            hash((scope, key if causes[line].score > 0 else "", causes[line].id, number)) & NAME_BITS
            for _, line, number, scope, key in rows
        ]
        first = dict(zip(reversed(bins), reversed(rows), strict=True))
        new = list(dict.fromkeys(self._bins.missing(bins)))
        rows_of_new = [first[seen][0] for seen in new]
        reads, times = (table[name].to_numpy()[rows_of_new].tolist() for name in ("read", "time"))
        shown = dict[_Place, int]()
        for seen, read, time in zip(new, reads, times, strict=True):
            self._bins.put(seen, True)
            row, line, number, scope, _ = first[seen]
            cause, score = causes[line].id, causes[line].score
            at = (scope, cause, number)
            described = score > 0 or self._describe(scope, cause, time)
            if read < observed_below:
                continue
            self._counts[at] += 1
            if at not in self._sightings:
                self._sightings[at] = score, time
                if described:
                    shown[at] = row
        self.waiting += len(shown)
        texts = table.select(_SHOWN)[list(shown.values())].rows()
        for at, (masked, text, key, position) in zip(shown, texts, strict=True):
            self._sightings[at] += masked, ends(text, TEXT), key, self._place(position)

    def _describe(self, scope: str, cause: str, time: int) -> bool:
        """Return whether a harmless cause must be described; if so, note it."""
        name = hash((scope, cause)) & NAME_BITS
        last = self._described.get(name)
        if last is not None and abs(time - last) < DESCRIBED_US:
            return False
        self._described.put(name, time)
        return True
