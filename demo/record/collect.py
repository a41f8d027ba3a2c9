"""Turns the raw logs of one recording into logs.jsonl.xz, and labels its sessions.

A line's time and session key come out of the prefix its program wrote; the rest is the message, unaltered. Lines that
continue an entry (a stack trace, a long statement) stay in its message. Only what was written while traffic ran is
kept.
A line shows a fault when it was written during it and RULES finds its words in it; a session is labelled 1 when one of
its lines shows a fault.
"""

import csv
import json
import lzma
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

GAP, MAX_AGE, AFTERMATH = timedelta(seconds=30), timedelta(minutes=5), timedelta(seconds=3)

POSTGRES = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC (?P<key>[0-9a-f]+\.[0-9a-f]+) (?P<message>.*)"
)
SHOP = re.compile(r"(?P<time>\d{4}-\S+Z) (?P<key>\S+) (?P<message>(?P<level>[A-Z]+) .*)")
KAFKA = re.compile(r"(?P<time>\d{4}-\S+Z) (?P<message>(?P<level>[A-Z]+) \[(?P<key>[^]]*)\] .*)")
ACCESS = re.compile(r"(?P<time>\d+\.\d{3}) (?P<key>\d+) (?P<message>.*)")
ERROR = re.compile(
    r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (?P<message>\[(?P<level>\w+)\] (?P<pid>\d+)#\d+: (?:\*(?P<key>\d+) )?.*)"
)
CLIENT = re.compile(r"\b(?:invoices|mailing|search-index|import)-[0-9a-f]{8}\b")
# A coordinator that moves speaks of every group it ever had: its own lines, not the groups'
LOADED, MOVED = "Loaded classic group", "Unloading group metadata"
# Kafka's threads by what they do, so that one event of a node is one session and not one for each of its 80 threads
DUTIES = {
    "controller": "quorum-controller",
    "metadata": "metadata-loader",
    "fetcher": "ReplicaFetcher",
    "raft": "raft",
    "recovery": "log-recovery",
    "coordinator": "coordinator-event-processor|data-plane-kafka-request-handler|transaction-log-manager|Txn",
    "broker": "",
}
SEVERITY = re.compile(r"\b(DEBUG|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC):  ")

# fault -> scope -> words in a line that shows it
RULES: dict[str, dict[str, str]] = {
    "wrong passwords": {"postgres": "password authentication failed"},
    "payment gateway stalls": {"shop": r"gateway \S+ failed", "nginx": r"upstream timed out|\" 504 "},
    "consumers die": {"kafka": "heartbeat expiration|has failed|session expired"},
    "deadlocks": {"postgres": "/stock-sync "},
    "table locked by a client that dies": {
        "postgres": "lock timeout|/migration |still waiting|acquired [A-Za-z]+Lock",
        "shop": "LockNotAvailable",
        "nginx": r"\" 50\d ",
    },
    "cache full": {"shop": "OutOfMemoryError", "nginx": r"\" 500 "},
    "upload disk full": {"shop": "No space left", "nginx": r"\" 500 "},
    "Kafka node killed": {"kafka": f"WARN|ERROR|{LOADED}|{MOVED}|^(?!.*{CLIENT.pattern})"},
    "bad release": {"postgres": "tax_class", "shop": "UndefinedColumn", "nginx": r"\" 500 "},
    "too many connections": {
        "postgres": "remaining connection slots|too many clients|/dashboard ",
        "shop": "cannot connect",
        "nginx": r"\" 500 ",
    },
    "temporary disk full": {"postgres": "No space left"},
    "backend killed": {
        "postgres": "signal 9|crash of another|recovery|not properly shut down|was interrupted|reinitializing|pg_sleep",
        "shop": "cannot connect|unhandled error",
        "nginx": r"\" 500 ",
    },
    "shop killed": {"nginx": r"Connection refused|prematurely closed|reset by peer|\" 502 "},
    "scanner": {"nginx": r"10\.20\.9\.66", "shop": "/api/users"},
    "producers die in a transaction": {"kafka": "(?i)timeout|timed out|rollback|abort"},
}


@dataclass(slots=True)
class Line:
    time: datetime
    scope: str
    key: str
    level: str
    message: str


def moment(text: str) -> datetime:
    if re.fullmatch(r"\d+\.\d{3}", text):
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text.replace("/", "-").removesuffix("Z")).replace(tzinfo=UTC)


def stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entries(file: Path, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """The entries of one file: the match of the first line, and the whole message with its continuation lines."""
    match, message = None, ""
    for text in file.read_text(errors="replace").split("\n"):
        if found := pattern.match(text):
            if match:
                yield match, message
            match, message = found, found["message"]
        elif match and text:
            message += "\n" + text
    if match:
        yield match, message


def read(folder: Path) -> list[Line]:
    lines = []
    for match, message in entries(folder / "postgres.log", POSTGRES):
        level = SEVERITY.search(message)
        lines.append(Line(moment(match["time"]), "postgres", match["key"], level[1] if level else "", message))
    if (folder / "shop.log").exists():
        for match, message in entries(folder / "shop.log", SHOP):
            lines.append(Line(moment(match["time"]), "shop", match["key"], match["level"], message))
        for match, message in entries(folder / "nginx-error.log", ERROR):
            key = f"edge-1/c{match['key']}" if match["key"] else f"edge-1/{match['pid']}"
            lines.append(Line(moment(match["time"]), "nginx", key, match["level"], message))
        for match, message in entries(folder / "nginx-access.log", ACCESS):
            lines.append(Line(moment(match["time"]), "nginx", f"edge-1/c{match['key']}", "", message))
    for file in sorted(folder.glob("kafka-*.log")):
        for match, message in entries(file, KAFKA):
            client = None if MOVED in message or LOADED in message else CLIENT.search(message)
            duty = next(duty for duty, threads in DUTIES.items() if re.search(threads, match["key"]))
            key = client[0] if client else f"{file.stem}/{duty}"
            lines.append(Line(moment(match["time"]), "kafka", key, match["level"], message))
    return sorted(lines, key=lambda line: line.time)


def cut(lines: list[Line]) -> list[list[int]]:
    """Sessions as the daemon cuts them, as line numbers from 1: a gap of 30 s in a key, or an age of 5 minutes."""
    open_sessions: dict[tuple[str, str], list[int]] = {}
    sessions = []
    for number, line in enumerate(lines, 1):
        session = open_sessions.get((line.scope, line.key))
        if (
            session is None
            or line.time - lines[session[-1] - 1].time > GAP
            or line.time - lines[session[0] - 1].time > MAX_AGE
        ):
            session = open_sessions[line.scope, line.key] = []
            sessions.append(session)
        session.append(number)
    return sessions


def faults_shown(line: Line, faults: list[dict[str, object]]) -> list[str]:
    """Names of the faults that were on, or had just been, when this line was written and that its words show."""
    return [
        str(fault["name"])
        for fault in faults
        if (rule := RULES[str(fault["name"])].get(line.scope))
        # nginx stamps its error log in whole seconds
        and moment(str(fault["start"])).replace(microsecond=0) <= line.time <= moment(str(fault["end"])) + AFTERMATH
        and re.search(rule, line.message)
    ]


def write_table(file: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    with open(file, "w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header.split())
        table.writerows(rows)


def write_recording(out: Path, lines: list[Line], shown: dict[int, list[str]]) -> None:
    """Writes lines in time order; `shown` are the faults that lines show, by their numbers from 1."""
    with lzma.open(out / "logs.jsonl.xz", "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file:
        for line in lines:
            record = {"time": stamp(line.time), "scope": line.scope, "key": line.key}
            record |= {"level": line.level} if line.level else {}
            file.write(json.dumps(record | {"message": line.message}, ensure_ascii=False, separators=(",", ":")) + "\n")
    write_table(out / "lines.csv", "line label fault", ((number, 1, names[0]) for number, names in shown.items()))


def write_sessions(out: Path, lines: list[Line], shown: dict[int, list[str]]) -> None:
    """Writes the sessions, and labels by key."""
    keys: dict[str, int] = defaultdict(int)
    rows = []
    for session in cut(lines):
        first, last = lines[session[0] - 1], lines[session[-1] - 1]
        names = list(dict.fromkeys(name for number in session for name in shown.get(number, [])))
        keys[first.key] |= int(bool(names))
        start_end = (stamp(first.time), stamp(last.time))
        rows.append((first.scope, first.key, *start_end, len(session), int(bool(names)), "; ".join(names)))
    write_table(out / "sessions.csv", "scope key start end lines label fault", rows)
    write_table(out / "labels.csv", "key label", keys.items())


def main(folder: Path, out: Path) -> None:
    traffic = json.loads((folder / "stage.json").read_text())
    events = json.loads((folder / "faults.json").read_text())
    faults = [event for event in events if event["fault"]]
    start, end = moment(traffic["start"]), moment(traffic["end"])
    lines = [line for line in read(folder) if start <= line.time <= end]
    shown = {number: names for number, line in enumerate(lines, 1) if (names := faults_shown(line, faults))}
    write_recording(out, lines, shown)
    write_sessions(out, lines, shown)
    (out / "faults.json").write_text(json.dumps({"traffic": traffic, "events": events}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
