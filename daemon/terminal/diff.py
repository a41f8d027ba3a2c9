"""An alert's contrast as the rows of a diff: which rows to show, and the layout of one row.

`+` is only here, `-` is missing, `~` has an unusual count. Rows that contribute to the case are shown; if there are
none, the differences from the normal pattern. Below a new line stands the known line most similar to it, and the new
words are bold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from daemon.core.baseline import failure_score
from daemon.core.text import first_new_word, gist, percent

Document = Mapping[str, Any]
MARGIN = 15
MAX_HEIGHT = 3
MAX_ROWS = 6
MAX_MISSING = 4
MAX_COUNTS = 3
ALIKE = 0.6
DIM = "bright_black"
_TOKEN = re.compile(r"[^\W\d_]+|\W+|\d+|_+")
_NOTES = {"new": "new line", "count": "unusual number"}
_NEW, _LACK, _COUNT = "green", "red", "yellow"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the diff: sign, count, text, note.

    `known` is a similar known line, for emphasis; `above` is the line shown before it; `height` is the maximum number
    of rows of its text.
    """

    sign: str
    count: int | None
    text: str
    note: str
    style: str
    known: str | None = None
    above: str | None = None
    height: int = 1


def rows(alert: Document) -> Iterator[Row]:
    """Yield the rows of an alert, the most telling first."""
    contrast = alert.get("contrast", {})
    counts = {line["text"]: line for side in ("more", "fewer") for line in contrast.get(side, [])}
    above: str | None = None
    for at, line in enumerate(_odd(alert)[:MAX_ROWS]):
        if line["text"] in counts:
            yield _count_row(counts.pop(line["text"]))
            continue
        like = line.get("nearest_normal") if line["why"] == "new" and (line.get("novelty") or 1.0) < ALIKE else None
        note = _note(line) or ("not in the nearest normal" if alert.get("nearest") else "")
        yield Row("+", line["count"], line["text"], note, _NEW, like, above, MAX_HEIGHT if at == 0 else 1)
        above = line["text"]
    yield from _missing(contrast)
    for line in sorted(counts.values(), key=_ratio, reverse=True)[:MAX_COUNTS]:
        yield _count_row(line)


def _odd(alert: Document) -> list[Document]:
    """Return the lines that make the case; if there are none, those that the normal pattern does not have."""
    lines = alert.get("session", [])
    only_here = {line["text"] for line in alert.get("contrast", {}).get("only_here", [])}
    return [line for line in lines if line["why"] != "usual"] or [line for line in lines if line["text"] in only_here]


def _missing(contrast: Document) -> Iterator[Row]:
    """Yield lines that nearly all sessions have; else, for two similar patterns, lines that the normal one has."""
    missing = contrast.get("missing_here", [])
    telling = [line for line in missing if line["contribution"] > 0]
    for line in telling[:MAX_MISSING]:
        note = f"in {percent(line['share'])} of sessions" if line["share"] else "usual"
        yield Row("-", line["expected"], line["text"], note, _LACK)
    if not telling and len(missing) <= contrast.get("usual", 0):
        for line in missing[:MAX_MISSING]:
            yield Row("-", line["expected"], line["text"], "in the nearest normal", _LACK)


def _count_row(line: Document) -> Row:
    return Row("~", line["count"], line["text"], f"{line['expected']:,} as a rule", _COUNT)


def _ratio(line: Document) -> tuple[float, float]:
    low, high = sorted((line["count"], line["expected"]))
    return line["contribution"], high / max(low, 1)


def reading(line: str) -> str:
    """Return in words how a line reads. A line with a level below error is not called a failure."""
    score = failure_score(line)
    if score >= 1:
        return "reads like a failure"
    return "is a warning" if score >= 0.5 else "speaks of a failure"


def _note(line: Document) -> str:
    if line["why"] in _NOTES:
        return _NOTES[line["why"]]
    if line["why"] == "severe":
        return reading(line["text"])
    if line.get("share"):
        return f"in {percent(line['share'])} of sessions"
    return ""


def draw(row: Row, width: int) -> Iterator[Text]:
    """Yield the row; its text is cut, or folded where several rows are allowed."""
    head = Text.assemble("    ", (row.sign, row.style), (f"{row.count:>6,} x  ", row.style))
    note, text = Text(row.note, DIM), _emphasised(gist(row.text), row.known, row.style)
    room = max(width - MARGIN - note.cell_len - 2, 10)
    if row.height == 1 or text.cell_len <= room:
        yield apart(head.append_text(_from_difference(text, row.known or row.above, room)), note, width)
        return
    cut = next(at for at in range(len(text), -1, -1) if cell_len(text.plain[:at]) <= room)
    first, rest = text.divide([text.plain.rfind(" ", room // 2, cut) + 1 or cut])
    first.rstrip()
    yield apart(head.append_text(first), note, width)
    folded = list(rest.wrap(Console(width=width), max(width - MARGIN, 20)))
    for at, line in enumerate(folded[: row.height - 1], 2):
        line.rstrip()
        if at == row.height < len(folded) + 1:
            line.truncate(max(width - MARGIN, 20) - 1, overflow="crop")
            line.append("…")
        yield Text(" " * MARGIN).append_text(line)


def _from_difference(text: Text, known: str | None, room: int) -> Text:
    """Return a line; if it would be cut before its first new word, it starts shortly before that word."""
    if known is None or text.cell_len <= room:
        return text
    start = first_new_word(text.plain, known)
    if cell_len(text.plain[:start]) < 2 * room // 3:
        return text
    return Text("…").append_text(text[max(start - room // 3, 0) :])


def _emphasised(text: str, known: str | None, style: str) -> Text:
    """Return the line with the words that `known` does not have in bold."""
    if known is None:
        return Text(text, style)
    words = {word.lower() for word in _TOKEN.findall(known)}
    shown = Text()
    for token in _TOKEN.findall(text):
        fresh = token.isalpha() and token.lower() not in words
        shown.append(token, f"bold {style}" if fresh else style)
    return shown


def draw_relative(row: Row, width: int) -> Text:
    """Return the known line that is similar to the row above."""
    known = Text(gist(row.known or ""), DIM)
    if row.height == 1:
        known = _from_difference(known, row.text, width - MARGIN)
    text = Text.assemble(" " * (MARGIN - 6), ("like  ", DIM)).append_text(known)
    text.truncate(width, overflow="ellipsis")
    return text


def apart(left: Text, right: Text, width: int) -> Text:
    """Return one row with `right` at the right edge; `left` is cut if they would touch."""
    left.truncate(max(width - right.cell_len - 2, 10), overflow="ellipsis")
    return left.append(" " * max(width - left.cell_len - right.cell_len, 1)).append_text(right)
