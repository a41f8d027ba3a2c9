"""Alerts on a terminal: the differences from normal as a diff, and the command that labels the pattern normal.

    10:41:07  payments  host17                                    p 0.0004  critical
              "ERROR deadlock detected ..." never seen before in 41,203 sessions
        +     3 x  ERROR deadlock detected while waiting for ShareLock       new line
        -    12 x  COMMIT                                   in 99.8% of sessions
        =          53 more lines as usual

Signs carry the meaning and colours only repeat it. The first log line takes up to three rows, the others one, cut at
the width; commands are never cut. Text of logs is not trusted: escape sequences are removed, and any other control or
invisible character becomes a visible dot, so no alert can move the cursor or hide its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from textwrap import wrap

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.rule import Rule
from rich.text import Text

from daemon.core.text import clean, cosine, many, percent
from daemon.terminal.diff import DIM, MAX_ROWS, Document, apart, draw, draw_relative, rows

INDENT = 10
ID_LENGTH = 8
_SEVERITY = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}


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
    """Return an alert, or the end of an incident, as a renderable for any width."""
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
            self._console.print(Rule(Text(f"{date}, UTC", DIM), style=DIM, characters="-" if self._ascii else "─"))
        self._console.print(format_alert(document))
        self._console.print()

    @property
    def _ascii(self) -> bool:
        return not self._console.encoding.lower().startswith("utf")


def _firing(alert: Document, width: int) -> Iterator[Text]:
    yield _title(alert, Text(_p_value(alert), "bold").append("  ").append_text(_severity(alert)), width)
    yield from _paragraph(_headline(alert), width, "bold")
    for row in rows(alert):
        yield from draw(row, width)
        if row.known:
            yield draw_relative(row, width)
    for sentence in (_rest(alert), _nearest(alert), _incident(alert)):
        if sentence:
            yield from _paragraph(sentence, width, DIM)
    yield _command(alert)


def _resolved(alert: Document, width: int) -> Iterator[Text]:
    yield _title(alert, Text("resolved", "bold green"), width)
    incident = alert.get("incident", {})
    since = f"incident {_text(incident, 'id')[:ID_LENGTH]}, since {_text(incident, 'since')[11:19]}"
    yield from _paragraph(since, width, "")
    yield from _paragraph(_text(alert, "summary"), width, DIM)


def _text(document: Document, name: str) -> str:
    return clean(str(document.get(name) or ""))


def _title(alert: Document, right: Text, width: int) -> Text:
    time = _text(alert, "end")[11:19] or "--:--:--"
    left = Text.assemble((time, DIM), "  ", (_text(alert, "scope"), "bold"), "  ", _text(alert, "key"))
    return apart(left, right, width)


def _severity(alert: Document) -> Text:
    grave = _text(alert, "severity")
    return Text(grave, _SEVERITY.get(grave, ""))


def _p_value(alert: Document) -> str:
    p = alert.get("p_value")
    if p is None:
        return "warming up"
    return f"p {p:.2g}" if p >= 0.0001 else f"p {p:.0e}" if p >= 1e-6 else "p < 1e-6"


def _headline(alert: Document) -> str:
    """Return the case in a few words; the rows below show the lines."""
    facts = []
    new = sum(line["why"] == "new" for line in alert.get("session", []))
    missing = sum(line["contribution"] > 0 for line in alert.get("contrast", {}).get("missing_here", []))
    repeated = [line for line in alert.get("session", []) if line["why"] == "count"]
    if alert.get("label") == "anomalous":
        facts.append("marked anomalous by feedback")
    if repeated:
        facts.append(f"a line {many(repeated[0]['count'], 'time')}, {repeated[0].get('expected') or 0:,} as a rule")
    if new:
        facts.append(f"{many(new, 'line')} never seen in {many(alert.get('seen', 0), 'session')}")
    if missing:
        facts.append(f"{many(missing, 'usual line')} missing")
    return "; ".join(facts) or _text(alert, "summary")


def _rest(alert: Document) -> str:
    contrast = alert.get("contrast", {})
    more = len(alert.get("session", [])) + alert.get("omitted", 0) - contrast.get("usual", 0) - MAX_ROWS
    parts = [f"{many(more, 'more line')} of note"] if more > 0 else []
    if contrast.get("usual"):
        parts.append(f"{many(contrast['usual'], 'line')} as usual")
    return f"= {', '.join(parts)}" if parts else ""


def _nearest(alert: Document) -> str:
    compared = alert.get("contrast", {}).get("pattern")
    near = next((near for near in alert.get("nearest", []) if near["pattern"] == compared), None)
    if near is None:
        return "nothing normal to compare with yet"
    last = _ago(near["last_seen"], alert["end"])
    return f"nearest normal {cosine(near['similarity'])}, {percent(near['weight'])} of traffic, last seen {last}"


def _incident(alert: Document) -> str:
    incident = alert.get("incident", {})
    name = f"incident {_text(incident, 'id')[:ID_LENGTH]}"
    if incident.get("event") == "opened":
        return f"{name}, new"
    going = "is back" if incident.get("event") == "reopened" else "goes on"
    return f"{name} {going}: {many(incident.get('alerts', 1), 'alert')} since {_text(incident, 'since')[11:19]}"


def _command(alert: Document) -> Text:
    ask = ("is this normal?  ", DIM)
    command = (f"strayline label {_text(alert, 'pattern')[:ID_LENGTH]} normal", "cyan")
    return Text.assemble(" " * INDENT, ask, command, no_wrap=True, overflow="ignore")


def _ago(then: str, now: str) -> str:
    """Return how long before `now` the time `then` is, in the largest unit with a count of at least 2."""
    away = datetime.fromisoformat(now) - datetime.fromisoformat(then)
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if away >= 2 * size:
            return f"{away // size} {unit} before"
    return f"{max(int(away.total_seconds()), 0)} s before"


def _paragraph(text: str, width: int, style: str) -> Iterator[Text]:
    for line in wrap(text, max(width - INDENT, 20)):
        yield Text(" " * INDENT).append(line, style)
