"""Lines are joined as a naive loop would join them, however they arrive."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.multiline import Bounds, Joined, Joiner, Joining, make_rules
from daemon.core.multiline.joiner import MAX_APART
from daemon.core.positions import position_of

SECOND = 1_000_000
RULES = make_rules([], starts=None, continues=r"^\+")
WORDS = ("a", "", "+b", "+cc", "+" + "d" * 30, "ee")

Line = tuple[str, str, int, bool]
"""Source, text, seconds since the line before, whether the text ends in the middle."""
Event = tuple[str, list[int], int]
"""Text, positions, and the position of the line that ended it."""

LINES = st.lists(
    st.tuples(st.sampled_from("xyz"), st.sampled_from(WORDS), st.sampled_from((0, 0, 0, 1, 3)), st.booleans()),
    min_size=1,
    max_size=40,
)
CUTS = st.sets(st.integers(1, 39), max_size=6).map(sorted)


def table(lines: list[Line], began: int = 0, first: int = 0) -> pl.DataFrame:
    arrival = began + np.cumsum([wait * SECOND for _, _, wait, _ in lines])
    return pl.DataFrame(
        {
            "position": [position_of(first + at) for at in range(len(lines))],
            "time": arrival,
            "scope": "default",
            "key": [source for source, *_ in lines],
            "text": [text for _, text, *_ in lines],
            "clock": arrival,
            "source": [source for source, *_ in lines],
            "said": [text for _, text, *_ in lines],
            "partial": [partial for *_, partial in lines],
            "arrival": arrival,
        }
    )


def events(*joined: Joined) -> list[Event]:
    found: list[Event] = []
    for one in joined:
        rest = [one.positions[one.rows == row].tolist() for row in range(len(one.events))]
        rows = one.events.select("text", "position", "read").iter_rows()
        found += [(text, [first, *more], read) for (text, first, read), more in zip(rows, rest, strict=True)]
    return found


@dataclass
class Open:
    text: str
    positions: list[int]
    size: int
    now: int
    arrival: int
    partial: bool
    kept: bool = True


@dataclass
class Naive:
    """One line after the other, one open event a source."""

    bounds: Bounds
    rules: bool = True
    open: dict[str, Open] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def run(self, lines: pl.DataFrame) -> list[Event]:
        now = 0
        for position, arrival, source, said, partial in lines.select(
            "position", "arrival", "source", "said", "partial"
        ).iter_rows():
            now = max(now, arrival)
            late = [name for name, event in self.open.items() if now > event.now + self.bounds.wait]
            event = self.open.get(source)
            if source in late or event is None or not self.takes(event, said, partial, position, now, arrival):
                ended = {*late, source} & set(self.open)
                self.end(ended, position)
                self.open[source] = Open(said, [position], len(said) + 1, now, arrival, partial)
            else:
                self.end(set(late), position)
            if not self.rules and not self.open[source].partial:
                self.end({source}, position)
        self.end(set(self.open), -1)
        return self.events

    def takes(self, event: Open, said: str, partial: bool, position: int, now: int, arrival: int) -> bool:
        glued = event.partial
        if not glued and not (self.rules and (said.startswith("+") or not said)):
            return False
        if len(event.positions) >= self.bounds.lines:
            return False
        size = len(said) + 1
        if event.size + size > self.bounds.size or (glued and not event.kept):
            if not glued:
                return False
            event.kept, event.size = False, event.size + 1
        else:
            event.kept, event.size = True, event.size + size
            event.text += ("" if glued or not said else "\n") + said
        event.positions.append(position)
        event.now, event.arrival, event.partial = now, arrival, partial
        return True

    def end(self, sources: set[str], read: int) -> None:
        for event in sorted((self.open.pop(source) for source in sources), key=lambda event: event.positions[0]):
            self.events.append((event.text, event.positions, read))


@settings(deadline=None, max_examples=150)
@given(LINES, CUTS, st.sampled_from((2, 3, 500)), st.sampled_from((20, 40, 60_000)), st.booleans())
def test_joined_as_a_naive_loop_joins(lines: list[Line], cuts: list[int], most: int, size: int, rules: bool) -> None:
    """Lines go on, are cut by bounds and end as one line after the other would have it, however they are batched."""
    bounds = Bounds(most, size, 2 * SECOND)
    joiner = Joiner(Joining(RULES if rules else None, bounds))
    whole = table(lines)
    edges = [0, *(cut for cut in cuts if cut < len(lines)), len(lines)]
    joined = [joiner.push(whole[begin:end]) for begin, end in pairwise(edges)]

    assert Naive(bounds, rules).run(whole) == events(*joined, joiner.flush(-1))
    assert 0 == len(joiner.held)


@settings(deadline=None, max_examples=100)
@given(LINES, st.integers(1, 39), st.booleans())
def test_read_again_as_read_once(lines: list[Line], cut: int, rules: bool) -> None:
    """A joiner that begins with the lines that another held goes on as that one would have."""
    joining = Joining(RULES if rules else None, Bounds(wait=2 * SECOND))
    whole = table(lines)
    first = Joiner(joining)
    before = first.push(whole[:cut])
    second = Joiner(joining, until=cut, resumed=first.pending, clock=first.clock)
    held = whole[:cut].filter(pl.col("position").is_in(first.held))
    rest = pl.concat([held, whole[cut:]])
    again = [*([second.push(rest)] if len(rest) else []), second.flush(-1)]
    once = Joiner(joining)

    assert events(once.push(whole), once.flush(-1)) == events(before, *again)


def test_what_was_handed_on_before_a_restart_stays_apart() -> None:
    """An event that was handed on takes in no line after a restart, and was read when its first line was."""
    lines = table([("x", "a", 0, False), ("x", "+b", 0, False), ("x", "+c", 0, False)])
    joiner = Joiner(Joining(RULES), until=2, resumed=np.array([position_of(1)]))
    joined = joiner.push(lines[:2])

    assert [("a", [position_of(0)], position_of(0))] == events(joined)
    assert [("+b\n+c", [position_of(1), position_of(2)], 9)] == events(joiner.push(lines[2:]), joiner.flush(9))


def test_a_bound_that_cuts_is_counted() -> None:
    """Lines, bytes and time cut an event, and each is counted."""
    joiner = Joiner(Joining(RULES, Bounds(3, 25, SECOND)))
    lines = [("x", text, wait, False) for text, wait in (("a", 0), ("+b", 0), ("+c", 0), ("+d", 0), ("+e", 5))]
    long = [("y", "a" * 20, 0, False), ("y", "+" + "b" * 10, 0, False)]

    assert {"lines": 1, "time": 1, "bytes": 1} == {
        bound: count for bound, count in joiner.push(table([*lines, *long])).cuts.items() if count
    }


def test_a_source_that_falls_silent_is_not_waited_for() -> None:
    """An event ends when reading is far ahead of it, even where records have no times."""
    joiner = Joiner(Joining(RULES))
    joiner.push(table([("x", "a", 0, False)]))
    joined = joiner.push(table([("y", "b", 0, False)], first=MAX_APART + 1))

    assert ["a"] == joined.events["text"].to_list()
    assert [position_of(MAX_APART + 1)] == joiner.held.tolist()


def test_the_last_part_of_a_line_that_is_too_long_is_left_out() -> None:
    """What is cut of a line's parts is the rest of its text; its positions stay."""
    joiner = Joiner(Joining(None, Bounds(500, 30)))
    parts = [("x", "a" * 20, 0, True), ("x", "b" * 20, 0, True), ("x", "c" * 5, 0, False), ("x", "next", 0, False)]
    found = events(joiner.push(table(parts)))

    assert [("a" * 20, 3), ("next", 1)] == [(text, len(positions)) for text, positions, _ in found]
