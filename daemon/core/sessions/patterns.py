"""Sessions to patterns: the canonical rendering that is embedded, compared and learned.

Concurrency shuffles lines, so order is dropped: a pattern is the session's distinct masked lines, sorted by code point,
each with its count. Equal sessions of a scope have equal patterns, hence one embedding and one fingerprint.
"""

from __future__ import annotations

from hashlib import blake2b

from daemon.core.generation_cache import GenerationCache
from daemon.core.sessions.closed_sessions import SessionLines
from daemon.core.types import Pattern, Session

KEPT_PATTERNS = 2_048
"""Patterns that are cached; up to twice as many between clearings."""
KEPT_LINES = 64
"""Patterns with more distinct lines are not cached: they seldom recur."""


def pattern_of(session: Session) -> Pattern:
    """Return the pattern of `session`."""
    return make_pattern(session.scope, {line.masked: line.count for line in session.lines})


class Patterns:
    """The patterns of one sessionizer's sessions; recent ones are cached."""

    def __init__(self) -> None:
        self._cache: GenerationCache[tuple[str, bytes], Pattern] = GenerationCache(KEPT_PATTERNS)

    def of(self, session: Session) -> Pattern:
        """Return the pattern of `session`."""
        lines = session.lines
        if not isinstance(lines, SessionLines):
            return pattern_of(session)
        key = session.scope, lines.signature
        pattern = self._cache.get(key)
        if pattern is None:
            pattern = make_pattern(session.scope, lines.counts())
            if len(lines) <= KEPT_LINES:
                self._cache.put(key, pattern)
        return pattern


def make_pattern(scope: str, counts: dict[str, int]) -> Pattern:
    """Return the pattern of `scope` whose distinct masked lines have these `counts`."""
    lines = tuple(sorted(counts.items()))
    return Pattern(fingerprint(scope, lines), scope, lines)


def fingerprint(scope: str, lines: tuple[tuple[str, int], ...]) -> str:
    """Return 16 hexadecimal digits of BLAKE2b over scope and rendering."""
    text = "\n".join(f"{count} x {line}" for line, count in lines)
    return blake2b(f"{scope}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
