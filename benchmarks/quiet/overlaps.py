"""Both errors of grouping, on faults that overlap: two faults told as one incident, and one fault told as several.

    python -m benchmarks.quiet.overlaps [--pairs 20] [--gaps 0,5,15,30,60] [--lines]

After the quiet part of the demo's recording, it goes on from its beginning, and two faults of the recording, drawn at
random, are put into it: the second one begins `gap` seconds after the first. Their lines are the labelled ones of the
first half minute of each. First each fault comes alone. *Merged* is a pair of which one told incident shows both,
*split* a fault that several told incidents show, *missed* one that none shows.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import groupby

from benchmarks.quiet.__main__ import settings_for
from benchmarks.quiet.chain import SOURCE, Chain
from benchmarks.quiet.recordings import Row, recording
from benchmarks.quiet.streams import BEGIN, as_json
from daemon.core.incidents import TOLD, IncidentStage
from daemon.core.observations import Observations

QUIET_STEP, STEP = 30.0, 1.0
"""Seconds of a stream that are read at once: in the quiet part, and then."""
CALM = 12.0
"""Seconds before the first fault begins, and after the last one."""
LENGTH = 30.0
"""Seconds of each fault."""
WARM_UP = 300

Shown = dict[tuple[str, int], str]
"""The fault that a line shows, by its scope and its time in milliseconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of two faults, or of one: whether one incident shows both, which have several incidents, and which have none."""

    merged: bool
    split: tuple[str, ...]
    missed: tuple[str, ...]


class Overlaps:
    """A stage and a chain that know the quiet part, and go on from there again and again."""

    def __init__(self) -> None:
        recorded = recording()
        self._span = recorded.quiet_span
        self._quiet = [row for row in recorded.rows if row.at < self._span]
        self._faults: dict[str, list[Row]] = defaultdict(list)
        for row in recorded.rows:
            of_fault = self._faults[recorded.shown[row.number]] if row.number in recorded.shown else None
            if of_fault is not None and row.at < (of_fault[0].at if of_fault else row.at) + LENGTH:
                of_fault.append(row)
        self._stage, self._chain = IncidentStage(settings_for("20/day", WARM_UP)), Chain(SOURCE)
        for step, some in groupby(self._quiet, key=lambda row: int(row.at // QUIET_STEP)):
            self._stage.take(observed(self._chain, some, 0.0, (step + 1) * QUIET_STEP))

    @property
    def names(self) -> list[str]:
        """The faults."""
        return sorted(self._faults)

    def outcome(self, faults: Sequence[str], gap: float) -> Outcome:
        """Return what is told of faults of which each begins `gap` seconds after the one before."""
        lines = [replace(row, key=f"{row.key}~again") for row in self._quiet]
        shown: Shown = {}
        for number, fault in enumerate(faults):
            rows = self._faults[fault]
            moved = [replace(row, at=CALM + number * gap + row.at - rows[0].at) for row in rows]
            shown |= {(row.scope, round((BEGIN + self._span + row.at) * 1000)): fault for row in moved}
            lines += moved
        until = CALM + gap + LENGTH + CALM
        return self._told((row for row in sorted(lines, key=lambda row: row.at) if row.at < until), shown, faults)

    def _told(self, lines: Iterable[Row], shown: Shown, faults: Sequence[str]) -> Outcome:
        stage, chain = deepcopy(self._stage), self._chain.fork()
        by_incident: dict[str, set[str]] = defaultdict(set)
        told: set[str] = set()
        for step, some in groupby(lines, key=lambda row: int(row.at // STEP)):
            seen = observed(chain, some, self._span, self._span + (step + 1) * STEP)
            told |= {news.incident.id for news in stage.take(seen) if news.event in TOLD}
        for incident in stage.incidents.values():
            places = [(symptom.scope, round(symptom.time * 1000)) for symptom in incident.symptoms]
            by_incident[incident.id] |= {shown[place] for place in places if place in shown}
        having = [[name for name in told if fault in by_incident[name]] for fault in faults]
        return Outcome(
            len(faults) > 1 and any(len(by_incident[name]) > 1 for name in told),
            tuple(fault for fault, mine in zip(faults, having, strict=True) if len(mine) > 1),
            tuple(fault for fault, mine in zip(faults, having, strict=True) if not mine),
        )


def observed(chain: Chain, rows: Iterable[Row], moved: float, until: float) -> Observations:
    """Return what is observed of some rows, `moved` in time, up to a time; both in seconds of the recording."""
    for row in rows:
        chain.hold(as_json(BEGIN + moved + row.at, row))
    return chain.observed(BEGIN + until)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiet.overlaps", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--gaps", default="0,5,15,30,60")
    parser.add_argument("--lines", action="store_true", help="print the faults with an error")
    options = parser.parse_args()
    overlaps = Overlaps()
    every = [(a, b) for a in overlaps.names for b in overlaps.names if a != b]
    pairs = random.Random(1).sample(every, min(options.pairs, len(every)))
    print("| faults | gap, s | merged | split | missed |\n|---|---|---|---|---|", flush=True)
    print_row("alone", [(name,) for name in overlaps.names], 0.0, overlaps, lines=options.lines)
    for gap in map(float, options.gaps.split(",")):
        print_row("two", pairs, gap, overlaps, lines=options.lines)


def print_row(name: str, some: Sequence[tuple[str, ...]], gap: float, overlaps: Overlaps, *, lines: bool) -> None:
    """Print one row, and with `lines` the faults with an error."""
    outcomes = [overlaps.outcome(faults, gap) for faults in some]
    count = sum(map(len, some))
    split, missed = (sum(len(getattr(one, error)) for one in outcomes) for error in ("split", "missed"))
    merged = f"{sum(one.merged for one in outcomes)} of {len(some)}" if len(some[0]) > 1 else ""
    print(f"| {name} | {gap:.0f} | {merged} | {split} of {count} | {missed} of {count} |", flush=True)
    for faults, one in zip(some, outcomes, strict=True) if lines else ():
        if one.merged or one.split or one.missed:
            print(f"    {' and '.join(faults)}: merged {one.merged}, split {one.split}, missed {one.missed}")


if __name__ == "__main__":
    main()
