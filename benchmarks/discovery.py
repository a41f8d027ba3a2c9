"""What `strayline try` chooses for logs that are known: python -m benchmarks.discovery DATA

`DATA` is a folder that holds loghub's samples (`loghub_2k/NAME_2k.log.xz`); the demo's recording is read as well. For
each it says whether format, time and level are right, and whether the key is sensible. *Right*: the daemon reads the
time of the first line as stated here, and the levels are those that lines state, or none where they state none.
*Sensible*: the key is one that a person who knows the system would name: its example is compared with a pattern.
Windows of time are sensible where there is no such key, or where the sample is too thin for one: of HDFS's blocks, it
has a line each.
"""

from __future__ import annotations

import argparse
import lzma
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from daemon.core.messages import rfc3339
from daemon.discovery import MOST_LINES, WINDOW, Discovery, discover
from daemon.discovery.reading import parse

DEMO = Path(__file__).parents[1] / "demo" / "recordings" / "logs.jsonl.xz"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a system: its first line's time, the levels it states, and which keys are sensible."""

    start: str
    levels: frozenset[str]
    key: str
    """A pattern for examples of sensible keys."""
    window: bool = False
    format: str = "raw"


def known(start: str, levels: str, key: str, *, window: bool = False, format: str = "raw") -> Known:  # noqa: A002
    return Known(start, frozenset(levels.split()), key, window, format)


THREAD = r"^\[?[/A-Za-z].*"
SYSTEMS = {
    "Android": known("-03-17T16:13:38.811", "trace debug info warning error", r"^\d+$"),
    "Apache": known("2005-12-04T04:47:44", "notice error", r"^\d{1,3}(\.\d+){3}$", window=True),
    "BGL": known("2005-06-03T22:42:50", "INFO WARNING ERROR SEVERE FATAL FAILURE", r"^R\d\d-", window=True),
    "HDFS": known("2008-11-09T20:36:15", "INFO WARN", r"^blk_|^\d+$", window=True),
    "HPC": known("2004-02-26T14:12:22", "", r"^(node|gige|sw)", window=True),
    "Hadoop": known("2015-10-18T18:01:47.978", "INFO WARN ERROR FATAL", THREAD),
    "HealthApp": known("2017-12-23T22:15:29", "", r"^$", window=True),
    "Linux": known("-06-14T15:16:01", "", r"\w+.*\d+$", format="syslog"),
    "Mac": known("-07-01T09:00:55", "", r"[/\[]\d+\]?$", format="syslog"),
    "OpenSSH": known("-12-10T06:55:46", "", r"/\d+$", format="syslog"),
    "OpenStack": known("2017-05-16T00:00:00.008", "INFO WARNING", r"^req-|^[0-9a-f]{8}-|^\d+$"),
    "Proxifier": known("-10-30T16:49:06", "", r":\d+$|^\d+(\.\d+){3}", window=True),
    "Spark": known("2017-06-09T20:10:40", "INFO", r"^\d+$|^task|^rdd", window=True),
    "Thunderbird": known("2005-11-09T20:01:01", "", r"^[a-z]+\d+|\[\d+\]$"),
    "Windows": known("2016-09-28T04:30:30", "Info", r"^\d{6,}_", window=True),
    "Zookeeper": known("2015-07-29T17:41:44.747", "INFO WARN ERROR", THREAD + r"|\d+:\d+$|^0x"),
    "demo": known("2026-11-22T18:16:17.696", "", r".", format="json"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is right of one system."""

    format: bool
    time: bool
    level: bool
    key: bool


def judge(system: Known, found: Discovery, lines: list[str], *, leveled: bool = True) -> Verdict:
    """Compare what was found with what is known."""
    records = [line.encode() for line in lines if line.strip()]
    parsed = parse(found.reading, records).lines
    first = rfc3339(parsed["time"][0]).removesuffix("Z")
    states = {text.split(" ", 1)[0] for text in parsed["text"].to_list()} if system.levels else set()
    candidate = found.choice.candidate
    return Verdict(
        found.reading.format == system.format,
        system.start in first,
        found.reading.level == bool(system.levels) and states <= system.levels if leveled else found.reading.level,
        system.window if candidate is WINDOW else bool(re.search(system.key, found.choice.example)),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.discovery", description=__doc__)
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data / "loghub_2k"
    print("| system | read as | time | level | key | sessions: number, lines, recurring (by chance) | s |")
    print("|---|---|---|---|---|---|---|")
    verdicts = []
    for name, system in SYSTEMS.items():
        path = DEMO if name == "demo" else folder / f"{name}_2k.log.xz"
        if not path.exists():
            print(f"| {name} | is not there | | | | | |")
            continue
        with lzma.open(path, "rt", errors="replace") as file:
            lines = [line.rstrip("\r\n") for line, _ in zip(file, range(MOST_LINES), strict=False)]
        began = time.perf_counter()
        found = discover(lines)
        seconds = time.perf_counter() - began
        verdict = judge(system, found, lines, leveled=name != "demo")
        verdicts.append(verdict)
        print(row(name, found, verdict, seconds), flush=True)
    rights = [sum(getattr(verdict, part) for verdict in verdicts) for part in ("format", "time", "level", "key")]
    print(f"\nof {len(verdicts)}: format {rights[0]}, time {rights[1]}, level {rights[2]}, a sensible key {rights[3]}")
    return 0


def row(name: str, found: Discovery, verdict: Verdict, seconds: float) -> str:
    def cell(text: str, right: bool) -> str:
        return text if right else f"**{text}**"

    measure, choice = found.choice.measure, found.choice
    key = choice.candidate.name + (f" (`{choice.example[:30]}`)" if choice.example else "")
    numbers = f"{measure.sessions}, {measure.size:.0f}, {measure.recurring:.0%} ({measure.by_chance:.0%})"
    return (
        f"| {name} | {cell(found.reading.kind, verdict.format)} | {cell(found.reading.time or 'none', verdict.time)} "
        f"| {cell('stated' if found.reading.level else 'none', verdict.level)} | {cell(key, verdict.key)} "
        f"| {numbers} | {seconds:.1f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
