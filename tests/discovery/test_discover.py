"""What is found in the logs of many systems."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import parse_config
from daemon.discovery import (
    WINDOW,
    Discovery,
    NothingToReadError,
    Surroundings,
    Wishes,
    discover,
    encoding_of,
    write_configuration,
)
from daemon.discovery.reading import parse
from daemon.discovery.sessions import GAPS, LONGEST, SECOND, Sample, cut, measure
from tests.discovery.samples import TRACE, WAYS, Line, sample, story, traced

LEVELLESS = {"go", "syslog", "journald", "access", "redis"}
YEARLESS = {"klog", "syslog", "logback"}
REQUEST = {
    "python", "go", "logfmt", "pino", "zap", "nested", "docker", "cri", "rust", "epoch", "java.util", "klog", "syslog",
    "syslog5424", "journald", "nginx error", "apache error", "postgres", "redis", "european",
}  # fmt: skip


def lines_of(found: Discovery, texts: list[str]) -> pl.DataFrame:
    return parse(found.reading, [text.encode() for text in texts]).lines


@pytest.mark.parametrize("way", WAYS)
def test_time_and_level_are_found(way: str) -> None:
    """Of every system's lines the time is read, and the level where lines state one."""
    texts = sample(way)
    found = discover(texts)
    lines = lines_of(found, texts)
    read = datetime.fromtimestamp(lines["time"][0] / 1e6, UTC)
    expected = next(story()).when

    assert len(texts) == len(lines)
    assert found.reading.level == (way not in LEVELLESS)
    if way == "logback":
        assert expected.time().replace(microsecond=0) == read.time().replace(microsecond=0)
    else:
        year = read.year if way in YEARLESS else 2026
        assert expected.replace(microsecond=0, year=year) == read.replace(microsecond=0)
    if found.reading.level and way not in {"pino", "klog", "postgres", "syslog5424"}:
        failed = next(at for at, line in enumerate(story()) if line.level == "ERROR")
        assert "error" == lines["text"][failed].split()[0].lower()


@pytest.mark.parametrize("way", sorted(REQUEST))
def test_lines_that_name_their_request_are_sessions_by_it(way: str) -> None:
    """Of all that stands in a line, what tells the request apart makes the sessions; the next best is named too."""
    found = discover(sample(way))

    assert 120 == found.choice.measure.sessions
    assert 5 == found.choice.measure.size
    assert found.runner_up is not None
    assert found.choice.measure.score > found.runner_up.measure.score


@pytest.mark.parametrize("way", ["logback", "log4j", "tomcat"])
def test_without_an_identifier_threads_are_sessions(way: str) -> None:
    """A pool's threads serve one request after another; the gap parts these."""
    found = discover(sample(way))

    assert "brackets" in found.choice.candidate.name
    assert "exec-" in found.choice.example
    assert 120 == found.choice.measure.sessions
    assert found.reading.begins == found.starts


def test_lines_are_not_joined_where_the_key_stands_below_the_first() -> None:
    """A joined line has the key of its first line, so such records are left to the shipper."""
    texts = []
    for number in range(200):
        texts += [f"2026-11-22 10:{number // 10 % 60:02}:{number % 10 * 6:02} a query was slow"]
        texts += [f"# Id: conn-{number // 4}  Schema: shop", "SELECT 1;"]
    found = discover(texts)

    assert found.reading.begins is not None
    assert "conn" in found.choice.example
    assert None is found.starts
    assert "let the shipper" in write_configuration(found, Surroundings("logs", "a file"))


def test_an_access_log_is_sessions_by_client() -> None:
    """Clients make the sessions of an access log."""
    found = discover(sample("access"))
    assert ("access log", "the address") == (found.reading.kind, found.choice.candidate.name)


def test_nothing_that_tells_requests_apart_leaves_windows_of_time() -> None:
    """Lines without a key are cut by time."""
    texts = [f"{line.when:%Y-%m-%d %H:%M:%S} {line.level} {line.text}" for line in story()]
    found = discover(texts)
    assert found.choice.candidate is WINDOW


def test_a_stack_trace_goes_on_with_its_line() -> None:
    """Lines without a time join the line before, and what begins a record is known."""
    found = discover(traced())
    begins = pl.Series(traced()).str.contains(found.reading.begins or "^$")

    assert len(traced()) - 6 * len(TRACE) == begins.sum()
    assert 120 == found.choice.measure.sessions


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("gelf", lambda x: {"host": "h", "short_message": x.text, "timestamp": x.when.timestamp(), "_trace_id": x.id}),
        ("gcp", lambda x: {"textPayload": x.text, "timestamp": x.when.isoformat(), "trace": x.id}),
        (
            "cloudwatch",
            lambda x: {
                "logGroup": "/shop",
                "logStream": x.id,
                "logEvents": [{"timestamp": int(x.when.timestamp() * 1000), "message": x.text}],
            },
        ),
        (
            "journald",
            lambda x: {
                "MESSAGE": f"request {x.id} {x.text}",
                "__REALTIME_TIMESTAMP": str(int(x.when.timestamp() * 1_000_000)),
            },
        ),
    ],
)
def test_collectors_records_have_their_own_format(name: str, record: Callable[[Line], dict[str, object]]) -> None:
    """JSON that one of the core's formats knows is read by it, with the key that it knows or what messages hold."""
    texts = [json.dumps(record(line)) for line in story()]
    found = discover(texts)
    config = parse_config(write_configuration(found, Surroundings("logs", name)), {})

    assert (name, name) == (found.reading.format, config.input.format)
    assert 120 == found.choice.measure.sessions


def test_plain_text_is_read_too() -> None:
    """Text without a time, a level or a key is text."""
    found = discover([f"something happened {number % 7} times" for number in range(100)])
    assert ("plain text", None, False) == (found.reading.kind, found.reading.time, found.reading.level)
    assert found.start is None


def test_what_cannot_be_read_as_wished_is_told() -> None:
    """A format that reads none of the lines is an error, not a guess."""
    with pytest.raises(NothingToReadError, match="no line can be read as json"):
        discover(sample("log4j"), Wishes(format="json"))


def test_wishes_win() -> None:
    """What the user has chosen is not looked for."""
    texts = sample("python")
    thread = discover(texts, Wishes(key=r"(?P<key>shop\.\w+)", gap_us=7 * SECOND))
    assert ("your pattern", 7 * SECOND) == (thread.choice.candidate.name, thread.choice.measure.gap_us)
    assert discover(texts, Wishes(key="none")).choice.candidate is WINDOW
    assert "syslog" == discover(texts, Wishes(format="syslog")).reading.format
    assert "trace_id" == discover(sample("zap"), Wishes(key="trace_id")).choice.candidate.path
    assert "%Y" == discover(texts, Wishes(time_format="%Y")).reading.time_format


@pytest.mark.parametrize("texts", [[], ["", "  \t"]])
def test_nothing_is_told(texts: list[str]) -> None:
    """A sample without a line is an error."""
    with pytest.raises(NothingToReadError, match="no line"):
        discover(texts)


@pytest.mark.parametrize("way", [*WAYS, "traced"])
def test_what_is_written_is_a_configuration(way: str) -> None:
    """The file is valid, and reads lines as the sample was read."""
    texts = traced() if way == "traced" else sample(way)
    found = discover(texts)
    config = parse_config(write_configuration(found, Surroundings("orders", "it's a 'file'")), {})

    assert (["orders"], found.reading.format) == (config.input.topics, config.input.format)
    assert found.choice.measure.gap_us == config.sessions.gap
    assert config.sessions.gap <= config.sessions.max_age
    assert [*found.reading.extract, *filter(None, [found.choice.candidate.pattern])] == config.input.extract


def test_small_services_are_judged_together() -> None:
    """Where most programs have few sessions, one scope holds them all."""
    texts = [line.replace("shop[", f"prog{number % 40}[") for number, line in enumerate(sample("syslog"))]
    found = discover(texts)
    assert found.together
    assert "scope: 'record.topic'" in write_configuration(found, Surroundings("logs", "syslog"))
    assert not discover(sample("syslog")).together


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_the_encoding_is_found(encoding: str) -> None:
    """By its mark, by what decodes, or by where the zeros are; also when the head cuts a character."""
    head = ("Größe überschritten: 12 Stück, Zähler läuft\n" * 20).encode(encoding)
    assert encoding == encoding_of(head)
    assert "utf-8" == encoding_of("ü".encode() * 10 + "ü".encode()[:1])


def test_a_hole_of_zeros_is_no_encoding() -> None:
    """A log that was cut while its writer went on has zeros in a row, at even and odd places alike."""
    assert "utf-8" == encoding_of(b"2026-11-22 10:00:00 INFO a\n" + bytes(201) + b"2026-11-22 10:00:01 INFO b\n")


def test_arrays_of_objects_are_json() -> None:
    """A line that holds an array of objects is as many lines."""
    found = discover(['[{"message": "started"}, {"message": "ended", "level": "error"}]'])
    assert ("json", ["started", "ended"]) == (
        found.reading.format,
        parse(found.reading, [b'[{"message": "started"}, {"message": "ended"}]']).lines["text"].to_list(),
    )


@given(st.lists(st.text(max_size=60), max_size=30))
@settings(max_examples=30, deadline=None)
def test_no_text_is_too_strange(texts: list[str]) -> None:
    """Whatever the lines are, something is chosen, and the configuration that comes of it is valid."""
    try:
        found = discover(texts)
    except NothingToReadError:
        return
    parse_config(write_configuration(found, Surroundings("logs", "a file")), {})


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), min_size=1, max_size=60),
    st.sampled_from([2 * SECOND, 5 * SECOND]),
)
def test_sessions_are_cut_by_key_and_gap(rows: list[tuple[int, int]], gap: int) -> None:
    """Every line is in one session, of one key, without a gap in it, as when they are cut one by one."""
    keys = np.array([key for key, _ in rows])
    times = np.cumsum([step for _, step in rows]) * SECOND
    order, starts = cut(Sample(times, np.ones_like(keys), np.zeros_like(keys)), keys, gap)
    found = sorted(tuple(part.tolist()) for part in np.split(order, starts[1:]))

    naive: list[tuple[int, ...]] = []
    for key in set(keys.tolist()):
        began = last = window = -1
        for row in np.flatnonzero(keys == key).tolist():
            alone = last < 0 or times[row] - times[last] > gap
            began = row if alone else began
            now = (times[row] - times[began]) // (LONGEST * gap)
            naive = [*naive, (row,)] if alone or now != window else [*naive[:-1], (*naive[-1], row)]
            last, window = row, now
    assert sorted(naive) == found


def test_a_key_that_recurs_beats_one_dealt_at_random() -> None:
    """Sessions that repeat score more than the same lines under random keys."""
    events = np.tile(np.arange(1, 6), 100) + 5 * (np.repeat(np.arange(100), 5) % 6)
    times = np.arange(500) * SECOND // 10
    sample_ = Sample(times, events, np.zeros(500, np.int64))
    right = np.repeat(np.arange(100), 5)
    dealt = np.random.default_rng(0).permutation(right)

    assert measure(sample_, right, 1.0).score > 2 * measure(sample_, dealt, 1.0).score
    assert measure(sample_, right, 1.0).gap_us == GAPS[0]
