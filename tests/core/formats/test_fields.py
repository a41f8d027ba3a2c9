"""Which of a record's fields make its line: alternatives, exceptions, levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl
import pytest

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.formats.exceptions import HOLDERS, TRACES, may_have_exception
from daemon.core.types import Batch, Parsed, TopicPartition

NOW_MS = 1_790_000_000_000


def parse(values: Sequence[bytes], settings: FormatSettings) -> Parsed:
    stamps = [NOW_MS] * len(values)
    return make_format(settings).parse(
        Batch(TopicPartition("logs", 0), range(len(values)), stamps, [None] * len(values), values)
    )


def read(record: object, name: str = "json", **fields: str) -> dict[str, Any]:
    """Return the only line of a record."""
    value = record.encode() if isinstance(record, str) else orjson.dumps(record)
    parsed = parse([value], FormatSettings(name, FieldPaths(**fields)))
    assert [] == list(parsed.rejects)
    return parsed.lines.row(0, named=True)


UNUSED: dict[str, tuple[str, dict[str, Any], tuple[str, str, str]]] = {
    "an object under an alternative of the message": (
        "vector",
        {"message": "m", "log": {"file": {"path": "/var/log/a.log"}, "offset": 12}, "host": "h"},
        ("default", "h", "m"),
    ),
    "an object first": (
        "fluent-bit",
        {"log": {"timestamp": "2019-01-18T08:44:02,099", "message": "inner"}, "message": "outer"},
        ("default", "default", "outer"),
    ),
    "an object in the scope, another alternative after it": (
        "vector",
        {"message": "m", "service": {"name": "pay"}, "source_type": "file", "host": {"name": "h"}},
        ("file", "file", "m"),
    ),
    "an array in the scope": (
        "fluent-bit",
        {"log": "m", "tag": ["a"], "kubernetes": {"pod_name": "p"}},
        ("default", "p", "m"),
    ),
    "a time that is an object": ("fluent-bit", {"log": "m", "time": {"sec": 1}, "tag": "t"}, ("t", "t", "m")),
    "a level that is an object": (
        "vector",
        {"message": "m", "level": {"name": "error"}, "host": "h"},
        ("default", "h", "m"),
    ),
    "a message that is an object": (
        "vector",
        {"message": {"text": "x"}, "log": "the log text", "host": "h"},
        ("default", "h", "the log text"),
    ),
    "nulls": ("vector", {"message": "m", "log": None, "timestamp": None, "host": "h"}, ("default", "h", "m")),
}


@pytest.mark.parametrize("name", UNUSED)
def test_an_alternative_that_holds_no_text_is_passed_over(name: str) -> None:
    """A field that cannot be used gives way to the next alternative or the default; the record is read."""
    preset, record, expected = UNUSED[name]
    line = read(record, preset)

    assert expected == (line["scope"], line["key"], line["text"])


def test_odd_and_plain_records_are_read_alike_in_one_batch() -> None:
    """A batch of records with odd shapes among plain ones gives the lines of each alone, in order."""
    values = [orjson.dumps(record) for _, record, _ in UNUSED.values()] * 3 + [b'{"message":"plain","host":"h"}'] * 100
    settings = FormatSettings("vector")
    alone = [parse([value], settings).lines.select("scope", "key", "text").rows()[0] for value in values]

    assert alone == parse(values, settings).lines.select("scope", "key", "text").rows()


FRAMES = [{"class": "a.Pay", "method": "charge", "file": "Pay.java", "line": 12}]
EXCEPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "ECS": (
        {
            "error": {
                "type": "java.io.IOException",
                "message": "gone",
                "stack_trace": "java.io.IOException: gone\n\tat a.B",
            }
        },
        "java.io.IOException: gone\n\tat a.B",
    ),
    "ECS, dotted": ({"error.type": "E", "error.stack_trace": "E: gone\n\tat a.B"}, "E: gone\n\tat a.B"),
    "OpenTelemetry": ({"exception.type": "ValueError", "exception.message": "bad"}, "ValueError: bad"),
    "OpenTelemetry, with a trace": (
        {"exception": {"type": "ValueError", "message": "bad", "stacktrace": "Traceback:\n  x\nValueError: bad"}},
        "Traceback:\n  x\nValueError: bad",
    ),
    "logstash": ({"stack_trace": "java.lang.E: x\n\tat a.B.c(B.java:1)"}, "java.lang.E: x\n\tat a.B.c(B.java:1)"),
    "log4j2": (
        {"thrown": {"name": "a.E", "message": "boom", "extendedStackTrace": FRAMES}},
        "a.E: boom\n\tat a.Pay.charge(Pay.java:12)",
    ),
    "pino": ({"err": {"type": "Error", "message": "boom", "stack": "Error: boom\n    at x"}}, "Error: boom\n    at x"),
    "winston": ({"stack": "Error: boom\n    at x"}, "Error: boom\n    at x"),
    "Python": ({"exc_info": "Traceback\nKeyError: 1"}, "Traceback\nKeyError: 1"),
    "Serilog": ({"Exception": "System.Exception: x\n   at A"}, "System.Exception: x\n   at A"),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_belongs_to_the_message(name: str) -> None:
    """What an exception's fields say is part of the line."""
    fields, trace = EXCEPTIONS[name]

    assert f"charge failed\n{trace}" == read({"message": "charge failed", **fields})["text"]


@pytest.mark.parametrize("key", [*TRACES, *HOLDERS])
def test_no_key_of_an_exception_is_overlooked(key: str) -> None:
    """Each key is enough for a record to be looked at, also in front of a dot."""
    records = [f'{{"message": "charge failed", "{key}": "x"}}', f'{{"message": "charge failed", "{key}.type": "x"}}']

    assert [True, True] == may_have_exception(pl.Series(records)).to_list()


def test_what_the_message_says_already_is_not_said_twice() -> None:
    """A trace that the message holds is not appended, nor is a bare error text or an empty object."""
    assert "boom\nE: x\n  at y" == read({"message": "boom\nE: x\n  at y", "stack_trace": "E: x\n  at y"})["text"]
    assert "boom" == read({"message": "boom", "error": {"message": "boom"}})["text"]
    assert "boom" == read({"message": "boom", "exception": {}, "stack": None, "thrown": []})["text"]
    assert "E: x\n  at y" == read({"stack_trace": "E: x\n  at y"})["text"]


LEVELS = [
    ({"level": 30, "message": "db query"}, "auto", "info db query"),
    ({"level": 50, "message": "db query"}, "auto", "error db query"),
    ({"level": 60, "message": "db query"}, "auto", "fatal db query"),
    ({"level": 3, "message": "db query"}, "auto", "err db query"),
    ({"level": "6", "message": "db query"}, "auto", "info db query"),
    ({"level": 40, "message": "x"}, "python", "error x"),
    ({"level": 17, "message": "x"}, "otlp", "error x"),
    ({"level": 9, "message": "x"}, "otlp", "info x"),
    ({"level": 30, "message": "x"}, "none", "30 x"),
    ({"level": "error", "message": "x"}, "syslog", "error x"),
    ({"message": "\x1b[31mERROR\x1b[0m boom 17"}, "auto", "ERROR boom 17"),
    ({"message": "time=1 level=error msg=boom"}, "auto", "error time=1 level=error msg=boom"),
    ({"message": 'lvl="warn" msg=x'}, "auto", 'warn lvl="warn" msg=x'),
    ({"message": '{"level":"error","msg":"x"}'}, "auto", 'error {"level":"error","msg":"x"}'),
    ({"message": '{"msg":"x","level": 50}'}, "auto", 'error {"msg":"x","level": 50}'),
    (
        {"message": "W1130 10:00:03.000000 1 main.go:12] slow"},
        "auto",
        "warning W1130 10:00:03.000000 1 main.go:12] slow",
    ),
    ({"message": "WARN[0001] slow"}, "auto", "warning WARN[0001] slow"),
    ({"message": "<3>disk gone"}, "auto", "err disk gone"),
    ({"message": "<999>x"}, "auto", "<999>x"),
    ({"message": "Plain words"}, "auto", "Plain words"),
    ({"level": "I", "message": "x"}, "auto", "info x"),
    ({"level": "WRN", "message": "x"}, "auto", "warning x"),
    ({"level": "D2", "message": "x"}, "auto", "debug x"),
    ({"level": "fail", "message": "x"}, "auto", "error x"),
    ({"level": "E", "message": "x"}, "none", "E x"),
]


@pytest.mark.parametrize(("record", "scale", "text"), LEVELS)
def test_levels(record: dict[str, Any], scale: str, text: str) -> None:
    """Numbers are read by their scale, and levels in the text in the forms that loggers write."""
    parsed = parse([orjson.dumps(record)], FormatSettings(level_scale=scale))

    assert [text] == parsed.lines["text"].to_list()


@pytest.mark.parametrize("format_", ["json", "azure"])
def test_a_whole_object_is_a_message(format_: str) -> None:
    """The path `*` is all of an object but its time and level, where no other path holds a text."""
    record = {
        "time": "2026-11-22T18:01:20Z",
        "level": "warn",
        "request": {"method": "GET", "tags": ["a", 1]},
        "status": 502,
        "gone": None,
    }
    settings = FormatSettings(format_, FieldPaths(message="msg|*", time="time", level="level", key="request.method"))
    records = [record, record | {"msg": "told"}, record | {"msg": " "}, {"time": "2026-11-22T18:01:20Z"}]
    parsed = parse([orjson.dumps(each) for each in records], settings)
    whole = 'warn request.method=GET request.tags=["a",1] status=502'

    assert [whole, "warn told"] == parsed.lines["text"].to_list()[:2]
    assert "GET" == parsed.lines["key"][0]
    assert 3 in [reject.row for reject in parsed.rejects]


def test_colours_hide_nothing_from_patterns() -> None:
    """Sequences that colour a line on a terminal are gone before `extract` looks."""
    settings = FormatSettings("raw", extract=(r"^(?P<level>[A-Z]+) (?P<message>.*)$",))
    assert ["error boom"] == parse([b"\x1b[31mERR\x1b[0m boom"], settings).lines["text"].to_list()
