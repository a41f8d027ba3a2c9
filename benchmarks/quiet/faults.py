"""Which fault each labelled line of the demo's recording shows."""

from __future__ import annotations

import csv
from collections import defaultdict

from benchmarks.quiet.streams import RECORDINGS, Row, seconds, traffic_begins


def faults_by_line(rows: list[Row]) -> dict[int, str]:
    """Return the fault that each labelled line of the recording shows, by the line's number from 0."""
    begin = traffic_begins()
    sessions: dict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    with (RECORDINGS / "sessions.csv").open() as file:
        for row in csv.DictReader(file):
            if row["label"] == "1":
                span = seconds(row["start"]) - begin, seconds(row["end"]) - begin, row["fault"]
                sessions[row["scope"], row["key"]].append(span)
    shown: dict[int, str] = {}
    with (RECORDINGS / "lines.csv").open() as file:
        for line in csv.DictReader(file):
            row_ = rows[int(line["line"]) - 1]
            spans = sessions[row_.scope, row_.key]
            shown[row_.number] = next(f for a, b, f in spans if a - 0.01 <= row_.at <= b + 0.01)
    return shown
