"""The versions that lines state of their services."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.types import LINES_SCHEMA, Batch, Parsed, TopicPartition

HOUR = 3600
START = 1_795_000_000 // HOUR * HOUR
OTLP = {
    "resourceLogs": [
        {
            "resource": {
                "attributes": [
                    {"key": "service.name", "value": {"stringValue": "pay"}},
                    {"key": "service.version", "value": {"stringValue": "2.4.1"}},
                ]
            },
            "scopeLogs": [{"logRecords": [{"timeUnixNano": f"{START}000000000", "body": {"stringValue": "m"}}]}],
        }
    ]
}
GCP = {"textPayload": "m", "timestamp": START, "resource": {"labels": {"service_name": "pay", "version_id": "2.4.1"}}}
ECS = {"message": "m", "@timestamp": START, "service": {"name": "pay", "version": "2.4.1"}}
KUBERNETES = {"container_name": "pay", "labels": {"app_kubernetes_io/version": "2.4.1"}}
STATED = {
    "otlp": OTLP,
    "gcp": GCP,
    "ecs": ECS,
    "fluent-bit": {"log": "m", "time": START, "kubernetes": KUBERNETES},
}


def parse(values: Sequence[object], chosen: FormatSettings) -> Parsed:
    encoded = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
    count = len(encoded)
    headers = [[("version", b"9")] for _ in encoded]
    source, none = TopicPartition("logs", 0), [None] * count
    return make_format(chosen).parse(Batch(source, range(count), [-1] * count, none, encoded, headers))


def rows(parsed: Parsed) -> list[tuple[str, str, int]]:
    if parsed.versions is None:
        return []
    return [(scope, name, time // 1_000_000) for scope, name, time, _ in parsed.versions.rows()]


def line(at: int, version: object = "2.4.1", scope: str = "pay") -> dict[str, object]:
    return {"message": "m", "time": START + at, "scope": scope, "v": version}


@pytest.mark.parametrize("format_", STATED)
def test_where_a_format_has_versions(format_: str) -> None:
    """Formats whose conventions name a version have it without configuration; lines are as without it."""
    parsed = parse([STATED[format_]], FormatSettings(format_))

    assert [("pay", "2.4.1", START)] == rows(parsed)
    assert dict(LINES_SCHEMA) == dict(parsed.lines.schema)


def test_a_version_is_one_row_an_hour() -> None:
    """Each version of a scope is there once an hour of event time, with its first line; empty ones are none."""
    values = [line(0, ""), line(5), line(9), line(7, 3), line(8, scope="db"), line(HOUR), line(HOUR + 1, {"a": 1})]
    parsed = parse(values, FormatSettings(fields=FieldPaths(version="v")))

    assert [("pay", "2.4.1", START + 5), ("pay", "3", START + 7), ("db", "2.4.1", START + 8),
            ("pay", "2.4.1", START + HOUR)] == rows(parsed)  # fmt: skip
    assert parsed.versions is not None
    assert parsed.versions["position"].is_sorted()


@pytest.mark.parametrize(
    ("chosen", "value"),
    [
        (FormatSettings(fields=FieldPaths(version="record.headers.version")), line(0)),
        (FormatSettings("raw", FieldPaths(version="record.headers.version|v")), b"any line"),
        (FormatSettings("raw", extract=(r"^v(?P<version>\d+) ",)), b"v9 began"),
        (FormatSettings(fields=FieldPaths(version="v"), extract=(r"^m(?P<version>x)?",)), line(0, 9)),
        (FormatSettings("gelf", FieldPaths(version="_version")), {"host": "a", "short_message": "m", "_version": 9}),
    ],
)
def test_where_a_version_may_be(chosen: FormatSettings, value: object) -> None:
    """A version may be in a field of any format, in a record's header, or in the text by a pattern."""
    assert ["9"] == [version for _, version, _ in rows(parse([value], chosen))]


def test_without_a_path_there_is_none() -> None:
    """Plain JSON has no version unless the configuration says where."""
    assert None is parse([line(0) | {"version": "1", "service": {"version": "2"}}], FormatSettings()).versions


def test_a_long_version_is_cut() -> None:
    """A megabyte is a short name; two of them stay different."""
    values = [line(0, "1" * 1_000_000 + "a"), line(0, "1" * 1_000_000 + "b")]
    names = [name for _, name, _ in rows(parse(values, FormatSettings(fields=FieldPaths(version="v"))))]

    assert [2, True] == [len(set(names)), all(len(name) < 300 for name in names)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3 * HOUR), st.sampled_from(["a", "b", None, ""]), st.sampled_from("xy"))))
def test_as_counted_by_hand(lines: list[tuple[int, str | None, str]]) -> None:
    """The rows are those of a naive walk over the lines."""
    expected: dict[tuple[str, str, int], int] = {}
    for at, version, scope in lines:
        if version:
            expected.setdefault((scope, version, (START + at) // HOUR), START + at)
    parsed = parse([line(*each) for each in lines], FormatSettings(fields=FieldPaths(version="v")))

    assert [(scope, version, time) for (scope, version, _), time in expected.items()] == rows(parsed)
    assert parsed.versions is None or isinstance(parsed.versions, pl.DataFrame)
