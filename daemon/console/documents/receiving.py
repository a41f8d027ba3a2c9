"""A form with files, from a request to a folder on disk, within bounds.

A file that is too large is read to its end and refused by name, so the browser shows the reason; an upload that is too
large as a whole is refused at once. Names come from the sender: only their last part is used, and only to be shown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from daemon.console.documents.uploads import UploadedFile
from daemon.core.text import clean, many, shorten

MOST_FILES = 200
MOST_FIELD_BYTES = 4_096
LONGEST_NAME = 200
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_CHUNK = 1 << 20


class FormReader:
    """Reads one upload: fields first, then files. `accept` sees the fields before the first file is written.

    Raises HTTPBadRequest for a form that is not one, HTTPRequestEntityTooLarge for too many bytes, and whatever
    `accept` raises.
    """

    def __init__(self, max_file: int, max_upload: int, accept: Callable[[Mapping[str, str]], None]) -> None:
        self._max_file = max_file
        self._left = max_upload
        self._max_upload = max_upload
        self._bound = f"an upload holds at most {max_upload:,} bytes"
        self._accept = accept
        self.fields: dict[str, str] = {}
        self.files: list[UploadedFile] = []
        self._folder: Path | None = None

    async def receive(self, request: web.Request) -> None:
        """Read the whole request. What was written stays in `files` also when it raises, for the caller to delete."""
        if (request.content_length or 0) > self._max_upload + MOST_FIELD_BYTES * 4:
            raise _too_large(self._bound)
        try:
            reader = await request.multipart()
            async for part in reader:
                if not isinstance(part, BodyPartReader):
                    raise web.HTTPBadRequest(text="a part of the form holds another form")
                await self._take(part)
        except (HttpProcessingError, ValueError, AssertionError, LookupError):
            raise web.HTTPBadRequest(text="this is not a form with files") from None
        if not self.files:
            self._accept(self.fields)
            raise web.HTTPBadRequest(text="choose at least one file")

    async def _take(self, part: BodyPartReader) -> None:
        if part.filename is None:
            if self.files or len(self.fields) >= 10:
                raise web.HTTPBadRequest(text="fields must stand before the files, and be few")
            self.fields[str(part.name)[:100]] = (await self._bounded(part)).decode()
            return
        if not self.files:
            self._accept(self.fields)
        if part.filename:  # a browser sends an empty part where no file was chosen
            await self._store(part, part.filename)

    async def _bounded(self, part: BodyPartReader) -> bytes:
        value = bytearray()
        while chunk := await part.read_chunk():
            value += chunk
            if len(value) > MOST_FIELD_BYTES:
                raise web.HTTPBadRequest(text="a field of the form is too long")
        return bytes(value)

    async def _store(self, part: BodyPartReader, name: str) -> None:
        """Write one file. One that is too large is read to its end and refused."""
        if len(self.files) >= MOST_FILES:
            raise web.HTTPRequestEntityTooLarge(
                MOST_FILES, len(self.files), text=f"an upload holds at most {many(MOST_FILES, 'file')}"
            )
        if self._folder is None:
            self._folder = Path(await asyncio.to_thread(mkdtemp, prefix="strayline-upload-"))
        suffix = _SUFFIX.search(name)
        file = UploadedFile(shown_name(name), self._folder / f"{len(self.files)}{suffix[0] if suffix else ''}")
        self.files.append(file)
        assert file.path is not None
        with await asyncio.to_thread(file.path.open, "xb") as target:
            if not await self._copy(part, target):
                file.status, file.reason = "refused", f"is larger than {self._max_file:,} bytes"

    async def _copy(self, part: BodyPartReader, target: BinaryIO) -> bool:
        """Copy a part, not more than a file may hold; return whether that was all of it."""
        size = 0
        while chunk := await part.read_chunk(_CHUNK):
            self._left -= len(chunk)
            if self._left < 0:
                raise _too_large(self._bound)
            size += len(chunk)
            if size <= self._max_file:
                await asyncio.to_thread(target.write, chunk)
        return size <= self._max_file


def _too_large(text: str) -> web.HTTPException:
    return web.HTTPRequestEntityTooLarge(0, 0, text=f"{text}; send fewer files at once")


def shown_name(name: str) -> str:
    """Return the last part of a file's name without control characters and marks of text direction."""
    last = re.split(r"[/\\]", name)[-1]
    return shorten(clean(last[: 4 * LONGEST_NAME]), LONGEST_NAME) or "without a name"
