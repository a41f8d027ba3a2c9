"""The fields of OTLP's protobuf log records without an entry for each record: only what the paths name is looked at.

Paths of resources and scopes are looked up once for each scope. A record whose body is not text, or which has an
exception's attributes, and paths that this does not know, are left to the entries of `otlp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from daemon.core.formats.entries import Column, Entry, Parts, Quick
from daemon.core.formats.levels import OTLP
from daemon.core.formats.lookup import plain_text
from daemon.core.formats.otlp import BODY, attribute_value, entry_of, logs_of, resource_attributes

Get = Callable[[Sequence[LogRecord]], Column]
"""Returns a field of each of some log records, None where a record lacks it."""
_SCOPE = "scope.name"
_RESOURCE, _ATTRIBUTE, _EXCEPTION = "resource.", "attributes.", "exception."
_LEVELS = {int(number): name for number, name in OTLP.items()}

_OF_RECORDS: Mapping[str, Get] = {
    "time": lambda records: [str(r.time_unix_nano or r.observed_time_unix_nano or "") or None for r in records],
    "severity_text": lambda records: [r.severity_text or None for r in records],
    "severity": lambda records: [_LEVELS.get(r.severity_number) for r in records],
    "trace_id": lambda records: [r.trace_id.hex() or None for r in records],
    "span_id": lambda records: [r.span_id.hex() or None for r in records],
}


def otlp_fields(paths: Sequence[Sequence[str]], slow: Callable[[Entry], Parts]) -> Quick | None:
    """Return what reads values by these paths, those of the message first, None where it does not know one of them.

    `slow` reads an entry.
    """
    message, *others = paths
    known = message[:1] == [BODY] and all(_known(path) for group in others for path in group)
    return _OtlpFields(others, slow) if known else None


class _OtlpFields:
    """Reads values by these paths, which are not those of the message. Implements `Quick`."""

    def __init__(self, paths: Sequence[Sequence[str]], slow: Callable[[Entry], Parts]) -> None:
        self._paths = paths
        self._slow = slow

    def __call__(self, value: bytes, most: int) -> Sequence[Column] | None:
        """Return the columns of a value's first lines, at least `most` if it has them, None where it is not protobuf.

        Raises EntriesError where it would take very much memory.
        """
        if value.lstrip()[:1] in (b"{", b"["):
            return None
        try:
            data = logs_of(value)
        except DecodeError:
            return None
        columns: list[Column] = [[] for _ in range(len(self._paths) + 1)]
        exceptions = _EXCEPTION.encode() in value
        for resource in data.resource_logs:
            about = resource_attributes(resource)
            for scope in resource.scope_logs:
                records = scope.log_records[:most]  # protobuf makes its objects anew at every walk over its own list
                name = scope.scope.name or None
                texts: Column = [record.body.string_value for record in records]
                parts: list[Column] = [texts, *(_column(group, about, name, records) for group in self._paths)]
                if exceptions or not all(texts):
                    self._look_into_entries(parts, about, scope, records)
                for column, part in zip(columns, parts, strict=True):
                    column.extend(part)
                if len(columns[0]) >= most:
                    return columns
        return columns

    def _look_into_entries(
        self, parts: Sequence[Column], about: Mapping[str, Any], scope: ScopeLogs, records: Sequence[LogRecord]
    ) -> None:
        """Replace the parts of those lines of a scope that need more than the paths."""
        failed = any(key.startswith(_EXCEPTION) for key in about)
        for at, record in enumerate(records):
            if failed or (not parts[0][at] and _without_text(record)) or _failed(record):
                for column, text in zip(parts, self._slow(entry_of(about, scope, record)), strict=True):
                    column[at] = text


def _column(paths: Iterable[str], about: Mapping[str, Any], scope: str | None, records: Sequence[LogRecord]) -> Column:
    """Return the first of some paths of each record of a scope, which has this name."""
    column: Column = [None] * len(records)
    missing: Sequence[int] = range(len(records))
    for path in paths:
        if path == _SCOPE or path.startswith(_RESOURCE):
            texts = [plain_text(about.get(path)) if path != _SCOPE else scope] * len(missing)
        else:
            get = _OF_RECORDS.get(path) or _attribute(path.removeprefix(_ATTRIBUTE))
            texts = get(records if len(missing) == len(records) else [records[at] for at in missing])
        if len(missing) == len(records):
            column = texts
        else:
            for at, text in zip(missing, texts, strict=True):
                column[at] = text
        missing = [at for at in missing if column[at] is None] if None in texts else ()
        if not missing:
            break
    return column


def _known(path: str) -> bool:
    return path in _OF_RECORDS or path == _SCOPE or path.startswith((_RESOURCE, _ATTRIBUTE))


def _attribute(name: str) -> Get:
    """Return what looks an attribute up; of equal ones the last counts, as in an entry."""

    def of(record: LogRecord) -> str | None:
        values = [pair.value for pair in record.attributes if pair.key == name]
        return plain_text(attribute_value(values[-1])) if values else None

    return lambda records: list(map(of, records))


def _without_text(record: LogRecord) -> bool:
    return record.body.WhichOneof("value") != "string_value"


def _failed(record: LogRecord) -> bool:
    return any(pair.key.startswith(_EXCEPTION) for pair in record.attributes)
