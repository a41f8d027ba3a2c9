"""The lines that ours and other people's software get alike."""

from __future__ import annotations

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.rows import Row, Sessions, messages, records, write

GAP = 10


def made(count: int) -> list[tuple[int, bytes, bytes]]:
    return [(n, b"key %d" % n, orjson.dumps({"message": f"tab\there {n}"})) for n in range(count)]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    """What is written is read again from any row on, as records or as messages, tabs in messages included."""
    rows = made(5)

    assert 5 == write(tmp_path / "rows", rows)
    assert rows[1:4] == records(tmp_path / "rows", 1, 3)
    assert [Row(4, "key 4", "tab\there 4")] == messages(tmp_path / "rows", 4, 100)


def naive(events: list[tuple[int, str]]) -> list[list[int]]:
    """Close what has been idle for the gap after each event, in the order of the last events."""
    held: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    closed = []
    for place, (time, key) in enumerate(events):
        held.setdefault(key, []).append(place)
        last[key] = place
        idle = [other for other in sorted(held, key=last.__getitem__) if time - events[last[other]][0] >= GAP]
        closed += [held.pop(other) for other in idle]
    return closed


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=40))
def test_sessions_close_after_the_gap(steps: list[tuple[int, str]]) -> None:
    """Events group by key until their session has been idle for the gap, however keys interleave."""
    now, events = 0, []
    for step, key in steps:
        now += step
        events.append((now, key))
    sessions = Sessions[int](GAP)

    assert naive(events) == [s for at, (time, key) in enumerate(events) for s in sessions.push(time, key, at)]
