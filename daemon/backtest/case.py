"""One incident on the page: a summary line, and the evidence against its session when it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from daemon.backtest.strangest import Ranked
from daemon.backtest.told import Alert
from daemon.core.text import many, p_value
from daemon.core.text import share as percent

LINES = 12
_SIGNS = (("only_here", "+"), ("missing_here", "-"), ("more", ">"), ("fewer", "<"))


def case(alert: Alert) -> str:
    """Return the message of an incident as HTML; its label is under `labelled`."""
    labelled = {True: '<i class="mark true">labelled anomalous</i>', False: '<i class="mark">labelled normal</i>'}
    head = "".join(
        (
            f"<time>{_text(alert['incident']['since'])}</time>",
            f'<i class="mark {_text(alert["severity"])}">{_text(alert["severity"])}</i>',
            f"<b>{_text(', '.join(alert['incident']['services']))}</b>",
            f"<span>{_text(many(alert['incident']['sessions'], 'session'))}</span>",
            labelled.get(alert["labelled"], ""),
            f"<em>{_text(alert['summary'])}</em>",
        )
    )
    return f"<details><summary>{head}</summary><div>{''.join(_case(alert))}</div></details>"


def strange(session: Ranked) -> str:
    """Return one of the strangest sessions as HTML."""
    often = "the only one of its kind" if session["alike"] == 1 else f"{session['alike']:,} alike"
    head = (
        f"<time>{_text(session['start'])}</time><b>{_text(session['scope'])}</b>"
        f"<span>{_text(many(session['lines'], 'line'))}, {often}</span><em>{_text(session['key'])}</em>"
    )
    return f"<details><summary>{head}</summary><div>{''.join([*_evidence(session), _place(session)])}</div></details>"


def _case(alert: Alert) -> Iterator[str]:
    yield '<table class="lines">'
    for cause in alert["incident"]["causes"][:LINES]:
        yield f"<tr><td>{_text(cause['scope'])}</td><td>{_text(cause['kind'])}</td><td>{_text(cause['text'])}</td>"
        yield f"<td>{_text(cause['why'])}</td></tr>"
    yield "</table>"
    yield from _evidence(alert)
    about = f"incident {alert['incident']['id']} · session {alert['key']} · {p_value(alert['p_value'])}, "
    yield _place(alert, about)
    yield f"<p>This is normal: <code>strayline label {_text(alert['id'])} normal</code></p>"


def _evidence(alert: Alert) -> Iterator[str]:
    """Yield the evidence against a session: its contrast, its lines, and the nearest normal sessions."""
    contrast = alert["contrast"]
    yield '<table class="diff">'
    for field, sign in _SIGNS:
        for entry in contrast[field][:LINES]:
            here, usual = f"{entry['count']} x", f"usually {entry['expected']} x"
            counts = {"only_here": here, "missing_here": usual}.get(field, f"{here}, {usual}")
            yield f'<tr class="{field}"><td title="{field.replace("_", " ")}">{escape(sign)}</td><td>{counts}</td>'
            yield f"<td>{_text(entry['text'])}</td><td>{_share(entry)}</td></tr>"
    if contrast["usual"]:
        yield f'<tr class="usual"><td>=</td><td></td><td>{contrast["usual"]:,} lines as usual</td><td></td></tr>'
    yield "</table>"
    yield from _lines(alert)
    for near in alert["nearest"][:3]:
        weight = f"{percent(near['weight'])} of traffic"
        yield f"<h4>nearest normal {near['similarity']:.3f}, {weight}, last seen {_text(near['last_seen'])}</h4>"
        yield f"<pre>{_text(near['text'])}</pre>"


def _place(alert: Alert, about: str = "") -> str:
    """Return where a session's lines are."""
    source = alert["source"]
    positions = ", ".join(source["positions"][:LINES]) + (" …" if len(source["positions"]) > LINES else "")
    where = f"{alert['lines']:,} lines · {source['topic']} {positions}"
    return f"<p class=sub>{_text(about)}{_text(where)}</p>"


def _lines(alert: Alert) -> Iterator[str]:
    yield '<h4>lines, the most telling first</h4><table class="lines">'
    for line in alert["session"][:LINES]:
        part = round(100 * line["contribution"])
        bar = f'<meter min="0" max="100" value="{part}" title="{part}% of the score"></meter>'
        why = line["why"] if line["why"] != "usual" else ""
        yield f"<tr><td>{bar}</td><td>{_text(why)}</td><td>{line['count']} x</td><td>{_text(line['text'])}</td></tr>"
    yield "</table>"
    left = len(alert["session"]) - LINES
    if left > 0:
        yield f"<p class=sub>and more lines ({left:,} at least)</p>"


def _share(difference: Any) -> str:
    share = difference["share"]
    return "" if share is None else "never seen" if share == 0 else f"in {percent(share)}"


def _text(value: object) -> str:
    return escape(str(value))
