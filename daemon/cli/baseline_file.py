"""A baseline's file: what is normal, and after it what the incidents stage has learned, as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from daemon.adapters.files import FileReader, check_files
from daemon.core.detection import EXPORT_FILE, Export, read_export, write_export
from daemon.core.incidents import History, is_history, read_history, write_history
from daemon.core.types import TopicPartition


@dataclass(frozen=True, slots=True)
class BaselineFile:
    """The content of such a file; `history` is empty in one that has no such section."""

    baseline: Export
    history: History = field(default_factory=History)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the file, without their newlines."""
        return chain(write_export(self.baseline), write_history(self.history))


def load(path: Path, renamed: Mapping[str, str] | None = None) -> BaselineFile:
    """Read a baseline's file, or the one in the folder that a backtest wrote; `-` is standard input.

    Raises InputError when it cannot be read, DataError with the line when it is not a baseline.
    """
    name = str(path / EXPORT_FILE if path.is_dir() else path)
    check_files([name])
    reader = FileReader([name], TopicPartition(name, 0))
    lines = [value or b"" for batch in reader.batches() for value in batch.values]
    cut = next((number for number, line in enumerate(lines) if is_history(line)), len(lines))
    baseline = read_export(lines[:cut], name, renamed)
    history = read_history(lines[cut:], name, cut + 1, renamed) if lines[cut:] else History()
    return BaselineFile(baseline, history)
