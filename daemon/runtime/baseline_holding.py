"""Which partitions of the baseline's topic a replica reads whole: all of them, or those that it serves.

A partition that judges lines holds its own partition of the topic while it runs. Where only these are read, one that
is not held any more is read on for a while: it often comes back, as in a rolling restart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

LINGER = 60.0
"""Seconds for which a partition is read on after it was held."""


class Holding(Protocol):
    """What decides which partitions are read."""

    def wanted(self) -> frozenset[int] | None:
        """Return the partitions to read whole, None for all of the topic."""
        ...

    def keep(self, places: Collection[int]) -> None:
        """Note that the detector has these partitions already, and that they may soon be held."""
        ...

    def hold(self, place: int) -> None:
        """Note that one more needs the partition `place`."""
        ...

    def release(self, place: int) -> None:
        """Note that one less needs the partition `place`."""
        ...


class HoldAll:
    """Every replica has the baselines of all scopes. Implements `Holding`."""

    def wanted(self) -> frozenset[int] | None:
        """Return None: all of the topic."""
        return None

    def keep(self, places: Collection[int]) -> None:
        """Do nothing: everything is kept."""

    def hold(self, place: int) -> None:
        """Do nothing: everything is read."""

    def release(self, place: int) -> None:
        """Do nothing: everything is kept."""


class HoldServed:
    """A replica has the baselines of the scopes that it serves. Implements `Holding`.

    A partition is wanted while it is held and for `linger` seconds afterwards.
    """

    def __init__(self, linger: float = LINGER) -> None:
        self._linger = linger
        self._held = Counter[int]()
        self._until: dict[int, float] = {}

    def wanted(self) -> frozenset[int] | None:
        """Return the partitions that are held, or were lately."""
        now = monotonic()
        self._until = {place: until for place, until in self._until.items() if until > now}
        return frozenset(self._until.keys() | self._held.keys())

    def keep(self, places: Collection[int]) -> None:
        """Want these partitions for a while."""
        self._until |= dict.fromkeys(places, monotonic() + self._linger)

    def hold(self, place: int) -> None:
        """Want `place` until it is released as often as it is held."""
        self._held[place] += 1

    def release(self, place: int) -> None:
        """Undo one `hold`, and keep `place` for a while after the last one."""
        self._held[place] -= 1
        if not self._held[place]:
            del self._held[place]
            self.keep([place])


@contextmanager
def held(holding: Holding, place: int | None) -> Iterator[None]:
    """Hold a partition of the topic inside the block; None holds nothing."""
    if place is None:
        yield
        return
    holding.hold(place)
    try:
        yield
    finally:
        holding.release(place)
