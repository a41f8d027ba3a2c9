"""Lines of a file to records: a stack trace and the line that it belongs to are one record, whatever the encoding.

Shippers do the same before Kafka; this is for files that no shipper has read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_LINES = 1_000
"""A record of more lines is not a stack trace: it ends there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's bytes become records: the encoding, and the pattern of lines that begin a record."""

    encoding: str = "utf-8"
    begins: str | None = None

    @property
    def plain(self) -> bool:
        """Whether every line is one record, unchanged."""
        return self.encoding == "utf-8" and self.begins is None


def in_utf8(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield text in another encoding as UTF-8; bytes that are not a character become the replacement character."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def joined(batches: Iterable[list[bytes]], begins: str) -> Iterator[list[list[bytes]]]:
    """Yield the records of every list of lines, each as its lines; the last record waits for lines that may follow."""
    pattern = re.compile(begins.encode())
    last: list[bytes] = []
    for lines in batches:
        records: list[list[bytes]] = []
        for line in lines:
            if last and len(last) < MOST_LINES and not pattern.match(line):
                last.append(line)
                continue
            if last:
                records.append(last)
            last = [line]
        if records:
            yield records
    if last:
        yield [last]
