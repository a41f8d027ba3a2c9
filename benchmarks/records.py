"""Memory that one record of many lines takes at its peak, in each format: from its bytes to verdicts.

    POLARS_MAX_THREADS=1 python -m benchmarks.records [--lines 100000] [--split 1] [--short] [FORM ...]

Each form is read in a process of its own, which has read a little of it before. `--split` makes as many records of the
lines, all in one batch. `--short` has lines as short as they can be. A row is the record's size, how many lines became
sessions, what the process had before and at most, and what that is for each line. No Kafka, no model.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import fastavro
import orjson
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from daemon.bench.stages import Chain
from daemon.bench.standin import StandIn
from daemon.config.schema import Config
from daemon.core.positions import MAX_LINES_PER_RECORD
from daemon.core.types import Batch, TopicPartition
from daemon.wiring import incident_settings, make_detector, make_tools, provenance

SOURCE = TopicPartition("records", 0)
START_MS = 1_790_000_000_000
WORDS = "connection from 10.0.0.7 closed after 12ms"


def _objects(name: str, texts: Sequence[str]) -> list[bytes]:
    return [orjson.dumps({name: text}) for text in texts]


def _array(texts: Sequence[str]) -> bytes:
    return b"[%s]" % b",".join(_objects("message", texts))


def _wrapped(head: bytes, name: str, texts: Sequence[str], tail: bytes = b"]}") -> bytes:
    return head + b",".join(_objects(name, texts)) + tail


def _otlp(texts: Sequence[str]) -> bytes:
    data = LogsData()
    records = data.resource_logs.add().scope_logs.add().log_records
    for text in texts:
        records.add().body.string_value = text
    return data.SerializeToString()


def _otlp_json(texts: Sequence[str]) -> bytes:
    records = b",".join(b'{"body":{"stringValue":%s}}' % orjson.dumps(text) for text in texts)
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%s]}]}]}' % records


def _avro(texts: Sequence[str]) -> bytes:
    schema = {"type": "record", "name": "line", "fields": [{"name": "message", "type": "string"}]}
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), ({"message": text} for text in texts), codec="deflate")
    return out.getvalue()


FORMS: dict[str, tuple[str, Callable[[Sequence[str]], bytes]]] = {
    "json array": ("json", _array),
    "json lines": ("json", lambda texts: b"\n".join(_objects("message", texts))),
    "json over lines": ("json", lambda texts: b"\n".join(b"{\n%s" % one[1:] for one in _objects("message", texts))),
    "docker": ("fluent-bit", lambda texts: b"\n".join(_objects("log", texts))),
    "raw": ("raw", lambda texts: "\n".join(texts).encode()),
    "syslog": ("syslog", lambda texts: "\n".join(f"<6>app: {text}" for text in texts).encode()),
    "cri": ("cri", lambda texts: "\n".join(f"2026-11-27T10:00:00Z stdout F {text}" for text in texts).encode()),
    "otlp_proto": ("otlp", _otlp),
    "otlp_json": ("otlp", _otlp_json),
    "gelf": ("gelf", lambda texts: b"\n".join(_objects("short_message", texts))),
    "journald": ("journald", lambda texts: b"\n".join(_objects("MESSAGE", texts))),
    "journal export": ("journald", lambda texts: "".join(f"MESSAGE={text}\n\n" for text in texts).encode()),
    "cloudwatch": ("cloudwatch", lambda texts: _wrapped(b'{"logEvents":[', "message", texts)),
    "cloudtrail": ("cloudtrail", lambda texts: _wrapped(b'{"Records":[', "eventName", texts)),
    "azure": ("azure", lambda texts: _wrapped(b'{"records":[', "message", texts)),
    "gcp": ("gcp", lambda texts: _wrapped(b"[", "textPayload", texts, b"]")),
    "avro": ("avro", _avro),
}


def memory(name: str) -> float:
    """Return VmRSS or VmHWM of this process in MB."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1000 if found else 0.0


def forget_the_most() -> None:
    """Let VmHWM be the most from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


async def read(form: str, lines: int, split: int, *, short: bool) -> str:
    """Read records of `lines` lines in this process; return the row."""
    name, write = FORMS[form]
    texts = [f"{number % 7}" if short else f"{WORDS} {number}" for number in range(lines)]
    size = -(-lines // split)
    values = [write(texts[at : at + size]) for at in range(0, lines, size)]
    little = write(texts[:100])
    del texts
    config = Config.model_validate({"input": {"format": name, "max_record_lines": MAX_LINES_PER_RECORD}})
    engine = StandIn()
    chain = Chain(
        SOURCE,
        make_tools(config, engine, make_detector(config, engine)),
        engine,
        provenance(config, engine),
        incident_settings(config),
    )
    await chain.run([_batch([little], 0)])
    chain.finish()
    forget_the_most()
    before, began = memory("VmRSS"), time.process_time()
    await chain.run([_batch(values, 1)])
    chain.finish()
    most, took = memory("VmHWM"), time.process_time() - began
    each = (most - before) * 1e3 / lines
    bytes_ = sum(map(len, values)) / 1e6
    return f"{form:16} {bytes_:8.1f} {before:7.0f} {most:7.0f} {each:9.2f} KB  {took:6.1f} s"


def _batch(values: Sequence[bytes], first: int) -> Batch:
    count = len(values)
    return Batch(SOURCE, range(first, first + count), [START_MS] * count, [None] * count, values)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("forms", nargs="*", metavar="FORM", help=f"of {', '.join(FORMS)}; all by default")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--split", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(asyncio.run(read(options.forms[0], options.lines, options.split, short=options.short)), flush=True)
        return
    print(f"{'':16} {'MB':>8} {'before':>7} {'most':>7} {'a line':>12}")
    for form in options.forms or FORMS:
        given = ["--here", "--lines", str(options.lines), "--split", str(options.split), form]
        short = ["--short"] if options.short else []
        subprocess.run([sys.executable, "-m", "benchmarks.records", *short, *given], check=True)


if __name__ == "__main__":
    main()
