"""The transactions of one partition while it runs: when they are due, one at a time, and what is counted after each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic, perf_counter, time

from daemon.core.stream import CommitClock, Settlement, checkpoint_key, checkpoint_records
from daemon.core.types import OutRecord, TopicPartition
from daemon.runtime.recovery import Lost, Recovered
from daemon.runtime.shared import Shared
from daemon.runtime.step_metrics import count_settlement


class Commits:
    """Commits what the processor hands over. `on_end` is called whenever a transaction succeeds or fails.

    `committed_at` is when the last one succeeded (or the partition began to run), by the monotonic clock. By scope,
    `incidents` were open at that time, `told` were told in the day before, and `budgets` may be told in a day; `mutes`
    were in force. `count` is how many transactions succeeded since the partition began to run.
    """

    def __init__(self, source: TopicPartition, shared: Shared, on_end: Callable[[], None]) -> None:
        self.committed_at = monotonic()
        self.incidents: Mapping[str, int] = {}
        self.told: Mapping[str, int] = {}
        self.budgets: Mapping[str, float] = {}
        self.mutes = 0
        self.count = 0
        self._source = source
        self._shared = shared
        self._on_end = on_end
        self._clock = CommitClock(shared.terms.pace)
        self._task: asyncio.Task[None] | None = None
        self._recovered: Recovered | None = None
        self._lost: Lost | None = None

    def start(self, recovered: Recovered) -> None:
        """Begin with a newly recovered partition."""
        self._recovered, self._lost = recovered, recovered.lost
        self._clock = CommitClock(self._shared.terms.pace)
        self.committed_at = monotonic()
        if self._lost is not None:
            self._clock.progress(monotonic(), 0, 1)

    def progress(self, lines: int, outputs: int) -> None:
        """Note that `lines` were read and that `outputs` are ready to be published."""
        self._clock.progress(monotonic(), lines, outputs)

    def due(self) -> float | None:
        """Return when to `begin` the next transaction; None when there is nothing to commit or one is under way."""
        return self._clock.due() if self._task is None else None

    def begin(self) -> asyncio.Task[None]:
        """Begin a transaction with everything so far. Only when none is under way."""
        assert self._task is None
        task = self._task = asyncio.create_task(self._transact())
        task.add_done_callback(lambda _: self._on_end())
        return task

    def finish(self) -> bool:
        """Return whether the last transaction has just ended; raise what made it fail, if it did."""
        if self._task is None or not self._task.done():
            return False
        task, self._task = self._task, None
        task.result()
        return True

    @property
    def running(self) -> bool:
        """Whether a transaction is under way."""
        return self._task is not None

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be committed."""
        return self._task is None and self._clock.due() is None

    async def settle(self) -> bool:
        """Commit everything there is to commit; return whether that succeeded. `finish` raises why it did not."""
        while self._recovered is not None and (self._task is not None or self._clock.due() is not None):
            task = self._task or self.begin()
            await asyncio.wait([task])
            if task.cancelled() or task.exception() is not None:
                return False
            if self._task is task:
                self._task = None
        return True

    async def stop(self) -> None:
        """Abandon the transaction that is under way and forget the processor. Never raises."""
        task, self._task, self._recovered, self._lost = self._task, None, None, None
        self.count = 0
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _transact(self) -> None:
        assert self._recovered is not None
        terms, began = self._shared.terms, monotonic()
        place = terms.place(self._source)
        # No other coroutine runs between these two: what arrives later belongs to the next transaction.
        self._clock.committed()
        settlement: Settlement = await self._shared.thread(self._recovered.processor.take)
        records = [record.at(place) if is_own(record) else record for record in settlement.records]
        records += checkpoint_records(settlement.checkpoint, checkpoint_key(terms.group, self._source), place)
        await self._recovered.producer.commit(records, settlement.checkpoint.low)
        self.committed_at = monotonic()
        self.count += 1
        self.incidents, self.told, self.budgets = settlement.incidents, settlement.told, settlement.budgets
        self.mutes = settlement.mutes
        if self._lost is not None:
            self._lost.report(self._source, self._shared.metrics)
            self._lost = None
        self._shared.metrics.commit_duration.observe(self.committed_at - began)
        count_settlement(self._shared.metrics, self._source, settlement, time(), perf_counter())


def is_own(record: OutRecord) -> bool:
    """Whether a record belongs to the partition's own place in the baseline topic."""
    return record.role == "baseline" and record.partition is None
