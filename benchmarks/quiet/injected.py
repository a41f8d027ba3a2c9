"""Faults that no line says: a usual line goes missing from sessions, or two kinds of sessions come mixed.

    python -m benchmarks.quiet.injected [--modes plain,resample] [--repetitions 30] [--faults 20] [--lines]

After the quiet hours of a stream, its quiet part goes on for a quarter of an hour, once for each fault and once
without one. *missing*: of the sessions that have a line X, a share (0.8) loses a line Y that 98% of them had. *mixed*:
the lines of a session of one kind are put into as many sessions of another kind. No line is new and none reads like a
failure. Told is a fault that opens an incident about its line, or, of a mixture, about any line of its scope. The delay
is from the first session that has the fault. Others are messages about anything else.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import groupby

from benchmarks.quiet.__main__ import settings_for
from benchmarks.quiet.chain import SOURCE, Chain
from benchmarks.quiet.recordings import Row, recording
from benchmarks.quiet.streams import BEGIN, Maker, Mode, as_json
from daemon.core.incidents import TOLD, IncidentStage, News
from daemon.core.observations import cause_of

STEP = 30.0
"""Seconds of a stream that are read at once."""
TURNS = 2
"""Repetitions of the quiet part that have the fault."""
CALM = 60.0
"""Seconds of them before the fault begins."""
SURE = 0.98
"""Least share of the sessions with X that have Y."""
OFTEN = 20
"""Least number of sessions with X, and of a kind that is mixed, in one repetition."""

Causes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """In sessions of `scope` with the causes `anchor`, the line `lost` is missing or lines of `other` are there too."""

    scope: str
    anchor: frozenset[str]
    lost: str = ""
    other: tuple[Row, ...] = ()
    name: str = ""

    def hits(self, scope: str, causes: Sequence[str]) -> bool:
        """Return whether it can hit a session."""
        return scope == self.scope and (self.anchor <= set(causes) if self.lost else self.anchor == set(causes))

    def shows_in(self, news: News) -> bool:
        """Return whether an incident has the line that is lost, or, where none is, anything of the scope."""
        symptoms = [symptom for symptom in news.incident.symptoms if symptom.scope == self.scope]
        return any(symptom.cause == self.lost for symptom in symptoms) if self.lost else bool(symptoms)

    def apply(self, rows: Sequence[Row], causes: Sequence[str]) -> list[Row]:
        """Return the lines of a session that it hits."""
        if self.lost:
            return [row for row, cause in zip(rows, causes, strict=True) if cause != self.lost]
        moved = [replace(row, at=rows[0].at + row.at - self.other[0].at, key=rows[0].key) for row in self.other]
        return sorted([*rows, *moved], key=lambda row: row.at)


@dataclass(slots=True)
class Outcome:
    """What was told of faults: how many, by kind of symptom, after how many seconds, and what else was."""

    told: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class Sessions:
    """The sessions of the quiet part of a stream, with the cause of each line."""

    def __init__(self, maker: Maker) -> None:
        self.span = maker.span
        rows = [row for row in maker.rows if row.at < maker.span]
        masked = Chain(SOURCE).read([as_json(BEGIN + row.at, row) for row in rows])["masked"].to_list()
        self.lines = dict(zip(masked, rows, strict=True))
        self.by_key: dict[tuple[str, str], tuple[list[Row], list[str]]] = defaultdict(lambda: ([], []))
        for row, line in zip(rows, masked, strict=True):
            of_key = self.by_key[row.scope, row.key]
            of_key[0].append(row)
            of_key[1].append(cause_of(line).id)
        self.bad = {cause_of(line).id for line in self.lines if cause_of(line).score > 0}
        self.texts = {cause_of(line).id: row.message for line, row in self.lines.items()}
        self.kinds = Counter((scope, frozenset(causes)) for (scope, _), (_, causes) in self.by_key.items())

    def harmless(self) -> Iterator[tuple[str, frozenset[str], int]]:
        """Yield scope, causes and number of the sessions of each kind without a warning or failure."""
        for (scope, causes), times in self.kinds.items():
            if not causes & self.bad:
                yield scope, causes, times

    def lost_lines(self) -> list[Fault]:
        """Return each way in which a line can go missing from sessions that have another one."""
        having: Counter[tuple[str, str]] = Counter()
        both: Counter[tuple[str, str, str]] = Counter()
        for scope, causes, times in self.harmless():
            for x in causes:
                having[scope, x] += times
                for y in causes - {x}:
                    both[scope, x, y] += times
        faults: dict[tuple[str, str, int], Fault] = {}
        for (scope, x, y), times in sorted(both.items()):
            if having[scope, x] >= OFTEN and times >= SURE * having[scope, x]:
                name = f"{self.texts[y][:70]!r} where {self.texts[x][:70]!r}"
                faults.setdefault((scope, y, having[scope, x]), Fault(scope, frozenset({x}), lost=y, name=name))
        return list(faults.values())

    def mixtures(self) -> list[Fault]:
        """Return each pair of kinds that are never together, the second one put into the first."""
        often = [(scope, causes) for scope, causes, times in self.harmless() if times >= OFTEN // 2]
        rows: dict[tuple[str, frozenset[str]], tuple[Row, ...]] = {}
        for (scope, _), (lines, causes) in self.by_key.items():
            rows.setdefault((scope, frozenset(causes)), tuple(lines))
        return [
            Fault(a[0], a[1], other=rows[b], name=f"{rows[a][0].message[:60]!r} and {rows[b][0].message[:60]!r}")
            for a in often
            for b in often
            if a[0] == b[0] and not b[1] <= a[1] and not any(a[1] | b[1] <= known for _, known in self.kinds)
        ]


class Trial:
    """A stage and a chain that know the quiet hours of a stream, and go on from there again and again."""

    def __init__(self, maker: Maker, *, together: bool = True) -> None:
        self.sessions = Sessions(maker)
        self._stage, self._chain = IncidentStage(settings_for("20/day", 1000)), Chain(SOURCE)
        self._begin = maker.faults_from - BEGIN
        self._together = together
        self.quiet = self._run(self._stage, self._chain, (pair for pair in maker if pair[0] < maker.faults_from))

    def go_on(self, fault: Fault | None, share: float, seed: int) -> tuple[list[News], float]:
        """Return what is told while the quiet part goes on with a fault, and when its first session began."""
        chance, hit = random.Random(seed), list[float]()
        lines: list[tuple[float, Row]] = []
        for turn in range(TURNS):
            begin = self._begin + turn * self.sessions.span
            for number, ((scope, key), (rows, causes)) in enumerate(self.sessions.by_key.items()):
                changed = list(rows)
                late = turn or rows[0].at >= CALM
                if fault is not None and late and fault.hits(scope, causes) and chance.random() < share:
                    hit.append(BEGIN + begin + rows[0].at)
                    changed = fault.apply(rows, causes)
                lines += [(BEGIN + begin + row.at, replace(row, key=f"{key}~T{turn}.{number}")) for row in changed]
        stage, chain = deepcopy(self._stage), self._chain.fork()
        return self._run(stage, chain, iter(sorted(lines, key=lambda pair: pair[0]))), min(hit, default=0.0)

    def _run(self, stage: IncidentStage, chain: Chain, lines: Iterator[tuple[float, Row]]) -> list[News]:
        told: list[News] = []
        for step, some in groupby(lines, key=lambda pair: int(pair[0] // STEP)):
            for at, row in some:
                chain.hold(as_json(at, row))
            seen = chain.observed((step + 1) * STEP)
            seen = seen if self._together else replace(seen, together=())
            told += [news for news in stage.take(seen) if news.event in TOLD]
        return told


def outcome(trial: Trial, faults: Sequence[Fault], share: float) -> Outcome:
    """Return what is told of each fault by itself."""
    result = Outcome()
    for seed, fault in enumerate(faults):
        news, began = trial.go_on(fault, share, seed)
        mine = [one for one in news if one.at >= began and fault.shows_in(one)]
        if mine:
            result.told.append(shown(mine[0]))
            result.delays.append(mine[0].at - began)
        result.others += [f"{fault.name}: {shown(one)}" for one in news if one not in mine[:1]]
    return result


def shown(news: News) -> str:
    """Return what is told, in one line."""
    head = news.incident.symptoms[news.incident.headline]
    return f"{news.event} {head.scope} {head.kind} {head.text[:80]!r} {head.why}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiet.injected", description=__doc__)
    parser.add_argument("--modes", default="plain,resample")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--lines", action="store_true", help="print everything that was told")
    parser.add_argument("--without", action="store_true", help="without the observation of which lines come together")
    options = parser.parse_args()
    print("| stream | fault | told | median delay s | longest s | others told | told in the quiet hours |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for mode in options.modes.split(","):
        trial = Trial(Maker(recording(), Mode(mode), options.repetitions), together=not options.without)
        calm, _ = trial.go_on(None, 0.0, 0)
        for name, every in (("missing", trial.sessions.lost_lines()), ("mixed", trial.sessions.mixtures())):
            faults = random.Random(1).sample(every, min(options.faults, len(every)))
            result = outcome(trial, faults, options.share)
            late = sorted(result.delays)
            delays = [f"{seconds:.0f}" for seconds in (late[len(late) // 2], late[-1])] if late else ["-", "-"]
            told = f"{len(late)} of {len(faults)} (of {len(every)} ways)"
            print(
                f"| {mode} | {name} | {told} | {' | '.join(delays)} | {len(result.others)} | {len(trial.quiet)} |",
                flush=True,
            )
            for line in (*result.told, *result.others) if options.lines else ():
                print(f"    {line}")
        print(f"| {mode} | none | | | | {len(calm)} | {len(trial.quiet)} |", flush=True)
        for news in (*trial.quiet, *calm) if options.lines else ():
            print(f"    {shown(news)}")


if __name__ == "__main__":
    main()
