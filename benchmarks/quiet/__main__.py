"""Protocol Q: what is told in hours without a fault, and how the faults that follow are told.

    python -m benchmarks.quiet [--modes plain,deploy] [--budgets 20/day,100/day] [--repetitions 30] [--lines]

The streams go through the daemon's own formats, masks, observer and incidents stage: the quiet hours in steps of 30
seconds of event time, the faults in steps of one second, as a daemon that keeps up would read them. With `--lines` all
told incidents are printed. Beside it stand two simple rules: a never-seen line with a failure word,
and any never-seen line, at most 20 a day and scope. Sessions are not judged here, so no model is needed: what is told
rests on lines, times and keys.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.quiet.streams import (
    BEGIN,
    RECORDINGS,
    Maker,
    Mode,
    Row,
    as_json,
    quiet_span,
    recording,
    seconds,
    traffic_begins,
)
from daemon.config.values import rate_of
from daemon.core.formats import FormatSettings, make_format
from daemon.core.incidents import TOLD, Ceiling, IncidentSettings, IncidentStage, News
from daemon.core.masking import Masker
from daemon.core.observations import Case, Gravity, Observations, Observer, cause_of
from daemon.core.sessions import Sessionizer, SessionLimits
from daemon.core.types import Batch, ClosedBy, Session, TopicPartition

SOURCE = TopicPartition("quiet", 0)
STEP, QUIET_STEP = 1.0, 30.0
LIMITS = SessionLimits(30_000_000, 300_000_000, 10_000, 32_000, 1_000_000)
HOUR, DAY = 3600.0, 86_400.0
RULE_CEILING = 20


def faults_by_line(rows: list[Row]) -> dict[int, str]:
    """Return the fault that each labelled line of the recording shows, by the line's number from 0."""
    begin = traffic_begins()
    sessions: dict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    with (RECORDINGS / "sessions.csv").open() as file:
        for row in csv.DictReader(file):
            if row["label"] == "1":
                span = seconds(row["start"]) - begin, seconds(row["end"]) - begin, row["fault"]
                sessions[row["scope"], row["key"]].append(span)
    shown: dict[int, str] = {}
    with (RECORDINGS / "lines.csv").open() as file:
        for line in csv.DictReader(file):
            row_ = rows[int(line["line"]) - 1]
            spans = sessions[row_.scope, row_.key]
            shown[row_.number] = next(f for a, b, f in spans if a - 0.01 <= row_.at <= b + 0.01)
    return shown


@dataclass(slots=True)
class Stream:
    """One stream in steps: what was observed, when, and which fault shows at (scope, microseconds)."""

    steps: list[tuple[float, Observations]] = field(default_factory=list)
    faults: dict[tuple[str, int], str] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    begin: float = 0.0
    faults_from: float = 0.0


def observe(rows: Iterator[tuple[float, Row]], shown: dict[int, str], faults_from: float) -> Stream:
    """Return what the daemon observes of a stream."""
    stream, chain = Stream(faults_from=faults_from), Chain(SOURCE)
    last = 0.0
    for at, row in rows:
        stream.begin = stream.begin or at
        if row.number in shown:
            stream.faults.setdefault((row.scope, round(at * 1000) * 1000), shown[row.number])
            stream.first.setdefault(shown[row.number], at)
        step = QUIET_STEP if at < faults_from - QUIET_STEP else STEP
        if last and int(at / step) != int(last / step):
            stream.steps.append((last, chain.observed(last)))
        chain.hold(as_json(at, row))
        last = at
    stream.steps.append((last, chain.observed(last)))
    chain.end()
    stream.steps.append((last, chain.observed(last)))
    return stream


class Chain:
    """The parts of the daemon that the lines of a partition go through, up to what is observed of them."""

    def __init__(self, source: TopicPartition) -> None:
        self._source = source
        self._reader, self._masker = make_format(FormatSettings()), Masker()
        self._sessionizer = Sessionizer(LIMITS, _tokens)
        self._observer = Observer(source)
        self._held: list[bytes] = []
        self._offset = 0

    def hold(self, value: bytes) -> None:
        """Keep a record for the next `observed`."""
        self._held.append(value)

    def observed(self, now: float) -> Observations:
        """Read the records kept; return what is observed up to `now`, seconds since the epoch."""
        values, self._held = self._held, []
        if count := len(values):
            offsets = range(self._offset, self._offset + count)
            batch = Batch(self._source, offsets, [-1] * count, [None] * count, values)
            lines = self._masker.apply(self._reader.parse(batch).lines.with_columns(read="position"))
            self._offset += count
            self._observer.lines(lines)
            closed = self._sessionizer.push(lines)
            self._observer.sessions(lines, self._sessionizer.first_positions())
            for session in closed:
                _close(self._observer, session)
        return self._observer.take(round(now * 1e6))

    def end(self) -> None:
        """Close what is open."""
        for session in self._sessionizer.flush(ClosedBy.FLUSH):
            _close(self._observer, session)


def _close(observer: Observer, session: Session) -> None:
    causes = [cause_of(line.masked) for line in session.lines]
    bad = [cause.id for cause in causes if cause.score > 0]
    if bad:
        observer.case(Case(session.key, session.scope, session.end, bad, {}))


def _tokens(lines: Sequence[str]) -> NDArray[np.int32]:
    return np.array([len(line) // 4 + 1 for line in lines], np.int32)


@dataclass(slots=True)
class Score:
    """What was told: in the quiet hours, in the faulty part, for which faults, and how many seconds after them."""

    quiet: list[str] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)
    false: int = 0
    delays: dict[str, float] = field(default_factory=dict)
    hours: float = 0.0
    scopes: int = 4

    def row(self, name: str) -> str:
        """Return the figures as a row of a table."""
        a_day = len(self.quiet) / self.hours * 24 / self.scopes if self.hours else 0.0
        late = sorted(self.delays.values())
        median = f"{late[len(late) // 2]:.1f}" if late else "-"
        longest = f"{late[-1]:.1f}" if late else "-"
        quiet = f"{len(self.quiet)} ({a_day:.1f})"
        return f"| {name} | {quiet} | {len(self.delays)} | {len(self.faulty)} | {self.false} | {median} | {longest} |"


def ours(stream: Stream, settings: IncidentSettings) -> Score:
    """Run the incidents stage over a stream."""
    stage, score = IncidentStage(settings), Score(hours=(stream.faults_from - stream.begin) / HOUR)
    faults: dict[str, set[str]] = defaultdict(set)
    told: dict[str, News] = {}
    for now, observations in stream.steps:
        for news in stage.take(observations):
            incident = news.incident
            for symptom in incident.symptoms:
                fault = stream.faults.get((symptom.scope, round(symptom.time * 1000) * 1000))
                if fault:
                    faults[incident.id].add(fault)
            head = incident.symptoms[incident.headline]
            text = f"{news.event} {incident.services} {head.kind} {head.text[:100]!r} {head.why}"
            if news.event in TOLD:
                (score.quiet if now < stream.faults_from else score.faulty).append(text)
                told[f"{incident.id}/{news.number}"] = news
            if any(key.startswith(incident.id) for key in told):
                for fault in faults[incident.id]:
                    score.delays.setdefault(fault, now - stream.first[fault])
    score.false = sum(
        not faults[news.incident.id] for news in told.values() if news.incident.onset >= stream.faults_from
    )
    return score


def rule(stream: Stream, least: Gravity, warm_up: int) -> Score:
    """Run the rule "a never-seen line at least as bad, at most 20 a day and scope"."""
    score = Score(hours=(stream.faults_from - stream.begin) / HOUR)
    seen: set[tuple[str, str]] = set()
    sessions: Counter[str] = Counter()
    told: dict[str, list[float]] = defaultdict(list)
    for now, observations in stream.steps:
        for traffic in observations.traffic:
            sessions[traffic.scope] += traffic.sessions
        for s in observations.sightings:
            new = (s.scope, s.cause) not in seen
            seen.add((s.scope, s.cause))
            lately = [at for at in told[s.scope] if at > now - DAY]
            if not new or Gravity.of(s.score) < least or sessions[s.scope] < warm_up or len(lately) >= RULE_CEILING:
                continue
            told[s.scope] = [*lately, now]
            (score.quiet if now < stream.faults_from else score.faulty).append(s.text)
            fault = stream.faults.get((s.scope, s.time))
            if fault:
                score.delays.setdefault(fault, now - stream.first[fault])
            score.false += now >= stream.faults_from and fault is None
    return score


def settings_for(budget: str, warm_up: int) -> IncidentSettings:
    """Return the stage's settings for a budget such as ``20/day`` or ``0.01``."""
    per_day = rate_of(budget)
    ceiling = Ceiling(per_day) if per_day is not None else Ceiling(None, float(budget))
    return replace(IncidentSettings(), ceiling=ceiling, warm_up=warm_up)


def streams(modes: list[str], repetitions: int) -> Iterator[tuple[str, Stream, int]]:
    """Yield name, stream and warm-up: the recording as it is, and each mode."""
    rows = recording()
    shown = faults_by_line(rows)
    for mode in modes:
        if mode == "demo":
            pairs = ((BEGIN + row.at, row) for row in rows)
            yield mode, observe(iter(pairs), shown, BEGIN + quiet_span()), 300
        else:
            maker = Maker(Mode(mode), repetitions)
            yield mode, observe(iter(maker), shown, maker.faults_from), 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiet", description=__doc__)
    parser.add_argument("--modes", default=",".join(["demo", *Mode]))
    parser.add_argument("--budgets", default="5/day,20/day,100/day")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--lines", action="store_true", help="print every told incident")
    options = parser.parse_args()
    print(
        "| stream, rule | told in quiet hours (a day and scope) | faults told of 15 | told in the faulty part ", end=""
    )
    print("| false | median delay s | longest s |\n|---|---|---|---|---|---|---|")
    for name, stream, warm_up in streams(options.modes.split(","), options.repetitions):
        for budget in options.budgets.split(","):
            score = ours(stream, settings_for(budget, warm_up))
            print(score.row(f"{name}, {budget}"), flush=True)
            for line in (*score.quiet, *score.faulty) if options.lines else ():
                print(f"    {line}")
        print(rule(stream, Gravity.WARNING, warm_up).row(f"{name}, first line with a failure word"))
        print(rule(stream, Gravity.HARMLESS, warm_up).row(f"{name}, first line at all"))


if __name__ == "__main__":
    main()
