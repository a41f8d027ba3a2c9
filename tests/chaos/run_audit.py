"""The audit of a run, and its comparison with a run without faults over the same input."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from daemon.core.detection.changelog_codec import parse_key
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.types import Update
from tests.chaos.cluster import RunTopics
from tests.chaos.progress import Commit
from tests.chaos.topic_reader import end_offsets, read_all
from tests.support.audit import Audit, Place, audit
from tests.support.embedding_server import DIMENSIONS

State = Mapping[bytes, bytes]
Session = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class RunAudit:
    """What a run published: the audit of its lines, its sessions with their lines, and the baseline topic's content.

    `cut` are the session keys with several sessions.
    """

    audit: Audit
    lines: int
    sessions: frozenset[Session]
    dead_letters: int
    baseline: State
    cut: frozenset[str]


async def audit_run(servers: str, run: RunTopics, deleted: Iterable[Place] = ()) -> RunAudit:
    """Read everything that a run has published, and audit it. `deleted` are places that retention deleted unread."""
    ends = await end_offsets(servers, run.input, run.partitions)
    expected = {(run.input, p, offset, 0) for p, end in ends.items() for offset in range(end)} - set(deleted)
    topics, partitions = run.by_role, run.width
    verdicts = [r.value for r in await read_all(servers, topics["verdicts"], partitions)]
    alerts = [r.value for r in await read_all(servers, topics["alerts"], partitions)]
    observations = [r.value for r in await read_all(servers, topics["observations"], 1)]
    letters = [dict(r.headers) for r in await read_all(servers, topics["dead_letters"], partitions)]
    baseline = {r.key: r.value for r in await read_all(servers, topics["baseline"], partitions)}
    documents = [orjson.loads(value) for value in verdicts]
    sessions = frozenset((d["id"], tuple(d["source"]["positions"])) for d in documents)
    keys = Counter(document["key"] for document in documents)
    cut = frozenset(key for key, count in keys.items() if count > 1)
    audited = audit(expected, verdicts, alerts, letters, observations)
    return RunAudit(audited, len(expected), sessions, len(letters), baseline, cut)


def weights(state: State) -> dict[bytes, bytes]:
    """Return the part of a baseline that counts sessions, which no fault may change."""
    return {key: value for key, value in state.items() if key.startswith(b'["weight"') and value is not None}


def restored(state: State) -> tuple[State, State]:
    """Return the states of two detectors that have read the topic: one in one batch, one record by record."""
    updates = [Update(key, value) for key, value in state.items()]
    first, second = (Detector(DetectorSettings(warm_up=0), "stub:32", DIMENSIONS) for _ in range(2))
    first.apply(updates)
    for update in reversed(updates):
        second.apply([update])
    a, b = ({u.key: u.value for u in detector.dump() if u.value is not None} for detector in (first, second))
    return a, b


def of_scopes(state: State, scopes: set[str]) -> dict[bytes, bytes]:
    """Return the weights of some scopes."""
    return {key: value for key, value in weights(state).items() if parse_key(key)[1] in scopes}


def scopes_of(state: State) -> set[str]:
    """Return the scopes that have weights."""
    return {parse_key(key)[1] for key in weights(state)}


def problems_of(
    run: RunAudit, reference: RunAudit | None, states: Sequence[State], *, shared_out: bool = False
) -> list[str]:
    """Return what is wrong with a run: lines lost or doubled, or a difference from the `reference` without faults.

    `states` are the detectors' states of all replicas, which must agree with the baseline topic. Where they share it
    out, each has some scopes whole, and every scope is somewhere.
    """
    problems = [] if run.audit.clean else [str(run.audit)]
    topic = weights(run.baseline)
    every = scopes_of(run.baseline)
    for number, state in enumerate(states):
        if weights(state) != of_scopes(run.baseline, scopes_of(state) if shared_out else every):
            problems.append(f"replica {number} holds another baseline than the topic")
    if shared_out and set[str]().union(*map(scopes_of, states)) != every:
        problems.append("no replica holds some scope of the topic")
    first, second = restored(run.baseline)
    if not weights(first) == weights(second) == topic:
        problems.append("two readers of the baseline's topic disagree")
    return problems if reference is None else [*problems, *_differences(run, reference)]


def sessions_cut(run: RunAudit) -> list[str]:
    """Return what is wrong where every key has one session."""
    return [f"{len(run.cut)} sessions were cut: {', '.join(sorted(run.cut)[:10])}"] if run.cut else []


def _differences(run: RunAudit, reference: RunAudit) -> list[str]:
    problems = [] if reference.audit.clean else [f"the run without faults: {reference.audit}"]
    missing, more = len(reference.sessions - run.sessions), len(run.sessions - reference.sessions)
    if missing or more:
        problems.append(f"{missing} sessions of the run without faults are missing, and there are {more} others")
    if reference.dead_letters != run.dead_letters:
        problems.append(f"{run.dead_letters} dead letters, without faults {reference.dead_letters}")
    ours, theirs = weights(run.baseline), weights(reference.baseline)
    if differ := sum(ours.get(key) != theirs.get(key) for key in ours.keys() | theirs.keys()):
        problems.append(f"{differ} weights of {len(theirs)} differ from the run without faults")
    return problems


def by_fault(places: Sequence[Place], commits: Mapping[int, Sequence[Commit]], begins: Sequence[int]) -> Counter[int]:
    """Count places by fault, an index of `begins` (ms): the last that began before the place was committed as read."""
    counts: Counter[int] = Counter()
    for _, partition, offset, _ in places:
        reached = [commit.next for commit in commits[partition]]
        index = bisect_right(reached, offset)
        at = commits[partition][min(index, len(reached) - 1)].at if reached else 0
        counts[max(0, bisect_left(begins, at) - 1)] += 1
    return counts
