"""Logs as cloud providers and event brokers wrap them, and journald and GELF: one JSON object or many per value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from daemon.core.formats.base import FieldPaths
from daemon.core.formats.entries import EntriesError, Entry, Headers, json_value, objects_in
from daemon.core.formats.journal_export import is_journal_export, journal_entries
from daemon.core.formats.lookup import as_text, whole_text

CLOUDWATCH = FieldPaths("message", "timestamp", "logGroup", "logStream", "level")
"""A subscription's `logEvents`."""
AZURE = FieldPaths(
    "properties.message|properties.log|properties.Message|message|resultDescription",
    "time|TimeGenerated",
    "category|resourceId",
    "correlationId|resourceId",
    "level|Level|properties.level|severityLevel|SeverityLevel",
)
"""Azure Monitor's `records`, as an event hub delivers them."""
GCP = FieldPaths(
    "textPayload|jsonPayload.message|jsonPayload.msg|jsonPayload.log|protoPayload.status.message|protoPayload.methodName",
    "timestamp|receiveTimestamp",
    "resource.labels.container_name|resource.labels.service_name|resource.labels.function_name|logName",
    "trace|resource.labels.pod_name|resource.labels.instance_id|resource.labels.revision_name",
    "severity",
    "resource.labels.version_id|resource.labels.revision_name",
)
"""Google Cloud's LogEntry, as a sink writes it to a topic."""
CLOUDEVENTS = FieldPaths(
    "data.message|data.msg|data.log|data", "data.time|data.timestamp|time", "source", "subject|data.key", "data.level"
)
"""CloudEvents 1.0 whose data is a log line, structured or binary."""
CLOUDTRAIL = FieldPaths("message", "eventTime", "eventSource", "userIdentity.arn|userIdentity.userName|sourceIPAddress")
"""AWS CloudTrail's `Records`."""
JOURNALD = FieldPaths(
    "MESSAGE",
    "_SOURCE_REALTIME_TIMESTAMP|__REALTIME_TIMESTAMP",
    "_SYSTEMD_UNIT|SYSLOG_IDENTIFIER|_COMM",
    "_SYSTEMD_INVOCATION_ID|_HOSTNAME",
    "PRIORITY",
)
"""journald's JSON (`journalctl -o json` and the shippers that forward it)."""
GELF = FieldPaths(
    "full_message|short_message",
    "timestamp",
    "_service|_application_name|_container_name|facility|host",
    "_trace_id|_request_id|_container_id|host",
    "level|_level",
)
"""Graylog's extended log format."""

_ETW = {"1": "critical", "2": "error", "3": "warning", "4": "info", "5": "verbose"}
"""The levels of Windows' events, which Azure's diagnostic logs have where they are numbers."""
_INSIGHTS = {"0": "verbose", "1": "info", "2": "warning", "3": "error", "4": "critical"}
"""The levels of Application Insights."""
_GOOGLE = {"DEFAULT": None, "0": None, "100": "debug", "200": "info", "300": "notice", "400": "warning"} | {
    "500": "error",
    "600": "critical",
    "700": "alert",
    "800": "emergency",
}
_PAYLOADS = ("textPayload", "jsonPayload", "protoPayload")


def unwrap_cloudwatch(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return the log events of a subscription's messages; control messages have none."""
    for message in objects_in(value):
        events = message.get("logEvents")
        if not isinstance(events, list):
            raise EntriesError("missing_field", "field logEvents is missing")
        if message.get("messageType") == "CONTROL_MESSAGE":
            continue
        about = {name: message.get(name) for name in ("owner", "logGroup", "logStream")}
        yield from (about | event for event in events if isinstance(event, dict))


def unwrap_cloudtrail(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return the `Records` of CloudTrail's files, or single records; the message names the call and its error."""
    for message in objects_in(value):
        records = message.get("Records", [message])
        for record in records if isinstance(records, list) else ():
            if not isinstance(record, dict) or "eventName" not in record:
                raise EntriesError("missing_field", "field eventName is missing")
            identity = record.get("userIdentity")
            caller = identity.get("type") if isinstance(identity, dict) else None
            parts = (record.get(name) for name in ("eventSource", "eventName"))
            words = [as_text(part) for part in (*parts, caller and f"by {caller}") if part]
            error = record.get("errorCode")
            if error:
                words.append(f"error {as_text(error)}: {as_text(record.get('errorMessage')) or ''}".rstrip(": "))
            yield record | {"message": " ".join(map(str, words))}


def unwrap_azure(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return the `records` of Azure Monitor's messages; an object without them is one record.

    Levels that are numbers become words, and properties that are written as JSON an object.
    """
    for message in objects_in(value):
        records = message.get("records")
        for record in records if isinstance(records, list) else (message,):
            if isinstance(record, dict):
                yield record | _azure_levels(record) | _azure_properties(record)


def _azure_levels(record: Entry) -> dict[str, str]:
    scales = {"level": _ETW, "Level": _ETW, "severityLevel": _INSIGHTS, "SeverityLevel": _INSIGHTS}
    levels = {name: names.get(str(record.get(name))) for name, names in scales.items()}
    return {name: level for name, level in levels.items() if level is not None}


def _azure_properties(record: Entry) -> dict[str, Any]:
    written = record.get("properties")
    if isinstance(written, str) and written.startswith("{"):
        try:
            return {"properties": json_value(written)}
        except orjson.JSONDecodeError:
            return {}
    return {}


def unwrap_gcp(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return the log entries of a value; the severity DEFAULT, or 0, means that there is none.

    An entry that holds nothing but a request has that as its text.
    """
    for entry in objects_in(value):
        severity = entry.get("severity")
        more: dict[str, Any] = {"severity": _GOOGLE.get(str(severity), severity)}
        request = entry.get("httpRequest")
        if isinstance(request, dict) and not any(entry.get(name) for name in _PAYLOADS):
            more["textPayload"] = whole_text(request)
        yield entry | more


def unwrap_journald(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return journal entries, in JSON or in the export format.

    In JSON a message that is not UTF-8 is an array of bytes, and one field may have many values.
    """
    entries = journal_entries(value) if is_journal_export(value) else objects_in(value)
    for entry in entries:
        yield entry | {"MESSAGE": _journal_text(entry.get("MESSAGE"))}


def _journal_text(value: Any) -> str | None:
    if not isinstance(value, list):
        return as_text(value)
    if value and all(isinstance(item, int) and 0 <= item < 256 for item in value):
        return bytes(value).decode("utf-8", "replace")
    return "\n".join(text for item in value if (text := _journal_text(item)))


def unwrap_gelf(value: bytes, _headers: Headers) -> Iterator[Entry]:
    """Return GELF messages."""
    yield from objects_in(value)


def unwrap_cloudevents(value: bytes, headers: Headers) -> Iterator[Entry]:
    """Return events; in binary mode the attributes are headers and the value is the data."""
    attributes = {name[3:]: text.decode("utf-8", "replace") for name, text in headers if name.startswith("ce_")}
    if "specversion" in attributes:
        yield attributes | {"data": _data(value)}
        return
    for event in objects_in(value):
        if "specversion" not in event:
            raise EntriesError("missing_field", "field specversion is missing, and there are no ce_ headers")
        packed = event.get("data_base64")
        if isinstance(packed, str):
            try:
                event["data"] = _data(base64.b64decode(packed, validate=True))
            except binascii.Error as error:
                raise EntriesError("missing_field", "field data_base64 is not base64") from error
        yield event


def _data(value: bytes) -> object:
    try:
        parsed: object = json_value(value)
    except orjson.JSONDecodeError:
        return value.decode("utf-8", "replace")
    return parsed if isinstance(parsed, Mapping) else value.decode("utf-8", "replace")
