"""A backtest's report as text: a few lines of figures, and tables of what can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from daemon.backtest.report import OURS, Report
from daemon.core.text import clean, figure, many, share
from daemon.core.types import TimeCounts

SHOWN = 20


def print_report(report: Report, console: Console) -> None:
    """Print a report for people. Text of logs is printed without control characters."""
    for part in _parts(report):
        console.print(part, soft_wrap=isinstance(part, Text), highlight=False)


def _parts(report: Report) -> Iterator[RenderableType]:
    yield Text("\n".join([*_facts(report), ""]))
    if len(report.scopes) > 1:
        yield _scopes(report)
    if report.quality:
        yield _quality(report)
    if report.rate.sessions:
        yield _thresholds(report)
    if report.range:
        yield Text("\n".join(_range(report)))
    if report.incidents:
        yield _incidents(report)


def _times(times: TimeCounts) -> str:
    counts = {
        "implausible": times.clamped,
        "unreadable": times.unreadable,
        "too far ahead to move stream time": times.held_back,
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _facts(report: Report) -> Iterator[str]:
    read, rate = report.input, report.rate
    sources = [f"topic {', '.join(read.topics)}"] if read.topics else []
    if count := len(read.files) + len(read.teach):
        sources.append(many(count, "file"))
    yield f"read      {read.records:,} records, {read.lines:,} lines of {' and '.join(sources)}"
    if read.rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(read.rejected.items()))
        yield f"rejected  {sum(read.rejected.values()):,} records: {reasons}"
    if times := _times(read.times):
        yield f"time      of lines: {times}"
    patterns = f"{report.patterns:,}" if report.patterns_complete else f"more than {report.patterns:,}"
    taught = f"{report.taught:,} taught, " if report.taught else ""
    phases = f"{taught}{report.warm_up:,} warm-up, {rate.sessions:,} live"
    yield f"sessions  {report.sessions:,} of {patterns} patterns: {phases}"
    yield f"told      {_told(report)}"
    yield f"clues     {rate.flagged:,} sessions carry one, {share(rate.share)} of the live ones"
    if rate.blocks:
        blocks = " ".join(share(block) for block in rate.blocks[:12])
        yield f"          by 1,000  {blocks}{' ...' if len(rate.blocks) > 12 else ''}"
    if report.labels:
        labels = report.labels
        known = f"{labels.anomalous:,} anomalous, {labels.normal:,} normal, {labels.unlabelled:,} without"
        early = f"; {labels.anomalous_in_warm_up:,} anomalous fell into warm-up" if labels.anomalous_in_warm_up else ""
        unmet = f"; {labels.unmet:,} labels match no session" if labels.unmet else ""
        yield f"labels    {known}{early}{unmet}"
    if report.localisation:
        at = report.localisation
        first = f"first line right in {share(at.hit_at_1)} of {at.alerts:,} true alerts"
        yield f"pointing  {first}, mean reciprocal rank {at.mean_reciprocal_rank:.3f}"
    cost = report.cost
    yield (
        f"took      {cost.seconds:.1f} s, {cost.embedding_seconds:.1f} of them for {cost.embedded:,} embeddings "
        f"({report.model}); {cost.peak_mebibytes:,.0f} MiB"
    )


def _told(report: Report) -> str:
    if not report.rate.sessions:
        if not report.sessions:
            return "nothing: there is no session"
        why = "nothing: every session was needed to warm up (detector.warm_up)"
        return f"{why}; frozen, it learns from --teach alone" if report.frozen else why
    a_day = f", {report.told_a_day:,.1f} a day" if report.told_a_day is not None else ""
    held = f"; {report.held_back:,} more were held back" if report.held_back else ""
    return f"{many(report.told, 'incident')}{a_day}, of at most {report.budget} for a service{held}"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def _scopes(report: Report) -> Table:
    labelled = any(row.average_precision is not None for row in report.scopes)
    table = _table("by scope", ["scope", "sessions", "live", "told", "clues", *(["AP", "F1"] if labelled else [])])
    for row in report.scopes[:20]:
        quality = [figure(row.average_precision), figure(row.f1)] if labelled else []
        counts = (f"{count:,}" for count in (row.sessions, row.live, row.told))
        table.add_row(Text(clean(row.scope)), *counts, share(row.share), *quality)
    return table


def _quality(report: Report) -> Table:
    table = _table(
        "against the labels; flagged are the sessions with a clue, and as many of the others",
        ["score", "avg precision", "best F1", "precision", "recall", "F1", "flagged"],
    )
    for row in report.quality:
        figures = (row.average_precision, row.best_f1, row.precision, row.recall, row.f1)
        style = "bold" if row.name == OURS else ""
        table.add_row(row.name, *(figure(value) for value in figures), f"{row.flagged:,}", style=style)
    return table


def _thresholds(report: Report) -> Table:
    labelled = any(row.f1 is not None for row in report.thresholds)
    columns = ["p-value up to", "sessions", "a day", *(["precision", "recall", "F1"] if labelled else [])]
    table = _table("sessions by p-value", columns)
    for row in report.thresholds:
        quality = [figure(value) for value in (row.precision, row.recall, row.f1)] if labelled else []
        table.add_row(f"{row.p_value:g}", f"{row.sessions:,}", figure(row.per_day, 1), *quality)
    return table


def _range(report: Report) -> Iterator[str]:
    chosen = report.range
    assert chosen is not None
    between = f"from {chosen.since or 'the beginning'} to {chosen.until or 'the end'}"
    fired = f"{chosen.flagged:,} sessions carry a clue" if chosen.flagged else "no session carries a clue"
    yield f"{between}: {fired} ({chosen.sessions:,} live sessions)"
    for scope, count in sorted(chosen.scopes.items(), key=lambda item: -item[1])[:20]:
        yield f"    {clean(scope)}  {count:,}"
    yield ""


def _incidents(report: Report) -> Text:
    text = Text("incidents\n", style="")
    for incident in report.incidents[:SHOWN]:
        when = incident.since[:19].replace("T", " ")
        where = clean(", ".join(incident.services))
        text.append(f"  {when}  {where}  {many(incident.sessions, 'session')}  {incident.severity}\n", "bold")
        text.append(f"      {clean(incident.summary)}\n")
    if len(report.incidents) > SHOWN:
        text.append(f"  and {len(report.incidents) - SHOWN:,} more\n")
    return text
