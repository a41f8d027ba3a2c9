"""A console with the room for documents: a real store and parser, and an engine without a model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import numpy as np
from numpy.typing import NDArray

from daemon.adapters.document_store import SqliteDocuments
from daemon.adapters.outliers import SklearnOutliers
from daemon.adapters.parsing import FileLimits
from daemon.console import Console, ConsoleSettings
from daemon.console.documents import DocumentRoom, RoomTools
from daemon.documents import Library
from daemon.ports import DocumentStore
from tests.support.consoles import FakeTopics
from tests.support.fakes import FakeEngine


class HeldEngine(FakeEngine):
    """An engine of another model that embeds documents once it is let go on."""

    def __init__(self) -> None:
        super().__init__(name="new")
        self.go_on = threading.Event()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        while not self.go_on.is_set():  # noqa: ASYNC110  # set by another thread
            await asyncio.sleep(0.01)
        return await super().embed(texts)


class Bases:
    """Makes the tools of a room whose bases are kept in a folder. `engine` may be made to fail."""

    def __init__(self, folder: Path, max_file: int = 1 << 20, max_upload: int = 4 << 20) -> None:
        self.folder = folder
        self.engine = FakeEngine()
        self.starts = 0
        self._limits = FileLimits(size=max_file)
        self._max_upload = max_upload

    @asynccontextmanager
    async def library(self, store: DocumentStore) -> AsyncIterator[Library]:
        self.starts += 1
        await self.engine.start()
        yield Library(store, self.engine)

    def tools(self) -> RoomTools:
        return RoomTools(
            lambda: SqliteDocuments(self.folder),
            self.library,
            SklearnOutliers(),
            self._limits,
            "standards",
            self._max_upload,
        )


@asynccontextmanager
async def console_with_documents(
    bases: Bases, settings: ConsoleSettings | None = None, topics: FakeTopics | None = None
) -> AsyncIterator[Console]:
    """Run a console with a room for documents on a free port."""
    chosen = settings or ConsoleSettings(visitor="ada")
    app = Console(chosen, (topics or FakeTopics()).topics(), DocumentRoom(bases.tools()))
    await app.start()
    try:
        yield app
    finally:
        await app.close()


def form(files: dict[str, bytes], **fields: str) -> aiohttp.FormData:
    """Return a form with fields first, and then files by name."""
    data = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    for name, content in files.items():
        data.add_field("files", BytesIO(content), filename=name, content_type="application/octet-stream")
    return data
