"""Turns the raw logs of one recording into logs.jsonl.xz, and labels its sessions.

A line's time and session key come out of the prefix its program wrote; the rest is the message, unaltered. Lines that
continue an entry (a stack trace, a long statement) stay in its message. Only what was written while traffic ran is kept.
A session is labelled 1 when one of its lines, written during a fault, shows that fault: RULES says by which words.
"""

import csv
import json
import lzma
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

GAP, MAX_AGE, AFTERMATH = timedelta(seconds=30), timedelta(minutes=5), timedelta(seconds=3)

POSTGRES = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC (?P<key>[0-9a-f]+\.[0-9a-f]+) (?P<message>.*)")
SHOP = re.compile(r"(?P<time>\d{4}-\S+Z) (?P<key>\S+) (?P<message>(?P<level>[A-Z]+) .*)")
KAFKA = re.compile(r"(?P<time>\d{4}-\S+Z) (?P<message>(?P<level>[A-Z]+) \[(?P<key>[^]]*)\] .*)")
ACCESS = re.compile(r"(?P<time>\d+\.\d{3}) (?P<key>\d+) (?P<message>.*)")
ERROR = re.compile(
    r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (?P<message>\[(?P<level>\w+)\] (?P<pid>\d+)#\d+: (?:\*(?P<key>\d+) )?.*)"
)
CLIENT = re.compile(r"\b(?:invoices|mailing|search-index|import)-[0-9a-f]{8}\b")
SEVERITY = re.compile(r"\b(DEBUG|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC):  ")

# fault -> scope -> words in a line that shows it
RULES: dict[str, dict[str, str]] = {
    "wrong passwords": {"postgres": "password authentication failed"},
    "payment gateway stalls": {"shop": r"gateway \S+ failed", "nginx": r"upstream timed out|\" 504 "},
    "consumers die": {"kafka": "heartbeat expiration|has failed|session expired"},
    "deadlocks": {"postgres": "/stock-sync "},
    "table locked by a client that dies": {
        "postgres": "lock timeout|/migration |still waiting|acquired [A-Za-z]+Lock", "shop": "LockNotAvailable", "nginx": r"\" 50\d ",
    },
    "cache full": {"shop": "OutOfMemoryError", "nginx": r"\" 500 "},
    "upload disk full": {"shop": "No space left", "nginx": r"\" 500 "},
    "Kafka node killed": {"kafka": r"WARN|ERROR|^(?!.*(invoices|mailing|search-index|import)-[0-9a-f]{8}).*"},
    "bad release": {"postgres": "tax_class", "shop": "UndefinedColumn", "nginx": r"\" 500 "},
    "too many connections": {
        "postgres": "remaining connection slots|too many clients|/dashboard ", "shop": "cannot connect", "nginx": r"\" 500 ",
    },
    "temporary disk full": {"postgres": "No space left"},
    "backend killed": {
        "postgres": "signal 9|crash of another|recovery|not properly shut down|was interrupted|reinitializing|pg_sleep",
        "shop": "cannot connect|unhandled error", "nginx": r"\" 500 ",
    },
    "shop killed": {"nginx": r"Connection refused|prematurely closed|reset by peer|\" 502 "},
    "scanner": {"nginx": r"10\.20\.9\.66", "shop": "/api/users"},
    "producers die in a transaction": {"kafka": "(?i)timeout|timed out|rollback|abort"},
}  # fmt: skip


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
            client = CLIENT.search(message)
            key = client[0] if client else f"{file.stem}/{match['key']}"
            lines.append(Line(moment(match["time"]), "kafka", key, match["level"], message))
    return sorted(lines, key=lambda line: line.time)


def cut(lines: list[Line]) -> list[list[Line]]:
    """Sessions as the daemon cuts them: a gap of 30 s in a key, or an age of 5 minutes."""
    last: dict[tuple[str, str], list[Line]] = {}
    sessions = []
    for line in lines:
        session = last.get((line.scope, line.key))
        if session is None or line.time - session[-1].time > GAP or line.time - session[0].time > MAX_AGE:
            session = last[line.scope, line.key] = []
            sessions.append(session)
        session.append(line)
    return sessions


def faults_of(session: list[Line], faults: list[dict[str, object]]) -> list[str]:
    shown = []
    for fault in faults:
        rule = RULES[str(fault["name"])].get(session[0].scope)
        start, end = moment(str(fault["start"])).replace(microsecond=0), moment(str(fault["end"])) + AFTERMATH
        if rule and any(start <= line.time <= end and re.search(rule, line.message) for line in session):
            shown.append(str(fault["name"]))
    return shown


def main(folder: Path, out: Path) -> None:
    traffic = json.loads((folder / "stage.json").read_text())
    events = json.loads((folder / "faults.json").read_text())
    faults = [event for event in events if event["fault"]]
    start, end = moment(traffic["start"]), moment(traffic["end"])
    lines = [line for line in read(folder) if start <= line.time <= end]
    with lzma.open(out / "logs.jsonl.xz", "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file:
        for line in lines:
            record = {"time": stamp(line.time), "scope": line.scope, "key": line.key}
            record |= {"level": line.level} if line.level else {}
            file.write(json.dumps(record | {"message": line.message}, ensure_ascii=False, separators=(",", ":")) + "\n")
    keys: dict[str, int] = defaultdict(int)
    with open(out / "sessions.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["scope", "key", "start", "end", "lines", "label", "fault"])
        for session in cut(lines):
            shown = faults_of(session, faults)
            first, last = session[0], session[-1]
            keys[first.key] |= int(bool(shown))
            table.writerow(
                [first.scope, first.key, stamp(first.time), stamp(last.time), len(session), int(bool(shown)), "; ".join(shown)]
            )
    with open(out / "labels.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["key", "label"])
        table.writerows(keys.items())
    (out / "faults.json").write_text(json.dumps({"traffic": traffic, "events": events}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
