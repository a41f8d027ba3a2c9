"""The report as one page that needs nothing else: styles, charts and a few lines of script are in it.

Log lines are hostile input: every value goes through `escape`, and a content security policy forbids any request and
any script but the page's own (named by hash). The page is readable without the script, in the dark and on paper.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files

from daemon import look
from daemon.backtest import figures
from daemon.backtest.case import case, strange
from daemon.backtest.options import Result
from daemon.backtest.report import OURS, Report
from daemon.core.text import figure, many, share

STYLE, SCRIPT = "page.css", "page.js"


def page(result: Result) -> str:
    """Return the page of a finished run."""
    own, script = (files("daemon.backtest").joinpath(name).read_text(encoding="utf-8") for name in (STYLE, SCRIPT))
    style = look.style() + own
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    names = ", ".join([*result.report.input.files, *result.report.input.topics])
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>strayline backtest: {escape(names)}</title><style>{style}</style></head><body>",
            *_body(result, names),
            f"<script>{script}</script></body></html>\n",
        )
    )


def _body(result: Result, names: str) -> Iterator[str]:
    report, tally = result.report, result.tally
    span = f"{report.start} to {report.end}" if report.start else "no session"
    yield '<header><button id="theme" type="button">dark / light</button><h1>strayline backtest</h1>'
    yield f'<p class="sub">{escape(names)}<br>{escape(span)} · {escape(report.model)} · budget {escape(report.budget)}'
    yield f" · configuration {escape(report.config)}</p></header><main>"
    yield _tiles(report)
    if report.range:
        yield _range(report)
    if tally.live:
        yield from _charts(result)
    else:
        yield '<p class="note">None was judged: all were needed to warm up (<code>detector.warm_up</code>).</p>'
    yield _tables(report)
    yield _alerts(result)
    yield _strangest(result)
    yield "</main>"


def _tiles(report: Report) -> str:
    rate = report.rate
    a_day = "" if report.told_a_day is None else f"{report.told_a_day:,.1f} a day"
    more = "" if report.patterns_complete else "+"
    tiles = [
        (f"{report.sessions:,}", "sessions", f"{report.input.lines:,} lines"),
        (f"{report.patterns:,}{more}", "patterns", many(len(report.scopes), "scope")),
        (f"{report.told:,}", "incidents told", a_day),
        (f"{rate.flagged:,}", "sessions with a clue", f"{share(rate.share)} of live sessions"),
    ]
    ours = next((row for row in report.quality if row.name == OURS), None)
    if ours:
        tiles.append((figure(ours.average_precision), "average precision", f"best F1 {figure(ours.best_f1)}"))
        tiles.append((figure(ours.f1), "F1 of the clues", f"precision {ours.precision:.2f}, recall {ours.recall:.2f}"))
    rejected = sum(report.input.rejected.values())
    if rejected:
        tiles.append((f"{rejected:,}", "records rejected", ", ".join(sorted(report.input.rejected))))
    cells = (f"<div><b>{escape(a)}</b><span>{escape(b)}</span><small>{escape(c)}</small></div>" for a, b, c in tiles)
    return f'<section class="tiles">{"".join(cells)}</section>'


def _range(report: Report) -> str:
    chosen = report.range
    assert chosen is not None
    between = f"from {chosen.since or 'the beginning'} to {chosen.until or 'the end'}"
    fired = f"{chosen.flagged:,} sessions carry a clue" if chosen.flagged else "no session carries a clue"
    scopes = "".join(f"<li>{escape(scope)}: {count:,}</li>" for scope, count in chosen.scopes.items())
    live = f"{chosen.sessions:,} live sessions"
    return f'<div class="note">{escape(between)}: <b>{fired}</b> ({live})<ul>{scopes}</ul></div>'


def _charts(result: Result) -> Iterator[str]:
    report, tally = result.report, result.tally
    labelled = bool(report.quality)
    keys = [("alert", "clue"), ("line median", "median"), ("area", "least to greatest")]
    if labelled:
        keys[:1] = [
            ("alert", "true clue"),
            ("false", "false alarm"),
            ("unknown", "clue without a label"),
            ("missed", "missed"),
        ]
    yield _figure("Score over time", figures.score_chart(tally), keys)
    unit, chart = figures.clues_chart(tally)
    yield _figure(f"Sessions with a clue by {unit}", chart, [("bar", "sessions")])
    if report.rate.blocks:
        yield _figure("Share with a clue by 1,000 live sessions", figures.blocks_chart(report), [("bar", "block")])
    yield '<div class="pair">'
    keys = [("line ours", "share of sessions"), ("line slack", "as it should be"), ("area", "within 1.5 times")]
    yield _figure("Calibration of p-values", figures.calibration_chart(report), keys)
    if labelled:
        keys = [("line ours", OURS), *((f"line other{n}", name) for n, name in enumerate(tally.names))]
        yield _figure("Precision and recall", figures.precision_recall_chart(tally), keys)
    yield "</div>"


def _figure(title: str, svg: str, keys: Sequence[tuple[str, str]]) -> str:
    legend = "".join(f'<span><i class="{escape(style)}"></i>{escape(name)}</span>' for style, name in keys)
    return f'<figure><h2>{escape(title)}</h2>{svg}<figcaption class="legend">{legend}</figcaption></figure>'


def _tables(report: Report) -> str:
    parts = []
    if report.quality:
        rows = [
            [
                row.name,
                *map(figure, (row.average_precision, row.best_f1, row.precision, row.recall, row.f1)),
                row.flagged,
            ]
            for row in report.quality
        ]
        heads = ["score", "average precision", "best F1", "precision", "recall", "F1", "flagged"]
        parts.append(_table("Against the labels, beside scores anybody can write", heads, rows))
    if report.rate.sessions:
        rows = [
            [
                f"{row.p_value:g}",
                row.sessions,
                figure(row.per_day, 1),
                *map(figure, (row.precision, row.recall, row.f1)),
            ]
            for row in report.thresholds
        ]
        heads = ["p-value", "sessions", "a day", "precision", "recall", "F1"]
        parts.append(_table("Sessions up to a p-value", heads, rows))
    rows = [
        [
            row.scope,
            row.sessions,
            row.live,
            row.told,
            row.flagged,
            share(row.share),
            figure(row.average_precision),
            figure(row.f1),
        ]
        for row in report.scopes[:50]
    ]
    heads = ["scope", "sessions", "live", "told", "with a clue", "share", "average precision", "F1"]
    parts.append(_table("Scopes", heads, rows))
    rows = [
        [
            f"{_first_lines(row.lines, row.distinct)}",
            row.scope,
            row.sessions,
            share(row.sessions / report.sessions),
            row.flagged,
        ]
        for row in report.top_patterns
    ]
    parts.append(_table("Most frequent patterns", ["pattern", "scope", "sessions", "share", "with a clue"], rows))
    return "".join(parts)


def _first_lines(lines: Sequence[tuple[str, int]], distinct: int) -> str:
    more = f"\n… {distinct - len(lines)} more" if distinct > len(lines) else ""
    return "\n".join(f"{count} x {line}" for line, count in lines) + more


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    def cell(value: object) -> str:
        return escape(f"{value:,}" if isinstance(value, int) else str(value))

    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell(value)}</td>' for value in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h2>{escape(title)}</h2><div class="wide">{table}</div>'


def _alerts(result: Result) -> str:
    cases = "".join(map(case, result.alerts)) or '<p class="note">No incident was told.</p>'
    find = '<input id="find" type="search" placeholder="find in incidents" aria-label="find in incidents" hidden>'
    held = result.report.held_back
    note = f'<p class="note">The budget held back {many(held, "incident")}.</p>' if held else ""
    return f'<h2>Incidents, in the order in which they were told</h2>{note}{find}<section id="alerts">{cases}</section>'


def _strangest(result: Result) -> str:
    """Return the ranking of sessions, which exists with or without an incident."""
    if not result.strangest:
        return ""
    note = (
        "A ranking against all that this run learned, which a good day has too: nothing here is an incident by itself."
    )
    cases = "".join(map(strange, result.strangest))
    return f'<h2>The strangest sessions</h2><p class="note">{note}</p><section>{cases}</section>'
