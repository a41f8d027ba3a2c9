"""Alerts for people on a terminal: what is odd against normal, as a diff, and how to say "this is normal".

    10:41:07  payments  host17                                    p 0.0004  critical
              "ERROR deadlock detected ..." never seen before in 41,203 sessions
        +     3 x  ERROR deadlock detected while waiting for ShareLock       new line
        -    12 x  COMMIT                                   in 99.8% of sessions
        =          53 more lines as usual

Signs carry the meaning and colour repeats it, so nothing is lost without colour. The first log line takes up to three
rows, the others one, cut at the width; commands are never cut. What a log wrote is never trusted: escape sequences go,
and every other control or invisible character becomes a visible dot, so that no alert moves the cursor or hides its
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.rule import Rule
from rich.text import Text

from daemon.core.wording import clean, many, percent

Document = Mapping[str, Any]
INDENT = 10
MARGIN = 15
MAX_HEIGHT = 3
MAX_ROWS = 6
MAX_MISSING = 4
MAX_COUNTS = 3
ID_LENGTH = 8
ALIKE = 0.6
_TOKEN = re.compile(r"[^\W\d_]+|\W+|\d+|_+")
_SEVERITY = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_NOTES = {"new": "new line", "severe": "reads like a failure", "count": "unusual number"}
_DIM, _NEW, _LACK, _COUNT = "bright_black", "green", "red", "yellow"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the diff: sign, count, text, what to know of it.

    `known` is a line it resembles, for emphasis; `height` the most rows its text may take.
    """

    sign: str
    count: int | None
    text: str
    note: str
    style: str
    known: str | None = None
    height: int = 1


class AlertView:
    """A renderable alert; made by `format_alert`."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the alert out for the console's width."""
        width = max(options.max_width, 40)
        draw = _resolved if self._document.get("status") == "resolved" else _firing
        yield from draw(self._document, width)


def format_alert(document: Document) -> RenderableType:
    """Return an alert, or word of a resolved incident, as something rich prints at any width."""
    return AlertView(document)


class AlertPrinter:
    """Prints alerts one after another, with a rule where the date changes and an empty line between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._date = ""

    def print(self, document: Document) -> None:
        """Print one alert."""
        date = _text(document, "end")[:10]
        if date != self._date:
            self._date = date
            self._console.print(Rule(Text(f"{date}, UTC", _DIM), style=_DIM, characters="-" if self._ascii else "─"))
        self._console.print(format_alert(document))
        self._console.print()

    @property
    def _ascii(self) -> bool:
        return not self._console.encoding.lower().startswith("utf")


def _firing(it: Document, width: int) -> Iterator[Text]:
    yield _title(it, Text(_p_value(it), "bold").append("  ").append_text(_severity(it)), width)
    yield from _paragraph(_headline(it), width, "bold")
    for row in _rows(it):
        yield from _row(row, width)
        if row.known:
            yield _like(row, width)
    for sentence in (_rest(it), _nearest(it), _incident(it)):
        if sentence:
            yield from _paragraph(sentence, width, _DIM)
    yield _command(it)


def _resolved(it: Document, width: int) -> Iterator[Text]:
    yield _title(it, Text("resolved", "bold green"), width)
    incident = it.get("incident", {})
    since = f"incident {_text(incident, 'id')[:ID_LENGTH]}, since {_text(incident, 'since')[11:19]}"
    yield from _paragraph(since, width, "")
    yield from _paragraph(_text(it, "summary"), width, _DIM)


def _text(document: Document, name: str) -> str:
    return clean(str(document.get(name) or ""))


def _title(it: Document, right: Text, width: int) -> Text:
    time = _text(it, "end")[11:19] or "--:--:--"
    left = Text.assemble((time, _DIM), "  ", (_text(it, "scope"), "bold"), "  ", _text(it, "key"))
    return _apart(left, right, width)


def _severity(it: Document) -> Text:
    grave = _text(it, "severity")
    return Text(grave, _SEVERITY.get(grave, ""))


def _p_value(it: Document) -> str:
    p = it.get("p_value")
    if p is None:
        return "warming up"
    return f"p {p:.2g}" if p >= 0.0001 else f"p {p:.0e}" if p >= 1e-6 else "p < 1e-6"


def _headline(it: Document) -> str:
    """Return the case in a few words; the rows below show the lines."""
    facts = []
    new = sum(line["why"] == "new" for line in it.get("session", []))
    missing = sum(line["contribution"] > 0 for line in it.get("contrast", {}).get("missing_here", []))
    if it.get("label") == "anomalous":
        facts.append("marked anomalous by feedback")
    if new:
        facts.append(f"{many(new, 'line')} never seen in {many(it.get('seen', 0), 'session')}")
    if missing:
        facts.append(f"{many(missing, 'usual line')} missing")
    return "; ".join(facts) or _text(it, "summary")


def _rows(it: Document) -> Iterator[Row]:
    contrast = it.get("contrast", {})
    counts = {line["text"]: line for side in ("more", "fewer") for line in contrast.get(side, [])}
    for at, line in enumerate(_odd(it)[:MAX_ROWS]):
        if line["text"] in counts:
            yield _count_row(counts.pop(line["text"]))
            continue
        like = line.get("nearest_normal") if line["why"] == "new" and (line.get("novelty") or 1.0) < ALIKE else None
        note = _note(line) or ("not in the nearest normal" if it.get("nearest") else "")
        yield Row("+", line["count"], line["text"], note, _NEW, like, MAX_HEIGHT if at == 0 else 1)
    yield from _missing(contrast)
    for line in sorted(counts.values(), key=_ratio, reverse=True)[:MAX_COUNTS]:
        yield _count_row(line)


def _odd(it: Document) -> list[Document]:
    """Return the lines that make the case, or where none does those that the normal pattern lacks."""
    lines = it.get("session", [])
    only_here = {line["text"] for line in it.get("contrast", {}).get("only_here", [])}
    return [line for line in lines if line["why"] != "usual"] or [line for line in lines if line["text"] in only_here]


def _missing(contrast: Document) -> Iterator[Row]:
    """Yield what nearly all sessions have; else what the normal pattern has, where the two are much alike."""
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


def _note(line: Document) -> str:
    if line["why"] in _NOTES:
        return _NOTES[line["why"]]
    if line.get("share"):
        return f"in {percent(line['share'])} of sessions"
    return ""


def _row(row: Row, width: int) -> Iterator[Text]:
    """Yield the row, its text cut or, where it may be several rows high, folded below its own beginning."""
    head = Text.assemble("    ", (row.sign, row.style), (f"{row.count:>6,} x  ", row.style))
    note, text = Text(row.note, _DIM), _emphasised(clean(row.text), row.known, row.style)
    room = max(width - MARGIN - note.cell_len - 2, 10)
    if row.height == 1 or text.cell_len <= room:
        yield _apart(head.append_text(_from_difference(text, row.known, room)), note, width)
        return
    cut = next(at for at in range(len(text), -1, -1) if cell_len(text.plain[:at]) <= room)
    first, rest = text.divide([text.plain.rfind(" ", room // 2, cut) + 1 or cut])
    first.rstrip()
    yield _apart(head.append_text(first), note, width)
    folded = list(rest.wrap(Console(width=width), max(width - MARGIN, 20)))
    for at, line in enumerate(folded[: row.height - 1], 2):
        line.rstrip()
        if at == row.height < len(folded) + 1:
            line.truncate(max(width - MARGIN, 20) - 1, overflow="crop")
            line.append("…")
        yield Text(" " * MARGIN).append_text(line)


def _from_difference(text: Text, known: str | None, room: int) -> Text:
    """Return a line that would be cut before its first new word from a little before that word on."""
    if known is None or text.cell_len <= room:
        return text
    start = _first_fresh(text.plain, known)
    if cell_len(text.plain[:start]) < 2 * room // 3:
        return text
    return Text("…").append_text(text[max(start - room // 3, 0) :])


def _first_fresh(text: str, known: str) -> int:
    """Return where the first word begins that `known` lacks, or 0."""
    words = {word.lower() for word in _TOKEN.findall(known)}
    return next((it.start() for it in _TOKEN.finditer(text) if it[0].isalpha() and it[0].lower() not in words), 0)


def _emphasised(text: str, known: str | None, style: str) -> Text:
    """Return the line with the words that its known relative lacks in bold."""
    if known is None:
        return Text(text, style)
    words = {word.lower() for word in _TOKEN.findall(known)}
    shown = Text()
    for token in _TOKEN.findall(text):
        fresh = token.isalpha() and token.lower() not in words
        shown.append(token, f"bold {style}" if fresh else style)
    return shown


def _like(row: Row, width: int) -> Text:
    """Return the known line that the row above resembles."""
    known = Text(clean(row.known or ""), _DIM)
    if row.height == 1:
        known = _from_difference(known, row.text, width - MARGIN)
    text = Text.assemble(" " * (MARGIN - 6), ("like  ", _DIM)).append_text(known)
    text.truncate(width, overflow="ellipsis")
    return text


def _rest(it: Document) -> str:
    contrast = it.get("contrast", {})
    more = len(it.get("session", [])) + it.get("omitted", 0) - contrast.get("usual", 0) - MAX_ROWS
    parts = [f"{many(more, 'more line')} of note"] if more > 0 else []
    if contrast.get("usual"):
        parts.append(f"{many(contrast['usual'], 'line')} as usual")
    return f"= {', '.join(parts)}" if parts else ""


def _nearest(it: Document) -> str:
    compared = it.get("contrast", {}).get("pattern")
    near = next((near for near in it.get("nearest", []) if near["pattern"] == compared), None)
    if near is None:
        return "nothing normal to compare with yet"
    last = _ago(near["last_seen"], it["end"])
    return f"nearest normal {_cosine(near['similarity'])}, {percent(near['weight'])} of traffic, last seen {last}"


def _cosine(value: float) -> str:
    """Return a similarity that is 1 only where it is: 0.87, 0.998."""
    return f"{value:.2f}" if value < 0.99 or value >= 1 else f"{min(value, 0.999):.3f}"


def _incident(it: Document) -> str:
    incident = it.get("incident", {})
    name = f"incident {_text(incident, 'id')[:ID_LENGTH]}"
    if incident.get("event") == "opened":
        return f"{name}, new"
    going = "is back" if incident.get("event") == "reopened" else "goes on"
    return f"{name} {going}: {many(incident.get('alerts', 1), 'alert')} since {_text(incident, 'since')[11:19]}"


def _command(it: Document) -> Text:
    ask = ("is this normal?  ", _DIM)
    command = (f"strayline label {_text(it, 'pattern')[:ID_LENGTH]} normal", "cyan")
    return Text.assemble(" " * INDENT, ask, command, no_wrap=True, overflow="ignore")


def _ago(then: str, now: str) -> str:
    """Return how long before `now` it was, in the largest unit that says enough."""
    away = datetime.fromisoformat(now) - datetime.fromisoformat(then)
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if away >= 2 * size:
            return f"{away // size} {unit} before"
    return f"{max(int(away.total_seconds()), 0)} s before"


def _paragraph(text: str, width: int, style: str) -> Iterator[Text]:
    for line in wrap(text, max(width - INDENT, 20)):
        yield Text(" " * INDENT).append(line, style)


def _apart(left: Text, right: Text, width: int) -> Text:
    """Return one row with `right` at the right edge; `left` is cut where they would touch."""
    left.truncate(max(width - right.cell_len - 2, 10), overflow="ellipsis")
    return left.append(" " * max(width - left.cell_len - right.cell_len, 1)).append_text(right)
