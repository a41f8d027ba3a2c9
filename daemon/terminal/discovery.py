"""What `strayline try` chose, in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.core.messages import rfc3339
from daemon.core.text import clean, many, shorten
from daemon.discovery import WINDOW, Choice, Discovery

_SECOND = 1_000_000


def discovery_lines(found: Discovery, encoding: str) -> Iterator[str]:
    """Yield the lines: how records are read, where the time is, the level, what makes a session, and the next best."""
    reading = found.reading
    joined = ", lines without a time join the line before" if reading.begins else ""
    coded = "" if encoding == "utf-8" else f", {encoding}"
    yield f"read      {reading.kind} (format {reading.format}{coded}), by {many(found.lines, 'line')}{joined}"
    if reading.time is None:
        yield "time      none is stated: lines have their record's, and in files they keep their order alone"
    else:
        yield f"time      {reading.time}, {_range(found)}"
    yield f"level     {'as lines state it' if reading.level else 'none is stated; failures are found by their words'}"
    yield f"session   {_choice(found.choice)}"
    if found.runner_up is not None:
        yield f"  next    {_choice(found.runner_up)}"
    if found.together:
        yield "service   all together: most programs have too few sessions to be judged by themselves"


def _range(found: Discovery) -> str:
    if found.start is None or found.end is None:
        return "unread"
    return f"from {rfc3339(found.start)[:19]} to {rfc3339(found.end)[:19]} in the sample"


def _choice(choice: Choice) -> str:
    if choice.candidate is WINDOW:
        name = "what is written within some time"
    else:
        name = f"by {clean(choice.candidate.name)} ({clean(shorten(choice.example, 40))})"
    return f"{name}, until {choice.measure.gap_us // _SECOND} s without a line: {choice.measure.words()}"
