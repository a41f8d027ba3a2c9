"""Signs that a part of a PDF's text is lost, which pypdf ignores: it reads what it can.

Half of a document would make a wrong standard, so such a file is refused. Three things are checked: the mark at the end
of the file, the tree of pages, and the checksum of every page's packed content.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.filters import ASCII85Decode, ASCIIHexDecode
from pypdf.generic import ArrayObject, StreamObject

from daemon.adapters.parsing.refusals import RefusedFileError

_TAIL = 2_048
_CHUNK = 1 << 20
_FLATE = ("/FlateDecode", "/Fl")
_OUTER: dict[str, type[ASCII85Decode | ASCIIHexDecode]] = {
    "/ASCII85Decode": ASCII85Decode,
    "/A85": ASCII85Decode,
    "/ASCIIHexDecode": ASCIIHexDecode,
}


def check_whole(data: bytes, reader: PdfReader) -> None:
    """Raise RefusedFileError where text of a PDF is lost. `reader` reads `data`, decrypted."""
    if b"%%EOF" not in data[-_TAIL:]:
        raise RefusedFileError("is cut off: the mark at its end is missing")
    declared = reader.root_object["/Pages"].get_object().get("/Count")  # type: ignore[union-attr]
    if declared != len(reader.pages):
        raise RefusedFileError(f"is damaged: it declares {declared} pages and has {len(reader.pages)}")
    for number, page in enumerate(reader.pages, 1):
        for stream in _contents(page, number):
            if not _unpacks(stream):
                raise RefusedFileError(f"is damaged: the content of page {number} cannot be unpacked")


def _contents(page: Any, number: int) -> Iterator[StreamObject]:
    """Yield the streams of a page. Raises RefusedFileError where one is named but missing."""
    named = page.get("/Contents")
    contents = named.get_object() if named is not None else ArrayObject()
    for each in contents if isinstance(contents, ArrayObject) else [contents]:
        stream = each.get_object()
        if not isinstance(stream, StreamObject):
            raise RefusedFileError(f"is damaged: content of page {number} is missing")
        yield stream


def _unpacks(stream: StreamObject) -> bool:
    """Return whether a stream's packed content has its end and its checksum. Other filters are not checked."""
    named = stream.get("/Filter")
    filters = [str(each) for each in (named if isinstance(named, ArrayObject) else [named])]
    data = stream._data  # noqa: SLF001 - pypdf has no other way to the packed bytes
    while filters and filters[0] in _OUTER:
        outer = _OUTER[filters.pop(0)]
        try:
            data = outer.decode(data)
        except Exception:  # noqa: BLE001 - it raises any type for damaged data
            return False
    return not (filters and filters[0] in _FLATE) or _inflates(data)


def _inflates(data: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        while not unpacker.eof and data:
            unpacker.decompress(data, _CHUNK)
            data = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof
