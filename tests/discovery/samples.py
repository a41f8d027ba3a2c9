"""Small logs of many systems, made here: requests of a shop, told in each system's way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 18, 1, 20, tzinfo=UTC)
STEPS = (
    ("INFO", "request received for cart {n}"),
    ("INFO", "stock checked in {n} ms"),
    ("DEBUG", "price computed"),
    ("INFO", "order {n} stored"),
    ("INFO", "request done in {n} ms"),
)


class Line:
    """One line's facts: when, how severe, what, of which request, by which thread and process."""

    def __init__(self, when: datetime, level: str, text: str, request: int, thread: int) -> None:
        self.when, self.level, self.text, self.request, self.thread = when, level, text, request, thread

    @property
    def id(self) -> str:
        """The request's identifier."""
        return f"{random.Random(self.request).getrandbits(64):016x}"


def story(requests: int = 120) -> Iterator[Line]:
    """Yield the lines of requests that overlap, each by one of eight threads; every 20th request fails."""
    dice = random.Random(1)
    lines = []
    for request in range(requests):
        begin = START + timedelta(seconds=2 * request)
        for number, (level, text) in enumerate(STEPS):
            when = begin + timedelta(milliseconds=700 * number + dice.randrange(300))
            if request % 20 == 19 and number == 3:
                level, text = "ERROR", "order {n} not stored: connection refused"  # noqa: PLW2901
            lines.append(Line(when, level, text.format(n=dice.randrange(9_000) + 100), request, request % 8))
    return iter(sorted(lines, key=lambda line: line.when))


def _pid(line: Line) -> int:
    return 1000 + line.request


def _ms(line: Line, form: str) -> str:
    """Return the time with milliseconds behind it."""
    return f"{line.when:{form}}{line.when.microsecond // 1000:03}"


def _iso(line: Line) -> str:
    return f"{line.when:%Y-%m-%dT%H:%M:%S.%fZ}"


def _json(**fields: object) -> str:
    return json.dumps(fields)


WAYS: dict[str, Callable[[Line], str]] = {
    "logback": lambda x: f"{_ms(x, '%H:%M:%S.')} [http-nio-8080-exec-{x.thread}] {x.level:5} c.s.Orders - {x.text}",
    "log4j": lambda x: f"{_ms(x, '%Y-%m-%d %H:%M:%S,')} {x.level} [exec-{x.thread}] com.shop.Orders: {x.text}",
    "python": lambda x: f"{_ms(x, '%Y-%m-%d %H:%M:%S,')} - shop.orders - {x.level} - [{x.id}] {x.text}",
    "go": lambda x: f"{x.when:%Y/%m/%d %H:%M:%S} orders.go:41: trace={x.id} {x.text}",
    "klog": lambda x: f"{x.level[0]}{x.when:%m%d %H:%M:%S.%f} {_pid(x):7} orders.go:41] {x.text}",
    "logfmt": lambda x: f'time={_iso(x)} level={x.level.lower()} msg="{x.text}" request_id={x.id} thread={x.thread}',
    "pino": lambda x: _json(level=30, time=int(x.when.timestamp() * 1000), pid=7, reqId=x.id, msg=x.text),
    "zap": lambda x: _json(level=x.level.lower(), ts=x.when.timestamp(), caller="a/b.go:1", msg=x.text, trace_id=x.id),
    "nested": lambda x: json.dumps(
        {"@timestamp": x.when.isoformat(), "log": {"level": x.level}, "message": x.text, "trace": {"id": x.id}}
    ),
    "docker": lambda x: _json(log=f"[{x.id}] {x.level} {x.text}\n", stream="stdout", time=_iso(x)),
    "cri": lambda x: f"{_iso(x)} stdout F {x.level} request-{x.request + 4000}: {x.text}",
    "syslog": lambda x: f"{x.when:%b %e %H:%M:%S} web1 shop[{_pid(x)}]: {x.text}",
    "syslog5424": lambda x: f"<14>1 {_iso(x)} web1 shop {_pid(x)} - - {x.text}",
    "journald": lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S+0000} web1 shop[{_pid(x)}]: {x.text}",
    "nginx error": lambda x: f"{x.when:%Y/%m/%d %H:%M:%S} [{x.level.lower()}] 31#31: *{_pid(x)} {x.text}, server: _",
    "access": lambda x: (
        f"10.1.{x.request % 40}.7 - - [{x.when:%d/%b/%Y:%H:%M:%S +0000}] "
        f'"GET /{x.text.split()[0]} HTTP/1.1" 200 {x.request}'
    ),
    "apache error": lambda x: (
        f"[{x.when:%a %b %d %H:%M:%S.%f %Y}] [core:{x.level.lower()}] [pid {_pid(x)}:tid 1] {x.text}"
    ),
    "postgres": lambda x: f"{_ms(x, '%Y-%m-%d %H:%M:%S.')} UTC [{_pid(x)}] LOG:  {x.text}",
    "java.util": lambda x: f"{x.when:%b %d, %Y %I:%M:%S %p} com.shop.Orders run {x.level}: job {_pid(x)} {x.text}",
    "tomcat": lambda x: f"{_ms(x, '%d-%b-%Y %H:%M:%S.')} {x.level} [exec-{x.thread}] com.shop.Orders.run {x.text}",
    "redis": lambda x: f"{_pid(x)}:M {_ms(x, '%d %b %Y %H:%M:%S.')} * {x.text}",
    "european": lambda x: f"{x.when:%d.%m.%Y %H:%M:%S}|{x.level}|{_pid(x)}|{x.text}",
    "rust": lambda x: f"[{_iso(x)} {x.level} shop::orders] {x.id} {x.text}",
    "epoch": lambda x: f"{x.when.timestamp():.3f} {x.level} {x.id} {x.text}",
}


def sample(way: str) -> list[str]:
    """Return the lines of the story as a system writes them."""
    return [WAYS[way](line) for line in story()]


TRACE = [
    "java.lang.IllegalStateException: no stock",
    "\tat com.shop.Stock.take(Stock.java:41)",
    "Caused by: java.io.IOException",
]


def traced(way: str = "log4j") -> list[str]:
    """Return the lines with a stack trace behind every failure."""
    lines = []
    for line in story():
        lines.append(WAYS[way](line))
        if line.level == "ERROR":
            lines += TRACE
    return lines
