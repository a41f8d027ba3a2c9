"""Sessions in a row whose cached verdicts hold: they are judged and learned together.

Most sessions repeat an earlier one, and such a session does little more than count. A run of them leaves the scope as
it would be after one session at a time: nothing that its sessions change is read before the run ends, but for the
counts that a cached verdict depends on, and these are reckoned ahead. So a run ends before the first session that must
be assessed, moves the window's clock, or unsettles the baseline. Where a pattern has a label there is no run: masses
are not whole numbers there, and their sums would depend on where a run ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from daemon.core.baseline import Sessions
from daemon.core.calibration import CHUNK
from daemon.core.detection import changelog_codec
from daemon.core.detection.scope import Scope
from daemon.core.detection.verdict_cache import CachedVerdict
from daemon.core.types import Judgement, Pattern, TopicPartition

_Known = tuple[CachedVerdict, list[int], int, int, int, int]
"""A cached verdict and the ends of the sessions that it has served in a run, up to which session of the run it serves,
for how many sessions, and the bounds of its bucket in microseconds."""


@dataclass(slots=True)
class Repeats:
    """A run of sessions of one scope and input partition, in order.

    `changed` are the keys of what they change, in the order of the first change. `ends` are in microseconds.
    """

    verdicts: list[CachedVerdict] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    counted: list[Sessions] = field(default_factory=list)
    changed: list[bytes] = field(default_factory=list)

    @property
    def judgements(self) -> list[Judgement]:
        """The judgement of each session."""
        return [verdict.judgement for verdict in self.verdicts]


def repeats_of(name: str, scope: Scope, source: TopicPartition, sessions: Iterable[tuple[Pattern, int]]) -> Repeats:
    """Return the run of sessions of the scope `name` that `sessions` begin with, each a pattern and an end."""
    run, baseline, ring, cache = Repeats(), scope.baseline, scope.rings.get(source), scope.cache(source)
    window, total = baseline.window, baseline.window.total
    start, clock, width = window.start, window.clock, window.bucket_us
    if ring is None or clock is None or len(baseline.labels) or not baseline.is_settled(total + 1):
        return run
    settled, chunk_ends, found = baseline.settled_for(), 0, dict[str, _Known]()
    for ahead, (pattern, end) in enumerate(sessions):
        id_ = pattern.id
        if pattern.scope != name or ahead >= settled:
            break
        known = found.get(id_)
        if known is None:
            bucket = end // width
            cached = cache.find(id_, baseline, ring, end, ahead=ahead) if start <= bucket <= clock else None
            if cached is None:
                break
            of_all, of_pattern = cached.lasts(
                ring.count + ahead, total + ahead, baseline.patterns.mass.item(cached.row)
            )
            found[id_] = cached, [end], ahead + of_all, of_pattern, bucket * width, (bucket + 1) * width
            run.changed.append(changelog_codec.weight_key(name, id_, source))
        else:
            cached, served, last, most, begins, ends = known
            if ahead > last or len(served) > most or not begins <= end < ends:
                break
            served.append(end)
        if ahead == chunk_ends:
            run.changed.append(changelog_codec.ring_key(name, source, ring.next_chunk(ahead)))
            chunk_ends += CHUNK - (ring.count + ahead) % CHUNK
        run.verdicts.append(cached)
        run.ends.append(end)
    for cached, served, *_ in found.values():
        run.counted.append(Sessions(cached.row, cached.bucket, len(served), min(served), max(served)))
    return run
