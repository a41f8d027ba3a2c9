"""OTLP logs, as the OpenTelemetry collector's Kafka exporter writes them: `otlp_proto` (protobuf) or `otlp_json`.

One value holds many resources, instrumentation scopes and log records; every log record is a line. An entry has the
fields ``body``, ``time``, ``severity_text``, ``severity_number``, ``trace_id`` and ``span_id`` (hexadecimal),
``scope.name``, ``resource.NAME`` for each attribute of the resource and ``attributes.NAME`` for each of the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs

from daemon.core.formats.at_once import MAX_MESSAGES, TOO_MANY_PARTS, too_many_messages
from daemon.core.formats.base import FieldPaths
from daemon.core.formats.entries import EntriesError, Entry, Headers, objects_in
from daemon.core.formats.levels import OTLP
from daemon.core.formats.packed import without_schema_header

FIELDS = FieldPaths(
    "body|body.message|body.msg",
    "time",
    "resource.service.name|scope.name",
    "trace_id|attributes.session.id",
    "severity_text|severity",
    "resource.service.version",
)
BODY = "body"


def unwrap_otlp(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return the log records of a value. Raises EntriesError when it is neither OTLP's protobuf nor its JSON."""
    if value.lstrip()[:1] in (b"{", b"["):
        return _of_json(value)
    try:
        data = logs_of(value)
    except DecodeError as error:
        raise EntriesError("not_otlp", "the value is neither OTLP logs in protobuf nor in JSON") from error
    return _of_message(data)


def logs_of(value: bytes) -> LogsData:
    """Return a decoded value. Raises DecodeError, and EntriesError where it would take very much memory."""
    if too_many_messages(value):
        raise EntriesError(TOO_MANY_PARTS, f"the value may hold more than {MAX_MESSAGES:,} messages")
    data: LogsData = LogsData.FromString(_without_framing(value))
    return data


def _without_framing(value: bytes) -> bytes:
    """Return a protobuf value without a registry's header and the indexes of the message after it."""
    body = without_schema_header(value)
    if body is value:
        return value
    count, at = _varint(body, 0)
    for _ in range(count):
        _, at = _varint(body, at)
    return body[at:]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number and where it ends."""
    number = shift = 0
    while at < len(data):
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return number >> 1, at


def _of_message(data: LogsData) -> Iterator[Entry]:
    for resource in data.resource_logs:
        about = resource_attributes(resource)
        for scope in resource.scope_logs:
            for record in scope.log_records:
                yield entry_of(about, scope, record)


def resource_attributes(resource: ResourceLogs) -> dict[str, Any]:
    """Return the attributes of a resource, as the part of an entry that all of its records share."""
    return _attributes("resource", resource.resource.attributes)


def entry_of(about: Mapping[str, Any], scope: ScopeLogs, record: LogRecord) -> dict[str, Any]:
    """Return the entry of a log record; `about` are the attributes of its resource."""
    return {**about, "scope.name": scope.scope.name or None, **_record(record)}


def _record(record: LogRecord) -> dict[str, Any]:
    attributes = _attributes("attributes", record.attributes) if record.attributes else {}
    return {
        "body": attribute_value(record.body),
        "time": record.time_unix_nano or record.observed_time_unix_nano or None,
        "severity_text": record.severity_text or None,
        "severity": OTLP.get(str(record.severity_number)),
        "severity_number": record.severity_number or None,
        "trace_id": record.trace_id.hex() or None,
        "span_id": record.span_id.hex() or None,
        "event_name": record.event_name or None,
        **attributes,
    }


def _attributes(prefix: str, pairs: Iterable[KeyValue]) -> dict[str, Any]:
    attributes = {pair.key: attribute_value(pair.value) for pair in pairs}
    return _prefixed(prefix, attributes)


def _prefixed(prefix: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes by their paths; those of an exception also by the names that conventions give them."""
    exception = {key: value for key, value in attributes.items() if key.startswith("exception.")}
    return {f"{prefix}.{key}": value for key, value in attributes.items()} | exception


def attribute_value(value: AnyValue) -> Any:
    """Return a value of an attribute or a body: plain, a list or a dictionary; None without one."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [attribute_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: attribute_value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind)


def _of_json(value: bytes) -> Iterator[Entry]:
    for document in objects_in(value):
        resources = document.get("resourceLogs", document.get("resource_logs"))
        if not isinstance(resources, list):
            raise EntriesError("not_otlp", "the value is JSON without resourceLogs")
        for resource in filter(_is_object, resources):
            about = _json_attributes("resource", _object(resource.get("resource")).get("attributes"))
            for scope in filter(_is_object, resource.get("scopeLogs", resource.get("scope_logs")) or []):
                within = about | {"scope.name": _object(scope.get("scope")).get("name")}
                for record in filter(_is_object, scope.get("logRecords", scope.get("log_records")) or []):
                    yield within | _json_record(record)


def _json_record(record: Mapping[str, Any]) -> dict[str, Any]:
    def field(name: str, other: str) -> Any:
        return record.get(name, record.get(other))

    number = field("severityNumber", "severity_number")
    times = (field("timeUnixNano", "time_unix_nano"), field("observedTimeUnixNano", "observed_time_unix_nano"))
    return {
        "body": _json_value(record.get("body")),
        "time": next((time for time in times if time not in (None, 0, "0", "")), None),
        "severity_text": field("severityText", "severity_text") or None,
        "severity": OTLP.get(str(number).rsplit("SEVERITY_NUMBER_", 1)[-1], None) or _severity_name(number),
        "severity_number": number,
        "trace_id": field("traceId", "trace_id") or None,
        "span_id": field("spanId", "span_id") or None,
        "event_name": field("eventName", "event_name"),
        **_json_attributes("attributes", record.get("attributes")),
    }


def _severity_name(number: object) -> str | None:
    """Return the level of a number that is written by its name, as SEVERITY_NUMBER_ERROR2."""
    name = str(number).removeprefix("SEVERITY_NUMBER_").rstrip("1234").lower()
    return name if name in OTLP.values() else None


def _json_attributes(prefix: str, pairs: object) -> dict[str, Any]:
    items = [pair for pair in pairs if isinstance(pair, dict)] if isinstance(pairs, list) else []
    return _prefixed(prefix, {str(pair.get("key")): _json_value(pair.get("value")) for pair in items})


def _json_value(value: object) -> Any:
    if not isinstance(value, dict):
        return value
    for kind, inner in value.items():
        if kind in ("arrayValue", "array_value"):
            return [_json_value(item) for item in _object(inner).get("values", [])]
        if kind in ("kvlistValue", "kvlist_value"):
            pairs = [pair for pair in _object(inner).get("values", []) if isinstance(pair, dict)]
            return {str(pair.get("key")): _json_value(pair.get("value")) for pair in pairs}
        return inner
    return None


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
