"""Bases of documents for many people at once: one library, one parser, and one piece of work at a time.

The engine is started when the room opens, and again at the next need when it could not be started or has died. Until
then listing works, and search, adding and checking wait.

A base that has vectors of another model is embedded again in the background, a batch at a time. Meanwhile a search
finds what has new vectors already, and a check waits for all.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from daemon.adapters.parsing import FileLimits, ParserProcess, ReadFile
from daemon.console.documents.loop_thread import LoopThread
from daemon.core.documents import DocumentEntry
from daemon.documents import Added, Check, Hits, Library, Renewal, groups_of
from daemon.errors import ConfigError, EngineError, StraylineError, UnavailableError, UnfinishedBaseError
from daemon.ports import DocumentStore, Outliers

log = structlog.get_logger(__name__)

T = TypeVar("T")
PAGE = 100
"""Documents on one page of a base."""
GROUPED = 2_000
"""Groups are computed of at most so many documents."""
RETRIES = 3
"""How often a check embeds a base again that another program has given another model's vectors meanwhile."""


@dataclass(frozen=True, slots=True)
class RoomTools:
    """What the room works with: the same parts as those of `strayline documents`.

    `library` starts an engine and closes it after the block. `base` is the base that is shown first. `max_upload`
    bounds the bytes of one upload.
    """

    open_store: Callable[[], DocumentStore]
    library: Callable[[DocumentStore], AbstractAsyncContextManager[Library]]
    outliers: Outliers | None
    limits: FileLimits
    base: str
    max_upload: int


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """One line of a base's list. `group` is -1 for none."""

    entry: DocumentEntry
    group: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a base: `count` documents in all, in `groups` groups; `bases` are all bases with their sizes.

    `renewal` says how far the base is where it is embedded again.
    """

    documents: Sequence[ListedDocument]
    count: int
    groups: int
    bases: Mapping[str, int]
    renewal: Renewal | None


class Room:
    """Works from `start` to `close`. Every method may be called from any event loop.

    Raises UnavailableError when the store or the engine cannot be used, RefusedTextError for a text that the engine
    does not take.
    """

    def __init__(self, tools: RoomTools) -> None:
        self.tools = tools
        self._thread: LoopThread | None = None
        self._warming: asyncio.Task[None] | None = None
        self._store: DocumentStore | None = None
        self._library: Library | None = None
        self._renewals: dict[str, asyncio.Task[Exception | None]] = {}
        """The renewal of each base, with this engine; its result is why it could not be finished."""
        self._engine = AsyncExitStack()
        self._one = asyncio.Lock()
        self._parser = ParserProcess(tools.limits)
        self._parsing = asyncio.Lock()
        self._groups: tuple[tuple[str, str | None, tuple[str, ...]], Mapping[str, int]] = (("", None, ()), {})

    async def start(self) -> None:
        """Open the store, and begin to start the engine. Raises OutputError or DataError for an unusable store."""
        self._thread = LoopThread("documents")
        try:
            self._store = await self._thread.call(self._open())
        except StraylineError:
            await self._thread.close()
            raise
        self._warming = asyncio.create_task(self._warm())

    async def close(self) -> None:
        """End the engine, the parser and the store."""
        if self._thread is None or self._warming is None:
            return
        self._warming.cancel()
        await asyncio.gather(self._warming, return_exceptions=True)
        await self._thread.call(self._close())
        await self._thread.close()

    async def listing(self, base: str, page: int) -> Listing:
        """Return one page of what a base holds; needs no engine."""
        return await self._call(self._listing(base, page))

    async def renewal(self, base: str) -> Renewal | None:
        """Return how far a base is that is embedded again; None where it is not."""
        return await self._call(self._renewal(base))

    async def search(self, base: str, text: str, count: int) -> Hits:
        """Return the clauses of a base that are nearest in meaning."""
        return await self._call(self._search(base, text, count))

    async def read(self, path: Path) -> ReadFile:
        """Read a file in the parser's process."""
        return await self._call(self._read(path))

    async def add(self, base: str, name: str, read: ReadFile) -> Added:
        """Add a file that was read."""
        return await self._call(self._add(base, name, read))

    async def check(self, base: str, name: str, read: ReadFile) -> Check:
        """Compare a file that was read with a base."""
        return await self._call(self._check(base, name, read))

    async def name_of(self, base: str, id_: str) -> str | None:
        """Return the name of a document; None when the base does not have it."""
        return await self._call(self._name_of(base, id_))

    async def remove(self, base: str, id_: str) -> int:
        """Remove a document with all that was kept of it; return 1, or 0 when the base did not have it."""
        return await self._call(self._remove(base, id_))

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work on the room's thread; what is wrong with store or engine becomes UnavailableError."""
        assert self._thread is not None, "start first"
        try:
            return await self._thread.call(work)
        except sqlite3.Error as error:
            raise UnavailableError(f"the bases of documents: {error}") from None
        except (EngineError, ConfigError) as error:
            raise UnavailableError(f"the engine: {error}") from None

    async def _warm(self) -> None:
        try:
            await self._call(self._prepare(self.tools.base))
        except StraylineError as error:
            log.warning("documents_engine_unavailable", error=str(error))

    # Below: on the room's thread.

    async def _open(self) -> DocumentStore:
        return self.tools.open_store()

    async def _close(self) -> None:
        await self._end_engine()
        self._parser.close()
        if self._store is not None:
            self._store.close()

    @property
    def _bases(self) -> DocumentStore:
        assert self._store is not None, "start first"
        return self._store

    @asynccontextmanager
    async def _at_work(self, base: str) -> AsyncIterator[Library]:
        """Give the library to one caller at a time; see that the vectors of `base` are renewed."""
        async with self._one:
            if self._library is None:
                self._library = await self._engine.enter_async_context(self.tools.library(self._bases))
            self._begin_renewal(self._library, base)
            try:
                yield self._library
            except EngineError:
                await self._end_engine()
                raise

    async def _end_engine(self) -> None:
        self._library = None
        others = [task for task in self._renewals.values() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._renewals.clear()
        await self._engine.aclose()

    def _begin_renewal(self, library: Library, base: str) -> None:
        if base not in self._renewals:
            self._renewals[base] = asyncio.create_task(self._renew(library, base))

    async def _renew(self, library: Library, base: str) -> Exception | None:
        """Embed a base again, one batch between other work; return why it could not be finished."""
        try:
            while await self._renew_some(library, base):
                pass
        except (StraylineError, sqlite3.Error) as error:
            log.warning("documents_renewal_failed", base=base, error=str(error))
            self._renewals.pop(base, None)
            return error
        return None

    async def _renew_some(self, library: Library, base: str) -> bool:
        await asyncio.sleep(0)  # others that wait come first
        async with self._one:
            try:
                return await library.renew_some(base)
            except EngineError:
                await self._end_engine()
                raise

    async def _renewed(self, base: str) -> None:
        """Return once all documents of a base have vectors of the engine's model; raise why that cannot be."""
        async with self._at_work(base):
            renewal = self._renewals[base]
        await asyncio.wait({renewal})
        if renewal.cancelled():
            raise UnavailableError("the engine has ended; try again")
        error = renewal.result()
        if error is not None:
            raise error

    async def _prepare(self, base: str) -> None:
        async with self._at_work(base):
            return

    async def _listing(self, base: str, page: int) -> Listing:
        bases = self._bases.bases()
        count = bases.get(base, 0)
        groups = self._groups_of(base) if count <= GROUPED else {}
        listed = [ListedDocument(each, groups.get(each.id, -1)) for each in self._bases.listed(base, page * PAGE, PAGE)]
        renewal = await self._renewal(base)
        return Listing(listed, count, max(groups.values(), default=-1) + 1, bases, renewal)

    async def _renewal(self, base: str) -> Renewal | None:
        if self._library is None:
            return None
        renewal = self._library.renewal(base)
        if renewal is not None:
            self._forget_renewal(base)  # others may have added with another model since then
            self._begin_renewal(self._library, base)
        return renewal

    def _forget_renewal(self, base: str) -> None:
        """Forget a renewal that is done, so that another one can begin."""
        if base in self._renewals and self._renewals[base].done():
            del self._renewals[base]

    def _groups_of(self, base: str) -> Mapping[str, int]:
        of = (base, self._bases.model(base), tuple(entry.id for entry in self._bases.listed(base)))
        if self._groups[0] != of or not self._groups[1]:
            self._groups = (of, groups_of(self._bases, base, self.tools.outliers))
        return self._groups[1]

    async def _search(self, base: str, text: str, count: int) -> Hits:
        async with self._at_work(base) as library:
            return await library.search(base, text, count)

    async def _read(self, path: Path) -> ReadFile:
        async with self._parsing:
            return await asyncio.to_thread(self._parser.read, path)

    async def _add(self, base: str, name: str, read: ReadFile) -> Added:
        async with self._at_work(base) as library:
            return await library.add(base, name, read.format, read.blocks)

    async def _check(self, base: str, name: str, read: ReadFile) -> Check:
        for _ in range(RETRIES):
            await self._renewed(base)
            with suppress(UnfinishedBaseError):  # another program has changed the base since it was embedded again
                return await self._check_once(base, name, read)
            self._forget_renewal(base)
        await self._renewed(base)
        return await self._check_once(base, name, read)

    async def _check_once(self, base: str, name: str, read: ReadFile) -> Check:
        async with self._at_work(base) as library:
            return await library.check(library.checker(base), name, read.format, read.blocks)

    async def _name_of(self, base: str, id_: str) -> str | None:
        return self._bases.name_of(base, id_)

    async def _remove(self, base: str, id_: str) -> int:
        async with self._one:
            return self._bases.remove(base, [id_])
