"""INIT of a partition: from the checkpoint in the topic to a processor that continues exactly there.

    wait for most of the baseline -> start the producer (this fences the previous owner) -> read the checkpoint
    -> wait for the baseline up to it -> find where the input begins and ends -> make the processor
    -> skip what retention deleted

The order matters: only after the previous owner is fenced are the checkpoint and the baseline final.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import structlog

from daemon.core.stream import LABELS, Checkpoint, Processor, checkpoint_key, name_of_piece
from daemon.core.types import TopicPartition
from daemon.errors import DataError, PartitionError
from daemon.metrics import Metrics
from daemon.ports import Membership, Transactions
from daemon.runtime.shared import ProcessorFactory, Shared

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lost:
    """Offsets that retention deleted, first and last, and how many records among them were still needed."""

    first: int
    last: int
    records: int

    def report(self, source: TopicPartition, metrics: Metrics) -> None:
        """Log and count the loss."""
        log.error("input_lost", partition=str(source), first=self.first, last=self.last, records=self.records)
        metrics.lost_records.labels(source.topic, str(source.partition)).inc(self.records)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a partition runs with. It reads from `low` on; `unsettled` lines are to be read again."""

    producer: Transactions
    processor: Processor
    low: int
    next: int
    unsettled: int
    lost: Lost | None


class Recovery:
    """Recovers one partition at each of its starts."""

    def __init__(self, source: TopicPartition, shared: Shared, make_processor: ProcessorFactory) -> None:
        self._source = source
        self._shared = shared
        self._make_processor = make_processor

    async def recover(self, producer: Transactions, membership: Membership, *, patient: bool) -> Recovered:
        """Return what to run with. Raises PartitionError, and DataError for a checkpoint of another release.

        `patient` treats an input that ends before the checkpoint as a broker that is not up to date yet. The caller
        closes `producer` and releases the detector's partition, also when this fails.
        """
        shared = self._shared
        if (place := shared.terms.judged_at(self._source)) is not None:
            await shared.follower.holds(place)
        try:
            async with asyncio.timeout(shared.terms.init_timeout):
                await producer.start()
                checkpoint = await self._read_checkpoint()
                await self._baseline_caught_up()
                first, end = (await membership.bounds([self._source]))[self._source]
                checkpoint, low = await self._entry(membership, checkpoint, first, end, patient=patient)
        except TimeoutError:
            raise PartitionError(f"init: not ready within {shared.terms.init_timeout:g} s", "init") from None
        await shared.thread(shared.detector.acquire, self._source)
        processor = await shared.thread(self._make_processor, self._source, checkpoint)
        lost = await self._skip(processor, low, first, checkpoint) if low < first else None
        low = max(low, first)
        unsettled = checkpoint.unsettled_from(low) if checkpoint else 0
        return Recovered(producer, processor, low, checkpoint.next if checkpoint else low, unsettled, lost)

    async def _baseline_caught_up(self) -> None:
        """Wait for what the processor reads of the baseline: its own partition of it, labels, or nothing."""
        terms = self._shared.terms
        place = LABELS if self._source.topic in terms.labelling else terms.judged_at(self._source)
        if place is not None:
            await self._shared.follower.caught_up(place)

    async def _read_checkpoint(self) -> Checkpoint | None:
        terms = self._shared.terms
        key = checkpoint_key(terms.group, self._source)
        pieces = await self._shared.broker.latest(terms.checkpoints, terms.place(self._source), key)
        value = pieces.pop(key, None)
        if value is None:
            return None
        try:
            return replace(Checkpoint.decode(value), pieces={name_of_piece(key, k): v for k, v in pieces.items()})
        except DataError as error:
            raise DataError(f"{terms.checkpoints}, key {key.decode()}: {error}") from None

    async def _entry(
        self, membership: Membership, checkpoint: Checkpoint | None, first: int, end: int, *, patient: bool
    ) -> tuple[Checkpoint | None, int]:
        """Return where to continue: at the checkpoint, else at the group's offset, else at the first record."""
        if checkpoint is None:
            committed = await membership.committed(self._source)
            if committed is None:
                return None, first
            log.warning("checkpoint_missing", partition=str(self._source), resumes_at=committed)
            return Checkpoint(committed), committed
        if checkpoint.next <= end:
            return checkpoint, checkpoint.low
        # Offsets that were read do not exist. A broker that has just taken over may say so for a moment. If it says
        # so again, the topic was deleted and created again under the same name.
        if patient:
            raise PartitionError(f"init: the input ends at {end}, before the checkpoint's {checkpoint.next}", "init")
        log.error("input_made_anew", partition=str(self._source), checkpoint=checkpoint.next, end=end, restart=first)
        self._shared.metrics.partition_restarts.labels("input_made_anew").inc()
        return Checkpoint(first, pieces=checkpoint.pieces), first

    async def _skip(self, processor: Processor, low: int, first: int, checkpoint: Checkpoint | None) -> Lost | None:
        """Settle what retention deleted before it was read.

        The loss is reported only after it is committed: otherwise the next owner would report it a second time.
        """
        before = processor.lost
        await self._shared.thread(processor.skip, first)
        unread = max(0, first - (checkpoint.next if checkpoint else first))
        records = unread + processor.lost - before
        return Lost(low, first - 1, records) if records else None
