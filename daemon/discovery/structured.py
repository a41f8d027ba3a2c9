"""Lines that are structured: JSON, logfmt, syslog, the journal's export, a container runtime's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import polars as pl

from daemon.core.formats import times_of
from daemon.discovery.levels import WORDS as LEVEL_WORDS
from daemon.discovery.reading import Reading, parse
from daemon.discovery.shares import share_of
from daemon.discovery.times import DIALECTS, NEARLY_ALL

MOSTLY = 0.7
DEFAULT_SCOPE = "default"
_CRI = r"^\d{4}-\S+ (?:stdout|stderr) [FP](?::\S*)? "
LOOKED_AT = 2_000
"""Lines of a sample whose fields are read."""
MOST_NAMES = 40
FEW = 20
"""With fewer records, all may have the same message."""
DEPTH = 4
MESSAGES = (
    "message",
    "msg",
    "log",
    "MESSAGE",
    "@message",
    "Message",
    "text",
    "event",
    "body",
    "short_message",
    "content",
    "@m",
    "@mt",
    "jsonPayload.message",
)
TIMES = (
    "time",
    "@timestamp",
    "timestamp",
    "ts",
    "t.$date",
    "t",
    "date",
    "datetime",
    "Timestamp",
    "asctime",
    "eventTime",
    "__REALTIME_TIMESTAMP",
    "timeMillis",
    "instant.epochSecond",
    "start_time",
    "@t",
    "StartUTC",
    "start",
)
LEVELS = (
    "level",
    "severity",
    "log.level",
    "lvl",
    "loglevel",
    "levelname",
    "level_name",
    "SeverityText",
    "PRIORITY",
    "s",
    "error_severity",
    "@l",
    "LogLevel",
)
SCOPES = (
    "scope",
    "service",
    "service.name",
    "app",
    "application",
    "kubernetes.container_name",
    "container_name",
    "SYSLOG_IDENTIFIER",
    "logGroup",
    "component",
    "c",
)
BUNYAN = ("name", "hostname", "pid", "level", "v")
"""Fields of a bunyan record; its name is the service."""
WHOLE = "*"
ENVELOPES = {
    "otlp": ("resourceLogs",),
    "cloudwatch": ("logEvents",),
    "azure": ("records",),
    "cloudevents": ("specversion",),
    "cloudtrail": ("Records", "eventSource"),
    "gelf": ("short_message", "full_message"),
    "journald": ("__REALTIME_TIMESTAMP", "__CURSOR"),
    "gcp": ("textPayload", "jsonPayload", "protoPayload"),
}
"""Formats of the core, each with the fields that identify its records."""
_CISCO = r"^(?:\w+ )?%[A-Z][\w-]*-\d-\w+: "
_EXPORTED = r"^[A-Z_][A-Z0-9_]*="
_AUDIT = r"^(?:node=\S+ )?type=\w+ msg=audit\("
_APART = r"\bdate=(?P<time>\d{4}-\d\d-\d\d time=\d\d:\d\d:\d\d)"
_LEVEL_WORD = rf"^(?i:{LEVEL_WORDS}|[DIWEFVT]\d?|dbug|trce|fail|\d{{1,2}})$"
_PAIR = r'(?:^|\s)[A-Za-z_][\w.]*=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)'


def read_json(lines: pl.Series) -> Reading | None:
    """Return how lines of JSON are read, None where most lines are neither JSON objects nor arrays of them."""
    records = [found for found in map(_objects, lines.head(LOOKED_AT)) if found]
    if len(records) < MOSTLY * min(len(lines), LOOKED_AT):
        return None
    objects = [each for found in records for each in found]
    columns = _columns(objects)
    most = len(objects) / 2
    message = next((path for path in MESSAGES if _tells(columns.get(path, ()), most)), WHOLE)
    time, time_format, words = _time(columns, most)
    scope = "name" if all(name in columns for name in BUNYAN) else _first(columns, SCOPES, most)
    fields = {"message": message, "level": _level(columns, most), "scope": scope}
    plain = {"message": "message", "time": "time", "level": "level", "scope": "scope"}
    taken = {*fields.values(), time}
    return Reading(
        kind="Docker's json-file" if set(columns) <= {"log", "stream", "time", "attrs"} else "JSON lines",
        format="json",
        fields={name: path for name, path in {**fields, "time": time}.items() if path and path != plain[name]},
        time=words,
        time_format=time_format,
        level=fields["level"] is not None,
        keys=tuple(path for path, values in columns.items() if path not in taken and len(values) >= most / 5),
    )


def read_envelope(lines: pl.Series) -> Reading | None:
    """Return how records of a collector, a cloud or the journal are read; None where no such format fits."""
    objects = [found[0] for found in map(_objects, lines.head(LOOKED_AT)) if found]
    if share_of(lines, r"^__CURSOR=") * len(lines) >= 1 and share_of(lines, _EXPORTED) >= MOSTLY:
        return Reading(
            "the journal's export", "journald", time="as the format has it", level=True, begins=r"^__CURSOR="
        )
    for name, fields in ENVELOPES.items():
        if sum(any(field in record for field in fields) for record in objects) >= NEARLY_ALL * min(
            len(lines), LOOKED_AT
        ):
            return Reading(f"{name} records", name, time="as the format has it", level=name != "cloudtrail")
    return None


def read_logfmt(lines: pl.Series) -> Reading | None:
    """Return how lines of logfmt are read, None where most lines are not such pairs."""
    pairs = lines.str.count_matches(_PAIR)
    inside = lines.str.replace_all(_PAIR, "").str.strip_chars().str.len_chars()
    fits = (pairs >= 3) & (inside <= lines.str.len_chars() // 5)
    if int(fits.sum()) < MOSTLY * len(lines) or share_of(lines, _AUDIT) >= NEARLY_ALL:
        return None
    names = _names(lines.head(LOOKED_AT))
    columns = {name: lines.str.extract(_pair(name)).drop_nulls().to_list() for name in names}
    time, time_format, words = _time(columns, len(lines) / 2)
    level = _first(columns, LEVELS, len(lines) / 2)
    extract = [_pair(path, part) for part, path in (("time", time), ("level", level)) if path]
    if share_of(lines, _APART) >= NEARLY_ALL:  # as firewalls write it
        time, time_format, words = "time", "%Y-%m-%d time=%H:%M:%S%.f", "date and time"
        extract[0] = _APART
    return Reading(
        "logfmt",
        "raw",
        extract=extract,
        time=words,
        time_format=time_format,
        level=level is not None,
        keys=tuple(_pair(name, "key") for name in names if name not in {time, level, "msg"}),
    )


def read_headers(lines: pl.Series) -> Reading | None:
    """Return how lines of syslog or of a container runtime are read, None where most have neither's header."""
    if share_of(lines, _CRI) >= NEARLY_ALL:
        return Reading("a container runtime's lines", "cri", time="ISO 8601")
    records = [line.encode() for line in lines.head(LOOKED_AT)]
    parsed = parse(Reading("syslog", "syslog"), records).lines
    headed = (parsed["scope"] != DEFAULT_SCOPE) | (parsed["key"] != DEFAULT_SCOPE) | parsed["text"].str.contains(_CISCO)
    if headed.sum() < NEARLY_ALL * len(records):
        return None
    return Reading("syslog", "syslog", time="syslog", level=share_of(lines, r"^<\d{1,3}>") >= MOSTLY)


def _objects(line: str) -> list[dict[str, Any]]:
    """Return a line's JSON object, or those of its array; nothing where it is neither."""
    try:
        value = orjson.loads(line) if line.lstrip()[:1] in ("{", "[") else None
    except orjson.JSONDecodeError:
        return []
    values = value if isinstance(value, list) else [value]
    objects = [each for each in values if isinstance(each, dict)]
    return objects if len(objects) == len(values) else []


def _columns(objects: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the scalars of all objects by path."""
    columns: dict[str, list[str]] = {}
    for record in objects:
        for path, value in _scalars(record, ""):
            columns.setdefault(path, []).append(value)
    return columns


def _scalars(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and path.count(".") < DEPTH:
            yield from _scalars(value, f"{path}.")
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            yield path, str(value)


def _time(columns: dict[str, list[str]], most: float) -> tuple[str | None, str | None, str | None]:
    """Return the path, the format and the words of the first field that holds times."""
    for path in TIMES:
        values = pl.Series(columns.get(path, []), dtype=pl.String)
        if len(values) < most or values.is_empty():
            continue
        for format_, words in [(None, "ISO 8601 or epoch"), *((d.format, d.name) for d in DIALECTS if d.format)]:
            if times_of(values, format_).null_count() == 0:
                return path, format_, words
    return None, None, None


def _tells(values: Sequence[str], most: float) -> bool:
    """Return whether a field says what happened: most records have it, not blank, and not the same in all of them."""
    filled = {value for value in values if value.strip()}
    return len(values) >= most and bool(filled) and (len(filled) > 1 or len(values) < FEW)


def _level(columns: dict[str, list[str]], most: float) -> str | None:
    """Return the field that holds levels; some loggers leave out the usual level."""
    present = {path: pl.Series(columns[path]) for path in LEVELS if columns.get(path)}
    words = [path for path, values in present.items() if share_of(values, _LEVEL_WORD) >= NEARLY_ALL]
    return next((path for path in words if len(present[path]) >= most), words[0] if words else None)


def _first(columns: dict[str, list[str]], paths: Sequence[str], most: float) -> str | None:
    return next((path for path in paths if len(columns.get(path, ())) >= most), None)


def _names(lines: pl.Series) -> list[str]:
    """Return the names of pairs, the most frequent first."""
    names = lines.str.extract_all(r"(?:^|\s)[A-Za-z_][\w.]*=").explode().drop_nulls().str.strip_chars(" \t=")
    return names.value_counts(sort=True)[names.name].head(MOST_NAMES).to_list()


def _pair(name: str, group: str = "") -> str:
    """Return the pattern of a pair's value, in a group of that name."""
    return rf'(?:^|\s){name.replace(".", "[.]")}="?({f"?P<{group}>" if group else ""}[^"\s]+)'
