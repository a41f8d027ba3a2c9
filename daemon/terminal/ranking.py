"""The strangest sessions on a terminal, for a run that told no incident: why there is none, and the ranking.

Each entry is a place, a session, and its lines as an alert shows them. It has no p-value and asks for no label: the
first place says only that the other sessions are less strange.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from daemon.backtest.report import Report
from daemon.core.text import clean, many, share
from daemon.terminal.diff import DIM, Document, apart, draw, draw_relative, rows

STRANGEST = 5
"""How many sessions are shown where no incident is told."""


def why_nothing_was_told(report: Report) -> str:
    """Return why a run told no incident, in words; empty where it told one or had no session."""
    if report.told or not report.sessions:
        return ""
    learned = report.warm_up + report.taught
    if report.held_back:
        return f"No incident is told: the budget held back {many(report.held_back, 'incident')}."
    if not report.rate.sessions:
        return f"No incident is told: all {many(report.sessions, 'session')} were needed to learn what is usual."
    return (
        f"No incident is told: behind the first {many(learned, 'session')}, which only taught, nothing was new, burst, "
        "came back or fell silent. What fails from the first line on is usual here."
    )


class RankingView:
    """A renderable ranking of a run's strangest sessions, the first `limit` of them."""

    def __init__(self, ranked: Sequence[Document], sessions: int, limit: int) -> None:
        self._ranked, self._sessions = ranked[:limit], sessions

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay the ranking out for the console's width."""
        width = max(options.max_width, 40)
        if self._ranked:
            yield Text("The strangest sessions: a ranking, which a good day has too.", "bold")
        for place, session in enumerate(self._ranked, 1):
            yield Text()
            yield from self._one(place, session, width)

    def _one(self, place: int, session: Document, width: int) -> Iterator[Text]:
        left = Text.assemble(f"{place:>3}  ", (str(session["start"])[:19].replace("T", " "), DIM), "  ")
        left.append(clean(str(session["scope"])), "bold").append(f"  session {clean(str(session['key']))}")
        yield apart(left, Text(many(session["lines"], "line"), DIM), width)
        alike = session["alike"]
        often = "the only one of its kind" if alike == 1 else f"{share(alike / self._sessions)} of all are alike"
        yield Text(f"{'':5}{often}", DIM)
        for row in rows(session):
            yield from draw(row, width)
            if row.known:
                yield draw_relative(row, width)


def print_ranking(report: Report, ranked: Sequence[Document], console: Console, limit: int) -> None:
    """Print why nothing was told, and the ranking; nothing where an incident was told."""
    if why := why_nothing_was_told(report):
        for line in wrap(why, max(min(console.width, 120), 40)):
            console.print(Text(line), soft_wrap=True)
        console.print(RankingView(ranked, report.sessions, limit))
        console.print()
