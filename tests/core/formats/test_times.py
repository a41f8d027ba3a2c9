"""Times as people write them, the year that is missing, and which lines may move stream time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.formats import FormatSettings, make_format
from daemon.core.formats.stream_clock import VOTES, StreamClock
from daemon.core.formats.timestamps import micros_of
from daemon.core.types import Batch, Parsed, TopicPartition

SECOND = 1_000_000
HOUR = 3_600 * SECOND
LEAD = 300 * SECOND


def micros(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond


def read(values: Sequence[str], settings: FormatSettings, stamp: str | None = None) -> Parsed:
    stamps = [-1 if stamp is None else micros(stamp) // 1_000] * len(values)
    batch = Batch(
        TopicPartition("logs", 0), range(len(values)), stamps, [None] * len(values), [v.encode() for v in values]
    )
    return make_format(settings).parse(batch)


WRITTEN = {
    "2019-07-12 00:00:45.347 CEST": "2019-07-11T22:00:45.347",
    "2026-11-22 10:41:07.123 UTC": "2026-11-22T10:41:07.123",
    "2026-11-22 10:41:07.123 GMT": "2026-11-22T10:41:07.123",
    "2026-11-22T10:41:07 UTC": "2026-11-22T10:41:07",
    "Wed Jul 15 11:13:07.315 CEST 2020": "2020-07-15T09:13:07.315",
    "2019-Nov-20 00:04:38.804": "2019-11-20T00:04:38.804",
    "May 27, 2020 11:11:17 AM": "2020-05-27T11:11:17",
    "Nov 22, 2026, 12:41:07 AM": "2026-11-22T00:41:07",
    "Nov 22, 2026 10:41:07 p.m.": "2026-11-22T22:41:07",
    "06/Nov/2021:16:15:19 +0800": "2021-11-06T08:15:19",
    "2022-04-13 14:29:05,402": "2022-04-13T14:29:05.402",
    "2021-10-24 16:00:18:111": "2021-10-24T16:00:18.111",
    "2021-07-20 16:07:24.606 +07": "2021-07-20T09:07:24.606",
    "2021-07-20 16:07:24.606+07": "2021-07-20T09:07:24.606",
    "2019-05-30 08:10:28-07": "2019-05-30T15:10:28",
    "2026-11-22 10:41:07 -03:30": "2026-11-22T14:11:07",
    "2016-08-18 08:31:00.365 GMT+3": "2016-08-18T05:31:00.365",
    "1743519389.4320688": "2025-04-01T14:56:29.432069",
    "1.723487295894624E12": "2024-08-12T18:28:15.894624",
    "1.5e9": "2017-07-14T02:40:00",
    "1780000000,123": "2026-05-28T20:26:40.123",
    "Thu, 22 Nov 2018 10:41:07 GMT": "2018-11-22T10:41:07",
    "Thu, 22 Nov 2018 10:41:07 +0000": "2018-11-22T10:41:07",
    "22 Nov 2018 10:41 -0500": "2018-11-22T15:41:00",
    "Thu Nov 22 10:41:07 2018": "2018-11-22T10:41:07",
    "[Wed Oct 11 14:32:52.123456 2023]": "2023-10-11T14:32:52.123456",
    "2026/11/22 10:41:07": "2026-11-22T10:41:07",
    "2026-11-22": "2026-11-22T00:00:00",
    "2026-11-22T10:41Z": "2026-11-22T10:41:00",
    "20261122T104107Z": "2026-11-22T10:41:07",
    "20261122 104107.5+0100": "2026-11-22T09:41:07.5",
    "2026-11-22T10:41:07.1234567Z": "2026-11-22T10:41:07.123456",
    "2026-11-22T10:41:07+0100": "2026-11-22T09:41:07",
    "2026-11-22T10:41:07.123+01:00[Europe/Berlin]": "2026-11-22T09:41:07.123",
    "22-Nov-2026 10:41:07 Europe/Berlin": "2026-11-22T09:41:07",
    "22-NOV-26 10.41.07.123 AM": "2026-11-22T10:41:07.123",
    "@4000000050d506482dbdf024": "2012-12-22T01:00:46.767422",
    "22.11.2026 10:41:07": "2026-11-22T10:41:07",
    "11/22/2026 10:41:07 AM": "2026-11-22T10:41:07",
    "22/11/2026 10:41:07": "2026-11-22T10:41:07",
    "/Date(1780000000000)/": "2026-05-28T20:26:40",
    "261122  9:41:07": "2026-11-22T09:41:07",
    "2026-11-22 10:41:07.123 +0000 UTC m=+0.003": "2026-11-22T10:41:07.123",
    "Sun Nov 22 2026 10:41:07 GMT+0100 (Central European Standard Time)": "2026-11-22T09:41:07",
    "2024-02-29 23:59:59 PST": "2024-03-01T07:59:59",
    "2026-11-22T10:41:07.123456789+01:00": "2026-11-22T09:41:07.123456",
    "2026-11-22t10:41:07z": "2026-11-22T10:41:07",
    "2016-12-31T23:59:60Z": "2017-01-01T00:00:00",
    "2016-12-31 23:59:60": "2017-01-01T00:00:00",
    "1780000000123456789": "2026-05-28T20:26:40.123456",
    "1780000000123": "2026-05-28T20:26:40.123",
    "2026-11-22 10:41:07.123 [info]": "2026-11-22T10:41:07.123",
    # calendars by weeks and by days, midnight at the end of a day
    "2026-W48-4T10:41:07Z": "2026-11-26T10:41:07",
    "2026-W53-7": "2027-01-03T00:00:00",
    "2026-330T10:41:07+01:00": "2026-11-26T09:41:07",
    "2026.330 10:41:07": "2026-11-26T10:41:07",
    "2024-366 10:41:07": "2024-12-31T10:41:07",
    "2026-11-22T24:00:00Z": "2026-11-23T00:00:00",
    # digits alone
    "20261122104107": "2026-11-22T10:41:07",
    "20261122104107123": "2026-11-22T10:41:07.123",
    "20261122104107.123Z": "2026-11-22T10:41:07.123",
    "20261122104107+0100": "2026-11-22T09:41:07",
    "20261122": "2026-11-22T00:00:00",
    "20261122-10:41:07:123": "2026-11-22T10:41:07.123",
    "20171223-22:6:0:119": "2017-12-23T22:06:00.119",
    "133764000000000000": "2024-11-18T10:40:00",  # Windows' FILETIME
    "638999604000000000": "2025-11-28T21:00:00",  # .NET's ticks
    # DB2, WebSphere, Spark, Check Point, SAS, Kibana
    "2026-11-22-10.41.07.123456": "2026-11-22T10:41:07.123456",
    "2026-11-22_10-41-07": "2026-11-22T10:41:07",
    "2026/1/2 3:4:5": "2026-01-02T03:04:05",
    "[11/22/26 10:41:07:123 CET]": "2026-11-22T09:41:07.123",
    "11/22/26 10:41:07 PM": "2026-11-22T22:41:07",
    "26/11/22 10:41:07": "2026-11-22T10:41:07",
    "26-11-22 10:41:07": "2026-11-22T10:41:07",
    "22.11.26 10:41:07": "2026-11-22T10:41:07",
    "11-22-2026 10:41:07": "2026-11-22T10:41:07",
    "22Nov2026 10:41:07": "2026-11-22T10:41:07",
    "22NOV2026:10:41:07": "2026-11-22T10:41:07",
    "Nov 22, 2026 @ 10:41:07.123": "2026-11-22T10:41:07.123",
    "November 22nd 2026, 10:41:07.123": "2026-11-22T10:41:07.123",
    'ISODate("2026-11-22T10:41:07.123Z")': "2026-11-22T10:41:07.123",
    '"2026-11-22T10:41:07Z"': "2026-11-22T10:41:07",
    "<2026-11-22 10:41:07>": "2026-11-22T10:41:07",
    "2026-11-22 10:41:07:": "2026-11-22T10:41:07",
    # zones
    "2026-11-22 10:41:07 (CET)": "2026-11-22T09:41:07",
    "2026-11-22 10:41:07 CEST+0200": "2026-11-22T08:41:07",
    "2026-11-22 10:41:07 +01:00 Europe/Berlin": "2026-11-22T09:41:07",
    "2026-11-22 10:41:07 America/Argentina/Buenos_Aires": "2026-11-22T13:41:07",
    "2026-11-22 10:41:07 Etc/GMT+3": "2026-11-22T13:41:07",
    "2026-11-22 10:41:07 EST5EDT": "2026-11-22T15:41:07",
    "2026-11-22 10:41:07 NPT": "2026-11-22T04:56:07",
    "2026-11-22 10:41:07 CLT": "2026-11-22T14:41:07",
    # other languages
    "Mo, 30. Nov 2026 10:00:00": "2026-11-30T10:00:00",
    "22. Dez. 2026 10:41:07": "2026-12-22T10:41:07",
    "22 déc. 2026 10:41:07": "2026-12-22T10:41:07",
    "22 juil. 2026 10:41:07": "2026-07-22T10:41:07",
    "dimanche 21 juin 2026 10:41:07": "2026-06-21T10:41:07",
    "22 de noviembre de 2026 10:41:07": "2026-11-22T10:41:07",
    "quarta-feira, 25 de novembro de 2026 10:41:07": "2026-11-25T10:41:07",
    "22/dez/2026:10:41:07 -0300": "2026-12-22T13:41:07",
    "22 ene 2026 10:41:07": "2026-01-22T10:41:07",
    "22-mag-2026 10:41:07": "2026-05-22T10:41:07",
    "22 mrt 2026 10:41:07": "2026-03-22T10:41:07",
    "22 paź 2026 10:41:07": "2026-10-22T10:41:07",
    "22 янв. 2026 10:41:07": "2026-01-22T10:41:07",
    "2026年11月22日 10:41:07": "2026-11-22T10:41:07",
    "2026年11月22日(日) 10时41分07秒": "2026-11-22T10:41:07",
    "2026年11月22日 星期日 下午1:02:03": "2026-11-22T13:02:03",
    "2026/11/22 午後10:41:07": "2026-11-22T22:41:07",
    "2026. 11. 22. 오전 10:41:07": "2026-11-22T10:41:07",
    "2026년 11월 22일 10:41:07": "2026-11-22T10:41:07",
    "十一月 22, 2026 10:41:07 上午": "2026-11-22T10:41:07",
    "22-11月-26 10.41.07.123 下午": "2026-11-22T22:41:07.123",
    "２０２６－11-22　10:41:07": "2026-11-22T10:41:07",  # noqa: RUF001
}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_times_as_programs_write_them(text: str) -> None:
    """Every common way to write a time is read, with its zone."""
    assert [micros(WRITTEN[text])] == micros_of(pl.Series([text])).to_list()


def test_a_column_of_different_times() -> None:
    """Times of many dialects in one batch are each read as they are alone."""
    texts = [*WRITTEN, "yesterday", "2026-11-22T10:41:07Z"] * 2
    expected = [*(micros(text) for text in WRITTEN.values()), None, micros("2026-11-22T10:41:07")] * 2

    assert expected == micros_of(pl.Series(texts)).to_list()


@pytest.mark.parametrize(
    "text",
    ["yesterday", "13:33:20", "2026-02-30 00:00:00", "2026-13-01T00:00:00Z", "2026-11-22 25:00:00",
     "2026-11-22 10:41 XYZ", "2025-02-29 10:00:00", "Foo 22 10:41:07",
     "22-Nov-2026 10:41:07 Europe/Atlantis", "nan", "", "2025-W53-1", "2026-366 10:41:07", "2026-11-22T24:00:01Z",
     "٢٠٢٦-١١-٢٢ ١٠:٤١:٠٧", "２０２６年", "22 Foo 2026 10:41:07"],  # noqa: RUF001
)  # fmt: skip
def test_what_is_not_a_time(text: str) -> None:
    """A text that is not a moment is null, never a wrong one."""
    assert [None] == micros_of(pl.Series([text])).to_list()


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.text(st.sampled_from("0123456789-/.:,TZ+ []()PAMNovdéc年月日午前\u0663\uff19\u202f"), max_size=24),
        min_size=1,
    )
)
def test_no_text_breaks_the_others(texts: list[str]) -> None:
    """Whatever stands where a time should, in any script: it is a time or null, and the others are read."""
    assert micros("2026-11-22T09:41:07") == micros_of(pl.Series([*texts, "22/Nov/2026:10:41:07 +0100"]))[-1]


FORMS = (
    "%Y/%m/%d %H:%M:%S.%f",
    "%d %b %Y %H:%M:%S.%f",
    "%b %d, %Y %I:%M:%S.%f %p",
    "%G-W%V-%uT%H:%M:%S.%f",
    "%Y-%j %H:%M:%S.%f",
    "%Y%m%d %H%M%S.%f",
    "%Y年%m月%d日 %H时%M分%S.%f秒",
)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2200, 1, 1)), min_size=1))  # noqa: DTZ001
def test_dates_are_those_of_the_calendar(moments: list[datetime]) -> None:
    """A written date is the same moment that Python's calendar says."""
    expected = [micros(moment.isoformat()) for moment in moments]

    for form in FORMS:
        assert expected == micros_of(pl.Series([moment.strftime(form) for moment in moments])).to_list()


@given(
    st.lists(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2200, 1, 1)), min_size=1),  # noqa: DTZ001
    st.integers(-14 * 60 - 59, 14 * 60 + 59),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_a_column_of_one_offset_is_read_as_each_of_its_times_is(
    moments: list[datetime], minutes: int, digits: str
) -> None:
    """Whatever its distance from UTC, an offset that all texts share is taken off, and one that differs as well."""
    zone = timezone(timedelta(minutes=minutes))
    texts = [moment.replace(tzinfo=zone).isoformat(timespec=digits) for moment in moments]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [(datetime.fromisoformat(text) - epoch) // timedelta(microseconds=1) for text in texts]

    assert expected == micros_of(pl.Series(texts)).to_list()
    assert [*expected, 1] == micros_of(pl.Series([*texts, "1970-01-01T00:00:00.000001+00:00"])).to_list()


@pytest.mark.parametrize(
    ("text", "stamp", "expected"),
    [
        ("Nov 22 10:41:07", "2026-11-22T10:41:08", "2026-11-22T10:41:07"),
        ("Dec 31 23:59:59", "2026-01-01T00:00:02", "2025-12-31T23:59:59"),
        ("Jan  1 00:00:01", "2025-12-31T23:59:58", "2026-01-01T00:00:01"),
        ("Feb 29 10:00:00", "2026-11-22T00:00:00", "2024-02-29T10:00:00"),
        ("1122 10:41:07.5", "2026-11-22T10:41:08", "2026-11-22T10:41:07.5"),
        ("22 Nov 10:41:07.123", "2026-11-22T10:41:08", "2026-11-22T10:41:07.123"),
        ("12-31 23:59:59.9", "2026-01-01T00:00:02", "2025-12-31T23:59:59.9"),
        ("31/12 23:59:59", "2026-01-01T00:00:02", "2025-12-31T23:59:59"),
    ],
)
def test_a_time_without_a_year_gets_the_one_before_its_record(text: str, stamp: str, expected: str) -> None:
    """The year is that of the last such moment, up to a day after the record."""
    parsed = read([f'{{"message":"x","time":"{text}"}}'], FormatSettings(), stamp)

    assert [micros(expected)] == parsed.lines["time"].to_list()


def test_a_new_year_in_a_file() -> None:
    """In a file without years the distances between lines are right, over New Year and 29 February."""
    times = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Feb 29 00:00:00", "Mar  1 00:00:00"]
    values = [f'{{"message":"x","time":"{time}"}}' for time in times]
    day = 24 * HOUR

    assert [2 * SECOND, -3 * SECOND, 59 * day + 2 * SECOND, day] == np.diff(
        read(values, FormatSettings()).lines["time"].to_list()
    ).tolist()


@pytest.mark.parametrize(
    ("times", "written", "expected"),
    [
        (["Nov 25 08:00:00"], "2026-11-26", ["2026-11-25T08:00:00"]),
        (["Nov 26 23:00:00"], "2026-11-26", ["2026-11-26T23:00:00"]),
        (["Dec 31 23:59:59", "Jan  1 00:00:01"], "2026-01-02", ["2025-12-31T23:59:59", "2026-01-01T00:00:01"]),
        (["Feb 29 12:00:00"], "2026-11-26", ["2024-02-29T12:00:00"]),
        (["Feb 28 12:00:00", "Feb 29 12:00:00"], "2026-11-26", ["2026-02-28T12:00:00", "2026-02-28T12:00:00"]),
    ],
)
def test_a_file_was_written_after_its_lines(times: list[str], written: str, expected: list[str]) -> None:
    """The first line without a year has the last such moment up to a day after the file was written."""
    values = [f'{{"message":"x","time":"{time}"}}' for time in times]
    parsed = read(values, FormatSettings(written=micros(written)))
    assert [micros(text) for text in expected] == parsed.lines["time"].to_list()


def test_a_time_that_cannot_be_read_gives_way_to_the_records() -> None:
    """Such a line has its record's time and is counted; the record's other lines are read as they are."""
    settings = FormatSettings("raw", extract=(r"^time=(?P<time>\S+)",))
    value = "time=2026-11-22T10:00:00Z a\ntime=- b\ntime=2026-11-22T10:00:02Z c"
    parsed = read([value], settings, "2026-11-22T10:00:05")

    assert [] == list(parsed.rejects)
    assert 1 == parsed.times.unreadable
    assert [micros(f"2026-11-22T10:00:0{second}") for second in (0, 5, 2)] == parsed.lines["time"].to_list()


@pytest.mark.parametrize("time", ['"yesterday"', "true", '"2026-02-30T00:00:00Z"', "1e400", '"-"'])
def test_a_time_that_cannot_be_read_is_refused_on_request(time: str) -> None:
    """With `reject_unreadable_times` a record of such lines only is a dead letter; by default it is read."""
    value = f'{{"message":"x","time":{time}}}'
    strict = read([value], FormatSettings(reject_unreadable_times=True), "2026-11-22T10:00:05")
    refused = "1e400" in time  # which is not JSON

    assert ["not_json" if refused else "bad_time"] == [reject.reason for reject in strict.rejects]
    assert refused or 1 == read([value], FormatSettings(), "2026-11-22T10:00:05").times.unreadable


def test_a_record_with_one_good_time_is_not_refused() -> None:
    """One bad line never takes the record's other lines along, even when bad times are refused."""
    settings = FormatSettings("raw", extract=(r"^time=(?P<time>\S+)",), reject_unreadable_times=True)
    parsed = read(["time=2026-11-22T10:00:00Z a\ntime=- b", "time=- c"], settings, "2026-11-22T10:00:05")

    assert [(1, "bad_time")] == [(reject.row, reject.reason) for reject in parsed.rejects]
    assert ["a", "b"] == [text.split()[-1] for text in parsed.lines["text"]]


class Clock:
    """A stream clock fed line by line, and the stream time that comes of it."""

    def __init__(self) -> None:
        self._clock = StreamClock(LEAD)
        self.now = -(1 << 62)
        self.held_back = 0

    def feed(self, times: Sequence[int], stamp: int = -1) -> None:
        moments = np.array(times, np.int64)
        clock, held_back = self._clock.read(moments, np.full(len(times), stamp))
        self.now = max(self.now, int(clock.max()))
        self.held_back += held_back


def test_a_fast_clock_does_not_move_stream_time_past_its_record() -> None:
    """A line 20 hours ahead of its record counts with the record's time; one a minute ahead with its own."""
    clock = Clock()
    clock.feed([20 * HOUR, 10 * SECOND], stamp=SECOND)

    assert (10 * SECOND, 1) == (clock.now, clock.held_back)


@pytest.mark.parametrize("share", [1, 3, 9])
def test_a_minority_in_a_file_does_not_move_stream_time(share: int) -> None:
    """In files, lines that are far ahead of the others are held back, be they one in twenty or nine."""
    clock = Clock()
    for at in range(2_000):
        clock.feed([at * SECOND + (20 * HOUR if at % 20 < share and at else 0)])

    assert 1_999 - 20 <= clock.now // SECOND < 2_000
    assert abs(100 * share - clock.held_back) <= 1


def test_stream_time_goes_on_when_clocks_go_back() -> None:
    """When the lines of a file go back an hour, stream time goes on at their pace after some lines."""
    clock = Clock()
    clock.feed([second * SECOND for second in range(3_600)])
    before = clock.now
    clock.feed([second * SECOND for second in range(1_000)])

    assert 1_000 - VOTES <= (clock.now - before) // SECOND <= 1_000


def test_a_pause_in_a_file_is_followed() -> None:
    """After a night without lines stream time follows the new ones."""
    clock = Clock()
    clock.feed([second * SECOND for second in range(100)])
    clock.feed([8 * HOUR + second * SECOND for second in range(100)])

    assert 8 * HOUR + 99 * SECOND == clock.now


@settings(deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 400, 4_000, 90_000, -400, -4_000]), max_size=300), st.integers(1, 60))
def test_the_clock_reads_the_same_however_lines_are_batched(steps: list[int], size: int) -> None:
    """What a line counts for depends on the lines before it, not on how they were batched."""
    times = np.cumsum(np.array(steps, np.int64)) * SECOND
    stamps = np.full(len(times), -1)
    whole, _ = StreamClock(LEAD).read(times, stamps)
    parts = StreamClock(LEAD)

    assert whole.tolist() == [
        time
        for at in range(0, len(times), size)
        for time in parts.read(times[at : at + size], stamps[at : at + size])[0]
    ]
