"""What tests of the stream share: tools on the fake engine, and batches of interleaved sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter

import orjson

from daemon.core.alerts import Provenance
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.masking import Masker
from daemon.core.sessions import SessionLimits
from daemon.core.stream import Publishing, Tools
from daemon.core.types import Batch, Embeddable, OutRecord, TopicPartition, Vector
from tests.support.fakes import FakeEngine

SOURCE = TopicPartition("logs", 0)
SECOND = 1_000_000
ENGINE = FakeEngine()
ABOUT = Provenance("1.0", ENGINE.model, "config")
PUBLISHING = Publishing("group", "config", verdicts=True, provenance=lambda: ABOUT, timer=perf_counter)


def tools(*, max_lines: int = 100) -> Tools:
    """Return tools with a new detector that judges from the first session on."""
    detector = Detector(DetectorSettings(warm_up=0), ENGINE.model, ENGINE.dimensions)
    limits = SessionLimits(30 * SECOND, 300 * SECOND, max_lines, 4_000, 1_000_000)
    return Tools(FormatSettings(), Masker(), limits, ENGINE.count_tokens, detector)


def record(second: float, key: str, message: str) -> bytes:
    return orjson.dumps({"time": 1_780_000_000 + second, "scope": "shop", "key": key, "message": message})


def traffic(count: int) -> list[bytes]:
    """Return records of five keys, whose sessions end by gap now and then."""
    words = ("started", "read file", "wrote file", "ERROR disk full", "ended")
    return [
        record(number * 4 + 40 * (number // 9), f"key-{number * 7 % 5}", f"worker {words[number * 3 % 5]}")
        for number in range(count)
    ]


def batch(values: Sequence[bytes | None], first: int = 0, source: TopicPartition = SOURCE) -> Batch:
    """Return values as one batch; the first has the offset `first`."""
    count = len(values)
    return Batch(source, range(first, first + count), [-1] * count, [None] * count, values)


def vectors_of(patterns: Iterable[Embeddable]) -> dict[str, Vector]:
    return {pattern.id: ENGINE.vector(pattern.text) for pattern in patterns}


def of_role(records: Iterable[OutRecord], role: str) -> list[OutRecord]:
    return [record for record in records if record.role == role]
