"""Runs replays beside the pages: one at a time, on a thread of its own, and the latest results are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from daemon.console.feed import Follow
from daemon.console.replay.comparison import Compared, changes
from daemon.console.replay.recording import Recording, read_recording
from daemon.core.incidents import IncidentReplay, IncidentSettings, KnownCause, ReplayedIncident, ReplayTerms
from daemon.core.observations import MuteOrder
from daemon.errors import InputError, UnavailableError

CATCH_UP_S = 5.0
"""Seconds that a page waits for the topic; what is not read by then is read when the page is loaded again."""
KEPT = 8
MOST_WAITING = 8
"""Replays that may wait for others."""
FOR_EVER_US = 2**61


@dataclass(frozen=True, slots=True)
class Words:
    """What people would have said from the beginning: incidents by id, and services by name."""

    normal: frozenset[str] = frozenset()
    muted: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What is told by: the stage's settings, and the budget and the total as the configuration writes them.

    With `beside`, what would be told is replayed from that backtest's folder, which ran with other settings.
    """

    incidents: IncidentSettings = field(default_factory=IncidentSettings)
    budget: str = "20/day"
    total: str = ""
    beside: Path | None = None


class Replays:
    """All replays of a console: of the topic that `follow` yields, or of a backtest's `folder`."""

    def __init__(self, settings: ReplaySettings, follow: Follow | None, folder: Path | None) -> None:
        self.settings = settings
        self._follow, self._folder = follow, folder
        self.unread = 0
        """Records of the topic that were not read yet when the latest replay ran."""
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._recording: Recording | None = None
        self._beside: Recording | None = None
        self._kept: OrderedDict[object, IncidentReplay] = OrderedDict()

    async def compare(self, settings: IncidentSettings, words: Words) -> tuple[Compared, Recording]:
        """Return what is told with the configuration's settings, beside what would be with others and with words.

        Raises UnavailableError when the observations cannot be read, or when too many replays wait.
        """
        if self._waiting >= MOST_WAITING:
            raise UnavailableError("other replays run: try again in a moment")
        self._waiting += 1
        try:
            return await self._compare(settings, words)
        finally:
            self._waiting -= 1

    async def _compare(self, settings: IncidentSettings, words: Words) -> tuple[Compared, Recording]:
        async with self._lock:
            recording = await self._read()
            before = await self._replay(recording, ReplayTerms(self.settings.incidents))
            terms = ReplayTerms(settings, *_with_words(before.told, words))
            after = await self._replay(self._beside or recording, terms)
            return Compared(before, after, await asyncio.to_thread(changes, before.told, after.told)), recording

    async def _read(self) -> Recording:
        if self._follow is not None:
            self._recording = self._recording or Recording()
            self.unread = await _catch_up(self._recording, self._follow)
        elif self._recording is None:
            assert self._folder is not None, "a topic or a folder"
            try:
                if self.settings.beside is not None:
                    self._beside = await asyncio.to_thread(read_recording, self.settings.beside)
                self._recording = await asyncio.to_thread(read_recording, self._folder)
            except InputError as error:
                raise UnavailableError(str(error)) from None
        return self._recording

    async def _replay(self, recording: Recording, terms: ReplayTerms) -> IncidentReplay:
        name = (id(recording), recording.number, repr(terms))
        known = self._kept.get(name)
        if known is None:
            known = self._kept[name] = await asyncio.to_thread(run_replay, recording.records(), terms)
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return known


def run_replay(records: Sequence[tuple[bytes | None, bytes]], terms: ReplayTerms) -> IncidentReplay:
    """Return a replay of records."""
    replayed = IncidentReplay(terms)
    for key, value in records:
        replayed.take(key, value)
    replayed.finish()
    return replayed


async def _catch_up(recording: Recording, follow: Follow) -> int:
    """Read the topic to its end, for a while; return how many offsets are still unread."""
    unread = 1
    with suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_S), aclosing(follow(recording.positions)) as updates:
            async for batches, unread in updates:
                recording.take(batches)
                if not unread:
                    break
    return unread


def _with_words(told: Mapping[str, ReplayedIncident], words: Words) -> tuple[list[KnownCause], list[MuteOrder]]:
    """Return the labels and the mutes that words stand for.

    A label of an incident applies to all its causes, a mute to the cause of its headline.
    """
    known: dict[tuple[str, str], KnownCause] = {}
    for name in sorted(words.normal & told.keys()):
        known |= told[name].causes
    mutes = [MuteOrder(service, "", FOR_EVER_US) for service in sorted(words.services)]
    for name in sorted(words.muted & told.keys()):
        incident = told[name].news.incident
        head = incident.symptoms[incident.headline]
        mutes.append(MuteOrder(head.scope, head.cause, FOR_EVER_US, [head.cause]))
    return list(known.values()), mutes
