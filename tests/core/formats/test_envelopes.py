"""Records that hold many lines: OTLP, the clouds' envelopes, arrays, packed values, Avro."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import fastavro
import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from daemon.core.formats import FORMATS, FieldPaths, FormatSettings, check_avro, make_format
from daemon.core.types import Batch, Parsed, TopicPartition

NOW_MS = 1_790_000_000_000
Line = tuple[int, int, str, str, str]
"""Index, time, scope, key, text."""


def read(
    name: str,
    values: Sequence[bytes | None],
    *,
    headers: Sequence[Sequence[tuple[str, bytes]]] = (),
    **settings: Any,
) -> Parsed:
    stamps = [NOW_MS] * len(values)
    batch = Batch(TopicPartition("logs", 0), range(len(values)), stamps, [None] * len(values), values, headers)
    return make_format(FormatSettings(name, **settings)).parse(batch)


def lines(parsed: Parsed) -> list[Line]:
    assert [] == list(parsed.rejects)
    table = parsed.lines.select("position", "time", "scope", "key", "text")
    return [(row[0] & 0xFFFFF, *row[1:]) for row in table.iter_rows()]


def otlp() -> LogsData:
    """Two resources: one with two records of a trace, one with a record of its own."""
    data = LogsData()
    for service, records in {
        "pay": [(17, "ERROR", "charge failed"), (9, "", "ok")],
        "cart": [(13, "", "slow")],
    }.items():
        resource = data.resource_logs.add()
        name = resource.resource.attributes.add(key="service.name")
        name.value.string_value = service
        scope = resource.scope_logs.add()
        for place, (number, text, body) in enumerate(records):
            record = scope.log_records.add(
                time_unix_nano=1_780_000_000_123_000_000 + place * 10**9,
                severity_number=number,
                severity_text=text,
                trace_id=bytes.fromhex("0af7651916cd43dd8448eb211c80319c") if service == "pay" else b"",
            )
            record.body.string_value = body
    return data


OTLP_LINES = [
    (1, 1_780_000_000_123_000, "pay", "0af7651916cd43dd8448eb211c80319c", "ERROR charge failed"),
    (2, 1_780_000_001_123_000, "pay", "0af7651916cd43dd8448eb211c80319c", "info ok"),
    (3, 1_780_000_000_123_000, "cart", "cart", "warn slow"),
]
OTLP_JSON = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "pay"}}]},
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "timeUnixNano": "1780000000123000000",
                            "severityText": "ERROR",
                            "severityNumber": 17,
                            "traceId": "0af7651916cd43dd8448eb211c80319c",
                            "body": {"stringValue": "charge failed"},
                        },
                        {
                            "timeUnixNano": "1780000001123000000",
                            "severityNumber": 9,
                            "traceId": "0af7651916cd43dd8448eb211c80319c",
                            "body": {"stringValue": "ok"},
                        },
                    ]
                }
            ],
        },
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "observedTimeUnixNano": "1780000000123000000",
                            "severityNumber": "SEVERITY_NUMBER_WARN",
                            "body": {"stringValue": "slow"},
                        }
                    ]
                }
            ],
        },
    ]
}

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", ["protobuf", "JSON"])
def test_otlp(form: str, packing: str) -> None:
    """Every log record of a value is a line, with its resource, level, time and trace; packed or not."""
    value = otlp().SerializeToString() if form == "protobuf" else orjson.dumps(OTLP_JSON)

    assert OTLP_LINES == lines(read("otlp", [PACKINGS[packing](value)]))


def test_otlp_behind_a_registry() -> None:
    """A schema registry's header and message indexes in front of the protobuf are left out."""
    value = otlp().SerializeToString()

    assert OTLP_LINES == lines(read("otlp", [b"\0\0\0\0\x07\0" + value]))
    assert OTLP_LINES == lines(read("otlp", [b"\0\0\0\0\x07\x04\x02\x00" + value]))


def test_otlp_attributes_and_bodies() -> None:
    """Attributes are found by their names, an exception's belong to the line, and a body may be an object."""
    data = LogsData()
    record = data.resource_logs.add().scope_logs.add().log_records.add()
    record.body.kvlist_value.values.add(key="message").value.string_value = "charge failed"
    record.attributes.add(key="session.id").value.string_value = "s-1"
    record.attributes.add(key="exception.type").value.string_value = "IOError"
    record.attributes.add(key="exception.message").value.string_value = "gone"
    other = data.resource_logs[0].scope_logs[0].log_records.add()
    other.body.kvlist_value.values.add(key="code").value.int_value = 7

    assert [
        (1, NOW_MS * 1_000, "default", "s-1", "charge failed\nIOError: gone"),
        (2, NOW_MS * 1_000, "default", "default", '{"code":7}'),
    ] == lines(read("otlp", [data.SerializeToString()]))
    chosen = FieldPaths(scope="attributes.session.id")
    assert "s-1" == read("otlp", [data.SerializeToString()], fields=chosen).lines["scope"][0]


CLOUDWATCH = {
    "messageType": "DATA_MESSAGE",
    "owner": "123456789012",
    "logGroup": "/aws/lambda/pay",
    "logStream": "2026/11/22/[$LATEST]abc",
    "logEvents": [
        {"id": "1", "timestamp": 1780000000123, "message": "START RequestId: x"},
        {"id": "2", "timestamp": 1780000001123, "message": "ERROR boom"},
    ],
}
CONTROL = {
    "messageType": "CONTROL_MESSAGE",
    "logEvents": [{"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE"}],
}
WRAPPED: dict[str, tuple[str, bytes, list[Line]]] = {
    "cloudwatch": (
        "cloudwatch",
        gzip.compress(orjson.dumps(CLOUDWATCH) + b"\n" + orjson.dumps(CONTROL)),
        [
            (1, 1_780_000_000_123_000, "/aws/lambda/pay", "2026/11/22/[$LATEST]abc", "START RequestId: x"),
            (2, 1_780_000_001_123_000, "/aws/lambda/pay", "2026/11/22/[$LATEST]abc", "ERROR boom"),
        ],
    ),
    "cloudtrail": (
        "cloudtrail",
        orjson.dumps(
            {
                "Records": [
                    {
                        "eventTime": "2026-09-21T14:13:20Z",
                        "eventSource": "s3.amazonaws.com",
                        "eventName": "GetObject",
                        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ann"},
                        "errorCode": "AccessDenied",
                        "errorMessage": "not authorized",
                    },
                    {"eventTime": "2026-09-21T14:13:21Z", "eventSource": "sts.amazonaws.com", "eventName": "Assume"},
                ]
            }
        ),
        [
            (
                1,
                1_790_000_000_000_000,
                "s3.amazonaws.com",
                "arn:aws:iam::1:user/ann",
                "s3.amazonaws.com GetObject by IAMUser error AccessDenied: not authorized",
            ),
            (2, 1_790_000_001_000_000, "sts.amazonaws.com", "sts.amazonaws.com", "sts.amazonaws.com Assume"),
        ],
    ),
    "azure": (
        "azure",
        (
            b'{"records":[{"time":"2026-09-21T14:13:20.1025263Z","category":"GatewayLogs","level":"Error","resourceId":"/r",'
            b'"properties":{"message":"boom"}},{"time":"2026-09-21T14:13:20Z","category":"Audit","properties":{"code":7}}]}'
        ),
        [
            (1, 1_790_000_000_102_526, "GatewayLogs", "/r", "Error boom"),
            (2, 1_790_000_000_000_000, "Audit", "Audit", '{"code":7}'),
        ],
    ),
    "gcp, text": (
        "gcp",
        (
            b'{"severity":"ERROR","timestamp":"2026-09-21T14:13:20.123456789Z","textPayload":"cannot open db\\n",'
            b'"resource":{"labels":{"container_name":"pay","pod_name":"pay-1"}}}'
        ),
        [(0, 1_790_000_000_123_456, "pay", "pay-1", "ERROR cannot open db")],
    ),
    "gcp, an object without a message": (
        "gcp",
        b'{"severity":"DEFAULT","jsonPayload":{"code":7},"resource":{"labels":{"container_name":"pay","pod_name":"pay-1"}}}',
        [(0, NOW_MS * 1_000, "pay", "pay-1", '{"code":7}')],
    ),
    "gcp, an audit log": (
        "gcp",
        b'{"severity":"NOTICE","protoPayload":{"methodName":"v1.compute.insert"},"logName":"l","trace":"t"}',
        [(0, NOW_MS * 1_000, "l", "t", "NOTICE v1.compute.insert")],
    ),
    "gelf": (
        "gelf",
        b'{"version":"1.1","host":"h","short_message":"boom","level":3,"timestamp":1790000000.5,"_service":"pay"}',
        [(0, 1_790_000_000_500_000, "pay", "h", "err boom")],
    ),
    "journald": (
        "journald",
        (
            b'{"__REALTIME_TIMESTAMP":"1790000000123456","_HOSTNAME":"n","_SYSTEMD_UNIT":"sshd.service","PRIORITY":"3",'
            b'"MESSAGE":"kex failed"}'
        ),
        [(0, 1_790_000_000_123_456, "sshd.service", "n", "err kex failed")],
    ),
    "journald, bytes": (
        "journald",
        b'{"_HOSTNAME":"n","SYSLOG_IDENTIFIER":"kopia","PRIORITY":"6","MESSAGE":[27,91,51,49,109,98,111,27,91,48,109]}',
        [(0, NOW_MS * 1_000, "kopia", "n", "info bo")],
    ),
    "journald, many values": (
        "journald",
        b'{"_HOSTNAME":"n","SYSLOG_IDENTIFIER":"kopia","MESSAGE":["first","second"]}',
        [(0, NOW_MS * 1_000, "kopia", "n", "first\nsecond")],
    ),
    "cloudevents, structured": (
        "cloudevents",
        (
            b'{"specversion":"1.0","id":"1","source":"/pay","type":"log","subject":"r-1","time":"2026-09-21T14:13:20Z",'
            b'"data":{"message":"boom","level":"error"}}'
        ),
        [(0, NOW_MS * 1_000, "/pay", "r-1", "error boom")],
    ),
    "cloudevents, base64": (
        "cloudevents",
        b'{"specversion":"1.0","source":"/pay","data_base64":"%s"}' % base64.b64encode(b"plain words"),
        [(0, NOW_MS * 1_000, "/pay", "/pay", "plain words")],
    ),
    "an array": ("json", b'[{"message":"a"},{"message":"b","key":"k"}]', [
        (1, NOW_MS * 1_000, "default", "default", "a"), (2, NOW_MS * 1_000, "default", "k", "b")]),
    "one object a line": ("json", b'{"message":"a"}\n{"message":"b"}\r\n', [
        (1, NOW_MS * 1_000, "default", "default", "a"), (2, NOW_MS * 1_000, "default", "default", "b")]),
    "an array of one": ("json", b'[{"message":"a"}]', [(0, NOW_MS * 1_000, "default", "default", "a")]),
    "a pretty object": (
        "json", b'{\n  "message": "a",\n  "n": {\n }\n}\n', [(0, NOW_MS * 1_000, "default", "default", "a")]),
    "an object that cannot be read among others": ("json", b'{"message":"a"}\n{"message":\n{"message":"c"}', [
        (1, NOW_MS * 1_000, "default", "default", "a"),
        (2, NOW_MS * 1_000, "default", "default", '{"message":'),
        (3, NOW_MS * 1_000, "default", "default", "c")]),
    "gzip": ("json", gzip.compress(b'{"message":"a"}'), [(0, NOW_MS * 1_000, "default", "default", "a")]),
    "zstd": ("raw", zstandard.ZstdCompressor().compress(b"a\nb"), [
        (1, NOW_MS * 1_000, "default", "default", "a"), (2, NOW_MS * 1_000, "default", "default", "b")]),
    "JSON behind a registry": (
        "json", b'\0\0\0\0\x11{"message":"a"}', [(0, NOW_MS * 1_000, "default", "default", "a")]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_envelopes(name: str) -> None:
    """Every line of an envelope is read, with its time, scope, key and level, beside plain neighbours."""
    format_, value, expected = WRAPPED[name]

    assert expected == lines(read(format_, [value]))
    assert expected * 3 == lines(read(format_, [value] * 3))


def test_a_binary_cloud_event() -> None:
    """Headers are the attributes and the value is the data, JSON or text."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/pay"),
        ("ce_subject", b"r-1"),
        ("ce_time", b"2026-09-21T14:13:20Z"),
    ]
    parsed = read("cloudevents", [b'{"message":"boom"}', b"words"], headers=[headers, headers])

    assert [(0, NOW_MS * 1_000, "/pay", "r-1", text) for text in ("boom", "words")] == lines(parsed)


SCHEMA = {
    "type": "record",
    "name": "Log",
    "fields": [{"name": "message", "type": "string"}, {"name": "level", "type": ["null", "string"], "default": None}],
}
SCHEMA_TEXT = orjson.dumps(SCHEMA).decode()


def avro(record: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), record)
    return out.getvalue()


def test_avro() -> None:
    """Values are decoded by the schema that their header names, or the one for any; files bring their own."""
    body = avro({"message": "boom", "level": "error"})
    whole = BytesIO()
    fastavro.writer(whole, fastavro.parse_schema(SCHEMA), [{"message": "a"}, {"message": "b"}])
    glue = b"\x03\0" + bytes(16) + body
    values = [b"\0\0\0\0\x11" + body, glue, b"\x03\x05" + bytes(16) + zlib.compress(body)]

    by_id = read("avro", values, schemas={"17": SCHEMA_TEXT, "0" * 32: SCHEMA_TEXT})
    assert ["error boom"] * 3 == by_id.lines["text"].to_list()
    by_any = read("avro", [*values, body, whole.getvalue()], schemas={"any": SCHEMA_TEXT})
    assert ["error boom"] * 4 + ["a", "b"] == by_any.lines["text"].to_list()
    assert None is check_avro(SCHEMA_TEXT)
    assert "not an Avro schema" in (check_avro('{"type":"nonsense"}') or "")


BAD: dict[str, tuple[str, bytes, str, str]] = {
    "avro without its schema": ("avro", b"\0\0\0\0\x11" + avro({"message": "x"}), "unknown_schema", "schema 17"),
    "not OTLP": ("otlp", b"\xff\xff\xff\xff", "not_otlp", "neither OTLP logs in protobuf nor in JSON"),
    "JSON that is not OTLP": ("otlp", b'{"message":"x"}', "not_otlp", "without resourceLogs"),
    "OTLP without a record": ("otlp", b'{"resourceLogs":[]}', "empty", "holds no log line"),
    "broken gzip": ("json", gzip.compress(b'{"message":"x"}' * 99)[:40], "bad_compression", "gzip"),
    "broken zstd": ("cloudwatch", zstandard.ZstdCompressor().compress(b"{}")[:-2], "bad_compression", "zstd"),
    "Avro in a JSON topic": ("json", b"\0\0\0\0\x11\x02\xff\xfe", "not_utf8", "schema 17 of a registry"),
    "a control message": ("cloudwatch", orjson.dumps(CONTROL), "empty", "holds no log line"),
    "CloudTrail without an event": ("cloudtrail", b'{"Records":[{"a":1}]}', "missing_field", "eventName"),
    "no event": ("cloudevents", b'{"message":"x"}', "missing_field", "specversion"),
    "journald without a message": ("journald", b'{"MESSAGE":null}', "empty", "holds no log line"),
    "an array of nothing": ("json", b'[{"a":1},{"b":2}]', "missing_field", "message"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_unwrapped_names_its_encoding(name: str) -> None:
    """Such a record is one dead letter with a reason that helps, and its neighbours are read."""
    format_, value, reason, detail = BAD[name]
    parsed = read(format_, [value])

    assert [(0, reason)] == [(reject.row, reject.reason) for reject in parsed.rejects]
    assert detail in parsed.rejects[0].detail
    assert 0 == parsed.lines.height


KNOWN = [value for _, value, _ in WRAPPED.values()]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.none() | st.binary(max_size=40) | st.sampled_from([value for _, value, _ in WRAPPED.values()]), max_size=6
    )
)
def test_no_bytes_break_an_envelope(values: list[bytes | None]) -> None:
    """Whatever a value holds, every record is lines or one reject, in every format."""
    for name in FORMATS:
        parsed = read(name, values)
        read_rows = {position >> 20 for position in parsed.lines["position"]}
        rejected = [reject.row for reject in parsed.rejects]

        assert sorted([*read_rows, *rejected]) == list(range(len(values)))
