"""News of incidents on a terminal: what was seen, where, why it matters, and the most telling session as a diff.

    10:41:07  payments, orders                                   opened  critical
              ERROR deadlock detected while waiting for ShareLock
              never seen in 63,994 sessions over 7.5 h; no failure was new before it in 7.5 h
         and  orders: ERROR payment 5512 failed                       new, 1 s later
              session host17, 16 lines, p 0.0004
        +     3 x  ERROR deadlock detected while waiting for ShareLock       new line
        -    12 x  COMMIT                                   in 99.8% of sessions

The order is that of the questions at 3 a.m.: when, where, how bad; what; why; what else; which lines; what to type.
Signs carry the meaning and colours only repeat it. The headline takes up to three rows, a symptom one, cut at the
width; commands are never cut. Text of logs is not trusted: escape sequences are removed, and any other control or
invisible character becomes a visible dot, so no alert can move the cursor or hide its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.rule import Rule
from rich.text import Text

from daemon.core.text import clean, cosine, duration, gist, many, percent, shorten
from daemon.terminal.diff import DIM, MAX_ROWS, Document, apart, draw, draw_relative, rows

INDENT = 10
ID_LENGTH = 8
HEADLINE_ROWS = 3
MAX_CAUSES = 6
NO_LINE = "0" * 16
"""The fingerprint of a cause without a line, such as a silence: nothing can be labelled by it."""
_SEVERITY = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_EVENT = {"opened": "bold", "reopened": "bold", "escalated": "bold", "resolved": "bold green"}


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
    """Return the news of an incident as a renderable for any width."""
    return AlertView(document)


class AlertPrinter:
    """Prints alerts one after another, with a rule where the date changes and an empty line between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._date = ""

    def print(self, document: Document) -> None:
        """Print one alert."""
        date = _when(document)[:10]
        if date != self._date:
            self._date = date
            self._console.print(Rule(Text(f"{date}, UTC", DIM), style=DIM, characters="-" if self._ascii else "─"))
        self._console.print(format_alert(document))
        self._console.print()

    @property
    def _ascii(self) -> bool:
        return not self._console.encoding.lower().startswith("utf")


def _firing(alert: Document, width: int) -> Iterator[Text]:
    yield _title(alert, width)
    yield from _headline(alert, width)
    yield from _causes(alert, width)
    yield from _paragraph(_session(alert), width, "")
    if alert.get("verdict") is not None:
        for row in rows(alert):
            yield from draw(row, width)
            if row.known:
                yield draw_relative(row, width)
    for sentence in (_rest(alert), _nearest(alert), _incident(alert), _held_back(alert)):
        yield from _paragraph(sentence, width, DIM)
    if _text(alert, "fingerprint") != NO_LINE:
        yield _command(alert)


def _resolved(alert: Document, width: int) -> Iterator[Text]:
    yield _title(alert, width)
    yield from _paragraph(_text(alert, "summary"), width, "")
    yield from _paragraph(_incident(alert), width, DIM)


def _text(document: Document, name: str) -> str:
    return clean(str(document.get(name) or ""))


def _about(alert: Document) -> Document:
    """Return the incident that an alert is about."""
    incident: Document = alert.get("incident") or {}
    return incident


def _when(alert: Document) -> str:
    return _text(_about(alert), "last_seen") or _text(alert, "end")


def _title(alert: Document, width: int) -> Text:
    event, severity = _text(_about(alert), "event"), _text(alert, "severity")
    right = Text(event, _EVENT.get(event, ""))
    if event != "resolved":
        right.append("  ").append(severity, _SEVERITY.get(severity, ""))
    services = ", ".join(clean(name) for name in _about(alert).get("services", [])) or _text(alert, "scope")
    left = Text.assemble((_when(alert)[11:19] or "--:--:--", DIM), "  ", (services, "bold"))
    return apart(left, right, width)


def _headline(alert: Document, width: int) -> Iterator[Text]:
    """Yield the headline of the incident, in at most three rows, and why it matters."""
    head: Document = next((cause for cause in _about(alert).get("causes", []) if _leads(cause, alert)), {})
    text = gist(str(head.get("text") or "")) or _text(alert, "summary")
    room = max(width - INDENT, 20)
    folded = wrap(text, room)
    if len(folded) > HEADLINE_ROWS:
        folded = [*folded[: HEADLINE_ROWS - 1], shorten(" ".join(folded[HEADLINE_ROWS - 1 :]), room)]
    for line in folded:
        yield _row(Text(line, "bold"), width)
    if alert.get("label") == "anomalous":
        yield from _paragraph("marked anomalous by feedback", width, "")
    yield from _paragraph(_text(alert, "why"), width, "")
    yield from _paragraph(_release(alert), width, "")


def _release(alert: Document) -> str:
    """Return which version of the service began when the incident did; empty where none did."""
    release: Document = _about(alert).get("release") or {}
    if not release:
        return ""
    kinds = f"{many(release.get('causes', 0), 'new kind')} of harmless lines"
    since = f"since {_text(release, 'since')[11:19]}"
    return f"{_text(release, 'scope')} {_text(release, 'version')} was released: {since}, {kinds}"


def _leads(cause: Document, alert: Document) -> bool:
    return bool(cause.get("cause") == alert.get("fingerprint") and cause.get("scope") == alert.get("scope"))


def _causes(alert: Document, width: int) -> Iterator[Text]:
    """Yield the other symptoms, a row each."""
    causes: Sequence[Document] = _about(alert).get("causes", [])
    head = next((cause for cause in causes if _leads(cause, alert)), None)
    others = [cause for cause in causes if cause is not head]
    for cause in others[:MAX_CAUSES]:
        left = Text("and  ".rjust(INDENT), DIM)
        left.append(f"{_text(cause, 'scope')}: ", "bold").append(gist(str(cause.get("text") or "")))
        away = _away(head, cause) if head is not None else ""
        yield apart(left, Text(", ".join(filter(None, (_text(cause, "kind"), away))), DIM), width)
    if len(others) > MAX_CAUSES:
        yield from _paragraph(f"and {many(len(others) - MAX_CAUSES, 'more symptom')}", width, DIM)


def _away(head: Document, cause: Document) -> str:
    """Return how long before or after the headline a symptom was seen; empty if within a second."""
    seconds = (datetime.fromisoformat(cause["time"]) - datetime.fromisoformat(head["time"])).total_seconds()
    if abs(seconds) < 1:
        return ""
    return f"{duration(abs(seconds), 0)} {'later' if seconds > 0 else 'before'}"


def _session(alert: Document) -> str:
    """Return which session is shown."""
    key = _text(alert, "key")
    if alert.get("verdict") is None:
        return f"session {key} is still open" if key else ""
    return f"session {key}, {many(alert.get('lines', 0), 'line')}, {_p_value(alert)}"


def _p_value(alert: Document) -> str:
    p = alert.get("p_value")
    if p is None:
        return "warming up"
    return f"p {p:.2g}" if p >= 0.0001 else f"p {p:.0e}" if p >= 1e-6 else "p < 1e-6"


def _rest(alert: Document) -> str:
    contrast = alert.get("contrast", {})
    more = len(alert.get("session", [])) + alert.get("omitted", 0) - contrast.get("usual", 0) - MAX_ROWS
    parts = [f"{many(more, 'more line')} of note"] if more > 0 else []
    if contrast.get("usual"):
        parts.append(f"{many(contrast['usual'], 'line')} as usual")
    return f"= {', '.join(parts)}" if parts else ""


def _nearest(alert: Document) -> str:
    if alert.get("verdict") is None:
        return ""
    compared = alert.get("contrast", {}).get("pattern")
    near = next((near for near in alert.get("nearest", []) if near["pattern"] == compared), None)
    if near is None:
        return "nothing normal to compare with yet"
    away = datetime.fromisoformat(alert["end"]) - datetime.fromisoformat(near["last_seen"])
    last = f"{duration(away.total_seconds(), 0)} before"
    return f"nearest normal {cosine(near['similarity'])}, {percent(near['weight'])} of traffic, last seen {last}"


def _incident(alert: Document) -> str:
    incident = _about(alert)
    facts = [f"incident {_text(incident, 'id')}", f"since {_text(incident, 'since')[11:19]}"]
    if incident.get("sessions"):
        facts.append(many(incident["sessions"], "session"))
    if incident.get("messages", 1) > 1:
        facts.append(f"message {incident['messages']:,}")
    if incident.get("muted"):
        facts.append(_text(incident, "muted"))
    return ", ".join(facts)


def _held_back(alert: Document) -> str:
    count = alert.get("held_back", 0)
    if not count:
        return ""
    return (
        f"{many(count, 'incident')} of {_text(alert, 'scope')} held back so far: the budget is {_text(alert, 'budget')}"
    )


def _command(alert: Document) -> Text:
    ask = ("is this normal?  ", DIM)
    command = (f"strayline label {_text(alert, 'fingerprint')[:ID_LENGTH]} normal", "cyan")
    return Text.assemble(" " * INDENT, ask, command, no_wrap=True, overflow="ignore")


def _paragraph(text: str, width: int, style: str) -> Iterator[Text]:
    for line in wrap(text, max(width - INDENT, 20)):
        yield _row(Text(line, style), width)


def _row(text: Text, width: int) -> Text:
    """Return an indented row; wide characters may make it too wide, and then it is cut."""
    row = Text(" " * INDENT).append_text(text)
    row.truncate(width, overflow="ellipsis")
    return row
