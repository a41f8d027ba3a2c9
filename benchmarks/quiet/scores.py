"""What is told of a stream: by the daemon's observer and incidents stage, and by two simple rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.quiet.chain import SOURCE, Chain
from benchmarks.quiet.recordings import Row
from benchmarks.quiet.streams import as_json
from daemon.core.incidents import TOLD, IncidentSettings, IncidentStage, News
from daemon.core.observations import Gravity, Observations

STEP, QUIET_STEP = 1.0, 30.0
HOUR, DAY = 3600.0, 86_400.0
RULE_CEILING = 20


@dataclass(slots=True)
class Stream:
    """One stream in steps: what was observed, when, and which fault shows at (scope, microseconds)."""

    steps: list[tuple[float, Observations]] = field(default_factory=list)
    faults: dict[tuple[str, int], str] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    begin: float = 0.0
    faults_from: float = 0.0
    scopes: set[str] = field(default_factory=set)


def observe(rows: Iterator[tuple[float, Row]], shown: Mapping[int, str], faults_from: float) -> Stream:
    """Return what the daemon observes of a stream."""
    stream, chain = Stream(faults_from=faults_from), Chain(SOURCE)
    last = 0.0
    for at, row in rows:
        stream.begin = stream.begin or at
        stream.scopes.add(row.scope)
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


@dataclass(slots=True)
class Score:
    """What was told: in the quiet hours, in the faulty part, for which faults, and how many seconds after them."""

    quiet: list[str] = field(default_factory=list)
    faulty: list[str] = field(default_factory=list)
    false: int = 0
    delays: dict[str, float] = field(default_factory=dict)
    hours: float = 0.0
    scopes: int = 1

    def row(self, name: str) -> str:
        """Return the figures as a row of a table."""
        a_day = len(self.quiet) / self.hours * 24 / self.scopes if self.hours else 0.0
        late = sorted(self.delays.values())
        median = f"{late[len(late) // 2]:.1f}" if late else "-"
        longest = f"{late[-1]:.1f}" if late else "-"
        quiet = f"{len(self.quiet)} ({a_day:.1f})"
        return f"| {name} | {quiet} | {len(self.delays)} | {len(self.faulty)} | {self.false} | {median} | {longest} |"


def _score(stream: Stream) -> Score:
    return Score(hours=(stream.faults_from - stream.begin) / HOUR, scopes=len(stream.scopes))


def ours(stream: Stream, settings: IncidentSettings) -> Score:
    """Run the incidents stage over a stream."""
    stage, score = IncidentStage(settings), _score(stream)
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
            if incident.release is not None:
                text += f"; {incident.release.scope} {incident.release.version} was released"
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
    score = _score(stream)
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
