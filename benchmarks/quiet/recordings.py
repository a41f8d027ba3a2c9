"""Recordings of real programs under load, with real faults in their last minutes.

The demo's is the one on which the rules of the incidents stage were chosen. The parcels' was made after them, of other
programs, and is a test of them.
"""

from __future__ import annotations

import csv
import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

DEMO = Path(__file__).parents[2] / "demo" / "recordings"
PARCELS = Path(__file__).parent / "parcels"
CALM = 7.0
"""Seconds before the first fault that are left out of the quiet part."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: seconds since the recording began, what the daemon reads, and its place in the recording, or -1."""

    at: float
    scope: str
    key: str
    level: str | None
    message: str
    number: int = -1
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """The rows in order of time, the seconds before the first fault, and the fault that each labelled row shows."""

    rows: Sequence[Row]
    quiet_span: float
    shown: Mapping[int, str]


def seconds(text: str) -> float:
    """Return the seconds since the epoch of an RFC 3339 time."""
    return datetime.fromisoformat(text).timestamp()


def recording(folder: Path = DEMO) -> Recording:
    """Return the recording in a folder."""
    with lzma.open(folder / "logs.jsonl.xz", "rt") as file:
        lines = [json.loads(line) for line in file]
    begin = seconds(lines[0]["time"])
    rows = [
        Row(seconds(r["time"]) - begin, r["scope"], r["key"], r.get("level"), r["message"], number)
        for number, r in enumerate(lines)
    ]
    events = json.loads((folder / "faults.json").read_text())["events"]
    first = min(seconds(event["start"]) for event in events if event["fault"])
    with (folder / "lines.csv").open() as file:
        shown = {int(line["line"]) - 1: line["fault"] for line in csv.DictReader(file)}
    return Recording(rows, float(int(first - CALM)) - begin, shown)
