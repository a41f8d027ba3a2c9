"""A release of one service in the middle of its traffic, as records state it that carry a version.

Over two minutes more and more sessions begin on the new version. There a fifth of the lines have words of their own,
and one session in five has a line of a dozen that only the new version has. All of it is harmless.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

SCOPES = ("shop", "api")
"""The service that is released, in the recording that has it."""
OLD, NEW = "4.2.0", "4.2.1"
TAKES = 120.0
FEATURES = 12


class Rollout:
    """The release that begins at `begins` seconds. `shapes` are the service's lines, and `words` makes a new one."""

    def __init__(self, begins: float, shapes: Collection[str], words: Callable[[], str], chance: random.Random) -> None:
        self._begins, self._random = begins, chance
        self._reworded = {shape: words() for shape in chance.sample(sorted(shapes), len(shapes) // 5)}
        self._features = [words() for _ in range(FEATURES)]
        self._released: set[str] = set()

    def session(self, key: str, at: float) -> None:
        """Choose the version of a session of the service that begins at `at` seconds."""
        if at >= self._begins + self._random.uniform(0, TAKES):
            self._released.add(key)

    def version(self, key: str) -> str:
        """Return the version that a session is on."""
        return NEW if key in self._released else OLD

    def message(self, key: str, shape: str, message: str) -> str:
        """Return a line of a session in the words of its version."""
        return self._reworded.get(shape, message) if key in self._released else message

    def feature(self, key: str) -> str | None:
        """Return the line of a session that only the new version has, if it has one."""
        has = key in self._released and self._random.random() < 1 / 5
        return self._random.choice(self._features) if has else None
