"""Session -> pattern: the canonical rendering that is embedded, compared and learned.

Concurrency shuffles lines, so order is dropped: a pattern is the session's distinct masked lines, sorted by code point,
each with its count. Equal sessions of a scope give equal patterns, hence one embedding and one fingerprint.
"""

from __future__ import annotations

from hashlib import blake2b

from daemon.core.records import Pattern, Session


def pattern_of(session: Session) -> Pattern:
    """Return the pattern of `session`."""
    return make_pattern(session.scope, {line.masked: line.count for line in session.lines})


def make_pattern(scope: str, counts: dict[str, int]) -> Pattern:
    """Return the pattern of `scope` whose distinct masked lines have these `counts`."""
    lines = tuple(sorted(counts.items()))
    return Pattern(fingerprint(scope, lines), scope, lines)


def fingerprint(scope: str, lines: tuple[tuple[str, int], ...]) -> str:
    """Return 16 hexadecimal digits of BLAKE2b over scope and rendering."""
    text = "\n".join(f"{count} x {line}" for line, count in lines)
    return blake2b(f"{scope}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
