"""Stream time of a partition that several write to: the least clock of the writers that still write.

One clock for all would be that of the writer furthest ahead. Then a session would end before the lines of a slower
writer arrive. So stream time waits for each writer, except for

* a writer that reports that it is idle: it has read its whole partition, and nothing has come for a while. It repeats
  the report. A report older than `IDLE`, or from before a time as long in which nobody wrote, does not count;
* a writer without a block for `PATIENCE`: nobody processes its partition. What it writes later is late;
* all writers, when too many lines wait in open sessions.

Stream time depends only on the sequence of blocks and on the timestamps of their records. So a partition that is read
again has the same stream time at each block. For that, `fold` keeps the state at the offset where reading would begin
again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import orjson

from daemon.core.repartition.block import BlockHead

PATIENCE = 60_000
"""Milliseconds without a block after which stream time does not wait for a writer that is not idle."""


IDLE = 25_000
"""Milliseconds for which a writer's report that it is idle is valid."""


@dataclass(slots=True)
class Writer:
    """One writer. `clock` is in microseconds, None before its first line. `idle` is for how many seconds it was idle at
    its last block, None if it was not. `heard` is the time of that block in milliseconds, None before the first."""

    clock: int | None = None
    idle: float | None = None
    heard: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What holds for the lines of one block. `before` is the writer's clock before it, `others` the least clock of the
    other writers that are waited for (None without any), `time` stream time before it. With `held`, time stands still,
    because a writer that is waited for has no clock yet."""

    before: int | None
    others: int | None
    held: bool
    time: int | None


@dataclass(slots=True)
class _State:
    writers: dict[str, Writer]
    time: int | None = None
    latest: int = 0

    def hear(self, head: BlockHead, stamp: int, *, pressed: bool) -> Moment:
        """Take in a block that was written at `stamp` milliseconds; return what holds for its lines."""
        name = str(head.writer)
        if stamp - self.latest > IDLE:  # nobody wrote: earlier reports do not count
            for other in self.writers.values():
                other.idle, other.heard = None, stamp
        self.latest = max(self.latest, stamp)
        if self.time is None:
            self.time = head.first
        writer = self.writers.setdefault(name, Writer())
        awaited = [] if pressed else self.awaited(besides=name)
        clocks = [other.clock for other in awaited if other.clock is not None]
        moment = Moment(writer.clock, min(clocks, default=None), len(clocks) < len(awaited), self.time)
        if head.clock is not None:
            writer.clock = head.clock if writer.clock is None else max(writer.clock, head.clock)
        writer.idle, writer.heard = head.idle, self.latest
        self._move(pressed=pressed)
        return moment

    def awaited(self, besides: str = "") -> list[Writer]:
        """Return the writers that stream time waits for."""
        return [writer for name, writer in self.writers.items() if name != besides and self._awaits(writer)]

    def _awaits(self, writer: Writer) -> bool:
        silent = self.latest - (writer.heard or 0)
        return silent <= PATIENCE and not (writer.idle is not None and silent <= IDLE)

    def _move(self, *, pressed: bool) -> None:
        awaited = [] if pressed else self.awaited()
        known = [writer.clock for writer in awaited or self.writers.values() if writer.clock is not None]
        if self.time is None or len(known) < len(awaited):
            return
        self.time = max(self.time, min(known) if awaited else max(known))


class WriterClocks:
    """The clocks of one partition's writers; `expected` names those that are waited for before their first block."""

    def __init__(self, expected: Iterable[str] = (), kept: bytes | None = None) -> None:
        """`kept` is what `dump` returned for the offset from which the partition is read again."""
        self._now = _State({name: Writer() for name in expected}) if kept is None else _load(kept)
        self._base = _copied(self._now)
        self._since: deque[tuple[int, BlockHead, int, bool]] = deque()

    @property
    def time(self) -> int | None:
        """Stream time in microseconds; None before the first line."""
        return self._now.time

    @property
    def now(self) -> int | None:
        """Stream time, plus the time without lines where all writers are idle; None before the first line."""
        if self._now.time is None or self._now.awaited():
            return self._now.time
        idle = [w.clock + round(w.idle * 1e6) for w in self._now.writers.values() if w.clock and w.idle]
        return max(self._now.time, min(idle, default=0))

    def hear(self, offset: int, head: BlockHead, stamp: int, *, pressed: bool = False) -> Moment:
        """Take in the head of the block at `offset`, written at `stamp` milliseconds.

        `pressed`: too many lines wait, so no writer is waited for.
        """
        self._since.append((offset, head, stamp, pressed))
        return self._now.hear(head, stamp, pressed=pressed)

    def quiet(self, idle: float = 0.0) -> bool:
        """Whether all writers are idle or without a block for `PATIENCE`, `idle` seconds after the last block."""
        return not any(
            self._now.latest - (writer.heard or 0) + idle * 1_000 <= PATIENCE for writer in self._now.awaited()
        )

    def fold(self, offset: int) -> None:
        """Forget the single blocks below `offset`: reading will not begin there again."""
        while self._since and self._since[0][0] < offset:
            _, head, stamp, pressed = self._since.popleft()
            self._base.hear(head, stamp, pressed=pressed)

    def dump(self) -> bytes:
        """Return the state before the first block that is not folded."""
        base = self._base
        writers = {name: [w.clock, w.idle, w.heard] for name, w in sorted(base.writers.items())}
        return orjson.dumps({"time": base.time, "latest": base.latest, "writers": writers})


def _load(kept: bytes) -> _State:
    document = orjson.loads(kept)
    return _State({n: Writer(*w) for n, w in document["writers"].items()}, document["time"], document["latest"])


def _copied(state: _State) -> _State:
    return _State({name: replace(writer) for name, writer in state.writers.items()}, state.time, state.latest)
