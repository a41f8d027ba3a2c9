"""Which usual lines of a scope come together in sessions, so that one can be noticed that is missing from most of them.

The state is kept so that a session writes little. A session that is counted is a small piece, written once and deleted
when all blocks that have it are full. The piece of an anchor changes when a block is full. What an open block counts is
not written: its sessions give it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.core.incidents.companions import BLOCK, Anchor, Companion, CountedSession

Piece = tuple[str, str]
"""The kind and name of a piece of the state: an anchor (``t``) or a session (``w``)."""


@dataclass(slots=True)
class Together:
    """The anchors of a scope by cause, and by number the sessions of their open blocks; `number` is the next one.

    `changed` names the pieces that changed since it was last taken.
    """

    number: int = 0
    anchors: dict[str, Anchor] = field(default_factory=dict)
    sessions: dict[int, CountedSession] = field(default_factory=dict)
    changed: set[Piece] = field(default_factory=set)

    def follow(self, cause: str) -> None:
        """Make a usual line an anchor."""
        self.anchors[cause] = Anchor(self.number)
        self.changed.add(("t", cause))

    def count(self, session: CountedSession, half: int) -> Iterator[tuple[str, list[str]]]:
        """Count a session with each of its causes that is an anchor; yield each anchor with the companions it lacks.

        A block ends after its last session was yielded; `half` is that of the window in which it ends.
        """
        number, self.number = self.number, self.number + 1
        for name, anchor in self._takers(number, session):
            if number not in self.sessions:
                self.sessions[number] = session
                self.changed.add(("w", str(number)))
            yield name, anchor.count(number, session)
            if len(anchor.block) >= BLOCK:
                self.changed.add(("t", name))
                self._release(anchor.end_block(name, session.end, half))

    def note_missing(self, name: str, cause: str) -> None:
        """Note that a companion of an anchor is missing."""
        self.anchors[name].companions[cause].missing = True
        self.changed.add(("t", name))

    def of(self, cause: str) -> list[Companion]:
        """Return a line as a companion of each anchor that it comes with."""
        companions = (anchor.companions.get(cause) for anchor in self.anchors.values())
        return [companion for companion in companions if companion is not None]

    def drop(self, cause: str) -> None:
        """Follow a line no more."""
        anchor = self.anchors.pop(cause, None)
        if anchor is not None:
            self.changed.add(("t", cause))
            self._release(anchor.block)

    def take_changed(self) -> set[Piece]:
        """Return the names of the pieces that changed since the last call."""
        changed, self.changed = self.changed, set()
        return changed

    def names(self) -> list[Piece]:
        """Return the names of all pieces."""
        return [*(("t", cause) for cause in self.anchors), *(("w", str(number)) for number in self.sessions)]

    def dump(self, kind: str, name: str) -> Sequence[Any] | None:
        """Return a piece, None when it does not exist."""
        if kind == "w":
            session = self.sessions.get(int(name))
            return None if session is None else [session.start, session.end, sorted(session.causes)]
        anchor = self.anchors.get(name)
        if anchor is None:
            return None
        companions = {cause: companion.dump() for cause, companion in anchor.companions.items()}
        return [anchor.since, anchor.began, anchor.blocks, anchor.beside, companions]

    def load(self, kind: str, name: str, document: Sequence[Any]) -> None:
        """Take in a piece. When all are there, `recount` must be called."""
        if kind == "w":
            start, end, causes = document
            self.sessions[int(name)] = CountedSession(start, end, frozenset(causes))
        else:
            since, began, blocks, beside, companions = document
            of_anchor = {cause: Companion(*fields) for cause, fields in companions.items()}
            self.anchors[name] = Anchor(since, began, blocks, beside, of_anchor)

    def recount(self) -> None:
        """Count the sessions of open blocks again, after all pieces were loaded."""
        for number, session in sorted(self.sessions.items()):
            for _, anchor in self._takers(number, session):
                anchor.count(number, session)
        self.sessions = {number: session for number, session in sorted(self.sessions.items()) if session.blocks}

    def _takers(self, number: int, session: CountedSession) -> list[tuple[str, Anchor]]:
        """Return the anchors that count a session, in order of their names."""
        anchors = self.anchors
        return [
            (cause, anchor)
            for cause in sorted(session.causes)
            if (anchor := anchors.get(cause)) is not None and anchor.takes(number, session)
        ]

    def _release(self, block: dict[int, CountedSession]) -> None:
        """Let go of sessions that are in no open block any more."""
        for number, session in block.items():
            session.blocks -= 1
            if not session.blocks:
                del self.sessions[number]
                self.changed.add(("w", str(number)))
