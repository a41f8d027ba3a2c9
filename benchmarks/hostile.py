"""Memory that one value of some 100 MB takes at its peak, made to take as much as it can, in each format.

    POLARS_MAX_THREADS=1 python -m benchmarks.hostile [CASE ...]

Each is read in a process of its own, from its bytes to a verdict or a dead letter. A row is the value's size, what the
process had at most beside what it had with the value, as a multiple of its size, and what became of it.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Callable

from benchmarks.records import SOURCE, forget_the_most, memory
from daemon.bench.standin import StandIn
from daemon.config.schema import Config
from daemon.core.stream import Stream, drive
from daemon.core.types import Batch, ClosedBy
from daemon.wiring import make_detector, make_tools
from tests.support.protobuf import field

START_MS = 1_790_000_000_000


def _keys(count: int) -> bytes:
    return b"".join(b'"k%d":0,' % number for number in range(count))


CASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "json: keys": ("json", lambda: b'{"message":"m",' + _keys(9_000_000) + b'"z":0}'),
    "json: keys, within": ("json", lambda: b'{"message":"m",' + _keys(4_100_000) + b'"z":0}'),
    "json: strings": ("json", lambda: b'{"message":"m","a":[' + b'"ab",' * 19_000_000 + b'"z"]}'),
    "json: strings, within": ("json", lambda: b'{"message":"m","a":[' + b'"ab",' * 4_100_000 + b'"z"]}'),
    "json: empty objects": ("json", lambda: b"{}\n" * 33_000_000),
    "json: an array": ("json", lambda: b'[{"message":"m"}' + b",1" * 49_000_000 + b"]"),
    "json: a text": ("json", lambda: b'{"message":"' + b"m " * 49_000_000 + b'"}'),
    "docker: a text": ("fluent-bit", lambda: b'{"log":"' + b"m " * 49_000_000 + b'"}'),
    "gelf: blank lines": ("gelf", lambda: b'{"short_message":"m"}' + b"\n" * 99_000_000 + b"x"),
    "raw: lines": ("raw", lambda: b"m\n" * 50_000_000),
    "raw: a text": ("raw", lambda: b"m " * 50_000_000),
    "syslog: a text": ("syslog", lambda: b"<6>app: " + b"m " * 50_000_000),
    "cri: a text": ("cri", lambda: b"2026-11-27T10:00:00Z stdout F " + b"m " * 50_000_000),
    "otlp: empty records": ("otlp", lambda: field(1, field(2, b"\x12\x00" * 50_000_000))),
    "otlp: attributes": (
        "otlp",
        lambda: field(1, field(2, field(2, field(5, field(1, b"m")) + b"\x32\x00" * 4_100_000))),
    ),
    "otlp: a text": ("otlp", lambda: field(1, field(2, field(2, field(5, field(1, b"m " * 50_000_000)))))),
    "journal: fields": ("journald", lambda: b"".join(b"A%d=\n" % number for number in range(9_000_000))),
    "journal: one field": ("journald", lambda: b"MESSAGE=\n" * 11_000_000),
}


async def read(case: str) -> str:
    """Read one value in this process; return the row."""
    format_, make = CASES[case]
    value = make()
    config, engine = Config.model_validate({"input": {"format": format_}}), StandIn()
    stream = Stream(SOURCE, make_tools(config, engine, make_detector(config, engine)))
    forget_the_most()
    before = memory("VmRSS")
    pushed = stream.push(Batch(SOURCE, [0], [START_MS], [None], [value]))
    stream.flush(ClosedBy.FLUSH)
    sessions = len([verdict async for verdict in drive(stream, engine.embed)])
    more, size = memory("VmHWM") - before, len(value) / 1e6
    became = pushed.rejects[0].reason if pushed.rejects else f"{pushed.lines} line, {sessions} session"
    return f"{case:24} {size:6.0f} MB {more:7.0f} MB {more / size:6.1f} x   {became}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(asyncio.run(read(options.cases[0])), flush=True)
        return
    for case in options.cases or CASES:
        subprocess.run([sys.executable, "-m", "benchmarks.hostile", "--here", case], check=True)


if __name__ == "__main__":
    main()
