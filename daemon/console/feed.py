"""What fills the archive: topics that are followed without end, or a backtest's folder, read once.

The console is not a member of the daemon's group and writes nothing here, so it cannot slow or stop the daemon. When
the brokers do not answer, it tries again with back-off; the pages stay available and show the problem.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import chain, count, islice, takewhile
from pathlib import Path
from time import monotonic

import structlog

from daemon.adapters.files import FileReader, check_files
from daemon.backoff import Backoff
from daemon.console.archive_thread import ArchiveThread
from daemon.console.changes import Changes
from daemon.core.baseline import BUCKETS
from daemon.core.detection import EXPORT_FILE, Import, export_updates, read_export
from daemon.core.incidents import is_history
from daemon.core.types import Batch, TopicPartition
from daemon.errors import ConfigError, InputError, StraylineError, UnavailableError

log = structlog.get_logger(__name__)

ALERTS_FILE = "alerts.jsonl"
BACKOFF = Backoff(1.0, 30.0, jitter=0.2)
PRUNE_EVERY_S = 600.0
PATTERNS_AT_ONCE = 2_000
MEANING_EVERY_S = 1.0

Follow = Callable[[Mapping[TopicPartition, int]], AsyncGenerator[tuple[Sequence[Batch], int], None]]
"""Follows the topics from these positions: yields new batches, and how many offsets are unread."""


@dataclass(slots=True)
class FeedState:
    """How current the archive is. `unread` offsets are still to come; `problem` is empty while all is well."""

    source: str
    live: bool
    unread: int = 0
    unreadable: int = 0
    problem: str = "not connected yet"
    checked: float = 0.0

    @property
    def caught_up(self) -> bool:
        """Whether everything committed is in the archive."""
        return not self.problem and not self.unread


async def read_meaning(store: ArchiveThread) -> None:
    """Read the vectors of incidents as they become known, in pieces between which pages are served, until cancelled."""
    while True:
        with suppress(UnavailableError):
            while await store.call(_read_some, store):
                pass
        await asyncio.sleep(MEANING_EVERY_S)


def _read_some(store: ArchiveThread) -> bool:
    return store.archive.meaning.read_some(store.archive.connection)


@dataclass(frozen=True, slots=True)
class Feeds:
    """How current the archive is in alerts and feedback, and in patterns."""

    messages: FeedState
    patterns: FeedState


class Feed:
    """Follows the topics into the archive."""

    def __init__(self, store: ArchiveThread, changes: Changes, follow: Follow, source: str) -> None:
        self._store = store
        self._changes = changes
        self._follow = follow
        self.state = FeedState(source, live=True)

    async def run(self) -> None:
        """Follow until cancelled."""
        failures = 0
        while True:
            began = monotonic()
            try:
                await self._follow_once()
            except (UnavailableError, ConfigError) as error:  # a password may be put right, here or there
                failures = 1 if monotonic() - began > BACKOFF.longest else failures + 1
                pause = BACKOFF.seconds(failures)
                self.state.problem = str(error)
                log.warning("feed_interrupted", error=str(error), retry_in_seconds=round(pause, 1))
                await asyncio.sleep(pause)

    async def _follow_once(self) -> None:
        archive, pruned = self._store.archive, 0.0
        positions = await self._store.call(archive.positions)
        async with aclosing(self._follow(positions)) as updates:
            async for batches, unread in updates:
                if archive is not self._store.archive:
                    raise UnavailableError("console.archive: the file was corrupt; it is filled again")
                full = False
                if batches:
                    stored = await self._store.call(archive.store, batches)
                    self.state.unreadable += stored.unreadable
                    full = stored.full
                    if stored.incidents:
                        await self._changes.announce(stored.incidents)
                self.state.unread, self.state.problem, self.state.checked = unread, "", monotonic()
                if full or monotonic() - pruned > PRUNE_EVERY_S:
                    await self._store.call(archive.prune)
                    pruned = monotonic()


def read_folder(store: ArchiveThread, folder: Path) -> Feeds:
    """Fill the archive from what `strayline backtest --out` wrote. Raises InputError when there are no alerts there."""
    path = folder / ALERTS_FILE
    if not path.is_file():
        raise InputError(f"{folder}: holds no {ALERTS_FILE}; name the folder of `strayline backtest --out`")
    check_files([str(path)])
    state = FeedState(str(folder), live=False, problem="")
    try:
        for batch in FileReader([str(path)], TopicPartition(ALERTS_FILE, 0)).batches():
            state.unreadable += store.archive.store([batch]).unreadable
        _read_patterns(store, folder / EXPORT_FILE)
    except StraylineError as error:
        raise InputError(str(error)) from None
    return Feeds(state, state)


def _read_patterns(store: ArchiveThread, path: Path) -> None:
    """Store the patterns of a backtest's baseline, as its import would publish them; there may be none."""
    if not path.is_file():
        return
    lines = chain.from_iterable(batch.values for batch in FileReader([str(path)], TopicPartition("", 0)).batches())
    export_lines = takewhile(lambda line: not is_history(line), (line or b"" for line in lines))
    export = read_export(export_lines, str(path))
    updates = export_updates(export, Import(export.bucket_us * BUCKETS))
    for first in count(step=PATTERNS_AT_ONCE):
        some = list(islice(updates, PATTERNS_AT_ONCE))
        if not some:
            break
        offsets = range(first, first + len(some))
        keys, values = [one.key for one in some], [one.value for one in some]
        store.archive.store([Batch(TopicPartition(EXPORT_FILE, 0), offsets, [-1] * len(some), keys, values)])
