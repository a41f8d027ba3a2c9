"""News of incidents on a terminal: readable at any width, without colour, and deaf to what a log line commands."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from daemon.core.incidents import Release
from daemon.core.observations import Gravity
from daemon.core.types import Evidence, Verdict
from daemon.terminal.alert import AlertPrinter, format_alert
from daemon.terminal.diff import reading
from tests.support.cases import DEADLOCK, MINUTE, NOON, neighbour, verdict
from tests.support.news import clue, news_of, read, silence

AT = NOON / 1e6


def document(case: Verdict = DEADLOCK) -> dict[str, Any]:
    """Return the message that opens an incident about a verdict, with ids that stand still."""
    alert = dict(read(news_of(case)))
    return alert | {"fingerprint": named(alert), "incident": alert["incident"] | {"id": "INCIDENT"}}


def named(alert: Mapping[str, Any]) -> str:
    """Return the fingerprint, which must lead."""
    assert alert["fingerprint"] == alert["incident"]["causes"][0]["cause"]
    return str(alert["fingerprint"])


def shown(document: Mapping[str, Any], width: int = 80, *, colour: bool = False) -> str:
    """Return what a console of this width prints."""
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colour, color_system="standard" if colour else None).print(
        format_alert(document)
    )
    return out.getvalue()


def test_alert_says_when_where_what_and_why_and_shows_the_session_as_a_diff() -> None:
    """At 80 columns: where and how grave, what was seen, why that matters, what differs from normal, what to do."""
    alert = document()

    assert f"""\
12:00:00  payments                                              opened  critical
          [ERROR deadlock detected while waiting for ShareLock on <NUM>]
          never seen in 41,203 sessions over 7.5 h; no failure was new before it
          in 7.5 h
          session host17, 56 lines, p 0.0004
    +     3 x  [ERROR deadlock detected while waiting for ShareLock     new line
               on <NUM>]
    -    12 x  COMMIT                                       in 99.8% of sessions
          = 2 lines as usual
          nearest normal 0.87, 12% of traffic, last seen 2 min before
          incident INCIDENT, since 12:00:00, 1 session
          is this normal?  strayline label {alert["fingerprint"][:8]} normal
""" == shown(alert)


def test_other_symptoms_are_a_row_each_and_the_services_stand_in_the_title() -> None:
    """A fault that three services see is one incident; six more symptoms are shown, the rest counted."""
    others = [
        clue(
            f"WARN upstream of kind {letter * 4} timed out",
            scope="orders",
            gravity=Gravity.WARNING,
            time=AT + 3,
        )
        for letter in "abcdefgh"
    ]
    lines = shown(read(news_of(others=others))).splitlines()
    rows = [line for line in lines if line.startswith("     and  orders: WARN upstream of kind")]

    assert lines[0].split()[1:] == ["payments,", "orders", "opened", "critical"]
    assert 6 == len(rows)
    assert all(row.endswith("new, 3 s later") for row in rows)
    assert "          and 2 more symptoms" in lines


def test_while_the_session_is_open_there_is_its_line_and_no_contrast() -> None:
    """A grave line is told before its session closes: the message says so and shows no numbers it cannot know."""
    text = shown(read(news_of(closed=False)))

    assert "session host17 is still open" in text
    assert [] == [word for word in ("nearest normal", "compare with", "warming up", " x  ", "p 0") if word in text]


def test_what_the_budget_held_back_is_said() -> None:
    """A reader learns that there was more."""
    assert "2 incidents of payments held back so far: the budget is 0.01" in shown(read(news_of(held_back=2)))


def test_silence_is_shown_without_a_command_that_would_label_nothing() -> None:
    """A scope that stopped has no line that could be called normal."""
    text = shown(read(silence()))

    assert "          payments is silent\n          nothing for 5.0 min, where 300 sessions would have come" in text
    assert "strayline label" not in text


def test_wide_terminal_shows_more_of_a_line() -> None:
    """At 120 columns the long line is whole."""
    assert "waiting for ShareLock on <NUM>]  " in shown(document(), 120)


def test_counts_that_differ_say_what_is_usual() -> None:
    """An unusual number of a known line is one row with both counts."""
    case = verdict({"GET /": 500}, nearest=[neighbour({"GET /": 2})])

    assert ["~", "500", "x", "[GET", "/]", "2", "as", "a", "rule"] in [
        line.split() for line in shown(document(case)).splitlines()
    ]


def test_lines_that_begin_alike_are_cut_to_where_they_differ() -> None:
    """Below a long line another one of the same beginning shows what it says, not the beginning again."""
    start = "INFO [group-coordinator-event-processor] GroupMetadataManager: [GroupCoordinator id=<NUM> topic=offsets] "
    lines = [f"{start}member joins", f"{start}preparing rebalance"]
    case = verdict(dict.fromkeys(lines, 1), evidence=[Evidence(line, "rare", 6.0, 0.002) for line in lines])

    assert "preparing rebalance" in shown(document(case))


def test_warning_is_not_called_a_failure() -> None:
    """The note beside a line says how it reads by the level it states."""
    lines = ["[warn] body is buffered", "[error] connect() failed"]
    case = verdict(dict.fromkeys(lines, 1), evidence=[Evidence(line, "severe", 6.0, 0.002) for line in lines])
    text = shown(document(case))

    assert [True, True] == [f"{line}]" in text for line in lines]
    assert (1, 1) == (text.count("    is a warning"), text.count("    reads like a failure"))


def test_new_line_is_shown_above_the_known_one_it_resembles() -> None:
    """The nearest normal line stands below, so that the odd word is seen at a glance."""
    case = verdict(
        {"user <NUM> logged out": 1},
        nearest=[neighbour({"user <NUM> logged in": 1})],
        evidence=[Evidence("user <NUM> logged out", "new", 5.0, 0.0)],
    )

    assert "like  user <NUM> logged in" in shown(document(case))


def test_first_session_says_there_is_nothing_to_compare_with() -> None:
    """An alert about a session without a p-value is readable too."""
    text = shown(document(verdict({"a": 1}, p_value=None, seen=0)))

    assert "1 line, warming up" in text
    assert "nothing normal to compare with yet" in text


def test_resolved_incident_names_itself_and_how_much_there_was() -> None:
    """Word of an incident's end is short."""
    news = news_of(event="resolved")
    lines = shown(read(news)).splitlines()

    assert ["12:00:00", "payments", "resolved"] == lines[0].split()
    assert lines[1].startswith("          over after 0 s, 1 session: ")
    assert f"          incident {news.incident.id}, since 12:00:00, 1 session" == lines[-1]


def test_printer_names_the_date_when_it_changes() -> None:
    """Times of day are enough because the date stands above them."""
    out = io.StringIO()
    printer = AlertPrinter(Console(file=out, width=80, color_system=None))
    for case in (DEADLOCK, verdict({"a": 1}), verdict({"b": 1}, end=NOON + 24 * 60 * MINUTE)):
        printer.print(document(case))

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
    alert = document(case)
    printed = shown(alert, width)

    assert all(line.isprintable() for line in printed.splitlines())
    assert max(cell_len(line) for line in printed.splitlines()) <= width
    assert f"strayline label {alert['fingerprint'][:8]} normal" in printed
    assert text != "[bold]markup[/bold]" or text in printed


def test_colour_adds_nothing_but_colour() -> None:
    """Without colour the same text is there: signs carry the meaning."""
    alert = document()
    coloured = shown(alert, colour=True)
    plain = "".join(piece.split("m", 1)[-1] if at else piece for at, piece in enumerate(coloured.split("\x1b[")))

    assert "\x1b[" in coloured
    assert shown(alert) == plain


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(max_size=30), st.integers(1, 10**6), min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=30), st.integers(1, 10**6), max_size=5),
    st.integers(60, 200),
)
def test_any_alert_is_printed_within_the_width(lines: dict[str, int], normal: dict[str, int], width: int) -> None:
    """Whatever the session, the alert prints, and no row is wider than the terminal."""
    case = verdict(lines, nearest=[neighbour(normal)], evidence=[Evidence(line, "new", 3.0, 0.0) for line in lines])
    printed = shown(document(case), width)

    assert max(cell_len(line) for line in printed.splitlines()) <= width


def test_an_alert_says_which_version_began_with_it() -> None:
    """A release is named under the reason, and what its lines state cannot move the cursor."""
    news = news_of()
    news.incident.release = Release("payments", "2.4.1\x1b[2J", AT - 8, 1)

    assert """\
          in 7.5 h
          payments 2.4.1 was released: since 11:59:52, 1 new kind of harmless
          lines
""" in shown(read(news))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("disk error", "reads like a failure"),
        ("WARN slow", "is a warning"),
        ("INFO 3 retries, last failed", "speaks of a failure"),
    ],
)
def test_a_warning_is_not_called_a_failure(line: str, expected: str) -> None:
    """How a known line reads is said in words, and its level counts."""
    assert expected == reading(line)
