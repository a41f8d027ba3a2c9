"""Checks a recording and prints what is in it: lines, sessions and labels per scope.

Every fault must show in each scope it touches, and nothing of the recording machine may be in the data.
"""

import csv
import json
import lzma
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

FOREIGN = re.compile(r"/root|/home/|/work/|(?<![a-z])/tmp/|/usr/lib/jvm|Linux \d")
BAD = re.compile(r"\b(ERROR|FATAL|PANIC|Traceback)\b|\[(error|crit|alert)\]|\" 5\d\d ")


def main(folder: Path) -> int:
    problems, lines, keys = [], Counter[str](), defaultdict(set)
    previous, bad = "", Counter[tuple[str, str]]()
    with lzma.open(folder / "logs.jsonl.xz", "rt", encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            record = json.loads(text)
            if record["time"] < previous:
                problems.append(f"line {number}: out of time order")
            if FOREIGN.search(record["message"]):
                problems.append(f"line {number}: names the recording machine: {record['message'][:200]}")
            previous = record["time"]
            lines[record["scope"]] += 1
            keys[record["key"]].add(record["scope"])
            if BAD.search(record["message"]):
                bad[record["scope"], record["key"]] += 1
    problems += [f"key {key} is in several scopes" for key, scopes in keys.items() if len(scopes) > 1]
    with open(folder / "sessions.csv") as file:
        sessions = list(csv.DictReader(file))
    events = json.loads((folder / "faults.json").read_text())["events"]
    faults = [event for event in events if event["fault"]]
    for scope in sorted(lines):
        rows = [row for row in sessions if row["scope"] == scope]
        first = min(event["start"] for event in faults if scope in event["services"])
        anomalous = sum(row["label"] == "1" for row in rows)
        before = sum(row["end"] < first for row in rows)
        unlabelled = sum(row["label"] == "0" and (scope, row["key"]) in bad for row in rows)
        print(
            f"{scope:9} {lines[scope]:7,} lines {len(rows):6,} sessions, {before:,} before its first fault, "
            f"{anomalous} labelled ({anomalous / len(rows):.1%}), {unlabelled} not labelled with an error in them"
        )
    for fault in faults:
        touched = Counter(row["scope"] for row in sessions if fault["name"] in row["fault"].split("; "))
        print(f"{fault['start'][11:19]} {fault['name']:36} {dict(touched)}")
        problems += [f"{fault['name']} does not show in {scope}" for scope in fault["services"] if not touched[scope]]
    size = (folder / "logs.jsonl.xz").stat().st_size
    print(f"{sum(lines.values()):,} lines, {len(sessions):,} sessions, {size:,} bytes")
    for problem in problems[:20]:
        print("PROBLEM", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
