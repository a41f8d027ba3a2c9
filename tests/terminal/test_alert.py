"""Alerts on a terminal: readable at any width, without colour, and deaf to what a log line commands."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from daemon.core.alerts import Alerting, AlertSettings
from daemon.core.types import Evidence, Verdict
from daemon.terminal.alert import AlertPrinter, format_alert
from tests.support.cases import ABOUT, DEADLOCK, MINUTE, NOON, SOURCE, neighbour, verdict


def documents(*cases: Verdict, until: int = 0) -> list[dict[str, Any]]:
    """Return the alerts of verdicts as read from the topic, and what was resolved by `until` minutes past noon."""
    alerting = Alerting(SOURCE, AlertSettings(), refund=lambda *_: None)
    published = [it for case in cases for it in alerting.publish(case, ABOUT)]
    published += alerting.tick(NOON + until * MINUTE, ABOUT) if until else []
    return [orjson.loads(it.record.value or b"") for it in published]


def shown(document: Mapping[str, Any], width: int = 80, *, colour: bool = False) -> str:
    """Return what a console of this width prints."""
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colour, color_system="standard" if colour else None).print(
        format_alert(document)
    )
    return out.getvalue()


def test_alert_shows_the_case_as_a_diff_at_80_columns() -> None:
    """Who and how rare, the case in a few words, what is only here, what is missing, what is normal, what to do."""
    assert """\
12:00:00  payments  host17                                    p 0.0004  critical
          1 line never seen in 41,203 sessions; 1 usual line missing
    +     3 x  [ERROR deadlock detected while waiting for ShareLock     new line
               on <NUM>]
    -    12 x  COMMIT                                       in 99.8% of sessions
          = 2 lines as usual
          nearest normal 0.87, 12% of traffic, last seen 2 min before
          incident INCIDENT, new
          is this normal?  strayline label PATTERN_ normal
""" == shown(named(documents(DEADLOCK)[0]))


def named(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with ids that stand still."""
    return document | {"pattern": "PATTERN_", "incident": document["incident"] | {"id": "INCIDENT"}}


def test_wide_terminal_shows_more_of_a_line() -> None:
    """At 120 columns the long line is whole."""
    assert "waiting for ShareLock on <NUM>]  " in shown(documents(DEADLOCK)[0], 120)


def test_counts_that_differ_say_what_is_usual() -> None:
    """An unusual number of a known line is one row with both counts, and the headline says so."""
    case = verdict({"GET /": 500}, nearest=[neighbour({"GET /": 2})])
    alert = documents(case)[0]

    assert "a line 500 times, 2 as a rule" in shown(alert)
    assert ["~", "500", "x", "[GET", "/]", "2", "as", "a", "rule"] in [
        line.split() for line in shown(alert).splitlines()
    ]


def test_lines_that_begin_alike_are_cut_to_where_they_differ() -> None:
    """Below a long line another one of the same beginning shows what it says, not the beginning again."""
    start = "INFO [group-coordinator-event-processor] GroupMetadataManager: [GroupCoordinator id=<NUM> topic=offsets] "
    lines = [f"{start}member joins", f"{start}preparing rebalance"]
    case = verdict(dict.fromkeys(lines, 1), evidence=[Evidence(line, "rare", 6.0, 0.002) for line in lines])

    assert "preparing rebalance" in shown(documents(case)[0])


def test_warning_is_not_called_a_failure() -> None:
    """The note beside a line says how it reads by the level it states."""
    lines = ["[warn] body is buffered", "[error] connect() failed"]
    case = verdict(dict.fromkeys(lines, 1), evidence=[Evidence(line, "severe", 6.0, 0.002) for line in lines])
    text = shown(documents(case)[0])

    assert [True, True] == [f"{line}]" in text for line in lines]
    assert (1, 1) == (text.count("    is a warning"), text.count("    reads like a failure"))


def test_new_line_is_shown_above_the_known_one_it_resembles() -> None:
    """The nearest normal line stands below, so that the odd word is seen at a glance."""
    case = verdict(
        {"user <NUM> logged out": 1},
        nearest=[neighbour({"user <NUM> logged in": 1})],
        evidence=[Evidence("user <NUM> logged out", "new", 5.0, 0.0)],
    )

    assert "like  user <NUM> logged in" in shown(documents(case)[0])


def test_first_session_says_there_is_nothing_to_compare_with() -> None:
    """An alert in warm-up is readable too."""
    text = shown(documents(verdict({"a": 1}, p_value=None, seen=0))[0])

    assert "warming up  info" in text
    assert "nothing normal to compare with yet" in text


def test_resolved_incident_names_itself_and_how_much_there_was() -> None:
    """Word of an incident's end is short."""
    resolved = documents(DEADLOCK, until=60)[-1]

    assert shown(resolved).startswith(
        "12:00:00  payments                                                      resolved\n"
    )
    assert "1 alert, then quiet:" in shown(resolved)


def test_printer_names_the_date_when_it_changes() -> None:
    """Times of day are enough because the date stands above them."""
    out = io.StringIO()
    printer = AlertPrinter(Console(file=out, width=80, color_system=None))
    for document in documents(DEADLOCK, verdict({"a": 1}), verdict({"b": 1}, end=NOON + 24 * 60 * MINUTE)):
        printer.print(document)

    assert ["2026-11-22", "2026-11-23"] == [
        line.strip("─ ")[:10] for line in out.getvalue().splitlines() if "UTC" in line
    ]


HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "a\rb\x08c\x00",
    "\u202eexe.txt",
    "[bold]markup[/bold]",
    "日本語" * 60,
    "x" * 5000,
    "e\u0301" * 100,
]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_lines_stay_in_their_row(text: str, width: int) -> None:
    """No control character reaches the terminal, no row is wider than it, markup is text, and the command is whole."""
    case = verdict({text: 1}, key=text, scope=text, nearest=[neighbour({text + "!": 2})])
    printed = shown(documents(case)[0], width)

    assert all(line.isprintable() for line in printed.splitlines())
    assert max(cell_len(line) for line in printed.splitlines()) <= width
    assert f"strayline label {case.pattern.id[:8]} normal" in printed
    assert text != "[bold]markup[/bold]" or text in printed


def test_colour_adds_nothing_but_colour() -> None:
    """Without colour the same text is there: signs carry the meaning."""
    document = documents(DEADLOCK)[0]
    coloured = shown(document, colour=True)
    plain = "".join(piece.split("m", 1)[-1] if at else piece for at, piece in enumerate(coloured.split("\x1b[")))

    assert "\x1b[" in coloured
    assert shown(document) == plain


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(max_size=30), st.integers(1, 10**6), min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=30), st.integers(1, 10**6), max_size=5),
    st.integers(60, 200),
)
def test_any_alert_is_printed_within_the_width(lines: dict[str, int], normal: dict[str, int], width: int) -> None:
    """Whatever the session, the alert prints, and no row is wider than the terminal."""
    case = verdict(lines, nearest=[neighbour(normal)], evidence=[Evidence(line, "new", 3.0, 0.0) for line in lines])
    printed = shown(documents(case)[0], width)

    assert max(cell_len(line) for line in printed.splitlines()) <= width
