"""Uploads: files that people sent, worked through one after another, and the result of each.

The latest uploads are kept in memory: at most `MOST_UPLOADS` with `MOST_CHARACTERS` of text together, the oldest go
first. The files themselves are deleted as soon as they are read.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from daemon.adapters.parsing import ReadFile
from daemon.console.documents.room import Room
from daemon.documents import Added, Check
from daemon.errors import StraylineError, UnavailableError

MOST_UPLOADS = 200
MOST_CHARACTERS = 50_000_000
MOST_WAITING = 8
"""Uploads that may wait while one is worked on."""

Purpose = Literal["add", "check"]
Status = Literal["waiting", "at work", "read", "empty", "refused"]


@dataclass(slots=True)
class UploadedFile:
    """One file of an upload. `path` is where it lies until it is read; `reason` says why it is empty or refused.

    `added` or `check` is the result of a file that was read; `read` are its blocks, kept for a file that was checked.
    """

    name: str
    path: Path | None
    status: Status = "waiting"
    reason: str = ""
    added: Added | None = None
    check: Check | None = None
    read: ReadFile | None = None

    @property
    def characters(self) -> int:
        """The length of the text that is kept."""
        return sum(len(block.text) for block in self.read.blocks) if self.read is not None else 0


@dataclass(slots=True)
class Upload:
    """Files that were sent together, to a base, for one purpose. `time` is in milliseconds, `author` an account."""

    id: str
    base: str
    purpose: Purpose
    files: Sequence[UploadedFile]
    author: str
    time: int
    work: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def left(self) -> int:
        """How many files have no result yet."""
        return sum(file.status in ("waiting", "at work") for file in self.files)


class Uploads:
    """All uploads of one room; belongs to one event loop."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._kept: dict[str, Upload] = {}
        self._one = asyncio.Lock()
        self.refused = 0
        """How many uploads were ever refused because too many waited."""

    @property
    def waiting(self) -> int:
        """How many uploads are at work or wait."""
        return sum(bool(upload.left) for upload in self._kept.values())

    @property
    def characters(self) -> int:
        """The length of the texts that are kept."""
        return sum(file.characters for upload in self._kept.values() for file in upload.files)

    def check_waiting(self) -> None:
        """Raise UnavailableError when too many uploads wait."""
        if self.waiting > MOST_WAITING:
            self.refused += 1
            raise UnavailableError(f"{MOST_WAITING} uploads are waiting; try again when they are done")

    def begin(self, upload: Upload) -> None:
        """Begin to work through an upload."""
        self._kept[upload.id] = upload
        upload.work = asyncio.create_task(self._run(upload))

    def find(self, identity: str) -> Upload | None:
        """Return an upload that is still kept."""
        return self._kept.get(identity)

    async def adopt(self, upload: Upload, file: UploadedFile) -> None:
        """Add a file that was checked to the base that it was checked against."""
        if file.read is not None and file.added is None:
            file.added = await self._room.add(upload.base, file.name, file.read)

    async def close(self) -> None:
        """Abandon what is not done."""
        works = [upload.work for upload in self._kept.values() if upload.work is not None]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    async def _run(self, upload: Upload) -> None:
        try:
            async with self._one:
                for file in upload.files:
                    if file.status == "waiting":
                        await self._work(upload, file)
        finally:
            await asyncio.to_thread(delete_files, upload.files)
        self._forget()

    async def _work(self, upload: Upload, file: UploadedFile) -> None:
        """Bring one file to its end. What is wrong with engine or store refuses it, with the reason."""
        assert file.path is not None
        file.status = "at work"
        try:
            read = await self._room.read(file.path)
            if read.status == "read" and upload.purpose == "add":
                file.added = await self._room.add(upload.base, file.name, read)
            elif read.status == "read":
                file.check = await self._room.check(upload.base, file.name, read)
                file.read = read
            file.reason = read.reason
            file.status = read.status
        except StraylineError as error:
            file.reason = f"cannot be compared now: {error}" if upload.purpose == "check" else f"was not added: {error}"
            file.status = "refused"
        finally:
            await asyncio.to_thread(delete_files, [file])

    def _forget(self) -> None:
        """Forget the oldest uploads that are done, beyond what is kept."""
        sizes = {upload.id: sum(file.characters for file in upload.files) for upload in self._kept.values()}
        for upload in list(self._kept.values())[:-1]:
            if len(sizes) <= MOST_UPLOADS and sum(sizes.values()) <= MOST_CHARACTERS:
                return
            if not upload.left:
                del self._kept[upload.id], sizes[upload.id]


def new_id() -> str:
    """Return the id of a new upload, which nobody can guess."""
    return secrets.token_urlsafe(12)


def delete_files(files: Sequence[UploadedFile]) -> None:
    """Delete the files that still lie on the disk, and their folder with the last of them."""
    for file in files:
        if file.path is not None:
            file.path.unlink(missing_ok=True)
            with suppress(OSError):  # the folder goes with its last file
                file.path.parent.rmdir()
            file.path = None
