"""The lines of loghub's HDFS as JSON records, for the benchmarks.

The sample holds every fiftieth block of a log of eleven million lines, so it is fifty times as thin. `dense` makes up
for it: each block comes as often as it takes, under other names.
"""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.quality.datasets import read

SPREAD_US = 600_000_000
"""A copy of a block comes at most so many microseconds after the block."""


def hdfs_lines(folder: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield HDFS's lines, each keyed by the first block that it names; lines that name none are left out."""
    for time, block, line in _lines(folder):
        yield time, block.encode(), _record(time, block, line)


def dense(folder: Path, copies: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield HDFS's lines so that each block comes `copies` times: under names and at times drawn by chance.

    With one copy they are the lines as they are. Equal arguments give equal lines.
    """
    if copies == 1:
        yield from hdfs_lines(folder)
        return
    chance = random.Random(3)  # logs, not secrets
    drawn: dict[str, list[tuple[int, str]]] = {}
    waiting: list[tuple[int, int, str, str]] = []
    count = 0
    for time, block, line in _lines(folder):
        if block not in drawn:
            drawn[block] = [(chance.randrange(SPREAD_US), _name(chance)) for _ in range(copies)]
        while waiting and waiting[0][0] <= time:
            at, _, name, text = heapq.heappop(waiting)
            yield at, name.encode(), _record(at, name, text)
        for later, name in drawn[block]:
            heapq.heappush(waiting, (time + later, count, name, line.replace(block, name)))
            count += 1
    for at, _, name, text in sorted(waiting):
        yield at, name.encode(), _record(at, name, text)


def _lines(folder: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the time in microseconds, the first block and the text of each line that names a block."""
    for line in read(folder, "hdfs_2pct/HDFS_2percent.log.xz"):
        date, clock, _, level, component, message = line.split(" ", 5)
        block = re.search(r"blk_-?\d+", message)
        if block is not None:
            time = datetime.strptime(date + clock, "%y%m%d%H%M%S").replace(tzinfo=UTC)
            yield int(time.timestamp() * 1e6), block[0], f"{level} {component} {message}"


def _name(chance: random.Random) -> str:
    return f"blk_{chance.choice(('', '-'))}{chance.randrange(10**17, 9 * 10**18)}"


def _record(time: int, block: str, line: str) -> bytes:
    stamp = datetime.fromtimestamp(time // 1_000_000, UTC).isoformat()
    return orjson.dumps({"time": stamp, "scope": "hdfs", "key": block, "message": line})
