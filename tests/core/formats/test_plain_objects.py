"""Plain objects, which the kernel reads, beside the reader of all JSON."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.formats.base import ReaderOutput
from daemon.core.formats.finish import Finisher
from daemon.core.formats.json import JsonReader
from daemon.core.formats.plain_objects import PlainObjects, wanted_parts
from daemon.core.formats.presets import ECS, FLUENT_BIT
from daemon.core.types import LINES_SCHEMA, Batch, Parsed, TopicPartition

PATHS = {
    "plain": FieldPaths(),
    "nested": FieldPaths("a.b|message", "time|a.t", "scope|a.b", "key|a.c.d", "level|a", "v"),
    "ecs": ECS,
    "a path through another": FieldPaths("a|a.b", "time", "a.b|scope", "key"),
}
NAMES = st.sampled_from(
    ["message", "time", "scope", "key", "level", "v", "a", "b", "c", "d", "t", "a.b", "n", "stack", "error.type", "log"]
) | st.sampled_from(["@timestamp", "service", "name", "service.name", "exc_info"])
TIMES = [
    "2026-11-22T10:41:07Z",
    "2026-11-22T10:41:07.123456789+01:30",
    "2024-02-29T23:59:59.5Z",
    "2023-02-29T00:00:00Z",
]
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "line 17",
        "level=error x",
        "\x1b[0m",
        "[0m a",
        "<14>x",
        "ü",
        "\xa0",
        "a\\b",
        'a"b',
        "x" * 40,
        "a\nb",
        *TIMES,
    ]
) | st.text(max_size=6)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Return objects, most of them as a logger writes them, some of them damaged."""
    record = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    for name, texts in (("message", TEXTS), ("time", st.sampled_from(TIMES)), ("key", TEXTS)):
        if draw(st.integers(0, 3)):
            record[name] = draw(texts)
    value = orjson.dumps(record)
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(0, len(value)))
        value = (
            value[:at]
            + draw(st.sampled_from([b"", b" ", b",", b'"', b"\xff", b"\n", b"0", b"}", b"\x00"]))
            + value[at + draw(st.integers(0, 2)) :]
        )
    return value


def batch(values: list[bytes]) -> Batch:
    """Return records without keys and timestamps."""
    count = len(values)
    return Batch(TopicPartition("logs", 0), range(count), [-1] * count, [None] * count, values)


def finished(fields: FieldPaths, given_: Batch, read: ReaderOutput) -> Parsed:
    """Return what becomes of a reader's output."""
    return Finisher(FormatSettings(fields=fields)).finish(given_, read)


def plain_reader(fields: FieldPaths) -> PlainObjects:
    """Return the reader that uses the kernel."""
    wanted = wanted_parts(fields)
    assert wanted is not None
    return PlainObjects(fields, wanted, JsonReader(fields, 1_000))


@given(st.lists(records(), max_size=12), st.sampled_from(sorted(PATHS)))
@settings(deadline=None, max_examples=400)
def test_records_are_read_as_without_the_kernel(values: list[bytes], paths: str) -> None:
    """Lines, rejects and what is counted are the same, whatever a record holds."""
    fields, given_ = PATHS[paths], batch(values)

    parsed = finished(fields, given_, plain_reader(fields)(given_))

    expected = finished(fields, given_, JsonReader(fields, 1_000)(given_))
    assert expected.lines.rows() == parsed.lines.select(list(LINES_SCHEMA)).rows()
    assert expected.rejects == parsed.rejects
    assert expected.times == parsed.times
    assert (expected.versions is None) == (parsed.versions is None)
    if expected.versions is not None and parsed.versions is not None:
        assert expected.versions.rows() == parsed.versions.rows()


@pytest.mark.parametrize(
    "value",
    [
        {"message": "m"},
        {"n": {"x": [1, 2.5, None, True, [], {}]}, "message": "m", "time": TIMES[1], "key": "k"},
        {"message": "größer", "scope": "ü", "level": "error"},
        {"message": "m", "level": None, "exception": None, "key": ""},
    ],
)
def test_what_loggers_write_is_read_by_the_kernel(value: dict[str, Any]) -> None:
    """Nothing is left to the reader behind it."""
    assert 1 == plain_rows(orjson.dumps(value))


@pytest.mark.parametrize(
    "value",
    [
        b'{"message":"a\\tb"}',
        b'{"message":7}',
        b'{"message":"m","time":1790000000}',
        b'{"message":"m","message":"n"}',
        b'{"message":"m","exception":"ValueError: x"}',
        b'{"message":"m","error.stack_trace":"at x"}',
        b'{"message":"m"} ',
        b' {"message":"m"}',
        b'{"message":"m","n":1e999}',
        b'{"message":"m","n":' + b"[" * 20 + b"]" * 20 + b"}",
        b'{"message":"' + b"x" * 70_000 + b'"}',
        b'{"message":"m","n":01}',
        b'{"message":"m",}',
        b'{"message":"m"}\n{"message":"n"}',
    ],
)
def test_what_is_not_plain_is_left(value: bytes) -> None:
    """Whoever reads it says what is wrong with it, or that nothing is."""
    assert 0 == plain_rows(value)


def plain_rows(value: bytes) -> int:
    """Return how many of two records, of which the first is plain, the kernel read, less one."""
    given_ = batch([b'{"message":"first"}', value])
    table = plain_reader(FieldPaths())(given_).table
    return int((table["alike"].fill_null(-1) >= 0).sum()) - 1 if "alike" in table.columns else -1


@pytest.mark.parametrize(
    ("values", "texts", "alike"),
    [
        ([{}, {}, {}], ["a 1", "a 2", "b"], [0, 0, 1]),
        ([{"level": "info"}, {"level": "warn"}, {"level": "info"}], ["info a 1", "warn a 2", "info b"], [0, 1, 2]),
        ([{"level": "info"}, {"level": "6"}, {"level": "B"}], ["info a 1", "info a 2", "b"], [0, 1, 2]),
        ([{"level": "D1x"}, {"level": "info"}, {}], ["D1x a 1", "info a 2", "b"], None),  # digits tell messages apart
    ],
)
def test_texts_of_one_shape_say_so(values: list[dict[str, str]], texts: list[str], alike: list[int] | None) -> None:
    """The numbers hold for the text of the line, its level included."""
    messages = ("a 1", "a 2", "b")
    records = [orjson.dumps({"message": text} | value) for text, value in zip(messages, values, strict=True)]

    lines = make_format(FormatSettings()).parse(batch(records)).lines

    assert texts == lines["text"].to_list()
    if alike is None:
        assert "alike" not in lines.columns
    else:
        numbers = lines["alike"].to_list()
        assert [alike.index(each) for each in alike] == [numbers.index(each) for each in numbers]


def test_a_level_in_the_text_takes_the_numbers_away() -> None:
    """Such texts change, and each in its own way."""
    values = [b'{"message":"level=error a"}', b'{"message":"b"}']

    assert "alike" not in make_format(FormatSettings()).parse(batch(values)).lines.columns


def test_objects_around_a_record_of_many_lines_stay_in_order() -> None:
    """What is plain and what is not come from two readers."""
    values = [
        b'{"message":"a"}',
        b'{"message":"b"}\n{"message":"c"}',
        b'{"message":"d"}',
        b"no JSON",
        b'{"message":"e"}',
    ]

    parsed = make_format(FormatSettings()).parse(batch(values))

    assert list("abcde") == parsed.lines["text"].to_list()
    assert [(3, "not_json")] == [(reject.row, reject.reason) for reject in parsed.rejects]


def test_too_many_paths_are_read_without_the_kernel() -> None:
    """Nobody notices."""
    fields = FieldPaths("|".join(f"m{number}" for number in range(200)))

    assert wanted_parts(fields) is None
    parsed = make_format(FormatSettings(fields=fields)).parse(batch([b'{"m150":"here"}']))
    assert ["here"] == parsed.lines["text"].to_list()


def test_containers_are_read_as_before() -> None:
    """Lines of Docker may be parts of lines."""
    lines = make_format(FormatSettings("fluent-bit", FLUENT_BIT)).parse(batch([b'{"log":"a"}'])).lines
    assert pl.Series("text", ["a"]).equals(lines["text"])
