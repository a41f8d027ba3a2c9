"""One console from start to end: its archive, its feed, and its pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry

from daemon.adapters.web import Certificate, LiveCertificate, PortSettings, WatchedFiles, read_accounts
from daemon.console.archive import Archive
from daemon.console.archive_thread import ArchiveThread
from daemon.console.bound_metrics import Kept
from daemon.console.changes import Changes
from daemon.console.console_metrics import ConsoleMetrics
from daemon.console.error_pages import error_pages
from daemon.console.feed import Feed, Feeds, Follow, read_folder, read_meaning
from daemon.console.guard import Guard
from daemon.console.links import LinkTemplate
from daemon.console.pages import Pages, Publish
from daemon.console.proxy import Proxy
from daemon.console.replay.recording import observations_in
from daemon.console.replay.replays import Replays, ReplaySettings
from daemon.console.retention import Retention
from daemon.console.server import ConsoleServer, Route, routes
from daemon.console.views import Views
from daemon.core.detection import EXPORT_FILE


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """How the console is served and what it keeps.

    `path` is a prefix of all paths, for a reverse proxy. `archive` None keeps everything in memory, and it is read from
    the topics at each start. `retention` says how much is kept. `users` None lets everybody on this machine in, as
    `visitor`. `proxy` says which reverse proxies are believed. `folder` is a backtest's folder, shown instead of the
    topics. `links` lead to other programs. `replay` says what is told by, for replays.
    """

    where: PortSettings = field(default_factory=lambda: PortSettings("console", "127.0.0.1", 0, 256))
    path: str = ""
    archive: Path | None = None
    retention: Retention = field(default_factory=Retention)
    users: Path | None = None
    tls: Certificate | None = None
    visitor: str = ""
    proxy: Proxy = field(default_factory=Proxy)
    folder: Path | None = None
    links: Sequence[LinkTemplate] = ()
    replay: ReplaySettings = field(default_factory=ReplaySettings)


@dataclass(frozen=True, slots=True)
class ConsoleTopics:
    """The topics that the console follows, and how feedback is published. `source` names the cluster on the pages.

    `follow` yields alerts and feedback. `follow_baseline` yields the baseline's topic by itself: what it holds, or a
    missing right to read it, delays no alert. `follow_observations` yields what replays are
    made of, and is asked when somebody looks at one.
    """

    feedback: str
    baseline: str
    source: str
    follow: Follow
    follow_baseline: Follow
    follow_observations: Follow
    publish: Publish


class Extension(Protocol):
    """Pages that the console has besides its own, such as the room for documents."""

    async def start(self) -> None:
        """Open what the pages need. Raises StraylineError."""
        ...

    def routes(self, pages: Pages) -> Sequence[Route]:
        """Return the routes, once started."""
        ...

    def kept(self, kept: Kept) -> Kept:
        """Return what the console keeps, with what is kept for these pages."""
        ...

    async def close(self) -> None:
        """Close what the pages need."""
        ...


class Console:
    """Runs from `start` to `close`. Without `topics`, it shows `settings.folder`; `documents` is the room for them."""

    def __init__(
        self, settings: ConsoleSettings, topics: ConsoleTopics | None, documents: Extension | None = None
    ) -> None:
        self._settings = settings
        self._documents = documents
        self._topics = topics
        self._stack = AsyncExitStack()
        self.metrics = ConsoleMetrics(CollectorRegistry())
        self._store: ArchiveThread
        self._pages: Pages
        self._replays: Replays
        self.url = ""
        """Address of the first page. Known once started."""

    async def start(self) -> None:
        """Open the archive, begin to follow, and listen.

        Raises ConfigError for a wrong users file or archive, InputError for a folder without alerts, and
        UnavailableError when the archive is locked or the address cannot be used.
        """
        settings, topics = self._settings, self._topics
        accounts = read_accounts(settings.users) if settings.users is not None else None
        async with AsyncExitStack() as stack:
            archive = Archive(
                settings.archive if topics else None,
                feedback=topics.feedback if topics else "",
                baseline=topics.baseline if topics else EXPORT_FILE,
                retention=settings.retention,
            )
            store, changes = ArchiveThread(archive), Changes()
            stack.push_async_callback(store.close)
            feeds = await self._feed(stack, store, changes)
            stack.push_async_callback(_stop, [asyncio.create_task(read_meaning(store))])
            guard, views = Guard(accounts, settings.visitor, settings.path, settings.proxy), Views()
            publish = topics.publish if topics else None
            has_documents = self._documents is not None
            pages = Pages(store, changes, views, guard, feeds, publish, settings.links, has_documents=has_documents)
            replays = Replays(settings.replay, topics.follow_observations if topics else None, settings.folder)
            metrics = self.metrics
            metrics.bounds.kept = lambda: self._kept(store, guard)
            table = routes(pages, replays, metrics)
            if self._documents is not None:
                await self._documents.start()
                stack.push_async_callback(self._documents.close)
                table += self._documents.routes(pages)
            tls = LiveCertificate(settings.tls) if settings.tls is not None else None
            errors = error_pages(views, guard)
            server = ConsoleServer(settings.where, settings.path, guard, errors, table, metrics)
            await server.start(tls.context if tls else None)
            stack.push_async_callback(server.close)
            host = f"[{settings.where.host}]" if ":" in settings.where.host else settings.where.host
            self._watch(stack, guard, tls)
            self.url = f"{'https' if tls else 'http'}://{host}:{server.port}{settings.path}/"
            self._store, self._pages, self._replays = store, pages, replays
            self._stack = stack.pop_all()

    async def apply(self, settings: ConsoleSettings) -> None:
        """Take the links, the retention and what replays are told by from other settings, once started.

        Raises UnavailableError when the archive cannot be used.
        """
        await self._store.call(lambda: self._store.archive.retain(settings.retention))
        self._pages.links = settings.links
        self._replays.settings = settings.replay

    async def close(self) -> None:
        """Stop serving, stop following, and close the archive."""
        await self._stack.aclose()

    def _kept(self, store: ArchiveThread, guard: Guard) -> Kept:
        archive, logins = store.archive, guard.logins
        let_go = {**archive.let_go, "logins": logins.let_go}
        kept = Kept(archive.size, archive.retention.max_bytes, len(logins), let_go=let_go)
        return kept if self._documents is None else self._documents.kept(kept)

    def _watch(self, stack: AsyncExitStack, guard: Guard, tls: LiveCertificate | None) -> None:
        """Read the users file and the certificate again when they change."""
        users, certificate = self._settings.users, self._settings.tls
        watched = []
        if users is not None:
            watched.append(WatchedFiles([users], lambda: guard.replace(read_accounts(users))))
        if certificate is not None and tls is not None:
            watched.append(WatchedFiles([certificate.certificate, certificate.key], tls.read))
        stack.push_async_callback(_stop, [asyncio.create_task(files.run()) for files in watched])

    async def _feed(self, stack: AsyncExitStack, store: ArchiveThread, changes: Changes) -> Feeds:
        if self._topics is None:
            assert self._settings.folder is not None, "topics or a folder"
            if (beside := self._settings.replay.beside) is not None:
                await asyncio.to_thread(observations_in, beside)
            return await store.call(read_folder, store, self._settings.folder)
        source = self._topics.source
        messages = Feed(store, changes, self._topics.follow, source)
        patterns = Feed(store, changes, self._topics.follow_baseline, source)
        stack.push_async_callback(_stop, [asyncio.create_task(feed.run()) for feed in (messages, patterns)])
        return Feeds(messages.state, patterns.state)


async def _stop(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
