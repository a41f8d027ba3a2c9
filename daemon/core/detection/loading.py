"""How a detector is given saved scopes: one after the other, and all of them or none."""

from __future__ import annotations

from collections.abc import Callable

from daemon.core.detection.changelog import Changelog
from daemon.core.detection.saved_scope import SavedScope


class Loading:
    """Saved scopes on their way into a detector, which keeps what it has until `finish`."""

    def __init__(self, changelog: Changelog, take_over: Callable[[Changelog], None]) -> None:
        self._changelog, self._take_over = changelog, take_over

    def add(self, saved: SavedScope) -> None:
        """Take in one scope. Raises DataError when its content is not what `Detector.save` returned."""
        self._changelog.load(saved)

    def finish(self) -> None:
        """Give the detector all that was taken in."""
        self._take_over(self._changelog)
