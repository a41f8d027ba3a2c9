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
from collections.abc import Callable, Mapping, Sequence
from itertools import starmap

import numpy as np
import polars as pl

from daemon.core.generation_cache import GenerationCache
from daemon.core.groups import Ints, combined
from daemon.core.masked_lines import MaskedLines
from daemon.core.observations.causes import Cause, cause_of
from daemon.core.observations.record import Case, KeySeen, Observations, Sighting, Traffic
from daemon.core.observations.returning_keys import ReturningKeys
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

    def lines(self, lines: MaskedLines, observed_below: int = 0) -> None:
        """Take in lines; those that were `read` below `observed_below` were observed before."""
        if not len(lines):
            return
        causes = [cause_of(text) for text in lines.distinct]
        bad = np.array([cause.score > 0 for cause in causes])[lines.line]
        time = lines.table["time"].to_numpy()
        bins = np.where(bad, time // BIN_US, time // MINUTE_US)
        group = np.where(bad, lines.key, lines.scope[lines.key])
        rows = pl.Series(combined(lines.line, group, bins)).arg_unique().to_numpy()
        self._firsts(lines, rows, bins[rows], causes, position_of(observed_below))

    def sessions(self, lines: MaskedLines, begun: Ints, observed_below: int = 0) -> None:
        """Count the sessions that begin in the rows `begun` of `lines`, which ascend.

        They are counted when they are read, not when they are judged, so that the counts match the lines.
        """
        if observed_below:
            observed = lines.table["read"].to_numpy()[begun] < position_of(observed_below)
            self._begin(lines, begun[observed])
            begun = begun[~observed]
        if not len(begun):
            return
        bins, scope = lines.table["time"].to_numpy()[begun] // BIN_US, lines.scope[lines.key[begun]]
        _, first, counts = np.unique(combined(scope, bins), return_index=True, return_counts=True)
        counted = zip(scope[first].tolist(), bins[first].tolist(), counts.tolist(), strict=True)
        self._traffic.update({(lines.scopes[number], bin_ * BIN_US): count for number, bin_, count in counted})
        self._keys += starmap(KeySeen, self._begin(lines, begun))

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

    def _begin(self, lines: MaskedLines, begun: Ints) -> list[tuple[str, str, int]]:
        """Return what is reported of the keys of sessions that begin in these rows."""
        key, time = lines.key[begun], lines.table["time"].to_numpy()[begun]
        free = np.array(self._returning.free_from(lines.scopes))[lines.scope[key]] <= time
        names = [lines.keys[number] for number in key[free].tolist()]
        return self._returning.begin(list(zip(names, time[free].tolist(), strict=True)))

    def _firsts(self, lines: MaskedLines, rows: Ints, bins: Ints, causes: Sequence[Cause], observed_below: int) -> None:
        """Count causes that are new in their bin, a bad cause in each session; those read before are not counted.

        `rows` are the first of each line in its bin of `bins`, in order; `causes` are those of the lines.
        """
        kinds = [causes[line] for line in lines.line[rows].tolist()]
        names = [lines.keys[key] for key in lines.key[rows].tolist()]
        places = [(scope, cause.id, bin_) for (scope, _), cause, bin_ in zip(names, kinds, bins.tolist(), strict=True)]
        seen = [
            hash((*at, key if cause.score > 0 else "")) & NAME_BITS
            for at, (_, key), cause in zip(places, names, kinds, strict=True)
        ]
        first = {mark: index for index, mark in reversed(list(enumerate(seen)))}
        new = [first[mark] for mark in dict.fromkeys(self._bins.missing(seen))]
        self._bins.put_all(dict.fromkeys([seen[index] for index in new], True))
        times, reads = (lines.table[name].to_numpy()[rows[new]].tolist() for name in ("time", "read"))
        shown = dict[_Place, int]()
        for index, time, read in zip(new, times, reads, strict=True):
            at, score = places[index], kinds[index].score
            described = score > 0 or self._describe(at[0], at[1], time)
            if read < observed_below:
                continue
            self._counts[at] += 1
            if at not in self._sightings:
                self._sightings[at] = score, time
                if described:
                    shown[at] = int(rows[index])
        self.waiting += len(shown)
        self._show(lines, shown)

    def _show(self, lines: MaskedLines, shown: Mapping[_Place, int]) -> None:
        """Describe sightings by the rows `shown`."""
        columns = [lines.table[name] for name in _SHOWN]
        for at, row in shown.items():
            masked, text, key, position = (column[row] for column in columns)  # they are few: no call for whole columns
            self._sightings[at] += masked, ends(text, TEXT), key, self._place(position)

    def _describe(self, scope: str, cause: str, time: int) -> bool:
        """Return whether a harmless cause must be described; if so, note it."""
        name = hash((scope, cause)) & NAME_BITS
        last = self._described.get(name)
        if last is not None and abs(time - last) < DESCRIBED_US:
            return False
        self._described.put(name, time)
        return True
