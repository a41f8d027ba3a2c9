"""What all partitions of a process share: the objects they use and the limits they work under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from daemon.backoff import Backoff
from daemon.core.detection import Detector
from daemon.core.stream import Checkpoint, Pace, Processor
from daemon.core.types import TopicPartition
from daemon.metrics import Metrics
from daemon.ports import Broker, Transactions
from daemon.runtime.baseline_follower import Follower
from daemon.runtime.embedder import Embedder
from daemon.runtime.worker_thread import WorkerThread

ProcessorFactory = Callable[[TopicPartition, Checkpoint | None], Processor]
"""Makes the processor of a partition, which continues from a checkpoint; called in the detector's thread."""
TransactionsFactory = Callable[[TopicPartition], Transactions]
"""Makes the producer of a partition."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Names and limits. Times in seconds; `max_unsettled` lines bound the memory of a processor.

    `co_partitions` is the number of partitions of the checkpoint topic and of the baseline topic.
    """

    group: str
    checkpoints: str
    co_partitions: int
    pace: Pace
    idle_flush: float
    init_timeout: float
    max_unsettled: int

    def place(self, source: TopicPartition) -> int:
        """Return the partition of the checkpoint and baseline topics that belongs to `source`."""
        return source.partition % self.co_partitions


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared objects. `backoff` says how long a partition pauses before it starts again after a failure."""

    broker: Broker
    thread: WorkerThread
    detector: Detector
    embedder: Embedder
    follower: Follower
    metrics: Metrics
    terms: Terms
    transactions: TransactionsFactory
    backoff: Backoff = Backoff(1.0, 15.0)  # noqa: RUF009  # immutable
