"""Log records read by their columns are what their entries say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from daemon.core.formats import FieldPaths
from daemon.core.formats.entries import EntriesReader
from daemon.core.formats.otlp import BODY, FIELDS, unwrap_otlp
from daemon.core.formats.otlp_fields import otlp_fields
from daemon.core.types import Batch, TopicPartition

PATHS = (
    FIELDS,
    FieldPaths(
        "body", "time", "resource.k8s.pod|scope.name", "attributes.session.id|trace_id|resource.host", "severity"
    ),
    FieldPaths(
        "body", "attributes.at|time", "scope.name|resource.service.name|attributes.n", "span_id", "severity_text"
    ),
    FieldPaths(
        "body|event_name", "time", "record.topic|scope.name", "record.key|trace_id", "attributes.level|severity"
    ),
)
TEXTS = st.sampled_from(["", " ", "charge failed", "ok", "at exception.Foo"])
KEYS = st.sampled_from(
    ["session.id", "level", "n", "at", "exception.type", "exception.stacktrace", "exception.message"]
)


def set_any(value: AnyValue, given_: Any) -> None:
    if isinstance(given_, str):
        value.string_value = given_
    elif isinstance(given_, int):
        value.int_value = given_
    elif isinstance(given_, dict):
        for key, inner in given_.items():
            set_any(value.kvlist_value.values.add(key=key).value, inner)


VALUES = st.one_of(TEXTS, st.integers(0, 3), st.none(), st.dictionaries(st.sampled_from(["message", "x"]), TEXTS))
RECORDS = st.fixed_dictionaries(
    {
        "body": VALUES,
        "attributes": st.lists(st.tuples(KEYS, VALUES), max_size=3),
        "time": st.sampled_from([0, 1_780_000_000_000_000_000]),
        "observed": st.sampled_from([0, 1_780_000_001_000_000_000]),
        "severity": st.tuples(st.integers(0, 25), st.sampled_from(["", "ERROR"])),
        "trace": st.sampled_from([b"", bytes(range(16))]),
    }
)
RESOURCES = st.tuples(
    st.lists(st.tuples(st.sampled_from(["service.name", "host", "k8s.pod", "exception.type"]), VALUES), max_size=3),
    st.sampled_from(["", "com.acme"]),
    st.lists(RECORDS, max_size=4),
)


def value_of(resources: list[Any]) -> bytes:
    data = LogsData()
    for attributes, name, records in resources:
        resource = data.resource_logs.add()
        for key, inner in attributes:
            set_any(resource.resource.attributes.add(key=key).value, inner)
        scope = resource.scope_logs.add()
        scope.scope.name = name
        for made in records:
            number, text = made["severity"]
            record = scope.log_records.add(
                time_unix_nano=made["time"],
                observed_time_unix_nano=made["observed"],
                severity_number=number,
                severity_text=text,
                trace_id=made["trace"],
                span_id=made["trace"][:8],
                event_name="an event",
            )
            set_any(record.body, made["body"])
            for key, inner in made["attributes"]:
                set_any(record.attributes.add(key=key).value, inner)
    return data.SerializeToString()


def read(values: list[bytes], paths: FieldPaths, quick: Callable[..., Any] | None) -> tuple[pl.DataFrame, list[Any]]:
    batch = Batch(TopicPartition("logs", 0), range(len(values)), [0] * len(values), [None] * len(values), values)
    output = EntriesReader(unwrap_otlp, paths, BODY, quick)(batch)
    return output.table, [(reject.row, reject.reason, reject.detail) for reject in output.rejects]


@pytest.mark.parametrize("paths", PATHS)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(RESOURCES, max_size=3), max_size=4))
def test_columns_say_what_entries_say(paths: FieldPaths, values: list[list[Any]]) -> None:
    """Every line, its number and its parts, and every dead letter: attributes, exceptions, bodies that are objects."""
    encoded = [value_of(resources) for resources in values]
    expected, actual = (read(encoded, paths, quick) for quick in (None, otlp_fields))

    assert expected[1] == actual[1]
    assert expected[0].rows() == actual[0].rows()


@pytest.mark.parametrize("message", ["event_name", "*", "body.message|body", "attributes.level"])
def test_paths_that_it_does_not_know_are_left_to_entries(message: str) -> None:
    """The message must be the body first, and no other path may be unknown."""
    paths = [[*message.split("|")], ["time"], [], ["trace_id"], ["severity"]]

    assert None is otlp_fields(paths, lambda _: [])
    assert None is otlp_fields([["body"], ["event_name"], [], [], []], lambda _: [])
    assert None is not otlp_fields([["body"], *paths[1:]], lambda _: [])
