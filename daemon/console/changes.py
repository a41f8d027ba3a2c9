"""Which incidents changed, as a stream that many browsers follow and may resume.

Each change has a number. A follower names the last number it has seen and gets everything after it as one change. The
last changes are kept; a follower that is further behind, or comes from before a restart, must load its page again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

KEPT = 1_000
MAX_IDS = 500


@dataclass(frozen=True, slots=True)
class Change:
    """All changes up to one number. `ids` are the changed incidents; `reload` means that some are not known."""

    number: str
    ids: Collection[str]
    reload: bool = False


class Changes:
    """The stream; belongs to one event loop."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        self._number = 0
        self._recent: deque[tuple[int, Collection[str]]] = deque(maxlen=KEPT)
        self._news = asyncio.Condition()

    @property
    def number(self) -> str:
        """The number of the last change, for a page that is rendered now."""
        return self._name(self._number)

    async def announce(self, ids: Collection[str]) -> None:
        """Add a change and wake all followers."""
        async with self._news:
            self._number += 1
            self._recent.append((self._number, ids))
            self._news.notify_all()

    async def follow(self, since: str, heartbeat_s: float = 15.0) -> AsyncIterator[Change | None]:
        """Yield changes after the number `since`, without end; None after `heartbeat_s` seconds without one."""
        epoch, _, number = since.partition("-")
        last = int(number) if epoch == self._epoch and number.isdecimal() else -1
        while True:
            if last != self._number:
                yield self._after(last)
                last = self._number
                continue
            try:
                async with asyncio.timeout(heartbeat_s), self._news:
                    await self._news.wait_for(lambda seen=last: seen != self._number)  # type: ignore[misc]
            except TimeoutError:
                yield None

    def _after(self, last: int) -> Change:
        ids = {identity for number, changed in self._recent if number > last for identity in changed}
        known = 0 <= last <= self._number and self._number - last <= len(self._recent) and len(ids) <= MAX_IDS
        return Change(self._name(self._number), sorted(ids) if known else (), reload=not known)

    def _name(self, number: int) -> str:
        return f"{self._epoch}-{number}"
