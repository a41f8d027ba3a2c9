"""Other programs' records, as they write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.types import Batch, Parsed, TopicPartition

NOW_MS = 1_795_000_000_000
"""2026-11-18T11:06:40Z."""


def read(name: str, values: Sequence[bytes], fields: FieldPaths | None = None, stamp: int = NOW_MS) -> Parsed:
    batch = Batch(
        TopicPartition("logs", 0), list(range(len(values))), [stamp] * len(values), [None] * len(values), values
    )
    return make_format(FormatSettings(name, fields or FieldPaths())).parse(batch)


def micros(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


SYSLOG = {
    b"<34>1 2026-10-11T22:14:15.003Z web1 su 12 ID47 - 'su root' failed": (
        micros("2026-10-11T22:14:15.003"), "su", "web1/12", "crit 'su root' failed"),
    b'<165>1 2026-10-11T22:14:15Z web1 evnt - ID47 [ex@1 iut="3" e="a]b\\""][x y="z"] \xef\xbb\xbfAn event': (
        micros("2026-10-11T22:14:15"), "evnt", "web1", "notice An event"),
    b"<13>Nov  2 18:01:20 web1 sshd[77]: Failed password": (
        micros("2026-11-02T18:01:20"), "sshd", "web1/77", "notice Failed password"),
    b"Dec 30 18:01:20 web1 cron: last year's": (micros("2025-12-30T18:01:20"), "cron", "web1", "last year's"),
    b"2026-11-02T18:01:20.5+00:00 web1 kernel: modern": (
        micros("2026-11-02T18:01:20.5"), "kernel", "web1", "modern"),
    b"<189>88: *Feb 28 00:20:10.663: %SYS-5-CONFIG_I: Configured": (
        micros("2026-02-28T00:20:10.663"), "default", "default", "notice %SYS-5-CONFIG_I: Configured"),
    b"<189>86: *Feb 28 2026 00:20:10 CET: %SYS-5-CONFIG_I: Configured": (
        micros("2026-02-27T23:20:10"), "default", "default", "notice %SYS-5-CONFIG_I: Configured"),
    b"<165>2029: edge920: Aug 3 08:11:02.204: %LINEPROTO-5-UPDOWN: up": (
        micros("2026-08-03T08:11:02.204"), "default", "edge920", "notice %LINEPROTO-5-UPDOWN: up"),
    b"136 <14>1 2026-05-26T18:36:57.5+01:00 node-a kernel - - - [  128.604348] Link is Down": (
        micros("2026-05-26T17:36:57.5"), "kernel", "node-a", "info [  128.604348] Link is Down"),
    b"<13>Feb  5 17:32:18 192.0.2.99 Use the BFG!": (
        micros("2026-02-05T17:32:18"), "default", "192.0.2.99", "notice Use the BFG!"),
    b"Feb 29 10:00:00 leap kernel: leap day": (micros("2024-02-29T10:00:00"), "kernel", "leap", "leap day"),
    b"<30>2026 Nov 12 10:00:00 host app: year in front": (
        micros("2026-11-12T10:00:00"), "app", "host", "info year in front"),
    b"<30>Nov 12 2026 10:00:00 host app: year behind": (
        micros("2026-11-12T10:00:00"), "app", "host", "info year behind"),
    b"<30>Nov 12 10:00:00.123 host app with space[12]: hm": (
        micros("2026-11-12T10:00:00.123"), "app with space", "host/12", "info hm"),
    b"<999>1 2026-11-12T10:00:00Z host app 1 - - pri too large": (
        micros("2026-11-12T10:00:00"), "app", "host/1", "pri too large"),
    b"<34>1 2026-13-45T10:00:00Z host app 1 - - impossible date": (
        NOW_MS * 1000, "app", "host/1", "crit impossible date"),
    b"<166>Nov 12 2026 10:00:00 fw1 : %ASA-6-302013: Built inbound": (
        micros("2026-11-12T10:00:00"), "default", "fw1", "info %ASA-6-302013: Built inbound"),
    b"Nov 12 10:00:00 fw1 %ASA-4-106023: Deny tcp": (
        micros("2026-11-12T10:00:00"), "default", "fw1", "%ASA-4-106023: Deny tcp"),
    b"Nov 12 10:00:00 dnsmasq[411]: query[A] a.example from 10.0.0.7": (
        micros("2026-11-12T10:00:00"), "dnsmasq", "411", "query[A] a.example from 10.0.0.7"),
    b"Thu 2026-11-12 10:00:00 UTC web1 sshd[7]: as journalctl has it in full": (
        micros("2026-11-12T10:00:00"), "sshd", "web1/7", "as journalctl has it in full"),
    b"1794477600.250000 web1 sshd[7]: as journalctl has it for machines": (
        micros("2026-11-12T10:00:00.25"), "sshd", "web1/7", "as journalctl has it for machines"),
    b"2026-11-12 10:00:00 INFO orders: no syslog": (
        NOW_MS * 1000, "default", "default", "2026-11-12 10:00:00 INFO orders: no syslog"),
    b"no header at all": (NOW_MS * 1000, "default", "default", "no header at all"),
    b"<34>1 - - - - - -": (NOW_MS * 1000, "default", "default", "crit <34>1 - - - - - -"),
}  # fmt: skip


@pytest.mark.parametrize("value", SYSLOG)
def test_syslog(value: bytes) -> None:
    """Both dialects give time, program, host and process, and severity; a line without a header is a plain line."""
    assert [SYSLOG[value]] == read("syslog", [value]).lines.select("time", "scope", "key", "text").rows()


def test_syslog_in_a_file() -> None:
    """Without any year to go by the distances between lines are right."""
    lines = read("syslog", [b"Nov  2 18:01:20 h a: x", b"Nov  2 18:01:50 h a: y"], stamp=-1).lines

    assert 30_000_000 == lines["time"][1] - lines["time"][0]


def test_syslog_over_new_year_in_a_file() -> None:
    """A session that goes on over midnight of New Year's Eve has times that follow each other."""
    lines = read("syslog", [b"Dec 31 23:59:59 h a[1]: x", b"Jan  1 00:00:01 h a[1]: y"], stamp=-1).lines

    assert 2_000_000 == lines["time"][1] - lines["time"][0]


def test_cri() -> None:
    """Container lines lose their header; several may share a record."""
    value = b"2026-10-06T00:17:09.669794202Z stdout F The content\n2026-10-06T00:17:10Z stderr P part\n"

    assert [
        (1, micros("2026-10-06T00:17:09.669794"), "The content"),
        (2, micros("2026-10-06T00:17:10"), "part"),
    ] == read("cri", [value]).lines.select("position", "time", "text").rows()
    assert ["odd"] == read("cri", [b"odd"]).lines["text"].to_list()


def test_parts_of_a_container_line_are_joined() -> None:
    """A line that the runtime cut into parts is whole again, each stream's by itself, and blank lines are dropped."""
    at = b"2026-10-06T00:17:0"
    value = b"\n".join(
        [
            at + b"1Z stdout P pass",
            at + b"2Z stderr P boom, ",
            at + b"3Z stdout P word=hunter",
            at + b"4Z stdout F two secret",
            b"no header",
            at + b"5Z stderr F failed",
            at + b"6Z stderr F ",
            at + b"7Z stderr P never ended",
        ]
    )
    lines = read("cri", [value]).lines

    assert [
        (1, micros("2026-10-06T00:17:01"), "password=huntertwo secret"),
        (2, micros("2026-10-06T00:17:02"), "boom, failed"),
        (5, "no header"),
        (8, micros("2026-10-06T00:17:07"), "never ended"),
    ] == [row if row[2] != "no header" else (row[0], row[2]) for row in lines.select("position", "time", "text").rows()]


def test_a_record_of_one_blank_container_line_is_not_lost() -> None:
    """A record of nothing but the header is a line as it stands."""
    value = b"2026-10-06T00:17:01Z stderr F "
    assert [value.decode().strip()] == [text.strip() for text in read("cri", [value]).lines["text"]]


JSON = {
    "ecs": (
        b'{"@timestamp":"2026-11-18T00:00:00.000Z","message":"m","log.level":"WARN","service":{"name":"s"},"host":{"name":"h"}}',
        (micros("2026-11-18T00:00:00"), "s", "h", "WARN m"),
    ),
    "fluent-bit": (
        b'{"@timestamp":1794999999.5,"log":"hello\\n","kubernetes":{"pod_name":"p","container_name":"c"}}',
        (1_794_999_999_500_000, "c", "p", "hello"),
    ),
    "vector": (
        b'{"timestamp":"2026-11-18T00:00:00.123Z","message":"m","host":"h","source_type":"file"}',
        (micros("2026-11-18T00:00:00.123"), "file", "h", "m"),
    ),
}


@pytest.mark.parametrize("name", JSON)
def test_json_presets(name: str) -> None:
    """A shipper's own field names are known."""
    value, expected = JSON[name]

    assert [expected] == read(name, [value]).lines.select("time", "scope", "key", "text").rows()


def test_a_preset_gives_way_to_the_configuration() -> None:
    """A path that the configuration sets wins over the preset's; the others stay."""
    value = b'{"@timestamp":"2026-11-18T00:00:00.000Z","message":"m","service":{"name":"s"},"user":{"id":7}}'
    lines = read("ecs", [value], FieldPaths(key="user.id")).lines

    assert [("s", "7")] == lines.select("scope", "key").rows()


def test_alternatives() -> None:
    """Of alternative paths the first that is there counts, in good shape or odd."""
    fields = FieldPaths(message="msg|log|message", key="a.b|c")
    values = [b'{"log":"l","message":"m","c":1}', b'{"msg":"x","a":"plain","c":2}', b'{"a":{"b":3}}']
    parsed = read("json", values, fields)

    assert [("l", "1"), ("x", "2")] == parsed.lines.select("text", "key").rows()
    assert ["field msg|log|message is missing"] == [reject.detail for reject in parsed.rejects]
