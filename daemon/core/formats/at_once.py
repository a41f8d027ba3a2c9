"""How much is read at once: a reader stops behind the record with which its lines, or unpacked bytes, are enough.

The records after it are read when the lines of those before have gone on, so what a batch takes in memory depends on
these bounds and on its largest record, not on how many lines its records hold together.
"""

from __future__ import annotations

import polars as pl

LINES_AT_ONCE = 65_536
"""A reader stops behind the record with which it has so many lines."""
GROWTH_AT_ONCE = 64 << 20
"""A reader stops behind the record with which the values have grown by so many bytes as they were unpacked."""
MAX_PARTS = 1 << 22
"""The most parts of a JSON value: its objects, arrays and commas. Each may take 300 bytes, however short it is."""
MAX_MESSAGES = 1 << 22
"""The most messages inside an OTLP value in protobuf: each takes up to 140 bytes, and may be written in two."""

_ANNOUNCING = bytes(field << 3 | 2 | more for field in (1, 2, 3, 5, 6) for more in (0, 0x80))
"""The bytes that a message inside of an OTLP message begins with: its field, as written shortly and at length."""
MAX_MESSAGE = 8 << 20
"""The most bytes of a message of a schema, which is one line: a byte of it may take 240 as an object."""
TOO_MANY_PARTS = "too_many_parts"
"""The reason why a value with more is rejected."""
TOO_MANY_PARTS_DETAIL = f"the value holds more than {MAX_PARTS:,} objects, arrays and commas"


class Amount:
    """Counts what the records of a batch hold, in order."""

    def __init__(self) -> None:
        self._growth = 0
        self._lines = 0

    def add(self, *, growth: int = 0, lines: int = 0) -> None:
        """Count the lines of a record, and by how many bytes its value grew as it was unpacked."""
        self._growth += max(growth, 0)
        self._lines += lines

    @property
    def enough(self) -> bool:
        """Whether no further record is to be read."""
        return self._growth >= GROWTH_AT_ONCE or self._lines >= LINES_AT_ONCE


def rows_at_once(lines: pl.Series) -> int:
    """Return how many records are read at once that hold so many lines each; at least one."""
    return int(lines.cum_sum().search_sorted(LINES_AT_ONCE)) + 1


def too_many_parts(value: str | bytes) -> bool:
    """Return whether a JSON value has more parts than `MAX_PARTS`; commas and brackets in its texts count too."""
    if len(value) <= MAX_PARTS:
        return False
    if isinstance(value, str):
        return sum(map(value.count, "{[,")) > MAX_PARTS
    return sum(map(value.count, (b"{", b"[", b","))) > MAX_PARTS


def too_many_messages(value: bytes) -> bool:
    """Return whether an OTLP value in protobuf may have more messages inside than `MAX_MESSAGES`.

    Every byte that could announce one counts, also where it is a part of a text: a text of 40 MB passes.
    """
    return len(value) > 2 * MAX_MESSAGES and len(value) - len(value.translate(None, _ANNOUNCING)) > MAX_MESSAGES
