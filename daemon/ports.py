"""What the pipeline needs of the outside, as protocols; adapters implement them and fakes stand in for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.core.types import Batch, OutRecord, TopicPartition, Update


class Engine(Protocol):
    """Turns texts into unit vectors. One instance a process."""

    @property
    def model(self) -> str:
        """Names the vectors: equal names mean comparable vectors (``all-MiniLM-L6-v2:384``)."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector. Known once started."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest text the model reads; longer ones are cut, with a mark. Known once started."""
        ...

    async def start(self) -> None:
        """Load the model. Raises ConfigError, EngineError or UnavailableError with what to do."""
        ...

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of tokens of each line and its newline. Thread-safe, no I/O."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row a text, shape (len(texts), dimensions).

        Concurrent calls share the engine's batches. Raises EngineError when the engine is dead (final), and
        UnavailableError when a remote server stays away (the caller may try again).
        """
        ...

    def check(self) -> None:
        """Raise EngineError when the engine is dead; cheap, for health probes."""
        ...

    async def close(self) -> None:
        """Free the engine; what is under way is abandoned."""
        ...


class Listener(Protocol):
    """Told of assignments by a `Membership`; both must return quickly: no heartbeat is sent while they run."""

    async def revoked(self) -> None:
        """A rebalance begins: what was assigned may come back or go."""
        ...

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """These are ours now. Return for each the offset to go on at, or None to hold it until `resume`."""
        ...


class Membership(Protocol):
    """Our place in the consumer group, and the records of what it assigns to us."""

    async def start(self, listener: Listener) -> None:
        """Join the group. Raises UnavailableError."""
        ...

    async def poll(self, partitions: Collection[TopicPartition], seconds: float) -> list[Batch]:
        """Return what has been fetched of these partitions, at most one batch each, within about `seconds`.

        Must be called all the time, also for no partitions. Raises OutOfRangeError where a position no longer exists.
        """
        ...

    def resume(self, partition: TopicPartition, offset: int) -> bool:
        """Fetch from `offset` on; False when the partition is not ours just now. Only between two polls."""
        ...

    def position(self, partition: TopicPartition) -> int | None:
        """The next offset to be returned by `poll`, None while held or unknown."""
        ...

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return the first offset kept and the end of what is committed, of each. Raises PartitionError."""
        ...

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's committed offset. Raises PartitionError."""
        ...

    async def close(self) -> None:
        """Leave the group."""
        ...


class Transactions(Protocol):
    """One input partition's transactional producer. Whoever starts the newest one fences all others."""

    async def start(self) -> None:
        """Take over: earlier producers of this partition can no longer commit. Raises PartitionError."""
        ...

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        """Publish `records` and the group offset `low` together, or not at all.

        Raises PartitionError when that failed or when nobody can know: the producer is then of no further use.
        """
        ...

    async def close(self) -> None:
        """Let go of it; what is under way is left to the broker to abort."""
        ...


class Broker(Protocol):
    """Everything else the pipeline asks of Kafka."""

    async def start(self) -> None:
        """Connect. Raises UnavailableError."""
        ...

    def membership(self, topics: Sequence[str]) -> Membership:
        """Return a new, unstarted membership that reads `topics`."""
        ...

    def transactions(self, source: TopicPartition) -> Transactions:
        """Return a new, unstarted producer for the outputs of `source`."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has. Raises UnavailableError when it does not exist."""
        ...

    async def high_water(self, topic: str, partition: int) -> int:
        """Return the end of a partition, transactions under way included. Raises PartitionError."""
        ...

    async def stable_ends(self, topic: str) -> Mapping[int, int]:
        """Return by partition up to where a committed reader can read now. Raises PartitionError."""
        ...

    async def last(self, topic: str, partition: int, key: bytes) -> bytes | None:
        """Return the newest committed value of `key`, read to the high water of now. Raises PartitionError."""
        ...

    def follow(self, topic: str) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        """Read a topic from its beginning, committed records only, for ever.

        Yields what came (perhaps nothing) and, by partition, the offset up to which everything has been yielded.
        """
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
