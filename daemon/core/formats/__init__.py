"""Bytes to lines: one format reads one batch of records into one table, and says which records it could not read.

A format is a *reader* (what is particular to it: bytes to the text columns of `Columns`) and a *finisher* that all
share (record paths, `extract`, times, defaults, positions). A new format is one reader in `READERS`. Three rules hold:

* A bad record becomes one `Reject`; its batch goes on without it. What becomes of a record never depends on the others
  in its batch, so the same records give the same lines however they are fetched.
* Expressions fill columns; Python runs per batch and per bad record, never per good line.
* A `Format` serves one partition: where records carry no timestamp (files), a line without a time takes the time of
  the line before it, and that is remembered from batch to batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from daemon.core.formats.base import FieldPaths, FormatSettings, Reader
from daemon.core.formats.extract import check_extract, check_pattern
from daemon.core.formats.finish import Finisher
from daemon.core.formats.json import JsonReader, check_path
from daemon.core.formats.presets import ECS, FLUENT_BIT, VECTOR, CriReader, SyslogReader, preset
from daemon.core.formats.raw import RawReader
from daemon.core.types import Batch, Parsed

__all__ = [
    "FORMATS",
    "READERS",
    "FieldPaths",
    "Format",
    "FormatSettings",
    "check_extract",
    "check_path",
    "check_pattern",
    "make_format",
]


class Format(Protocol):
    """Turns batches of one partition into lines. Not thread-safe; keeps nothing but the last line's time."""

    def parse(self, batch: Batch) -> Parsed:
        """Return the lines of `batch` in reading order, and a reject for each record that holds none.

        Never raises for what a record holds.
        """
        ...


class _Format:
    """A reader and the finisher."""

    def __init__(self, settings: FormatSettings, reader: Reader) -> None:
        self._reader = reader
        self._finisher = Finisher(settings)

    def parse(self, batch: Batch) -> Parsed:
        return self._finisher.finish(batch, self._reader(batch))


READERS: Mapping[str, Callable[[FormatSettings], Reader]] = {
    "raw": lambda _: RawReader(),
    "json": lambda settings: JsonReader(settings.fields),
    "ecs": lambda settings: JsonReader(preset(ECS, settings.fields)),
    "fluent-bit": lambda settings: JsonReader(preset(FLUENT_BIT, settings.fields)),
    "vector": lambda settings: JsonReader(preset(VECTOR, settings.fields)),
    "syslog": lambda _: SyslogReader(),
    "cri": lambda _: CriReader(),
}
FORMATS = tuple(READERS)
"""The names that `input.format` may have."""


def make_format(settings: FormatSettings) -> Format:
    """Return a format for one partition. Raises ValueError for a name that is not in `FORMATS` or a bad pattern."""
    if settings.format not in READERS:
        raise ValueError(f"unknown format {settings.format!r}; there are {', '.join(FORMATS)}")
    return _Format(settings, READERS[settings.format](settings))
