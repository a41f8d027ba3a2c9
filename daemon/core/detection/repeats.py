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


@dataclass(slots=True)
class Repeats:
    """A run of sessions of one scope and input partition, in order.

    `changed` are the keys of what they change, in the order of the first change. `ends` are in microseconds.
    """

    verdicts: list[CachedVerdict] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    counted: dict[str, Sessions] = field(default_factory=dict)
    changed: list[bytes] = field(default_factory=list)

    @property
    def judgements(self) -> list[Judgement]:
        """The judgement of each session."""
        return [verdict.judgement for verdict in self.verdicts]


def repeats_of(name: str, scope: Scope, source: TopicPartition, sessions: Iterable[tuple[Pattern, int]]) -> Repeats:
    """Return the run of sessions of the scope `name` that `sessions` begin with, each a pattern and an end."""
    run, baseline, ring, cache = Repeats(), scope.baseline, scope.rings.get(source), scope.cache(source)
    window = baseline.window
    start, clock, width, total = window.start, window.clock, window.bucket_us, window.total
    if ring is None or clock is None or len(baseline.labels):
        return run
    found: dict[str, tuple[CachedVerdict, Sessions, float]] = {}
    for ahead, (pattern, end) in enumerate(sessions):
        id_, bucket, sessions_before = pattern.id, end // width, total + ahead
        if pattern.scope != name or not start <= bucket <= clock or not baseline.is_settled(sessions_before + 1):
            break
        known = found.get(id_)
        if known is None:
            cached = cache.find(id_, baseline, ring, end, ahead=ahead)
            if cached is None:
                break
            of_one = run.counted[id_] = Sessions(cached.row, bucket, 1, end, end)
            found[id_] = cached, of_one, baseline.patterns.mass.item(cached.row)
            run.changed.append(changelog_codec.weight_key(name, id_, source))
        else:
            cached, of_one, mass = known
            if not cached.holds(ring.count + ahead, sessions_before, mass + of_one.count, bucket):
                cache.discard(id_)
                break
            of_one.add(end)
        if not ahead or not (ring.count + ahead) % CHUNK:
            run.changed.append(changelog_codec.ring_key(name, source, ring.next_chunk(ahead)))
        run.verdicts.append(cached)
        run.ends.append(end)
    return run
