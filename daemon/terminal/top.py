"""The state of the daemon and its scopes as tables, from the text of /metrics.

One scrape gives totals and states, and a second one some seconds later gives rates. Nothing here fetches anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from daemon.core.detection import PatternStatistics
from daemon.core.messages import rfc3339
from daemon.core.text import clean, many, percent
from daemon.metrics import PREFIX

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scrape:
    """One reading of /metrics: values by name (without prefix) and labels. `at` is in seconds of a monotonic clock."""

    at: float
    values: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series that have these labels; 0 when there are none."""
        wanted = set(labels.items())
        return sum(value for series, value in self.values.get(name, {}).items() if wanted <= set(series))

    def scopes(self) -> list[str]:
        """Return every scope that a series names, sorted."""
        series = (labels for series in self.values.values() for labels in series)
        return sorted({value for labels in series for name, value in labels if name == "scope"})


@dataclass(frozen=True, slots=True)
class ScopeActivity:
    """One scope. `sessions` is the rate per second between two scrapes, else the number since the start.

    `told` counts the incidents of the last day, `budget` is what a day allows, `held_back` counts since the start.
    """

    scope: str
    phase: str
    sessions: float
    told: int
    budget: float
    held_back: int
    incidents: int
    patterns: int


@dataclass(frozen=True, slots=True)
class PatternView:
    """One pattern of a scope's baseline: `weight` is its share of traffic, `text` its first lines.

    `by`, `labelled_at` and `note` describe its label.
    """

    pattern: str
    weight: float
    last_seen: str
    label: str | None
    text: str
    first_seen: str = ""
    by: str = ""
    labelled_at: str = ""
    note: str = ""


def read_scrape(text: str, at: float) -> Scrape:
    """Return a scrape of an exposition in Prometheus's text format. Raises ValueError for other text."""
    values: defaultdict[str, dict[Labels, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(PREFIX):
                values[sample.name.removeprefix(PREFIX)][tuple(sorted(sample.labels.items()))] = sample.value
    return Scrape(at, dict(values))


def scope_rows(now: Scrape, before: Scrape | None = None) -> list[ScopeActivity]:
    """Return the activity of each scope, busiest first. With an earlier scrape, sessions are rates."""
    seconds = now.at - before.at if before is not None else 0.0

    def gained(name: str, **labels: str) -> float:
        value = now.total(name, **labels)
        if before is None or seconds <= 0:
            return value
        return max(value - before.total(name, **labels), 0.0) / seconds

    rows = [
        ScopeActivity(
            scope=scope,
            phase=_phase(now, scope),
            sessions=gained("sessions_judged_total", scope=scope),
            told=int(now.total("incidents_told", scope=scope)),
            budget=now.total("incident_budget", scope=scope),
            held_back=int(now.total("incidents_held_back_total", scope=scope)),
            incidents=int(now.total("incidents_open", scope=scope)),
            patterns=int(now.total("baseline_patterns", scope=scope)),
        )
        for scope in now.scopes()
    ]
    return sorted(rows, key=lambda row: (-row.sessions, row.scope))


def _phase(now: Scrape, scope: str) -> str:
    live = sum(now.total("sessions_judged_total", scope=scope, verdict=verdict) for verdict in ("normal", "anomalous"))
    return "live" if live else "warming up"


def render(now: Scrape, before: Scrape | None = None) -> RenderableType:
    """Return the daemon's state and its scopes as something rich prints."""
    return Group(_daemon(now, before), Text(""), scopes_table(scope_rows(now, before), rates=before is not None))


def _daemon(now: Scrape, before: Scrape | None) -> Text:
    seconds = now.at - before.at if before is not None else 0.0
    lines = now.total("lines_total")
    if before is not None and seconds > 0:
        read = f"{max(lines - before.total('lines_total'), 0.0) / seconds:,.0f} lines/s"
    else:
        read = many(int(lines), "line")
    states = " ".join(
        f"{int(value)} {dict(labels)['state']}"
        for labels, value in now.values.get("partition_state", {}).items()
        if value
    )
    facts = [
        read,
        f"{int(now.total('consumer_lag_records')):,} behind",
        many(int(now.total("sessions_open")), "open session"),
        f"partitions: {states or 'none'}",
        many(int(now.total("dead_letters_total")), "dead letter"),
    ]
    if unusual := sum(int(now.total(f"time_{kind}_total")) for kind in ("clamped", "unreadable", "held_back")):
        held_back = int(now.total("time_held_back_total"))
        facts.append(f"{many(unusual, 'line')} with an unusual time, {held_back:,} held back")
    text = Text("  ".join(facts))
    return text if now.total("engine_up") else text.append("  engine down", "bold red")


def scopes_table(rows: Sequence[ScopeActivity], *, rates: bool) -> Table:
    """Return the scopes as a table; a scope whose budget held incidents back is marked and red."""
    unit = "/s" if rates else ""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("scope", no_wrap=True, overflow="ellipsis", max_width=28)
    table.add_column("phase", no_wrap=True)
    for heading in (f"sessions{unit}", "told", "budget", "held back", "open", "patterns"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        held_back = Text(f"{row.held_back:,}{'!' if row.held_back else ''}", "bold red" if row.held_back else "")
        counts = (_number(row.sessions), f"{row.told:,}", _number(row.budget), held_back)
        table.add_row(clean(row.scope), row.phase, *counts, f"{row.incidents:,}", f"{row.patterns:,}")
    return table


def pattern_row(pattern: PatternStatistics) -> PatternView:
    """Return a pattern's statistics as a row of text."""
    label = pattern.label
    return PatternView(
        pattern.pattern,
        pattern.weight,
        rfc3339(pattern.last) if pattern.last else "",
        label.verdict if label else None,
        "\n".join(f"{count} x {line}" for line, count in pattern.lines),
        first_seen=rfc3339(pattern.first) if pattern.last else "",
        by=label.by if label else "",
        labelled_at=rfc3339(label.at) if label else "",
        note=label.note if label else "",
    )


def labels_table(rows: Iterable[PatternView]) -> Table:
    """Return labels as a table: who, when, why, and the pattern's first line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for heading in ("pattern", "label", "set by, at"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    table.add_column("note, first line", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        first, *more = [clean(line) for line in row.text.splitlines()] or ["not seen yet"]
        text = Text(f"{first}, … {len(more):,} more" if more else first)
        about = Text("\n").join([Text(clean(row.note), "italic"), text])
        table.add_row(row.pattern, row.label or "", f"{clean(row.by) or '-'}\n{_minute(row.labelled_at)}", about)
    return table


def patterns_table(rows: Iterable[PatternView], *, lines: int = 3) -> Table:
    """Return patterns as a table, each with its first few lines."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("pattern", no_wrap=True)
    table.add_column("traffic", justify="right", no_wrap=True)
    rows = list(rows)
    dated = any(row.first_seen for row in rows)
    table.add_column("seen first, last" if dated else "last seen", no_wrap=True)
    table.add_column("label", no_wrap=True)
    table.add_column("lines", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        shown = [clean(line) for line in row.text.splitlines()]
        more = [f"… {len(shown) - lines:,} more"] if len(shown) > lines else []
        text = Text("\n".join([*shown[:lines], *more]))
        seen = f"{_minute(row.first_seen)}\n{_minute(row.last_seen)}" if dated else clean(row.last_seen)
        table.add_row(row.pattern[:8], percent(row.weight), seen, row.label or "", text)
    return table


def _minute(time: str) -> str:
    """Return an RFC 3339 time cut to the minute, in UTC as all times here."""
    return clean(time)[:16].replace("T", " ")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
