"""Stream time of a partition that several write to: the least clock of the writers that still write.

One clock for all would be that of the writer furthest ahead. Then a session would end before the lines of a slower one
have come. So stream time waits for each writer, but not

* for one that says it is idle: it has read all there is of its partition, and nothing has come for a while. It says so
  again and again; what it said more than `IDLE` ago, or before nobody at all wrote for so long, does not count;
* for one that was not heard for `PATIENCE`: nobody works on its partition. What it writes later is late;
* for any, when too many lines wait in open sessions.

All of it is decided by the sequence of blocks and the times at which they were written, by the brokers' records. So a
partition that is read again has the same stream time at each block. For that, `fold` keeps the state of where reading
would begin again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import orjson

from daemon.core.repartition.block import BlockHead

PATIENCE = 60_000
"""Milliseconds without a block after which a writer that is not idle is not waited for."""


IDLE = 25_000
"""Milliseconds for which it counts that a writer is idle."""


@dataclass(slots=True)
class Writer:
    """What is known of one writer: its clock in microseconds, None before its first line; for how many seconds it was
    idle when it was last heard, None if it was not; when that was, in milliseconds, None before its first block."""

    clock: int | None = None
    idle: float | None = None
    heard: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What holds for the lines of one block: the writer's clock before it, the least of the others that are waited for
    (None: of none), and stream time before it. `held`: one that is waited for has no clock yet, so time stands."""

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
        if stamp - self.latest > IDLE:  # nobody was at work: what was said before does not count
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
    """The clocks of one partition's writers; `expected` are those that are known to write before they are heard."""

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
        """Stream time, and the time for which nothing has followed where all writers are idle; None as for `time`."""
        if self._now.time is None or self._now.awaited():
            return self._now.time
        idle = [w.clock + round(w.idle * 1e6) for w in self._now.writers.values() if w.clock and w.idle]
        return max(self._now.time, min(idle, default=0))

    def hear(self, offset: int, head: BlockHead, stamp: int, *, pressed: bool = False) -> Moment:
        """Take in the head of the block at `offset`, written at `stamp` milliseconds.

        `pressed`: too many lines wait, so nobody is waited for.
        """
        self._since.append((offset, head, stamp, pressed))
        return self._now.hear(head, stamp, pressed=pressed)

    def quiet(self, idle: float = 0.0) -> bool:
        """Whether all writers wait for more, or were not heard for long, if `idle` seconds passed after the last."""
        return not any(
            self._now.latest - (writer.heard or 0) + idle * 1_000 <= PATIENCE for writer in self._now.awaited()
        )

    def fold(self, offset: int) -> None:
        """Forget what happened from block to block below `offset`: reading will not begin there again."""
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
