"""The audit of a run, and its comparison with a run without faults over the same input."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from daemon.core.calibration.budget import Budget
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.types import Update
from tests.chaos.stage import Names
from tests.chaos.stub import DIMENSIONS
from tests.chaos.watching import Commit, ends_of, read_all
from tests.support.audit import Audit, Place, audit

State = Mapping[bytes, bytes]
Session = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Findings:
    """What was published in a run: the audit, sessions with their lines, and the baseline as the topic tells it."""

    audit: Audit
    lines: int
    sessions: frozenset[Session]
    letters: int
    baseline: State


async def find(servers: str, names: Names, gone: Iterable[Place] = ()) -> Findings:
    """Read everything that a run has published, and audit it. `gone` are places that retention took unread."""
    ends = await ends_of(servers, names.input, names.partitions)
    wanted = {(names.input, p, offset, 0) for p, end in ends.items() for offset in range(end)} - set(gone)
    topics, width = names.topics, names.partitions
    verdicts = [r.value for r in await read_all(servers, topics["verdicts"], width)]
    alerts = [r.value for r in await read_all(servers, topics["alerts"], width)]
    letters = [dict(r.headers) for r in await read_all(servers, topics["dead_letters"], width)]
    baseline = {r.key: r.value for r in await read_all(servers, topics["baseline"], width)}
    sessions = frozenset((d["id"], tuple(d["source"]["positions"])) for d in map(orjson.loads, verdicts))
    return Findings(audit(wanted, verdicts, alerts, letters), len(wanted), sessions, len(letters), baseline)


def weights(state: State) -> dict[bytes, bytes]:
    """Return the part of a baseline that counts sessions: what must be equal, whatever happened."""
    return {key: value for key, value in state.items() if key.startswith(b'["weight"') and value is not None}


def in_two_detectors(state: State) -> tuple[State, State]:
    """Return what two detectors hold that have read the topic, one in a single piece, one record by record."""
    updates = [Update(key, value) for key, value in state.items()]
    first, second = (
        Detector(DetectorSettings(warm_up=0, budget=Budget(share=1.0)), "stub:32", DIMENSIONS) for _ in range(2)
    )
    first.apply(updates)
    for update in reversed(updates):
        second.apply([update])
    a, b = ({u.key: u.value for u in detector.dump() if u.value is not None} for detector in (first, second))
    return a, b


@dataclass
class Verdicts:
    """What is wrong with a run, as sentences; none is a pass."""

    problems: list[str] = field(default_factory=list)

    def want(self, holds: bool, otherwise: str) -> None:
        """Note a problem unless something holds."""
        if not holds:
            self.problems.append(otherwise)


def judge(found: Findings, calm: Findings | None, states: Sequence[State]) -> Verdicts:
    """Compare a run with what it must be: clean, equal to the calm run, and of one mind in all replicas."""
    verdicts = Verdicts()
    verdicts.want(found.audit.clean, str(found.audit))
    told = weights(found.baseline)
    for number, state in enumerate(states):
        verdicts.want(weights(state) == told, f"replica {number} holds another baseline than the topic")
    first, second = in_two_detectors(found.baseline)
    verdicts.want(weights(first) == weights(second) == told, "two readers of the baseline's topic disagree")
    if calm is not None:
        verdicts.want(calm.audit.clean, f"the run without faults: {calm.audit}")
        missing, more = len(calm.sessions - found.sessions), len(found.sessions - calm.sessions)
        verdicts.want(
            not missing and not more, f"{missing} sessions of the run without faults are missing, {more} are others"
        )
        verdicts.want(calm.letters == found.letters, f"{found.letters} dead letters, without faults {calm.letters}")
        other = weights(calm.baseline)
        differ = sum(told.get(key) != other.get(key) for key in told.keys() | other.keys())
        verdicts.want(not differ, f"{differ} weights of {len(other)} differ from the run without faults")
    return verdicts


def by_time(places: Sequence[Place], commits: Mapping[int, Sequence[Commit]], begins: Sequence[int]) -> Counter[int]:
    """Attribute places to faults: the last one that began before the place was first read and committed."""
    counts: Counter[int] = Counter()
    for _, partition, offset, _ in places:
        reached = [commit.next for commit in commits[partition]]
        place = bisect_right(reached, offset)
        at = commits[partition][min(place, len(reached) - 1)].at if reached else 0
        counts[max(0, bisect_left(begins, at) - 1)] += 1
    return counts
