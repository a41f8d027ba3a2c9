"""Records as loggers and shippers write them, each with the lines that they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.types import Batch, Parsed, TopicPartition

NOW_MS = 1_790_000_000_000
PINO = FormatSettings("json", FieldPaths(message="msg", scope="name"))
DOCKER = FormatSettings("json", FieldPaths(message="log"))


def read(settings: FormatSettings, value: str) -> Parsed:
    batch = Batch(TopicPartition("logs", 0), range(1), [NOW_MS], [None], [value.encode()], ())
    return make_format(settings).parse(batch)


@pytest.mark.parametrize(
    ("settings", "value", "lines"),
    [
        (
            PINO,
            '{"level":30,"time":1780000000123,"msg":"query","name":"shop"}',
            [(1780000000123, "shop", "info query")],
        ),
        (
            PINO,
            '{"level":50,"time":1780000000123,"msg":"query","name":"shop"}',
            [(1780000000123, "shop", "error query")],
        ),
        (PINO, '{"level":60,"msg":"query"}', [(NOW_MS, "default", "fatal query")]),
        (PINO, '{"level":"error","msg":"query"}', [(NOW_MS, "default", "error query")]),
        (PINO, '{"level":3,"msg":"query"}', [(NOW_MS, "default", "err query")]),
        (
            DOCKER,
            '{"log":"\\u001b[31mERROR\\u001b[0m boom\\r\\n","time":"2026-05-28T20:26:40.123456789Z"}',
            [(1780000000123, "default", "ERROR boom")],
        ),
        (
            FormatSettings(),
            '{\n  "message": "a",\n  "time": 1780000000\n}\n{\n  "message": "b"\n}\n',
            [(1780000000000, "default", "a"), (NOW_MS, "default", "b")],
        ),
        (
            FormatSettings(),
            '{\n  "message": "a {\\n} {",\n  "more": [{"x": 1},\n {"y": {}}]\n}',
            [(NOW_MS, "default", "a {\n} {")],
        ),
        (
            FormatSettings(),
            '{\n  "message": "a"\n}\n{\n  "message": "half',
            [(NOW_MS, "default", "a"), (NOW_MS, "default", '{\n  "message": "half')],
        ),
    ],
)
def test_records_as_they_are_written(settings: FormatSettings, value: str, lines: list[tuple[int, str, str]]) -> None:
    """Numbers are levels, ends of lines and colours go, and of objects over several lines none is lost."""
    parsed = read(settings, value)

    assert [] == list(parsed.rejects)
    assert lines == [
        (time // 1000, scope, text) for time, scope, text in parsed.lines.select("time", "scope", "text").iter_rows()
    ]


def test_an_object_that_breaks_off_is_not_json() -> None:
    """A single object over several lines that is cut is a dead letter."""
    assert ["not_json"] == [reject.reason for reject in read(FormatSettings(), '{\n  "message": "a"\n').rejects]


OBJECTS = st.lists(
    st.fixed_dictionaries(
        {"message": st.text('ab{}\n[]"\\', min_size=1).filter(str.strip)},
        optional={
            "more": st.recursive(
                st.none() | st.text("x{}\n "), lambda inner: st.lists(inner) | st.dictionaries(st.text("k}"), inner)
            )
        },
    ),
    min_size=1,
    max_size=5,
)


@given(OBJECTS, st.sampled_from([None, 0, 2]))
def test_objects_that_follow_each_other_are_a_line_each(objects: list[dict[str, Any]], indent: int | None) -> None:
    """However objects are printed one below the other, each is a line with its message."""
    parsed = read(FormatSettings(), "\n".join(json.dumps(each, indent=indent) for each in objects))

    assert [] == list(parsed.rejects)
    assert [each["message"].strip() for each in objects] == [text.strip() for text in parsed.lines["text"]]
