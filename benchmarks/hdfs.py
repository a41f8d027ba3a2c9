"""The lines of loghub's HDFS as JSON records, for the benchmarks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.quality.datasets import read


def hdfs_lines(folder: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield HDFS's lines, each keyed by the first block that it names; lines that name none are left out."""
    for line in read(folder, "hdfs_2pct/HDFS_2percent.log.xz"):
        date, clock, _, level, component, message = line.split(" ", 5)
        block = re.search(r"blk_-?\d+", message)
        if block is not None:
            time = datetime.strptime(date + clock, "%y%m%d%H%M%S").replace(tzinfo=UTC)
            record = {
                "time": time.isoformat(),
                "scope": "hdfs",
                "key": block[0],
                "message": f"{level} {component} {message}",
            }
            yield int(time.timestamp() * 1e6), block[0].encode(), orjson.dumps(record)
