"""Turns the parcels' raw logs into a recording as the demo's is: `logs.jsonl.xz`, and the labels by rule.

python -m benchmarks.quiet.parcels.collect LOGS OUT

A line shows a fault when it was written during it, or shortly after, and has the fault's words in it. Of a service that
stands still the last line before shows it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo.record.collect import Line, entries, moment, write_recording

SYSLOG = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
AFTERMATH = timedelta(seconds=4)
SILENT = {"worker stands still": "worker"}
RULES: dict[str, dict[str, str]] = {
    "passwords guessed": {"mariadb": "Access denied"},
    "cache killed": {"api": "ConnectionError|Error 111|<- 500", "edge": " 500 ", "redis": "starting|started|WARNING"},
    "carrier is slow": {"api": "carrier did not answer|no rate|<- 502", "edge": " 50[24] "},
    "rows locked": {"api": "1205|Lost connection|<- 500", "edge": " 50[04] "},
    "consumer killed": {"rabbitmq": "closing AMQP connection|unexpectedly closed", "worker": ", again|consuming"},
    "broker memory alarm": {
        "rabbitmq": "alarm|watermark|blocked",
        "api": "blocked|ConnectionBlocked|<- 500",
        "edge": " 50[04] ",
    },
    "poison messages": {"worker": "label failed|, again"},
    "label disk full": {"worker": "No space left|, again"},
    "connections used up": {"mariadb": "Too many", "api": "1040|<- 500", "worker": "1040|, again", "edge": " 500 "},
    "one backend killed": {"edge": "Server parcels/a1| SC|<NOSRV>| 50[234] "},
    "column missing": {"api": "1054|<- 500", "edge": " 500 "},
    "certificate not trusted": {"api": "CERTIFICATE_VERIFY_FAILED|no rate|<- 502", "edge": " 502 "},
    "database killed": {
        "api": "OperationalError|<- 500",
        "worker": "OperationalError|, again",
        "mariadb": r"^\[|recover",
        "edge": " 500 ",
    },
    "both backends killed": {"edge": "no server| SC|<NOSRV>| 50[234] |Server parcels"},
    "scanner": {
        "edge": r"BADREQ|\.git|\.env|wp-login|/admin|OR%20|/passwd",
        "api": r"no route for /(\.|wp|admin|etc)|OR%20|Truncated",
    },
    "worker stands still": {"worker": "broker lost|, again|consuming", "rabbitmq": "missed heartbeats|closing"},
}


def programs(folder: Path) -> Iterator[Line]:
    """Yield the lines of the service and its worker."""
    for name in ("api1", "api2", "worker"):
        for text in (folder / f"{name}.log").read_text().splitlines():
            if text.startswith("{"):
                said = json.loads(text)
                message = f"{said['logger']}: {said['msg']}" + (f"\n{said['stack']}" if "stack" in said else "")
                key = said["req"] if said["req"] != "main" else name
                yield Line(datetime.fromisoformat(said["ts"]), said["svc"], key, said["level"], message)


def proxy(folder: Path) -> Iterator[Line]:
    """Yield HAProxy's lines; a request's key is the identifier that it gives it."""
    entry = r"(?P<time>\S+) <(?P<pri>\d+)>\w+ +\d+ [\d:]+ haproxy\[(?P<pid>\d+)\]: (?P<message>.*)"
    for match, text in entries(folder / "edge.log", re.compile(entry)):
        request = re.match(r"([0-9A-F]{20}) (.*)", text)
        client = re.match(r"- ([\d.]+:\d+) ", text)
        key = request[1] if request else client[1] if client else f"haproxy-{match['pid']}"
        message = request[2] if request else text
        yield Line(moment(match["time"]), "edge", key, SYSLOG[int(match["pri"]) % 8], message)


def database(folder: Path) -> Iterator[Line]:
    """Yield MariaDB's lines: statements by connection, which carry a time in whole seconds, and its error log."""
    at = datetime.min.replace(tzinfo=UTC)
    statement = r"(?:(?P<time>\d{6} [ \d]\d:\d\d:\d\d)\t|\t\t)\s*(?P<id>\d+) (?P<message>.*)"
    for match, text in entries(folder / "general.log", re.compile(statement)):
        if match["time"]:
            at = datetime.strptime(match["time"].replace("  ", " 0"), "%y%m%d %H:%M:%S").replace(tzinfo=UTC)
        yield Line(at, "mariadb", f"c{match['id']}", "", text.replace("\t", " "))
    entry = r"(?P<time>\d{4}-\d\d-\d\d +\d+:\d\d:\d\d) (?P<id>\d+) (?P<message>.*)"
    for match, text in entries(folder / "mariadb.err", re.compile(entry)):
        at = datetime.strptime(match["time"].replace("  ", " 0"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        level = re.match(r"\[(\w+)\]", text)
        key = "server" if match["id"] == "0" else f"c{match['id']}"
        yield Line(at, "mariadb", key, level[1].lower() if level else "", text)


def cache(folder: Path) -> Iterator[Line]:
    """Yield Redis's lines."""
    entry = r"\d+:[A-Z] (?P<time>\d+ \w+ \d{4} [\d:.]+) (?P<message>.*)"
    for match, text in entries(folder / "redis.log", re.compile(entry)):
        at = datetime.strptime(match["time"], "%d %b %Y %H:%M:%S.%f").replace(tzinfo=UTC)
        yield Line(at, "redis", "redis-1", "", text)


def broker(folder: Path) -> Iterator[Line]:
    """Yield RabbitMQ's lines, by the process that writes them."""
    entry = r"(?P<time>\d{4}-\d\d-\d\d [\d:.]+)\+00:00 \[(?P<level>\w+)\] (?P<key><[\d.]+>) (?P<message>.*)"
    for match, text in entries(folder / "mq" / "rabbit@localhost.log", re.compile(entry)):
        yield Line(moment(match["time"]), "rabbitmq", match["key"], match["level"], text)


def shown_by(lines: list[Line], events: list[dict[str, object]]) -> dict[int, list[str]]:
    """Return the faults that lines show, by their numbers from 1."""
    shown: dict[int, list[str]] = {}
    for fault in (event for event in events if event["fault"]):
        name, start, end = str(fault["name"]), moment(str(fault["start"])), moment(str(fault["end"])) + AFTERMATH
        start = start.replace(microsecond=0)  # MariaDB stamps whole seconds
        if name in SILENT:
            of_scope = [n for n, line in enumerate(lines, 1) if line.scope == SILENT[name] and line.time < end]
            last = max((n for n in of_scope if lines[n - 1].time <= start + timedelta(seconds=2)), default=0)
            shown.setdefault(last, []).append(name)
        for number, line in enumerate(lines, 1):
            rule = RULES[name].get(line.scope)
            if rule and start <= line.time <= end and re.search(rule, line.message):
                shown.setdefault(number, []).append(name)
    return dict(sorted(shown.items()))


def main(folder: Path, out: Path) -> None:
    """Write the recording."""
    document = json.loads((folder / "faults.json").read_text())
    start, end = moment(document["traffic"]["start"]), moment(document["traffic"]["end"])
    readers = (programs, proxy, database, cache, broker)
    lines = [line for reader in readers for line in reader(folder) if start <= line.time <= end]
    lines.sort(key=lambda line: line.time)
    write_recording(out, lines, shown_by(lines, document["events"]))
    (out / "faults.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
