"""What all partitions of a process share: the objects they use and the limits they work under."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from daemon.backoff import Backoff
from daemon.core.detection import Detector
from daemon.core.stream import Checkpoint, Pace, Processor
from daemon.core.types import Batch, TopicPartition
from daemon.metrics import Metrics
from daemon.ports import Broker, Transactions
from daemon.runtime.baseline_follower import Follower
from daemon.runtime.embedder import Embedder
from daemon.runtime.worker_thread import WorkerThread

ProcessorFactory = Callable[[TopicPartition, Checkpoint | None], Processor]
"""Makes the processor of a partition, which continues from a checkpoint; called in the detector's thread."""
TransactionsFactory = Callable[[TopicPartition], Transactions]
"""Makes the producer of a partition."""


Preparation = Callable[[Batch], Awaitable[None]]
"""Fetches what a processor needs for a batch. Raises PartitionError."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Names and limits. Times in seconds; `max_unsettled` lines bound the memory of a processor.

    `co_partitions` is the number of partitions of the checkpoint topic and of the baseline topic. Lines of the topics
    `judging` are judged, and those of `labelling` are people's labels.
    """

    group: str
    checkpoints: str
    co_partitions: int
    pace: Pace
    idle_flush: float
    init_timeout: float
    max_unsettled: int
    judging: Collection[str] = ()
    labelling: Collection[str] = ()

    def place(self, source: TopicPartition) -> int:
        """Return the partition of the checkpoint and baseline topics that belongs to `source`."""
        return source.partition % self.co_partitions

    def judged_at(self, source: TopicPartition) -> int | None:
        """Return the partition of the baseline topic that the work on `source` needs, None where it needs none."""
        return self.place(source) if source.topic in self.judging else None


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared objects. `backoff` says how long a partition pauses before it starts again after a failure.

    `preparations` are awaited, by topic, before a processor takes a batch.
    """

    broker: Broker
    thread: WorkerThread
    detector: Detector
    embedder: Embedder
    follower: Follower
    metrics: Metrics
    terms: Terms
    transactions: TransactionsFactory
    backoff: Backoff = Backoff(1.0, 15.0)  # noqa: RUF009  # immutable
    preparations: Mapping[str, Preparation] = field(default_factory=dict)
