"""What the pipeline needs from outside, as protocols. Adapters implement them, and tests use fakes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from daemon.core.detection import SavedScope
from daemon.core.types import Batch, OutRecord, TopicPartition, Update

if TYPE_CHECKING:
    from daemon.core.documents import DocumentEntry, KeptDocument, NearClause, ReadFile  # whose libraries are an extra


class TextEngine(Protocol):
    """Turns texts into unit vectors."""

    @property
    def model(self) -> str:
        """Names the vectors: equal names mean comparable vectors (``all-MiniLM-L6-v2:384``)."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per text, shape (len(texts), dimensions).

        Concurrent calls share the engine's batches. Raises EngineError when the engine is dead (final),
        UnavailableError when a remote server does not answer (the caller may try again), and RefusedTextError when it
        refuses one of the texts (the message quotes nothing of it).
        """
        ...


class Engine(TextEngine, Protocol):
    """What turns texts into vectors, and its life. One instance per process."""

    @property
    def dimensions(self) -> int:
        """Length of a vector. Known once started."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest text in tokens that the model reads; longer ones are cut, with a mark. Known once started."""
        ...

    async def start(self) -> None:
        """Load the model. Raises ConfigError, EngineError or UnavailableError with what to do."""
        ...

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of tokens of each line and its newline. Thread-safe, no I/O."""
        ...

    def check(self) -> None:
        """Raise EngineError when the engine is dead; cheap, for health probes."""
        ...

    async def close(self) -> None:
        """Free the engine; running requests are abandoned."""
        ...


@runtime_checkable
class TokenEngine(Protocol):
    """What an engine in this process offers besides `Engine`, if it has the tokenizer."""

    def tokens_of(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, which is not cut. Thread-safe, no I/O."""
        ...

    async def embed_tokens(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one unit row for each list of the model's own tokens, shape (len(prompts), dimensions).

        Raises DataError for a token that the model does not have, and EngineError as `Engine.embed` does.
        """
        ...


class DocumentStore(Protocol):
    """Keeps documents of many bases with their vectors. Each call changes everything or nothing."""

    def bases(self) -> Mapping[str, int]:
        """Return the number of documents of each base."""
        ...

    def model(self, base: str) -> str | None:
        """Return the model of most of a base's vectors; None for a base without vectors."""
        ...

    def put(self, base: str, documents: Sequence[KeptDocument], model: str) -> None:
        """Add documents with vectors of `model`; those whose id the base has are replaced."""
        ...

    def name_of(self, base: str, id_: str) -> str | None:
        """Return the name of a document by its id; None when the base does not have it."""
        ...

    def documents(self, base: str) -> list[KeptDocument]:
        """Return a base's documents without vectors, by name; empty for a base that does not exist."""
        ...

    def document(self, base: str, id_: str) -> KeptDocument | None:
        """Return a document without vectors; None when the base does not have it."""
        ...

    def listed(self, base: str, begin: int = 0, count: int | None = None) -> list[DocumentEntry]:
        """Return documents by name without their texts: at most `count` from place `begin` on, or all."""
        ...

    def models(self, base: str) -> Mapping[str, int]:
        """Return how many documents of a base have vectors of each model."""
        ...

    def without_vectors(self, base: str, model: str, count: int | None = None) -> list[str]:
        """Return the ids of the documents that have no vectors of `model`: the first `count`, or all."""
        ...

    def vectors(self, base: str, model: str) -> tuple[list[str], NDArray[np.float32]]:
        """Return ids and whole-text vectors, shape (n, dimensions), of the documents that have vectors of `model`."""
        ...

    def nearest_clauses(self, base: str, model: str, vector: NDArray[np.float32], count: int) -> list[NearClause]:
        """Return the clauses nearest to a unit vector of `model`, shape (dimensions,), the nearest first.

        All are compared where a base has few clauses. Where it has many, a near one may be missed; cosines are exact.
        """
        ...

    def revector(self, base: str, documents: Sequence[KeptDocument], model: str) -> None:
        """Give documents vectors of another model; those of older models stay until `switch_model`.

        Leaves out the documents that the base no longer has.
        """
        ...

    def switch_model(self, base: str, model: str) -> bool:
        """Remove all vectors of a base that are not of `model`, if every document has some of it; return whether."""
        ...

    def remove(self, base: str, ids: Sequence[str]) -> int:
        """Remove documents with all that was kept of them, also on the disk; return how many there were."""
        ...

    def revision(self) -> int:
        """Return a number that changes when another user of the store has changed it."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...


class DocumentReader(Protocol):
    """Reads what is in files, each within limits on size, time and memory."""

    def read_bytes(self, name: str, data: bytes) -> ReadFile:
        """Return what a file's content holds, or why it is empty or refused. Never raises because of what is in it."""
        ...


class Outliers(Protocol):
    """Second opinions on vectors, from a library of outlier-detection methods."""

    def second_opinions(
        self, vectors: NDArray[np.float32], vector: NDArray[np.float32]
    ) -> Sequence[tuple[str, float, bool]]:
        """Return for each method its name, its figure for `vector` (higher is odder), and whether it calls it odd."""
        ...

    def groups(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the group of each row, numbered from 0; -1 for rows in no group."""
        ...


class SnapshotWriter(Protocol):
    """A new snapshot: blocking calls. Nothing is written before `begin`, and the old one stays until `finish`."""

    @property
    def bytes(self) -> int:
        """How much was written so far."""
        ...

    def begin(self, head: Mapping[str, Any]) -> None:
        """Write what `open` will return of it. Raises OSError, and DataError like `add`."""
        ...

    def add(self, saved: SavedScope) -> None:
        """Write one scope. Raises OSError, and DataError where the snapshot becomes larger than it may be."""
        ...

    def finish(self) -> None:
        """Put the snapshot in the place of the old one. Raises OSError."""
        ...

    def abandon(self) -> None:
        """Remove what was written. Never raises."""
        ...


class SnapshotStore(Protocol):
    """Where the snapshot of the baselines is kept between two runs: blocking calls."""

    def open(self) -> tuple[Mapping[str, Any], Iterator[SavedScope]] | None:
        """Return what its writer said of it and its scopes, None when there is none. Raises OSError and DataError.

        The iterator raises them too, where the snapshot is not what was written.
        """
        ...

    def writer(self) -> SnapshotWriter:
        """Return a writer of a new one."""
        ...


class Listener(Protocol):
    """Called by a `Membership` about assignments. Its methods must return quickly: meanwhile no heartbeat is sent."""

    async def revoked(self) -> None:
        """A rebalance begins: the assigned partitions may come back or not."""
        ...

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """Take these partitions. Return for each the offset to continue at, or None to wait for `resume`."""
        ...


class Membership(Protocol):
    """This process as a member of the consumer group, and the records of its assigned partitions."""

    async def start(self, listener: Listener) -> None:
        """Join the group. Raises UnavailableError."""
        ...

    async def poll(self, partitions: Collection[TopicPartition], seconds: float) -> list[Batch]:
        """Return the records fetched of these partitions, at most one batch each, within about `seconds`.

        Must be called continuously, also with no partitions. Raises OutOfRangeError where a position no longer exists.
        """
        ...

    def resume(self, partition: TopicPartition, offset: int) -> bool:
        """Fetch from `offset` on; False when the partition is not assigned. Call only between two polls."""
        ...

    def position(self, partition: TopicPartition) -> int | None:
        """The next offset that `poll` returns; None while it waits for `resume` or is unknown."""
        ...

    async def bounds(
        self, partitions: Collection[TopicPartition], seconds: float | None = None
    ) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return, for each, the first offset kept and the end of the committed records.

        Raises PartitionError when one of them has no answer within `seconds` (None: as long as a transaction may take).
        """
        ...

    def problem(self) -> str | None:
        """Return why this process is not in the group at the moment, or None; a rebalance is a reason."""
        ...

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's committed offset. Raises PartitionError."""
        ...

    async def close(self) -> None:
        """Leave the group."""
        ...


class Transactions(Protocol):
    """One input partition's transactional producer. Starting one fences all earlier ones."""

    async def start(self) -> None:
        """Take over: earlier producers of this partition can no longer commit. Raises PartitionError."""
        ...

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        """Publish `records` and the group offset `low` together, or not at all.

        Raises PartitionError when that failed or its outcome is unknown; this producer must not be used again.
        """
        ...

    async def close(self) -> None:
        """Close the producer; the broker aborts an open transaction."""
        ...


class Broker(Protocol):
    """Everything else the pipeline asks of Kafka."""

    async def start(self) -> None:
        """Connect. Raises UnavailableError."""
        ...

    async def diagnose(self) -> str | None:
        """Open a new connection; return in a sentence what is wrong with the cluster, or None. Never raises.

        That is why no server accepts us, or which of our topics take no records, as far as we may see it.
        """
        ...

    def membership(self, topics: Sequence[str]) -> Membership:
        """Return a new, unstarted membership that reads `topics`."""
        ...

    def transactions(self, source: TopicPartition) -> Transactions:
        """Return a new, unstarted producer for the outputs of `source`."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic. Raises UnavailableError when it does not exist."""
        ...

    async def high_water(self, topic: str, partition: int) -> int:
        """Return the end of a partition, open transactions included. Raises PartitionError."""
        ...

    async def stable_ends(self, topic: str) -> Mapping[int, int]:
        """Return by partition the offset up to which a committed reader can read now. Raises PartitionError."""
        ...

    async def first_offsets(self, topic: str) -> Mapping[int, int]:
        """Return by partition the first offset that is kept. Raises PartitionError."""
        ...

    async def topic_id(self, topic: str) -> str | None:
        """Return what tells a topic from another one of its name, None where the cluster has no such thing.

        Raises PartitionError.
        """
        ...

    async def latest(self, topic: str, partition: int, key: bytes) -> dict[bytes, bytes]:
        """Return the newest committed values of `key` and of the keys below it (``key/...``), by key.

        The partition is read to its high water at the time of the call. A key whose newest record has no value is left
        out. Raises PartitionError.
        """
        ...

    def follow(
        self, topic: str, begin: Mapping[int, int] | None = None, partitions: Collection[int] | None = None
    ) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        """Read the committed records of a topic without end, each partition from its offset in `begin`, else its first.

        Yields new records (perhaps none) and, by partition, the offset up to which all have been yielded. Only
        `partitions` are read, None for all of them; an offset in `begin` of another partition is not used.
        """
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
