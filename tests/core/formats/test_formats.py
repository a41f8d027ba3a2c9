"""What becomes of records, good and bad."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.formats import FieldPaths, FormatSettings, check_extract, check_path, check_pattern, make_format
from daemon.core.formats.timestamps import micros_of
from daemon.core.positions import position_of
from daemon.core.types import LINES_SCHEMA, Batch, Parsed, TopicPartition

NOW_MS = 1_790_000_000_000
NOW = NOW_MS * 1_000
SOURCE = TopicPartition("logs", 3)
SECOND = 1_000_000


def batch(
    values: Sequence[bytes | None],
    *,
    keys: Sequence[bytes | None] | None = None,
    stamp: int = NOW_MS,
    headers: Sequence[Sequence[tuple[str, bytes]]] = (),
    first: int = 0,
) -> Batch:
    offsets = list(range(first, first + len(values)))
    return Batch(SOURCE, offsets, [stamp] * len(values), keys or [None] * len(values), values, headers)


def read(values: Sequence[bytes | None], settings: FormatSettings | None = None, **kwargs: Any) -> Parsed:
    return make_format(settings or FormatSettings()).parse(batch(values, **kwargs))


def rows(parsed: Parsed) -> list[tuple[Any, ...]]:
    """Return the lines, without what only saves time."""
    return parsed.lines.select(list(LINES_SCHEMA)).rows()


def read_one(record: object, settings: FormatSettings | None = None, **kwargs: Any) -> dict[str, Any]:
    """Return the only line of a JSON record."""
    parsed = read([orjson.dumps(record)], settings, **kwargs)
    assert [] == list(parsed.rejects)
    return parsed.lines.row(0, named=True)


RAW = FormatSettings("raw")

BAD = {
    "null": (None, "empty"),
    "no bytes": (b"", "empty"),
    "blanks": (b" \t\r\n", "empty"),
    "not UTF-8": (b'{"message":"\xff"}', "not_utf8"),
    "UTF-16": ('{"message":"x"}'.encode("utf-16"), "not_utf8"),
    "words": (b"plain text", "not_json"),
    "half an object": (b'{"message":"x"', "not_json"),
    "half an object with an exception": (b'{message":[],"exc_info":[]}', "not_json"),
    "two objects": (b'{"message":"x"}{"message":"y"}', "not_json"),
    "NaN": (b'{"message":"x","n":NaN}', "not_json"),
    "infinity": (b'{"message":"x","n":1e999}', "not_json"),
    "half a surrogate pair": (b'{"message":"\\ud800"}', "not_json"),
    "a raw control character": (b'{"message":"a\x01b"}', "not_json"),
    "far too deep": (b'{"message":"x","n":' + b"[" * 5000 + b"]" * 5000 + b"}", "not_json"),
    "a number": (b"5", "not_an_object"),
    "a string": (b'"x"', "not_an_object"),
    "JSON null": (b"null", "not_an_object"),
    "an array of numbers": (b"[1, 2]", "not_an_object"),
    "no message": (b'{"text":"x"}', "missing_field"),
    "null message": (b'{"message":null}', "missing_field"),
    "message is an object": (b'{"message":{"a":1}}', "missing_field"),
    "message is an array": (b'{"message":["a"]}', "missing_field"),
    "blank message": (b'{"message":"  "}', "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_rejected_alone(name: str) -> None:
    """A bad record is one reject with its reason, and the records around it are read."""
    value, reason = BAD[name]
    good = b'{"message":"good"}'

    parsed = read([good] * 20 + [value] + [good] * 20, first=100)

    assert [(20, 120, reason)] == [(reject.row, reject.offset, reject.reason) for reject in parsed.rejects]
    assert ["good"] * 40 == parsed.lines["text"].to_list()
    assert position_of(120) not in parsed.lines["position"].to_list()


@pytest.mark.parametrize("name", BAD)
def test_rejects_name_the_place_not_the_content(name: str) -> None:
    """A reject's detail holds none of what the record holds."""
    value = BAD[name][0]
    spiced = b"hunter2 " + value if value and value.strip() else value
    details = " ".join(reject.detail for reject in read([spiced]).rejects)

    assert details
    assert "hunter2" not in details
    assert "yesterday" not in " ".join(reject.detail for reject in read([value]).rejects)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)


NAMES = ("message", "time", "scope", "key", "level", "a", "a.b")


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Mostly plausible records: some fields absent, odd, or the whole thing damaged."""
    fields = draw(
        st.dictionaries(st.sampled_from(["message", "time", "scope", "key", "level", "a", "a.b"]), json_values)
    )
    if draw(st.booleans()):
        fields |= {"message": draw(st.text(min_size=1, max_size=5)), "time": NOW_MS}
    text = json.dumps(fields).encode()
    damage = draw(st.sampled_from(["", "", "", "cut", "byte", "surrogate"]))
    if damage == "cut":
        return text[: len(text) // 2]
    if damage == "byte":
        at = draw(st.integers(0, len(text) - 1))
        return text[:at] + bytes([draw(st.integers(0, 255))]) + text[at + 1 :]
    return text.replace(b"{", b'{"s":"\\ud83d\\ude00",', 1) if damage and len(text) > 2 else text


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), max_size=30), st.sampled_from(["key", "a.b"]))
def test_a_record_is_read_the_same_alone_and_in_a_batch(values: list[bytes], key: str) -> None:
    """What becomes of a record does not depend on the batch it came in, and each is lines or a reject."""
    chosen = FormatSettings(fields=FieldPaths(key=key))
    together = read(values, chosen)
    alone = [make_format(chosen).parse(batch([value], first=at)) for at, value in enumerate(values)]

    assert [line for parsed in alone for line in rows(parsed)] == rows(together)
    assert [(r.offset, r.reason, r.detail) for parsed in alone for r in parsed.rejects] == [
        (r.offset, r.reason, r.detail) for r in together.rejects
    ]
    assert len(values) == len(together.lines) + len(together.rejects)
    assert LINES_SCHEMA.items() <= together.lines.schema.items()


@pytest.mark.parametrize(
    "values",
    [
        [b'{"message":"a\\n","k":"b"', b'"t":"c"}'],
        [b'{"message":"a\\n","x":[{"b":1}', b'{"c":2}]}', b'{"message":"m\\n"},{"message":"n\\n"}'],
        [b'{"message":"a\\n","x":"}', b'"}', b'{"message":"m\\n"},{"message":"n\\n"}'],
    ],
)
def test_halves_of_an_object_in_two_records_are_two_dead_letters(values: list[bytes]) -> None:
    """Also where they would be one object in an array of the records, and another record two."""
    parsed = read([*values, b'{"message":"whole\\n"}'])

    assert ["whole"] == parsed.lines["text"].to_list()
    assert [(at, "not_json") for at in range(len(values))] == [(r.row, r.reason) for r in parsed.rejects]


@pytest.mark.parametrize("odd", [b'{"message":"odd"} x', b'{"message":{"text":"odd"}}', b'{"n":1}', b'{"message":7}'])
def test_an_odd_record_in_a_large_batch_leaves_the_others_in_their_place(odd: bytes) -> None:
    """Every record of a large batch is read as it would be alone, wherever one is that is no object of texts."""
    values = [b'{"message":"line %d","key":"k%d"}' % (number, number % 7) for number in range(9_001)]
    for at in (0, 2_000, 5_999, 9_000):
        values[at] = odd

    together, alone = read(values), read([odd])

    texts = [f"line {number}" for number in range(9_001)]
    for at in (9_000, 5_999, 2_000, 0):
        texts[at : at + 1] = alone.lines["text"].to_list()
    assert texts == together.lines["text"].to_list()
    assert [(at, reject.reason) for at in (0, 2_000, 5_999, 9_000) for reject in alone.rejects] == [
        (reject.row, reject.reason) for reject in together.rejects
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.binary(max_size=30), max_size=20), st.sampled_from(["raw", "json"]))
def test_no_bytes_break_a_format(values: list[bytes | None], name: str) -> None:
    """Any bytes at all are lines or rejects."""
    parsed = read(values, FormatSettings(name))

    rows = {position >> 20 for position in parsed.lines["position"]} | {reject.row for reject in parsed.rejects}
    assert set(range(len(values))) == rows


def test_json_defaults() -> None:
    """A record with a message alone has its record's time, scope "default", and its scope for a key."""
    expected = {"position": 0, "time": NOW, "scope": "default", "key": "default", "text": "hello", "clock": NOW}

    assert expected.items() <= read_one({"message": "hello"}).items()


def test_all_fields() -> None:
    """Every field is taken from where its path says, nested or as one dotted key; numbers and booleans are rendered."""
    fields = FieldPaths("log.message", "ts", "kubernetes.labels.app", "session", "log.level")
    record = {
        "log": {"message": "disk full", "level": "ERROR"},
        "ts": "2026-09-21T12:00:00.5+02:00",
        "kubernetes.labels.app": True,
        "session": 42,
    }
    expected = {"time": 1_789_984_800_500_000, "scope": "true", "key": "42", "text": "ERROR disk full"}

    assert expected == {
        name: value for name, value in read_one(record, FormatSettings(fields=fields)).items() if name in expected
    }


def test_a_path_through_a_plain_value() -> None:
    """Where a path's folder is a plain value the field is absent, unless the dotted key itself is there."""
    fields = FieldPaths(message="log", level="log.level", key="host.name")

    assert "WARN x" == read_one({"log": "x", "log.level": "WARN"}, FormatSettings(fields=fields))["text"]
    assert "default" == read_one({"log": "x", "host": "h"}, FormatSettings(fields=fields))["key"]
    assert "h" == read_one({"log": "x", "host": {"name": "h"}}, FormatSettings(fields=fields))["key"]


def test_of_equal_keys_the_first_counts() -> None:
    """Duplicate JSON keys: the first."""
    assert ["a"] == read([b'{"message":"a","message":"b"}']).lines["text"].to_list()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b'\xef\xbb\xbf{"message":"bom"}', "bom"),
        (b'{"message":"nul \\u0000 byte"}', "nul \0 byte"),
        (b'{"message":"smile \\ud83d\\ude00"}', "smile \U0001f600"),
        (b'{"message":12345678901234567}', "12345678901234567"),
        (b'{"message":5.5}', "5.5"),
        (b'{"message":"x","level":{"deep":1}}', "x"),
        (b'{\r\n  "message": "pretty"\r\n}\r\n', "pretty"),
        (b'{"message":"at a\\n  at b"}', "at a\n  at b"),
        ('{"message":"日志 журнал"}'.encode(), "日志 журнал"),
        (b'{"message":"[SEP] <|endoftext|>"}', "[SEP] <|endoftext|>"),
    ],
)
def test_odd_but_good(value: bytes, text: str) -> None:
    """Records that look odd and are fine."""
    assert [text] == read([value]).lines["text"].to_list()


@pytest.mark.parametrize(
    ("level", "message", "text"),
    [
        ("ERROR", "disk full", "ERROR disk full"),
        ("error", "ERROR: disk full", "ERROR: disk full"),
        ("INFO", "[info] started", "[info] started"),
        (30, "started", "info started"),
        ("", "x", "x"),
        (None, "x", "x"),
        ("two words", "x", "x"),
        ("L" * 50, "x", "x"),
    ],
)
def test_level_is_the_first_word(level: object, message: str, text: str) -> None:
    """A level becomes the line's first word unless the message begins with it or it is not a word."""
    assert text == read_one({"message": message, "level": level})["text"]


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-09-21T13:33:20Z", 1_789_997_600 * SECOND),
        ("2026-09-21T13:33:20.123456789Z", 1_789_997_600 * SECOND + 123_456),
        ("2026-09-21t13:33:20z", 1_789_997_600 * SECOND),
        ("2026-09-21T15:33:20+02:00", 1_789_997_600 * SECOND),
        ("2026-09-21 13:33:20,250", 1_789_997_600 * SECOND + 250_000),
        ("2026-09-21 13:33:20", 1_789_997_600 * SECOND),
        ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
        ("[21/Sep/2026:13:33:20 +0000]", 1_789_997_600 * SECOND),
        ("1789997600", 1_789_997_600 * SECOND),
        ("1789997600.25", 1_789_997_600 * SECOND + 250_000),
        ("1789997600250", 1_789_997_600 * SECOND + 250_000),
        ("1789997600250001", 1_789_997_600 * SECOND + 250_001),
        ("1789997600250001999", 1_789_997_600 * SECOND + 250_001),
        (" 1789997600 ", 1_789_997_600 * SECOND),
        ("13:33:20", None),
        ("2026", 2026 * SECOND),
        ("2026-13-01T00:00:00Z", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("12345678901234567890123", None),
    ],
)
def test_times(text: str, micros: int | None) -> None:
    """RFC 3339, access-log times and epochs of any unit are told apart; what is none of them is null."""
    assert [micros] == micros_of(pl.Series([text])).to_list()


@settings(max_examples=200)
@given(st.integers(0, 8_500_000_000), st.sampled_from(["s", "ms", "us", "ns"]))
def test_epochs_by_magnitude(seconds: int, unit: str) -> None:
    """An epoch number after 1980 is read in the unit it was written in."""
    micros = (seconds + 315_532_800) * SECOND
    number = {"s": micros // SECOND, "ms": micros // 1_000, "us": micros, "ns": micros * 1_000}[unit]

    assert [micros] == micros_of(pl.Series([str(number)])).to_list()


@pytest.mark.parametrize(
    ("time", "expected", "clamped"),
    [
        (NOW_MS + 3_600_000, NOW + 3600 * SECOND, 0),
        (NOW_MS + 25 * 3_600_000, NOW, 1),
        ("1979-12-31T23:59:59Z", NOW, 1),
        ("2003-01-01T00:00:00Z", 1_041_379_200 * SECOND, 0),
        (-5, NOW, 1),
        (9_000_000_000_000_000_000, NOW, 1),
    ],
)
def test_absurd_times_give_way(time: object, expected: int, clamped: int) -> None:
    """A time before 1980 or over a day after its record's gives way to the record's, and is counted."""
    parsed = read([orjson.dumps({"message": "x", "time": time})])

    assert ([expected], clamped) == (parsed.lines["time"].to_list(), parsed.times.clamped)


def test_files_carry_the_last_time_on() -> None:
    """Where records have no timestamp a line without a time has that of the line before, across batches; at first 0."""
    reader = make_format(FormatSettings())
    first = reader.parse(
        batch([b'{"message":"a"}', b'{"message":"b","time":1700000000}', b'{"message":"c"}'], stamp=-1)
    )
    second = reader.parse(batch([b'{"message":"d"}', b'{"message":"e","time":99999999999999999}'], stamp=-1))

    assert [0, 1_700_000_000 * SECOND, 1_700_000_000 * SECOND] == first.lines["time"].to_list()
    assert [1_700_000_000 * SECOND, 99_999_999_999_999_999] == second.lines["time"].to_list()


def test_record_paths() -> None:
    """Scope, key and time may come from the record; what is not UTF-8 is escaped."""
    fields = FieldPaths(time="record.timestamp", scope="record.headers.service", key="record.key")
    headers = [[("service", b"shop")], [("other", b"x")], []]
    parsed = read([b'{"message":"x"}'] * 3, FormatSettings(fields=fields), keys=[b"k", b"\xff", None], headers=headers)

    assert [("shop", "k"), ("default", "\\xff"), ("default", "default")] == parsed.lines.select("scope", "key").rows()
    assert [NOW] * 3 == parsed.lines["time"].to_list()
    topic = FormatSettings(fields=FieldPaths(scope="record.topic"))
    assert ["logs"] == read([b'{"message":"x"}'], topic).lines["scope"].to_list()


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("trace|record.key", ["t", "k", "default"]),
        ("trace|record.headers.request|record.key", ["t", "h", "default"]),
        ("record.headers.request|trace", ["t", "h", "default"]),
        ("record.key|trace|span", ["t", "k", "s"]),
    ],
)
def test_a_part_of_the_record_may_be_an_alternative(path: str, keys: list[str]) -> None:
    """Of fields of the value and parts of the record the first that is there counts, as they are written."""
    values = [b'{"message":"x","trace":"t"}', b'{"message":"x"}', b'{"message":"x","span":"s"}']
    chosen = FormatSettings(fields=FieldPaths(key=path))
    parsed = read(values, chosen, keys=[None, b"k", None], headers=[[], [("request", b"h")], []])

    assert [] == list(parsed.rejects)
    assert keys == parsed.lines["key"].to_list()


def test_a_header_that_is_absent_reads_the_same_alone_and_in_a_batch() -> None:
    """A scope that is a header's is the header's, whatever else a format would make of the line."""
    line = b"<34>1 2026-11-22T18:01:20Z web nginx 77 - - hello"
    chosen = FormatSettings("syslog", fields=FieldPaths(scope="record.headers.service"))
    fallback = FormatSettings("syslog", fields=FieldPaths(scope="record.headers.service|scope"))
    headers = [[("service", b"shop")], []]

    assert ["shop", "default"] == read([line] * 2, chosen, headers=headers).lines["scope"].to_list()
    assert ["default"] == read([line], chosen).lines["scope"].to_list()
    assert ["shop", "nginx"] == read([line] * 2, fallback, headers=headers).lines["scope"].to_list()
    assert ["nginx"] == read([line], fallback).lines["scope"].to_list()


def test_key_falls_back_to_the_record_then_the_scope() -> None:
    """Without a key field the record's key counts, and without that the scope."""
    parsed = read([b'{"message":"x","scope":"s"}'] * 3 + [b'{"message":"x","key":""}'], keys=[b"k", b"", None, b"r"])

    assert ["k", "s", "s", "r"] == parsed.lines["key"].to_list()


def test_long_names_are_cut_but_differ() -> None:
    """A key of a megabyte is cut, and another that begins alike stays another."""
    long = ["k" * 1_000_000 + end for end in "ab"]
    keys = read([orjson.dumps({"message": "x", "key": key}) for key in long]).lines["key"].to_list()

    assert 2 == len(set(keys))
    assert max(map(len, keys)) < 300


def test_raw_lines() -> None:
    """A raw value is its lines; one alone has index 0, else lines are numbered as they stand, blanks included."""
    parsed = read([b"one\n", b"a\r\n\r\n  b\nc", b"caf\xc3\xa9 \x00"], RAW, keys=[b"k", None, None])

    assert [
        (position_of(0), "k", "one"),
        (position_of(1, 1), "default", "a"),
        (position_of(1, 3), "default", "  b"),
        (position_of(1, 4), "default", "c"),
        (position_of(2), "default", "caf\u00e9 \0"),
    ] == parsed.lines.select("position", "key", "text").rows()


def test_a_raw_value_with_endless_lines_is_rejected() -> None:
    """More lines than a position can number are refused as a whole."""
    parsed = read([b"x\n" * 1_100_000, b"fine"], RAW)

    assert ["too_many_lines"] == [reject.reason for reject in parsed.rejects]
    assert ["fine"] == parsed.lines["text"].to_list()


def test_very_many_objects_over_several_lines_are_read() -> None:
    """Finding the next one does not look at all that follow it: that would take minutes."""
    value = b'{\n"message": "m"\n}\n\n' * 150_000

    assert 150_000 == read([value]).lines.height


def test_a_raw_line_of_ten_megabytes_is_read() -> None:
    """A huge line is one line here; masking cuts it."""
    assert [10_000_000] == read([b"x" * 10_000_000], RAW).lines["text"].str.len_bytes().to_list()


def test_extract_wins_over_fields() -> None:
    """Named groups of patterns on the message win over the fields; the first pattern that finds a part gives it."""
    extract = (
        r"^\[(?P<time>[^\]]+)\] (?<level>\w+) req=(?P<key>\S+) (?<message>.*)",
        r"svc=(?P<scope>\w+)",
        r"user=(?P<key>\w+)",
    )
    chosen = FormatSettings("json", extract=extract)
    parsed = read(
        [
            b'{"message":"[2026-09-21T13:33:20Z] WARN req=r1 svc=pay user=u1 late","key":"field","scope":"field"}',
            b'{"message":"svc=cart user=u2","key":"field"}',
            b'{"message":"nothing","key":"field"}',
        ],
        chosen,
    )

    assert [
        (1_789_997_600 * SECOND, "pay", "r1", "WARN svc=pay user=u1 late"),
        (NOW, "cart", "u2", "svc=cart user=u2"),
        (NOW, "default", "field", "nothing"),
    ] == parsed.lines.select("time", "scope", "key", "text").rows()


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(?P<key>\w+)", None),
        ("(", "unclosed group"),
        (r"(?=x)", "look-around"),
        (r"(a)\1", "backreferences"),
        ("a{1000}{1000}{1000}", "size"),
    ],
)
def test_patterns_are_checked(pattern: str, problem: str | None) -> None:
    """A pattern that the engine refuses is named with what is wrong."""
    found = check_pattern(pattern)

    assert problem is None if found is None else problem is not None and problem in found


def test_extract_must_extract() -> None:
    """A pattern for extract that names no part of a line is refused, and so is one that is not a pattern."""
    assert None is check_extract(r"(?<scope>\w+) (?P<other>x)")
    assert "no named group" in (check_extract(r"(?P<user>\w+)") or "")
    assert "unclosed" in (check_extract(r"(?P<key>\w+") or "")


def test_paths_are_checked() -> None:
    """Paths that can name nothing are refused."""
    assert [None, None] == [check_path("key", "record.headers.x"), check_path("scope", "a.b|c")]
    assert None is check_path("message", "msg|*")
    assert "the whole value" in (check_path("key", "*") or "")
    assert "record.offset" in (check_path("key", "record.offset") or "")
    assert "is a part of its value" in (check_path("message", "record.key") or "")
    assert ["'a..b' is not a path", "'' is not a path"] == [check_path("scope", "a..b"), check_path("scope", "")]
    assert [None, None] == [check_path("key", "a|record.key"), check_path("key", "record.topic|a|b|record.key")]
    assert "'record.offset' is not" in (check_path("key", "a|record.offset") or "")
    assert "is a part of its value" in (check_path("message", "message|record.key") or "")
    assert "between fields of the value" in (check_path("key", "a|record.key|b") or "")
    assert "'a|' is not a path" == check_path("key", "a|")


def test_unknown_format() -> None:
    """An unknown format is refused with the names there are."""
    with pytest.raises(ValueError, match="json, raw"):
        make_format(FormatSettings("xml"))


def test_an_empty_batch() -> None:
    """A batch without records has no lines."""
    assert 0 == len(read([]).lines)
    assert 0 == len(read([], RAW).lines)


@st.composite
def machine_times(draw: st.DrawFn) -> list[str]:
    """Times of one layout, a few of them impossible."""
    places = draw(st.integers(0, 9))
    fraction = st.just("") if not places else st.text("0123456789", min_size=places, max_size=places).map(".{}".format)
    parts = st.tuples(
        st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32), st.integers(0, 24), st.integers(0, 60), fraction
    )
    sane = (
        st.datetimes()
        .map(lambda entry: (entry.year, entry.month, entry.day, entry.hour, entry.minute))
        .flatmap(lambda entry: fraction.map(lambda rest: (*entry, rest)))
    )
    found = draw(st.lists(sane | sane | sane | parts, min_size=1, max_size=4))
    second = draw(st.integers(0, 60))
    return [f"{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{second:02}{rest}Z" for y, mo, d, h, mi, rest in found]


@settings(max_examples=200, deadline=None)
@given(machine_times())
def test_a_column_of_one_layout_is_read_as_any_other(texts: list[str]) -> None:
    """What is read quickly because all texts look alike is what each would be among others."""
    among_others = micros_of(pl.Series([*texts, "no time"], dtype=pl.String))

    assert among_others.to_list()[:-1] == micros_of(pl.Series(texts, dtype=pl.String)).to_list()


@pytest.mark.parametrize("name", ["raw", "json", "syslog", "cri"])
def test_nuls_in_front_are_dropped(name: str) -> None:
    """A file that was truncated under its writer begins with NULs: what follows is read, and NULs alone are empty."""
    line = {"json": b'{"message":"ERROR boom"}', "syslog": b"<11>Nov 22 10:00:00 h app[1]: ERROR boom"}.get(
        name, b"2026-11-22T10:00:00Z stdout F ERROR boom" if name == "cri" else b"ERROR boom"
    )
    parsed = read([b"\0" * 5_000 + line, b"\0" * 9], FormatSettings(name))

    assert ["ERROR boom"] == [text.removeprefix("err ") for text in parsed.lines["text"]]
    assert ["empty"] == [reject.reason for reject in parsed.rejects]


def test_nuls_in_front_of_a_line_of_a_record_are_dropped() -> None:
    """Also within a record of many lines."""
    parsed = read([b"one\n\0\0\0two\n\0\0\n"], RAW)

    assert ["one", "two"] == parsed.lines["text"].to_list()
