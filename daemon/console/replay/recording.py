"""Stored observations, as the daemon wrote them: what a replay reads.

A recording is bounded: the oldest records leave it first. It keeps values compressed, as they lie in the topic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import orjson

from daemon.adapters.files import FileReader
from daemon.core.incidents import HISTORY_KEY, Filing, IncidentSettings, history_records, is_history, read_history
from daemon.core.observations import OBSERVATIONS_FILE, packed_observations
from daemon.core.types import Batch, TopicPartition
from daemon.errors import InputError, StraylineError

MOST_BYTES = 8_000_000
"""Bytes of a recording: compressed observations, of which a replay reads about a megabyte a second."""


class Recording:
    """Records of the observations' topic in their order. `left_out` counts those that the bound dropped."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._records: deque[tuple[bytes | None, bytes]] = deque()
        self._most_bytes = most_bytes
        self._bytes = 0
        self.left_out = 0
        self.number = 0
        """How many records it has taken in: equal numbers mean equal records."""
        self.positions: dict[TopicPartition, int] = {}
        """Where reading of each partition continues."""

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> list[tuple[bytes | None, bytes]]:
        """Return keys and values in order, which later records do not change."""
        return list(self._records)

    def take(self, batches: Iterable[Batch]) -> None:
        """Add records of the topic."""
        for batch in batches:
            for key, value in zip(batch.keys, batch.values, strict=True):
                if value is not None:
                    self.add(key, value)
            if len(batch):
                self.positions[batch.source] = batch.offsets[-1] + 1

    def add(self, key: bytes | None, value: bytes) -> None:
        """Add one record; the oldest leave, as far as the bound asks for it."""
        self._records.append((key, value))
        self._bytes += len(value)
        self.number += 1
        while self._bytes > self._most_bytes and len(self._records) > 1:
            self._bytes -= len(self._records.popleft()[1])
            self.left_out += 1


def observations_in(folder: Path) -> Path:
    """Return the file with what a backtest observed. Raises InputError for a folder without one."""
    path = folder / OBSERVATIONS_FILE
    if not path.is_file():
        raise InputError(f"{folder} holds no {OBSERVATIONS_FILE}: run `strayline backtest --out` again")
    return path


def read_recording(folder: Path) -> Recording:
    """Return what a backtest observed, after what it was taught.

    Raises InputError for a folder without observations or an unreadable file.
    """
    path = observations_in(folder)
    recording, lines = Recording(), _lines(path)
    try:
        for line in lines:
            if is_history(line):
                section = [line, *islice(lines, orjson.loads(line)["pieces"])]
                for value in history_records(read_history(section, str(path)), Filing(IncidentSettings().window)):
                    recording.add(HISTORY_KEY, value)
            else:
                recording.add(None, packed_observations(line))
    except (StraylineError, OSError) as error:
        raise InputError(str(error)) from None
    return recording


def _lines(path: Path) -> Iterator[bytes]:
    for batch in FileReader([str(path)], TopicPartition(OBSERVATIONS_FILE, 0)).batches():
        yield from (line for line in batch.values if line)
