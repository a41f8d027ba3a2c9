"""Where a backtest's records come from: files or topics.

Files are one partition, in the order given. Each partition of a topic is a stream of its own, as in the daemon.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from daemon.adapters.files import FileReader, Place
from daemon.adapters.kafka import RangeReader
from daemon.core.types import Batch, TopicPartition


class Source(Protocol):
    """Yields batches, once, and knows where their records stood."""

    @property
    def opened(self) -> Mapping[str, int]:
        """The offset of the first line of every file opened so far; a topic has no files."""
        ...

    def batches(self) -> AsyncIterator[Batch]:
        """Yield the records. Raises InputError or UnavailableError, which name what cannot be read."""
        ...

    def place(self, partition: TopicPartition, offset: int) -> Place:
        """Return where a record stood; it must have been read from here."""
        ...

    def reached(self) -> tuple[int, int | None]:
        """Return how much has been read, and how much there is, as far as that can be known."""
        ...


class Files:
    """Files as one partition of one topic."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader

    @property
    def opened(self) -> Mapping[str, int]:
        """The offset of the first line of every file opened so far."""
        return self._reader.opened

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the lines of all files."""
        for batch in self._reader.batches():
            yield batch

    def place(self, partition: TopicPartition, offset: int) -> Place:  # noqa: ARG002  # there is only one
        """Return the file and the line."""
        return self._reader.place(offset)

    def reached(self) -> tuple[int, int | None]:
        """Return bytes as they lie on the disk; the total is unknown with standard input."""
        return self._reader.bytes_read, self._reader.bytes_total


class Topics:
    """The records of topics; a place is a partition and an offset."""

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader
        self.opened: Mapping[str, int] = {}
        self.batches = reader.batches

    def place(self, partition: TopicPartition, offset: int) -> Place:
        """Return the partition and the offset."""
        return Place(str(partition), offset)

    def reached(self) -> tuple[int, int | None]:
        """Return numbers of records."""
        return self._reader.read, self._reader.total
