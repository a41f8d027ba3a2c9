"""Fuzzed records, requests and configuration files: no traceback, nothing lost, memory that does not grow.

    python -m benchmarks.fuzz [--count 100000] [--seed 1] [--only records]

Every case is made from an intact one by random damage: bytes changed, cut, repeated, joined with another case's. What
counts as a failure is any exception but the one that a bad input may raise; records of logs that end in neither a
verdict nor a dead letter, or in two; and an answer of the HTTP endpoints that is 500. A failure prints the seed and the
case with which it can be repeated.

* `records`: batches in every format through the whole chain of a partition (format, redaction, masks, sessions,
  detection), on a stand-in for the engine, with an idle flush between.
* `topics`: records in the topics of feedback, observations and the baseline.
* `configurations`: texts of configuration files.
* `requests`: bytes sent to the daemon's port.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import orjson
from prometheus_client import CollectorRegistry

from daemon.adapters.web import HttpServer, PortSettings, Probes
from daemon.config import parse_config
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.formats import FORMATS, FormatSettings
from daemon.core.incidents import IncidentSettings
from daemon.core.masking import Masker
from daemon.core.sessions import SessionLimits
from daemon.core.stream import FeedbackProcessor, IncidentsProcessor, LogProcessor, Processor, Tools
from daemon.core.types import Batch, OutRecord, TopicPartition, Update
from daemon.errors import ConfigError, DataError, ModelMismatchError
from tests.support.audit import Place, places_of
from tests.support.streams import ENGINE, PUBLISHING, SECOND, vectors_of

RECORDS_A_BATCH = 200
BATCHES_A_STREAM = 20
"""Then the stream is audited, and a new one begins."""
SHARES = {"records": 0.80, "topics": 0.10, "configurations": 0.09, "requests": 0.01}
SEEDS: tuple[bytes, ...] = (
    b'{"time": 1780000000.5, "scope": "shop", "key": "k1", "level": "ERROR", "message": "disk full on sda1"}',
    b'{"@timestamp": "2026-11-24T10:00:00Z", "log": {"level": "warn"}, "service": {"name": "a"}, "message": "x"}',
    b'{"date": 1780000000.1, "log": "GET /a 200", "kubernetes": {"pod_name": "p", "container_name": "c"}}',
    b"<34>1 2026-11-24T10:00:00.003Z host su 12 ID47 - 'su root' failed for ann on /dev/pts/8",
    b"2026-11-24T10:00:00.000000000Z stdout P password=half of a lin",
    b'{"version":"1.1","host":"h","short_message":"m","timestamp":1780000000,"level":3,"_key":"v"}',
    b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1780000000000000000","body":{"stringValue":"x"}}]}]}]}',
    b'{"MESSAGE":[104,105],"PRIORITY":"3","__REALTIME_TIMESTAMP":"1780000000000000","_SYSTEMD_UNIT":"a.service"}',
    b'{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{"timestamp":1780000000000,"message":"m"}]}',
    b"Traceback (most recent call last):\n  File 'a.py', line 3, in f\nValueError: bad",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00",
    b"\xff\xfea\x00b\x00",
    b"\xed\xa0\x80 \x00 \xe2\x80\xae",
    b"Authorization: Bearer Qm7xT2vR9kLp4WzN8sYb3HdJ6fGc1A0e -----BEGIN RSA PRIVATE KEY-----",
    b"",
)
FEEDBACK: tuple[bytes, ...] = (
    b'{"id":"8f3c0000aaaa0000-1111222233334444","verdict":"normal","by":"ann","note":"n"}',
    b'{"mute":"shop","scope":"shop","until":"2026-11-24T10:00:00Z","by":"ann"}',
    b'{"incident":"i-1","event":"acknowledged","by":"ann"}',
    b'["vector","shop","p"]',
    b'["weight","shop","p","logs",0]',
    b'["ring","shop","logs",0,1]',
    b'{"v":1,"first":0,"last":1,"buckets":[[1,2]]}',
)
REQUESTS: tuple[bytes, ...] = (
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n",
    b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /readyz HTTP/1.0\r\n\r\n",
    b"PUT /%2e%2e/etc HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
)
INSERTED: tuple[bytes, ...] = (
    b"\x00", b"\xff", b"\n", b"{", b"}", b"[", b'"', b"\\", b":", b"NaN", b"-0", b"1e999", b"99999999999999999999",
    b"null", b"<SECRET>", b"password=", b"\x1b]52;c;aGk=\x07", b"&a", b"*a", b"!!", b"<<", b"${X}", b"\xe2\x80\xae",
    b"9" * 400, b"[" * 1200, b"a" * 20_000,
)  # fmt: skip


def damaged(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """Return one of the seeds after zero to six random changes."""
    text = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(6):
            case 0:
                text[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del text[at : at + chance.randrange(1, 30)]
            case 2:
                text[at:at] = chance.choice(INSERTED)
            case 3:
                text[at:at] = text[at : at + chance.randrange(1, 60)]
            case 4:
                text[at:] = chance.choice(seeds)[at:]
            case _:
                text += b"\n" + chance.choice(seeds)
    return bytes(text)


def _batch(source: TopicPartition, values: Sequence[bytes | None], first: int, chance: random.Random) -> Batch:
    count = len(values)
    timestamps = [chance.choice((-1, 0, 1_780_000_000_000 + at, 1 << 60)) for at in range(count)]
    keys = [chance.choice((None, b"k", b"\xff", b"k" * 300)) for _ in range(count)]
    return Batch(source, range(first, first + count), timestamps, keys, values)


def records(count: int, chance: random.Random) -> None:
    """Drive streams of every format in turn; each must account for every record it was given."""
    while count > 0:
        format_ = chance.choice(FORMATS)
        given = min(count, RECORDS_A_BATCH * BATCHES_A_STREAM)
        _stream(format_, given, chance)
        count -= given


def _stream(format_: str, count: int, chance: random.Random) -> None:
    source = TopicPartition("logs", 0)
    detector = Detector(DetectorSettings(warm_up=0), ENGINE.model, ENGINE.dimensions)
    limits = SessionLimits(30 * SECOND, 300 * SECOND, 100, 4_000, 10_000)
    settings = FormatSettings(format_, schemas={"any": '"string"'} if format_ == "avro" else {})
    tools = Tools(settings, Masker(), limits, ENGINE.count_tokens, detector)
    processor = LogProcessor(source, tools, PUBLISHING, None)
    seeds = [damaged(SEEDS, chance) for _ in range(20)] + list(SEEDS)
    outputs = list[OutRecord]()
    for first in range(0, count, RECORDS_A_BATCH):
        size = min(RECORDS_A_BATCH, count - first)
        values = [None if chance.random() < 0.01 else damaged(seeds, chance) for _ in range(size)]
        outputs += settled(processor, _batch(source, values, first, chance))
    outputs += settled(processor, None)
    check_places(count, outputs)


def settled(processor: Processor, batch: Batch | None) -> list[OutRecord]:
    """Step until nothing is missing, and return what is to be published."""
    step = processor.step(batch, {}) if batch is not None else processor.flush(1.0)
    while step.missing or step.more:
        step = processor.step(None, vectors_of(step.missing))
    return list(processor.take().records)


def check_places(count: int, outputs: Sequence[OutRecord]) -> None:
    """Raise AssertionError unless every offset is in a verdict or a dead letter, and no line is in two."""
    verdicts = [output.value or b"" for output in outputs if output.role == "verdicts"]
    letters = [dict(output.headers) for output in outputs if output.role == "dead_letters"]
    seen = list[Place]()
    for value in verdicts:
        seen += places_of(orjson.loads(value))
    offsets = {offset for _, _, offset, _ in seen}
    rejected = Counter(int(letter["__connect.errors.offset"]) for letter in letters)
    assert set(range(count)) == offsets | set(rejected), "a record is lost"
    assert not offsets & set(rejected), "a record is a dead letter and judged"
    assert len(seen) == len(set(seen)), "a line is judged twice"
    assert all(times == 1 for times in rejected.values()), "two dead letters of one record"


def topics(count: int, chance: random.Random) -> None:
    """Give damaged records to the readers of the daemon's own topics."""
    detector = Detector(DetectorSettings(warm_up=0), ENGINE.model, ENGINE.dimensions)
    feedback, observed = TopicPartition("feedback", 0), TopicPartition("observations", 0)
    labels = FeedbackProcessor(feedback, detector, PUBLISHING, None)
    stage = IncidentsProcessor(observed, IncidentSettings(), PUBLISHING, None)
    seeds = [*SEEDS, *FEEDBACK]
    for first in range(0, count, RECORDS_A_BATCH):
        values = [damaged(seeds, chance) for _ in range(min(RECORDS_A_BATCH, count - first))]
        for processor, source in ((labels, feedback), (stage, observed)):
            settled(processor, _batch(source, values, first, chance))
        for value in values:
            try:
                detector.apply([Update(damaged(FEEDBACK, chance), value)])
            except (DataError, ModelMismatchError):
                continue


def configurations(count: int, chance: random.Random) -> None:
    """Parse damaged configuration files: a configuration, or a ConfigError."""
    shipped = (Path(__file__).parents[1] / "config.yaml").read_bytes()
    sections = [section for section in shipped.split(b"\n\n") if section.strip()]
    for _ in range(count):
        some = b"\n".join(chance.sample(sections, chance.randrange(1, 4)))
        text = damaged([some], chance).decode("utf-8", "replace")
        with suppress(ConfigError):
            parse_config(text, {})


async def _requests(count: int, chance: random.Random) -> None:
    async def reload() -> None:
        raise ConfigError(["config: refused"])

    where = PortSettings("http", "127.0.0.1", 0, 64)
    server = HttpServer(where, CollectorRegistry(), Probes(lambda: None, list, reload))
    await server.start()
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(damaged(REQUESTS, chance))
            writer.write_eof()
            try:
                answer = await asyncio.wait_for(reader.read(200), 20)
            except ConnectionError:
                answer = b""
            assert not answer.split(b"\r\n")[0].endswith(b"Internal Server Error"), answer
            writer.close()
    finally:
        await server.close()


def requests(count: int, chance: random.Random) -> None:
    """Send damaged requests, each over a connection of its own."""
    asyncio.run(_requests(count, chance))


KINDS: dict[str, Callable[[int, random.Random], None]] = {
    "records": records,
    "topics": topics,
    "configurations": configurations,
    "requests": requests,
}


def memory() -> float:
    """Return the most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run rounds of every kind until `count` cases are done, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(KINDS))
    parser.add_argument("--each", type=int, default=10_000, help="cases of a round")
    options = parser.parse_args(arguments)
    asyncio.run(ENGINE.start())
    done, began, first = Counter[str](), time.monotonic(), 0.0
    seed = options.seed
    while sum(done.values()) < options.count:
        left = min(options.each, options.count - sum(done.values()))
        for kind, run in KINDS.items():
            cases = left if options.only else max(1, round(left * SHARES[kind]))
            if options.only in (None, kind):
                try:
                    run(cases, random.Random(f"{kind} {seed}"))
                except Exception:
                    again = f"--seed {seed} --only {kind} --count {cases} --each {cases}"
                    print(f"failed: python -m benchmarks.fuzz {again}", file=sys.stderr)
                    raise
                done[kind] += cases
        first = first or memory()
        seed += 1
        cases = ", ".join(f"{kind} {number:,}" for kind, number in done.items())
        print(
            f"{time.monotonic() - began:7.0f} s  {cases}  {memory():.0f} MB at most ({first:.0f} after one round)",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
