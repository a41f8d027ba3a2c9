"""Checks of documents for people: the decision, why, and the clauses side by side with marks on the words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from daemon.core.documents import Departure, Opinion, Piece
from daemon.core.text import clean, cosine, many, shorten
from daemon.documents import Check, excerpt

SHOWN = 10
_STYLES = {"deleted": "red strike", "inserted": "green bold"}
_ENDS = {"deleted": ("[-", "-]"), "inserted": ("{+", "+}")}


def print_check(console: Console, name: str, check: Check, limit: int = SHOWN) -> None:
    """Print the check of one text; at most `limit` departures, the gravest first."""
    console.print(
        Text(f"{clean(name)}: ").append("odd" if check.odd else "nothing odd", "red bold" if check.odd else "green")
    )
    if not check.matches:
        console.print("  the base holds no documents to compare with")
        return
    if check.known is not None:
        console.print(Text(f"  this text is in the base, as {clean(check.known.name)}"))
    for match in check.matches:
        weight = f"{many(len(match.comparison.departures), 'departure')}, weight {match.comparison.weight:.1f}"
        console.print(Text(f"  nearest   {clean(match.document.name)}, cosine {cosine(match.cosine)}, {weight}"))
    for opinion in check.opinions:
        console.print(Text(f"  {opinion_line(opinion)}"))
    departures = check.matches[0].comparison.departures
    for departure in departures[:limit]:
        _print_departure(console, departure)
    if len(departures) > limit:
        console.print(f"  and {many(len(departures) - limit, 'departure')} more; --limit shows them, --json all")


def opinion_line(opinion: Opinion) -> str:
    """Return one opinion as a line: its method, its figure, what it says, and what it rests on."""
    of = f", of {many(opinion.of, 'document')}" if opinion.of > 1 else ""
    return f"{opinion.method:<9} {opinion.figure:.3g}: {opinion.says}{of}"


def _print_departure(console: Console, departure: Departure) -> None:
    words = f" ({', '.join(departure.kinds)})" if departure.kinds else ""
    place = clean(shorten(departure.place, 100)) or "the text"
    console.print(Text(f"  {departure.kind:<9} {place}, weight {departure.weight:.1f}{words}"))
    colored = console.is_terminal and not console.no_color
    for side, pieces, style in (("standard", departure.there, "deleted"), ("here", departure.here, "inserted")):
        if pieces:
            console.print(Text(f"    {side:<9} ").append_text(_marked(pieces, style, colored=colored)))


def _marked(pieces: Sequence[Piece], style: str, *, colored: bool) -> Text:
    """Return a clause's text with marks, as colours or as signs; unmarked text is cut in its middle."""
    text = Text()
    begin, end = _ENDS[style]
    for run in excerpt(pieces):
        if run.marked and not colored:
            text.append(f"{begin}{run.text}{end}")
        else:
            text.append(run.text, _STYLES[style] if run.marked else "")
    return text
