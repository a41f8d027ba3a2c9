"""One contestant in a process of its own, on one core: python -m benchmarks.peers.one NAME FILE WARM LINES GAP_US

Prints its figures as JSON. CPU seconds are those of the whole process. Importing, loading a model and reading the file
come before the clocks; memory is the growth of the process from before the contestant was made to its peak.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.peers.field import ENTRIES
from benchmarks.peers.rows import messages, records


def status_mb(field: str) -> float:
    match = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


def measure(name: str, path: Path, warm: int, lines: int, gap_us: int) -> dict[str, Any]:
    entry = ENTRIES[name]
    read = records if entry.raw else messages
    shown, counted = read(path, 0, warm), read(path, warm, min(lines, entry.lines or lines))
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = status_mb("VmRSS")
    contestant = entry.make(gap_us)
    begin = process_time()
    contestant.learn(shown)
    learned = process_time() - begin
    cpu, wall = process_time(), perf_counter()
    sessions = contestant.run(counted)
    cpu, wall = process_time() - cpu, perf_counter() - wall
    peak = status_mb("VmHWM") - before
    if hasattr(contestant, "close"):
        contestant.close()
    figures = {"name": name, "lines": len(counted), "sessions": sessions, "cpu": cpu, "wall": wall, "learned": learned}
    return {**figures, "mb": peak}


def main() -> None:
    name, path, warm, lines, gap_us = sys.argv[1:]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    logging.disable(logging.WARNING)
    print(json.dumps(measure(name, Path(path), int(warm), int(lines), int(gap_us))))


if __name__ == "__main__":
    main()
