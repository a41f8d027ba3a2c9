"""Sessions in a row that are learned together: one that was judged, and those after it whose cached verdicts hold.

Most sessions repeat an earlier one, and such a session does little more than count. A run leaves the scope as it would
be after one session at a time: nothing that its sessions change is read before the run ends, but for the counts that a
cached verdict depends on, and these are reckoned ahead. So a run ends before the next session that must be assessed,
moves the window's clock, or unsettles the baseline. Where a pattern has a label each session is learned alone: masses
are not whole numbers there, and their sums would depend on where a run ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from daemon.core.baseline import ABSENT, Sessions
from daemon.core.calibration import CHUNK
from daemon.core.detection import changelog_codec
from daemon.core.detection.scope import Scope
from daemon.core.detection.verdict_cache import CachedVerdict
from daemon.core.types import Judgement, Pattern, TopicPartition

Closed = tuple[Pattern, int]
"""A closed session's pattern, and its end in microseconds."""
_Served = tuple[CachedVerdict, list[int], int, int, int, int]
"""A verdict and the ends of the sessions that it has served in a run, up to which session of the run it serves, for how
many sessions, and the bounds of its bucket in microseconds."""


class JudgedRun:
    """A run of sessions of the scope called `name` and one input partition, in order; `begin` comes first.

    `verdicts` and `ends` are those of its sessions, `changed` the keys of what they change, in the order of the first
    change.
    """

    def __init__(self, name: str, scope: Scope, source: TopicPartition) -> None:
        self.verdicts: list[CachedVerdict] = []
        self.ends: list[int] = []
        self.changed: list[bytes] = []
        self._name, self._scope, self._source = name, scope, source
        self._served: dict[str, _Served] = {}
        self._buckets = range(0)
        self._chunk_ends = 0

    @property
    def judgements(self) -> list[Judgement]:
        """The judgement of each session."""
        return [verdict.judgement for verdict in self.verdicts]

    def counted(self) -> list[Sessions]:
        """Return the sessions by pattern."""
        return [
            Sessions(verdict.row, verdict.bucket, len(ends), min(ends), max(ends))
            for verdict, ends, *_ in self._served.values()
        ]

    def begin(self, pattern: Pattern, end: int, verdict: CachedVerdict) -> bool:
        """Begin with a session and the verdict on it; False where it must be learned alone."""
        baseline, ring = self._scope.baseline, self._scope.rings.get(self._source)
        window = baseline.window
        if ring is None or window.clock is None or len(baseline.labels) or not baseline.is_settled(window.total + 1):
            return False
        self._buckets = range(window.start, window.clock + 1)
        if verdict.row == ABSENT or verdict.bucket not in self._buckets:
            return False
        self._serve(0, pattern.id, end, verdict)
        return True

    def follow(self, sessions: Iterator[Closed]) -> Closed | None:
        """Take what follows of `sessions`; return the first of them that the run does not take, None at their end."""
        baseline, name, served, buckets = self._scope.baseline, self._name, self._served, self._buckets
        ring, cache = self._scope.ring(self._source), self._scope.cache(self._source)
        settled, width = baseline.settled_for(), baseline.window.bucket_us
        for ahead, session in enumerate(sessions, 1):
            pattern, end = session
            id_ = pattern.id
            if pattern.scope != name or ahead >= settled:
                return session
            known = served.get(id_)
            if known is None:
                cached = cache.find(id_, baseline, ring, end, ahead=ahead) if end // width in buckets else None
                if cached is None:
                    return session
                self._serve(ahead, id_, end, cached)
                continue
            cached, ends, last, most, begins, ends_at = known
            if ahead > last or len(ends) > most or not begins <= end < ends_at:
                return session
            ends.append(end)
            self._note(ahead, end, cached)
        return None

    def _serve(self, ahead: int, id_: str, end: int, verdict: CachedVerdict) -> None:
        """Take the first session of its pattern, after `ahead` others."""
        baseline, ring = self._scope.baseline, self._scope.ring(self._source)
        of_all, of_pattern = verdict.lasts(
            ring.count + ahead, baseline.window.total + ahead, baseline.patterns.mass.item(verdict.row)
        )
        begins = verdict.bucket * baseline.window.bucket_us
        self._served[id_] = verdict, [end], ahead + of_all, of_pattern, begins, begins + baseline.window.bucket_us
        self.changed.append(changelog_codec.weight_key(self._name, id_, self._source))
        self._note(ahead, end, verdict)

    def _note(self, ahead: int, end: int, verdict: CachedVerdict) -> None:
        """Note a session after `ahead` others."""
        if ahead == self._chunk_ends:
            ring = self._scope.ring(self._source)
            self.changed.append(changelog_codec.ring_key(self._name, self._source, ring.next_chunk(ahead)))
            self._chunk_ends += CHUNK - (ring.count + ahead) % CHUNK
        self.verdicts.append(verdict)
        self.ends.append(end)
