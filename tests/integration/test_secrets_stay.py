"""Secrets stay inside: 200 canaries of 20 kinds a format go into a real daemon, and nothing that leaves it holds one.

For each of the formats one `strayline run` reads well-formed records with canaries, the lines of private keys as
records of their own, and records that cannot be read, against an embedding server that notes what it is asked. Then
all of these are searched, through zstd and the record batches' compression, for the head and the tail of every canary:

* the broker's log segments as they lie on its disk, aborted transactions and its own topics (offsets, transactions)
  included: keys, values and headers. Only the log topics, which held the canaries first, are left out, and of a dead
  letter its key and value: the contract passes an unreadable record on untouched, so that it can be read again;
* what committed readers get of news, verdicts and the headers of dead letters; what is observed is unpacked too;
* the daemon's log at level debug and its metrics page, and the requests the embedding server got;
* what `strayline` prints and writes: `tail`, `top`, `label --list` with a note that holds a canary, `baseline inspect`
  and `export`, and a backtest of the same records with its verdicts, alerts and both reports.

That the search can see is shown by the same search over the log topics and dead letters, where it finds all canaries.
"""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import orjson
import polars as pl
import pytest
import zstandard
from aiokafka import AIOKafkaProducer
from aiokafka.record.memory_records import MemoryRecords
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from daemon.core.formats import FORMATS
from daemon.errors import UnavailableError
from demo.broker import Cluster
from tests.conftest import lacking
from tests.core.masking.test_redaction import KINDS, letters, secret_of
from tests.support.brokers import Topics, topics_on
from tests.support.daemons import Daemon
from tests.support.engines import StubServer, stub_server
from tests.support.typist import Typist

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(1800)]
BEGIN = 1_780_000_000
STAMP = "2026-05-28T20:26:40Z"
ENDS = 10
"""So many characters of a canary are too many: its first and its last are searched for."""
CHOSEN = "json"
"""The format whose daemon is told to redact addresses as well."""
AT_ONCE = 4
"""Daemons that run at the same time: while one waits, others work."""
ZSTD = b"\x28\xb5\x2f\xfd"
GZIP = b"\x1f\x8b"

Send = tuple[bytes | None, bytes]
"""Key and value of a record."""


def json_of(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document)


def headed(header: str, text: str) -> bytes:
    return "\n".join(f"{header} {line}" for line in text.split("\n")).encode()


def otlp_of(key: str, text: str) -> bytes:
    """Return a log record of a trace as OTLP's JSON."""
    record = {"timeUnixNano": str(BEGIN * 10**9), "traceId": key, "body": {"stringValue": text}, "severityNumber": 13}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return json_of({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]})


def avro_of(record: Mapping[str, str]) -> bytes:
    """Return a record as an Avro file, which brings its schema."""
    fields = [{"name": name, "type": "string"} for name in record]
    out = BytesIO()
    fastavro.writer(out, fastavro.parse_schema({"type": "record", "name": "Log", "fields": fields}), [record])
    return out.getvalue()


PROTOBUF_FIELDS = ("message", "scope", "key", "time")


def protobuf_schema() -> bytes:
    """Return the descriptors of one message with fields of text."""
    file = FileDescriptorProto(name="log.proto", syntax="proto3")
    log = file.message_type.add(name="Log")
    for number, name in enumerate(PROTOBUF_FIELDS, 1):
        log.field.add(name=name, number=number, type=FieldDescriptorProto.TYPE_STRING, label=1)
    return FileDescriptorSet(file=[file]).SerializeToString()


def protobuf_of(record: Mapping[str, str]) -> bytes:
    """Return a record as a message on the wire."""
    value = bytearray()
    for number, name in enumerate(PROTOBUF_FIELDS, 1):
        data = record[name].encode()
        value += bytes([number << 3 | 2])
        value += bytes([len(data)]) if len(data) < 0x80 else bytes([len(data) & 0x7F | 0x80, len(data) >> 7])
        value += data
    return bytes(value)


WRAPPED: Mapping[str, Callable[[str, str], bytes]] = {
    "raw": lambda _, text: text.encode(),
    "json": lambda key, text: json_of(
        {"time": BEGIN, "scope": "shop", "key": key, "message": text, "level": "warn", "password": text}
    ),
    "ecs": lambda key, text: json_of(
        {"@timestamp": STAMP, "message": text, "service": {"name": "shop"}, "host": {"name": key}, "log.level": "ERROR"}
    ),
    "fluent-bit": lambda key, text: json_of(
        {"@timestamp": BEGIN, "log": f"{text}\n", "kubernetes": {"pod_name": key, "container_name": "shop"}}
    ),
    "vector": lambda key, text: json_of(
        {"timestamp": STAMP, "message": text, "host": key, "source_type": "file", "level": "error"}
    ),
    "syslog": lambda key, text: headed(f'<34>1 {STAMP} {key} shop 12 ID47 [x y="{key}"]', text),
    "cri": lambda _, text: headed(f"{STAMP} stderr F", text),
    "otlp": otlp_of,
    "gelf": lambda key, text: json_of({"host": key, "_service": "shop", "short_message": text, "timestamp": BEGIN}),
    "journald": lambda key, text: json_of(
        {"_HOSTNAME": key, "_SYSTEMD_UNIT": "shop", "MESSAGE": text, "PRIORITY": "3"}
    ),
    "cloudwatch": lambda key, text: gzip.compress(
        json_of({"logGroup": "shop", "logStream": key, "logEvents": [{"timestamp": BEGIN * 1_000, "message": text}]})
    ),
    "cloudtrail": lambda key, text: json_of(
        {"Records": [{"eventTime": STAMP, "eventName": text, "userName": key, "userAgent": text}]}
    ),
    "azure": lambda key, text: json_of(
        {"records": [{"time": STAMP, "category": "shop", "correlationId": key, "properties": {"message": text}}]}
    ),
    "gcp": lambda key, text: json_of({"timestamp": STAMP, "logName": "shop", "trace": key, "textPayload": text}),
    "cloudevents": lambda key, text: json_of(
        {"specversion": "1.0", "source": "shop", "subject": key, "time": STAMP, "data": {"message": text}}
    ),
    "avro": lambda key, text: avro_of({"time": STAMP, "scope": "shop", "key": key, "message": text}),
    "protobuf": lambda key, text: protobuf_of({"time": STAMP, "scope": "shop", "key": key, "message": text}),
}
"""How each format holds a line of a session; where it has no place for the session's key, the record's key is it."""
NO_LINES = frozenset({"cloudwatch", "avro", "protobuf"})
"""Formats whose values are not lines of a file: a backtest reads them from their topic."""


@dataclass
class Planted:
    """What one format's daemon is given."""

    secrets: list[str] = field(default_factory=list)
    records: list[Send] = field(default_factory=list)
    broken: list[Send] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    late: list[Send] = field(default_factory=list)
    """Failures that nobody has seen, sent when the others have been judged, so that they are told."""
    noted: str = ""

    def add(self, name: str, key: str, text: str) -> None:
        """Plant a line in a session."""
        self.keys.add(key)
        self.records.append((key.encode(), WRAPPED[name](key, text)))


def planted_in(name: str) -> Planted:
    """Return 200 canaries of 20 kinds in well-formed records, a session a kind, and more where things go wrong."""
    planted = Planted(noted=letters(random.Random(f"{name} note"), 24))
    for number, (kind, plant) in enumerate(KINDS.items()):
        for canary, text in plant(random.Random(f"{name} {kind}")):
            planted.secrets.append(secret_of(canary))
            planted.add(name, f"host{number}", text)
    chance = random.Random(name)
    key_lines = [letters(chance, 64) for _ in range(5)] + [letters(chance, 30) + "==", letters(chance, 28)]
    planted.secrets += key_lines
    for text in ("-----BEGIN RSA PRIVATE KEY-----", *key_lines, "-----END RSA PRIVATE KEY-----"):
        planted.add(name, "pem", text)
    if name == CHOSEN:
        people = [f"{letters(chance, 12)}@{letters(chance, 12)}.example" for _ in range(5)]
        addresses = [f"198.51.100.{number}" for number in range(201, 206)] + ["2001:db8:0:17::1f2:3e4"]
        planted.secrets += [*people, *addresses]
        for at, text in enumerate([*people, *addresses]):
            planted.add(name, "people", f"login {at} by {text} accepted")
    in_key = letters(chance, 24)
    planted.secrets.append(in_key)
    planted.add(name, f"token={in_key}", "a session whose name is a secret")
    for number in range(2):
        planted.secrets.append(letters(chance, 24))
        text = f"FATAL error: login to the store has failed, password={planted.secrets[-1]}"
        planted.late.append((f"late{number}".encode(), WRAPPED[name](f"late{number}", text)))
    for value in broken_values(name, chance, planted.secrets):
        planted.broken.append((b"broken", value))
    return planted


def broken_values(name: str, chance: random.Random, secrets: list[str]) -> Iterator[bytes]:
    """Yield records that cannot be read, each with a canary, which is added to `secrets`."""

    def canary() -> str:
        secrets.append(letters(chance, 24))
        return f"token={secrets[-1]}"

    yield marred(WRAPPED[name]("broken", f"{canary()} MARK"))
    if name in {"raw", "syslog", "cri"}:
        return
    yield f'{{"message": "{canary()}'.encode()
    yield orjson.dumps(f"only a string with {canary()}")
    yield orjson.dumps({canary(): canary(), "nothing": [canary()]})


def marred(value: bytes) -> bytes:
    """Return a value, compressed or not, whose mark is bytes that are not text."""
    if value.startswith(GZIP):
        return gzip.compress(marred(gzip.decompress(value)))
    return value.replace(b"MARK", b"\xff\xfe")


@dataclass
class Searched:
    """A search for canaries in all that is handed to `look`."""

    needles: dict[str, str]
    found: dict[str, set[str]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def after(cls, secrets: Iterable[str]) -> Searched:
        """Search for the heads and tails of these."""
        return cls({end: secret for secret in secrets for end in (secret[:ENDS], secret[-ENDS:])})

    def look(self, place: str, blobs: Iterable[bytes | None]) -> None:
        """Keep what came out at a place, unpacked, for the search."""
        texts = self.texts.setdefault(place, [])
        texts.extend(part.decode("latin-1") for blob in blobs for part in opened(blob or b""))

    def leaks(self) -> dict[str, set[str]]:
        """Return the secrets that were found, by place."""
        return {place: found for place, texts in self.texts.items() if (found := self._in(texts))}

    def _in(self, texts: Sequence[str]) -> set[str]:
        hits = pl.Series(texts, dtype=pl.String).str.extract_many(list(self.needles), overlapping=True).explode()
        return {self.needles[hit] for hit in hits.drop_nulls().unique()}


def opened(blob: bytes) -> Iterator[bytes]:
    """Yield bytes and what is compressed in them: a gzip value, and the zstd frames within them."""
    yield blob
    if blob.startswith(GZIP):
        yield gzip.decompress(blob)
    at = blob.find(ZSTD)
    while at >= 0:
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        with suppress(zstandard.ZstdError):  # four bytes may look like a frame's first
            yield from opened(unpacker.decompress(blob[at:]))
        at = blob.find(ZSTD, at + 1)


@dataclass(frozen=True)
class Stored:
    """A record as a segment on the broker's disk holds it."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def own(self) -> Iterator[bytes | None]:
        """Yield the headers."""
        for name, value in self.headers:
            yield name.encode()
            yield value


def stored_under(data: Path) -> Iterator[tuple[str, Stored]]:
    """Yield (topic, record) of all segments, aborted and control records included."""
    for segment in sorted(data.glob("kafka-*/node-*/*/*.log")):
        batches = MemoryRecords(segment.read_bytes())
        while (batch := batches.next_batch()) is not None:
            for record in batch:
                yield segment.parent.name.rpartition("-")[0], Stored(record.key, record.value, tuple(record.headers))


@pytest.fixture
async def own_topics(tmp_path: Path) -> AsyncIterator[Topics]:
    """Topics on a broker whose segments lie under `tmp_path`."""
    cluster = Cluster(data=tmp_path)
    try:
        cluster.start()
    except UnavailableError as error:
        lacking(str(error))
    try:
        async with topics_on(cluster.bootstrap_servers) as made:
            yield made
    finally:
        cluster.close()


async def send(daemon: Daemon, records: Iterable[Send]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=daemon.servers)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(daemon.logs, value, key=key) for key, value in records])
    finally:
        await producer.stop()


def look_at_verbs(name: str, daemon: Daemon, planted: Planted, search: Searched) -> None:
    """Look at what the verbs show and write while the daemon runs; a person's note holds a canary as well."""
    with Typist() as typist:
        look_at_each(name, daemon, planted, search, partial(_typed, typist, daemon))


def _typed(typist: Typist, daemon: Daemon, *words: str) -> bytes:
    return typist.run(*words, "--config", str(daemon.config))


def look_at_each(name: str, daemon: Daemon, planted: Planted, search: Searched, typed: Callable[..., bytes]) -> None:
    """Type the verbs, and look at what each prints."""
    told = orjson.loads(typed("tail", "--from-beginning", "--limit", "1", "--json"))["id"]
    typed("label", told, "normal", "--note", f"as told, token={planted.noted}")
    exported = daemon.folder / "baseline.jsonl"
    limit = ("--from-beginning", "--limit", "1")
    scope = next(iter(orjson.loads(typed("baseline", "inspect", "--json"))["scopes"]))["scope"]
    verbs = (
        ("tail", *limit),
        ("tail", *limit, "--json"),
        ("top", "--once", "--url", f"http://127.0.0.1:{daemon.port}", "--scope", scope, "--limit", "100"),
        ("label", "--list"),
        ("baseline", "inspect", "--limit", "0"),
        ("baseline", "inspect", "--limit", "0", "--json"),
        ("baseline", "export", str(exported)),
    )
    for words in verbs:
        search.look(f"{name}: strayline {' '.join(words[:2])}", [typed(*words)])
    search.look(f"{name}: the exported baseline", [exported.read_bytes()])


def look_at_backtest(name: str, daemon: Daemon, planted: Planted, search: Searched) -> None:
    """Look at what a backtest of the same records prints and leaves behind."""
    log, out = daemon.folder / "records.log", daemon.folder / "backtest"
    log.write_bytes(b"\n".join(value for _, value in [*planted.records, *planted.broken, *planted.late]))
    source = ["--topic", daemon.logs] if name in NO_LINES else [str(log)]
    with Typist() as typist:
        search.look(f"{name}: backtest", [_typed(typist, daemon, "backtest", "--out", str(out), *source)])
    written = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    assert {"verdicts.jsonl", "alerts.jsonl", "report.json", "report.html"} <= written.keys()
    assert b"&lt;SECRET&gt;" in written["report.html"]
    for file, content in written.items():
        search.look(f"{name}: backtest's {file}", [content])


async def configured(name: str, topics: Topics, folder: Path, stub: StubServer) -> Daemon:
    """Make the daemon of a format."""
    own = folder / name
    own.mkdir()
    settings = {
        "engine": {"type": "openai", "model": stub.model, "url": stub.url},
        "logging": {"level": "debug", "format": "json"},
    }
    daemon = await Daemon.make(topics, own, settings=settings)
    schemas = ""
    if name == "protobuf":
        (own / "log.desc").write_bytes(protobuf_schema())
        schemas = f"  schemas: {{any: {own / 'log.desc'}}}\n"
    chosen = f"  format: {name}\n{schemas}  redact: {{emails: true, ips: {str(name == CHOSEN).lower()}}}\n"
    daemon.config.write_text(daemon.config.read_text().replace("input:\n", f"input:\n{chosen}"))
    return daemon


async def run(name: str, daemon: Daemon, planted: Planted, search: Searched) -> None:
    """Give one daemon its records, wait until they are out, and look at what it showed to people."""
    await send(daemon, [*planted.broken, *planted.records])
    await daemon.start()
    await daemon.published("verdicts", len(planted.keys))
    await send(daemon, planted.late)
    verdicts = await daemon.published("verdicts", len(planted.keys) + len(planted.late))
    alerts = await daemon.published("alerts", 1)
    dead = await daemon.published("dead_letters", len(planted.broken))
    sessions = {orjson.loads(record.value)["key"] for record in verdicts}
    assert (len(planted.keys) + len(planted.late), True) == (len(sessions), len(alerts) >= 1), name
    assert [value for _, value in planted.broken] == [record.value for record in dead], name
    await asyncio.to_thread(look_at_verbs, name, daemon, planted, search)
    search.look(f"{name}: metrics", [daemon.get("/metrics")[1].encode()])
    assert 0 == await daemon.end(), name
    search.look(f"{name}: daemon's log", [path.read_bytes() for path in daemon.folder.glob("daemon-*.log")])
    await asyncio.to_thread(look_at_backtest, name, daemon, planted, search)
    for record in (*verdicts, *alerts):
        search.look(f"{name}: {record.topic}", [record.key, record.value, *(text for _, text in record.headers)])
    search.look(f"{name}: dead letters' headers", [text for record in dead for _, text in record.headers])


async def test_no_secret_leaves_in_any_format(own_topics: Topics, tmp_path: Path) -> None:
    """What the daemon publishes, stores, logs, asks and shows holds none of the canaries in its input."""
    assert set(WRAPPED) == set(FORMATS)
    planted = {name: planted_in(name) for name in FORMATS}
    assert all(200 == sum(len(list(plant(random.Random(name)))) for plant in KINDS.values()) for name in FORMATS)
    secrets = {secret for each in planted.values() for secret in each.secrets}
    notes = {each.noted for each in planted.values()}
    search, seeing = Searched.after(secrets | notes), Searched.after(secrets)
    async with stub_server() as stub:
        daemons = {name: await configured(name, own_topics, tmp_path, stub) for name in FORMATS}
        inputs = {daemon.logs for daemon in daemons.values()}
        dead_letters = {daemon.topics["dead_letters"] for daemon in daemons.values()}
        room = asyncio.Semaphore(AT_ONCE)

        async def in_turn(name: str) -> None:
            async with room:
                try:
                    await run(name, daemons[name], planted[name], search)
                finally:
                    daemons[name].close()

        async with asyncio.TaskGroup() as group:
            for name in FORMATS:
                group.create_task(in_turn(name))
        search.look("embedding requests", [orjson.dumps(body) for body in stub.requests])
        search.look("embedding requests' headers", [repr(headers).encode() for headers in stub.headers])
    roles = set()
    for topic, record in stored_under(tmp_path):
        if topic in inputs:
            seeing.look("input", [record.key, record.value])
            continue
        roles.add(topic.rpartition("-")[0] or topic)
        search.look(f"segments of {topic}", record.own())
        if topic in dead_letters:
            seeing.look("dead letters", [record.value])
        else:
            search.look(f"segments of {topic}", [record.key, record.value])

    assert {
        "alerts",
        "verdicts",
        "dead-letters",
        "checkpoints",
        "baseline",
        "observations",
        "__transaction_state",
    } <= roles
    seen = seeing.leaks()
    assert (secrets, True) == (seen["input"], seen["dead letters"] < secrets)
    written = [f"segments of {role}" for role in ("baseline", "alerts", "verdicts", "observations")]
    for place in ("embedding requests", *written):
        assert any("<SECRET>" in text for at, texts in search.texts.items() if at.startswith(place) for text in texts)
    assert {} == search.leaks()
