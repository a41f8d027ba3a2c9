"""Dialects of syslog, forms of levels, and fields of shippers, each with the line that it gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daemon.core.formats import FormatSettings, make_format
from daemon.core.types import Batch, TopicPartition

STAMP = 1_796_000_000_000
"""A moment after all times below."""


def line_of(format_: str, value: str) -> tuple[str, str, str]:
    """Return scope, key and text of the only line of a value."""
    batch = Batch(TopicPartition("logs", 0), range(1), [STAMP], [None], [value.encode()], ())
    parsed = make_format(FormatSettings(format_)).parse(batch)
    assert [] == list(parsed.rejects)
    scope, key, text = parsed.lines.select("scope", "key", "text").row(0)
    return scope, key, text


def time_of(format_: str, value: str) -> int:
    """Return the time in seconds of the only line of a value."""
    batch = Batch(TopicPartition("logs", 0), range(1), [STAMP], [None], [value.encode()], ())
    return int(make_format(FormatSettings(format_)).parse(batch).lines["time"][0] // 1_000_000)


SYSLOG = {
    "<13>1 2026-11-22T10:41:07Z web app - - no structured data": ("app", "web", "notice no structured data"),
    "<13>2026-11-22 10:41:07 web app: x": ("app", "web", "notice x"),
    "<13>nov 22 10:41:07 web app: x": ("app", "web", "notice x"),
    "<13> Nov 22 10:41:07 web app: x": ("app", "web", "notice x"),
    "<13>Nov 22 11:41:07+01:00 web app: x": ("app", "web", "notice x"),
    "<13>Nov 22 11:41:07 CET web app: x": ("app", "web", "notice x"),
    "<13>Nov 22 10:41:07 app: no host": ("app", "app", "notice no host"),
    "<13>Nov 22 10:41:07 app: no host: gone": ("app", "app", "notice no host: gone"),
    "<13>Nov 22 10:41:07 2001:db8::1 app: x": ("app", "2001:db8::1", "notice x"),
    "<189>Nov 22 2026 10:41:07 sw1 %%01INFO/4/SUPPRESS_LOG(l)[0]:x": (
        "default",
        "sw1",
        "notice %%01INFO/4/SUPPRESS_LOG(l)[0]:x",
    ),
    "<166>Nov 22 2026 11:41:07 CET: fw1 : %ASA-6-302013: Built": ("default", "fw1", "info %ASA-6-302013: Built"),
    "<189>: 2026 Nov 22 11:41:07 CET: %ETHPORT-5-IF_UP: up": ("default", "default", "notice %ETHPORT-5-IF_UP: up"),
    "<134>1 1795344067.123456789 MX84 flows src=192.0.2.1 dst=192.0.2.2": (
        "default",
        "MX84",
        "info flows src=192.0.2.1 dst=192.0.2.2",
    ),
}


@pytest.mark.parametrize("value", SYSLOG)
def test_dialects_of_syslog(value: str) -> None:
    """Scope, key, level, text and time come out of headers that no RFC describes."""
    assert (SYSLOG[value], 1_795_344_067) == (line_of("syslog", value), time_of("syslog", value))


@pytest.mark.parametrize("value", ["<14>switch 7483c04f9d75,USW: NETDEV: done", "<38>User logged into the appliance."])
def test_a_priority_alone_is_a_level(value: str) -> None:
    """A line with a priority and no time has its level and its record's time."""
    assert (STAMP // 1_000, f"info {value[4:]}") == (time_of("syslog", value), line_of("syslog", value)[2])


STATED = {
    "severity_text=ERROR x": "ERROR severity_text=ERROR x",
    "levelname=CRITICAL x": "CRITICAL levelname=CRITICAL x",
    "log.level=warn x": "warn log.level=warn x",
    "Level='Error';x": "Error Level='Error';x",
    '{"Level":"Warning","MessageTemplate":"x"}': 'Warning {"Level":"Warning","MessageTemplate":"x"}',
    '{"severityText":"ERROR","body":"x"}': 'ERROR {"severityText":"ERROR","body":"x"}',
    '{"@l":"Error","@mt":"x"}': 'Error {"@l":"Error","@mt":"x"}',
    "E20261130 10:00:00.123456 1 a.cc:1] x": "error E20261130 10:00:00.123456 1 a.cc:1] x",
    "[E 261122 10:41:07 web:2246] x": "error [E 261122 10:41:07 web:2246] x",
    "W/ActivityManager(  123): x": "warning W/ActivityManager(  123): x",
    "11-22 10:41:07.123  1234  5678 E Tag: x": "error 11-22 10:41:07.123  1234  5678 E Tag: x",
    "2026-11-22T10:41:07.123+0100 F STORAGE  [thread1] x": "fatal 2026-11-22T10:41:07.123+0100 F STORAGE  [thread1] x",
    "1:M 22 Nov 2026 10:41:07.123 # x": "warning 1:M 22 Nov 2026 10:41:07.123 # x",
    "1:M 22 Nov 10:41:07.123 * x": "notice 1:M 22 Nov 10:41:07.123 * x",
    "\x1b[1;31mERROR\x1b[m x": "ERROR x",
    "#033[31mERROR#033[0m x": "ERROR x",
    "[31mERROR[0m x": "ERROR x",
    "[1m[31m[ERROR][0m[39m x": "[ERROR] x",
    "^[[31mERROR^[[0m x": "ERROR x",
    r"\u001b[31mERROR\u001b[39m x": "ERROR x",
    "\x1b]8;;https://a.example\x07link\x1b]8;;\x07 x": "link x",
    "rate(errors[5m]) of a[0m]": "rate(errors[5m]) of a[0m]",
    "high level=of_detail": "high level=of_detail",
    "2026-11-22T10:41:07Z A PLAIN [line]": "2026-11-22T10:41:07Z A PLAIN [line]",
}


@pytest.mark.parametrize("text", STATED)
def test_levels_and_colours_in_text(text: str) -> None:
    """A level is read in the forms of loggers, and colours go, also where their escapes were written out or lost."""
    assert STATED[text] == line_of("raw", text)[2]


FIELDS: tuple[tuple[str, dict[str, Any], tuple[str, str, str]], ...] = (
    ("json", {"message": "x", "level": 400}, ("default", "default", "error x")),
    ("json", {"message": "x", "level": 40000}, ("default", "default", "error x")),
    ("json", {"message": "x", "level": "\x1b[31merror\x1b[39m"}, ("default", "default", "error x")),
    ("vector", {"message": "", "log": "x", "severity": "err", "appname": "web"}, ("web", "web", "err x")),
    (
        "vector",
        {"message": "x", "PRIORITY": "3", "_SYSTEMD_UNIT": "a.service", "host": "h"},
        ("a.service", "h", "err x"),
    ),
    ("fluent-bit", {"MESSAGE": "x", "PRIORITY": "4", "_HOSTNAME": "h", "tag": "t"}, ("t", "h", "warning x")),
    ("fluent-bit", {"msg": "x", "severity": "error"}, ("default", "default", "error x")),
    (
        "ecs",
        {
            "message": "x",
            "kubernetes": {"pod": {"name": "web-1"}, "container": {"name": "web"}},
            "host": {"name": "node"},
            "event": {"dataset": "kubernetes.container_logs"},
        },
        ("web", "web-1", "x"),
    ),
    (
        "ecs",
        {"message": "x", "log": {"syslog": {"severity": {"code": 3, "name": "Error"}}}, "host": {"name": "h"}},
        ("default", "h", "Error x"),
    ),
    ("gelf", {"host": "h", "short_message": "x", "full_message": "", "_level": "ERROR"}, ("h", "h", "ERROR x")),
    ("gcp", {"severity": 500, "textPayload": "x"}, ("default", "default", "error x")),
    (
        "gcp",
        {"severity": "WARNING", "httpRequest": {"requestMethod": "GET", "requestUrl": "/a", "status": 502}},
        ("default", "default", "WARNING requestMethod=GET requestUrl=/a status=502"),
    ),
    ("azure", {"records": [{"Level": 4, "properties": '{"message":"x"}'}]}, ("default", "default", "info x")),
    ("azure", {"records": [{"level": 2, "message": "x", "properties": "{x"}]}, ("default", "default", "error x")),
    ("azure", {"severityLevel": 3, "message": "x"}, ("default", "default", "error x")),
)


@pytest.mark.parametrize(("format_", "value", "expected"), FIELDS)
def test_fields_of_shippers(format_: str, value: dict[str, Any], expected: tuple[str, str, str]) -> None:
    """Alternatives that are empty are passed over, and numbers are levels of the format's own scale."""
    assert expected == line_of(format_, json.dumps(value))


@pytest.mark.parametrize("format_", ["vector", "gelf"])
def test_a_message_that_is_blank_everywhere(format_: str) -> None:
    """Where every alternative is empty the record is a dead letter that says so."""
    value = b'{"message":"","log":"","short_message":"","full_message":""}'
    batch = Batch(TopicPartition("logs", 0), range(1), [STAMP], [None], [value], ())

    assert ["empty"] == [reject.reason for reject in make_format(FormatSettings(format_)).parse(batch).rejects]
