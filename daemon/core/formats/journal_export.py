"""The journal's export format: one field per line, ``NAME=text``, and a blank line after every entry.

A binary field is its name alone on a line, a size of 8 bytes (little-endian), and that many bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.core.formats.at_once import MAX_PARTS, TOO_MANY_PARTS
from daemon.core.formats.entries import EntriesError

_BEGINS = re.compile(rb"\n*[A-Z_][A-Z0-9_]*[=\n]")
_NAME = re.compile(rb"[A-Z_][A-Z0-9_]*")
_SIZE = 8

Fields = dict[str, str | list[str]]


def is_journal_export(value: bytes) -> bool:
    """Return whether a value begins like one in the export format."""
    return _BEGINS.match(value) is not None


def journal_entries(value: bytes) -> Iterator[Fields]:
    """Yield the entries of a value; a field that occurs more than once has a list of its values.

    Raises EntriesError, which names the byte, where the value is not in the export format, and for very many fields.
    """
    entry: Fields = {}
    at = 0
    while at < len(value):
        end = value.find(b"\n", at)
        line = value[at : end if end >= 0 else len(value)]
        start, at = at, end + 1 if end >= 0 else len(value)
        if not line:
            if entry:
                yield entry
            entry = {}
            continue
        name, equals, data = line.partition(b"=")
        if _NAME.fullmatch(name) is None:
            raise _not_export(start)
        if not equals:
            begin = at + _SIZE
            at = begin + int.from_bytes(value[at:begin], "little")
            if value[at : at + 1] != b"\n":
                raise _not_export(start)
            data, at = value[begin:at], at + 1
        _add(entry, name.decode(), data.decode("utf-8", "replace"))
        if len(entry) > MAX_PARTS:
            raise EntriesError(TOO_MANY_PARTS, f"an entry has more than {MAX_PARTS:,} fields")
    if entry:
        yield entry


def _add(entry: Fields, name: str, text: str) -> None:
    before = entry.get(name)
    if before is None:
        entry[name] = text
    elif isinstance(before, list):
        before.append(text)
    else:
        entry[name] = [before, text]


def _not_export(at: int) -> EntriesError:
    return EntriesError("not_json", f"the value is neither the journal's JSON nor its export form at byte {at}")
