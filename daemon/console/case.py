"""An alert's case as rows for a page: the session's lines beside the nearest normal ones, and what is missing.

Everything is taken from the published message. Fields may be absent or of another type in a message of another version,
so each is read with a default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.text import clean, percent, shorten

MAX_ROWS, MAX_CASE = 80, 20_000
"""Lines of a case, and the characters of all of them: the page stays small, and the message has the rest."""
MAX_TEXT = 2_000
MAX_CAUSES = 20
_TOKEN = re.compile(r"<[A-Z_]+>|[^\W_]+|_|\W")
_WORD = re.compile(r"[^\W\d_]+")
_NOTES = {"new": "never seen before", "severe": "reads like a failure", "count": "unusual count"}

Part = tuple[str, bool]
"""A piece of a line, and whether the other side does not have it."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line: `sign` is + only here, - missing here, ~ another count, = as usual.

    `here` and `normal` are the two sides as pieces, empty where a side does not have the line. `part` is the share of
    the case in per cent, 0 to 100.
    """

    sign: str
    count: int
    expected: int | None
    here: Sequence[Part]
    normal: Sequence[Part]
    note: str
    part: int


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One thing that an incident is about: when and where it was first seen, its kind, its first line, and why."""

    time: str
    scope: str
    kind: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """The release that an incident began with: service, version, when it was first seen, new kinds of lines."""

    scope: str
    version: str
    since: str
    causes: int


def case_rows(document: Mapping[str, Any]) -> list[CaseRow]:
    """Return the rows of an alert: the session's lines in the order published, then the missing ones."""
    lines = [line for line in _list(document, "session") if isinstance(line, dict)]
    contrast = document.get("contrast")
    missing = _list(contrast, "missing_here") if isinstance(contrast, dict) else []
    rows = [_present(line) for line in lines]
    absent = [_missing(line) for line in missing if isinstance(line, dict)]
    telling = [row for row in absent if row.part]
    return list(_fitting([*telling, *rows, *(row for row in absent if not row.part)][:MAX_ROWS]))


def _fitting(rows: Sequence[CaseRow]) -> Iterator[CaseRow]:
    """Yield the first rows, whose lines have at most `MAX_CASE` characters together."""
    room = MAX_CASE
    for row in rows:
        room -= sum(len(text) for text, _ in (*row.here, *row.normal))
        if room < 0:
            return
        yield row


def cause_rows(document: Mapping[str, Any]) -> list[CauseRow]:
    """Return what the incident of a message is about, in the order published; empty where the message does not say."""
    incident = document.get("incident")
    causes = _list(incident, "causes") if isinstance(incident, dict) else []
    return [
        CauseRow(*(_line_text(cause, name) for name in ("time", "scope", "kind", "text", "why")))
        for cause in causes[:MAX_CAUSES]
        if isinstance(cause, dict)
    ]


def muted_of(document: Mapping[str, Any]) -> str:
    """Return why a message was not told in time, empty where it was."""
    incident = document.get("incident")
    return _line_text(incident, "muted") if isinstance(incident, dict) else ""


def release_of(document: Mapping[str, Any]) -> ReleaseRow | None:
    """Return the release that an incident began with, None where it began with none."""
    incident = document.get("incident")
    release = incident.get("release") if isinstance(incident, dict) else None
    if not isinstance(release, dict):
        return None
    scope, version, since = (_line_text(release, name) for name in ("scope", "version", "since"))
    return ReleaseRow(scope, version, since, _int(release.get("causes")))


def _present(line: Mapping[str, Any]) -> CaseRow:
    text, near = _line_text(line, "text"), _line_text(line, "nearest_normal")
    count, expected = _int(line.get("count")), line.get("expected")
    expected = _int(expected) if isinstance(expected, int) else None
    usual = line.get("why") == "usual"
    if expected:
        sign = "~" if expected != count else "=" if usual else "+"
    else:
        sign = "=" if usual and expected is None else "+"
    if near and not usual:
        here, normal = _aligned(text, near)
    else:
        here, normal = [(text, False)], [(near, False)] if near else []
    return CaseRow(sign, count, expected, here, normal, _note(line, expected), _percent(line))


def _missing(line: Mapping[str, Any]) -> CaseRow:
    share = line.get("share")
    note = (
        f"in {percent(float(share))} of sessions"
        if isinstance(share, int | float) and share
        else "in the nearest normal session"
    )
    text = _line_text(line, "text")
    return CaseRow("-", 0, _int(line.get("expected")), [], [(text, False)], f"missing; {note}", _percent(line))


def _note(line: Mapping[str, Any], expected: int | None) -> str:
    why, share = str(line.get("why")), line.get("share")
    if why in _NOTES:
        return _NOTES[why]
    if why == "rare" and isinstance(share, int | float) and share:
        return f"only in {percent(float(share))} of sessions"
    if why == "rare":
        return "rare"
    return "not in the nearest normal session" if expected == 0 else ""


def _aligned(text: str, near: str) -> tuple[list[Part], list[Part]]:
    """Return both lines as pieces, with the words marked that the other one does not have."""
    ours, theirs = _words(text), _words(near)
    return list(_marked(text, theirs)), list(_marked(near, ours))


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _TOKEN.findall(text) if _WORD.fullmatch(word))


def _marked(text: str, other: frozenset[str]) -> Iterator[Part]:
    """Yield pieces; blanks between two marked words are marked too."""
    piece, blanks, marked = "", "", False
    for token in _TOKEN.findall(text):
        if token.isspace():
            blanks += token
            continue
        odd = _WORD.fullmatch(token) is not None and token.lower() not in other
        if odd != marked:
            if marked:
                yield piece, True
                piece = blanks
            elif piece or blanks:
                yield piece + blanks, False
                piece = ""
            blanks, marked = "", odd
        piece += blanks + token
        blanks = ""
    if piece:
        yield piece, marked
    if blanks:
        yield blanks, False


def _line_text(line: Mapping[str, Any], name: str) -> str:
    text = line.get(name)
    return shorten(clean(text), MAX_TEXT) if isinstance(text, str) else ""


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    values = document.get(name)
    return values if isinstance(values, list) else []


def _int(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _percent(line: Mapping[str, Any]) -> int:
    value = line.get("contribution")
    return round(100 * min(max(float(value), 0.0), 1.0)) if isinstance(value, int | float) else 0
