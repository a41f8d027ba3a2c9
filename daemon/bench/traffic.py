"""Generated traffic: sessions of twenty lines from a fixed set of patterns, in the manner of a distributed file system.

A pattern is a handful of kinds of lines with counts; common patterns are far more frequent than others. Every line has
its own numbers, addresses and ids, and the lines of a session come in any order among those of many other sessions:
what masks and the canonical rendering are for. Event time runs so that about `open_keys` sessions are open at a time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from daemon.core.types import Batch, TopicPartition

DAY_US = 86_400_000_000
SCOPE = "hdfs"
_SHAPES = (
    "INFO dfs.DataXceiver: Receiving block blk_{block} src: /10.250.{b}.6:{port} dest: /10.250.{b}.7:50010",
    "INFO dfs.FSNamesystem: NameSystem.addStoredBlock: 10.251.{b}.110:50010 is added to blk_{block} size {size}",
    "INFO dfs.DataNode$PacketResponder: PacketResponder {b} for block blk_{block} terminating",
    "INFO dfs.DataNode$PacketResponder: Received block blk_{block} of size {size} from /10.250.{b}.6",
    "INFO dfs.FSNamesystem: NameSystem.allocateBlock: /user/root/rand{b}/_task_{port}_m_{b}/part-{b}. blk_{block}",
    "INFO dfs.FSDataset: Deleting block blk_{block} file /mnt/hadoop/dfs/data/current/subdir{b}/blk_{block}",
    "INFO dfs.DataBlockScanner: Verification succeeded for blk_{block}",
    "INFO dfs.DataNode: 10.251.{b}.30:50010 Starting thread to transfer block blk_{block} to 10.251.{b}.31:50010",
    "INFO dfs.DataNode$DataXceiver: 10.251.{b}.6:50010 Served block blk_{block} to /10.250.{b}.7",
    "WARN dfs.DataNode$DataXceiver: 10.251.{b}.6:50010:Got exception while serving blk_{block} to /10.251.{b}.7:",
)


@dataclass(frozen=True, slots=True)
class TrafficSettings:
    """What traffic to make. `gap_us` is the sessions' idle gap in microseconds; the rest are counts.

    `fresh` gives every session lines of its own that nobody has seen before: new patterns, new masked lines.
    """

    gap_us: int
    open_keys: int = 1_000
    patterns: int = 140
    lines_a_session: int = 20
    fresh: bool = False


class LogTraffic:
    """An endless stream of (time in microseconds, key, value); equal arguments give equal lines."""

    def __init__(self, settings: TrafficSettings, start_us: int, seed: int = 7) -> None:
        """Begin at `start_us`, microseconds; in Kafka, what is older than the topic's retention vanishes."""
        self._settings = settings
        self._chance = random.Random(seed)  # noqa: S311  # logs, not secrets
        self._patterns = _patterns(settings.patterns, settings.lines_a_session)
        self._weights = [1.0 / (rank + 1) for rank in range(len(self._patterns))]
        self._sessions = 0
        # Half of the open sessions still get lines, the other half wait out the gap.
        self._active = max(1, settings.open_keys // 2)
        self._step_us = max(1, settings.gap_us // (self._active * settings.lines_a_session))
        self._now = start_us
        self._slots = [self._session() for _ in range(self._active)]

    def lines(self, count: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield the next `count` lines; sessions under way continue with the next call."""
        chance, slots = self._chance, self._slots
        for _ in range(count):
            at = chance.randrange(len(slots))
            key, block, left = slots[at]
            shape = left.pop()
            if not left:
                slots[at] = self._session()
            self._now += self._step_us
            message = shape.format(
                block=block, b=chance.randrange(255), port=chance.randrange(30_000, 60_000), size=chance.getrandbits(26)
            )
            stamp = datetime.fromtimestamp(self._now / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            value = orjson.dumps({"time": stamp, "scope": SCOPE, "key": key, "message": message})
            yield self._now, key.encode(), value

    def _session(self) -> tuple[str, int, list[str]]:
        self._sessions += 1
        lines = list(self._chance.choices(self._patterns, self._weights)[0])
        if self._settings.fresh:
            lines = [f"{line} step {_letters(self._sessions)}{_letters(at)}" for at, line in enumerate(lines)]
        self._chance.shuffle(lines)
        block = self._chance.getrandbits(60)
        return f"blk_{block}", block, lines


def as_batch(source: TopicPartition, first: int, rows: Sequence[tuple[int, bytes, bytes]]) -> Batch:
    """Return lines as records from the offset `first` on, as a broker would hand them out."""
    times, keys, values = [at // 1000 for at, _, _ in rows], [key for _, key, _ in rows], [v for _, _, v in rows]
    return Batch(source, range(first, first + len(rows)), times, keys, values)


def _patterns(count: int, lines: int) -> Sequence[Sequence[str]]:
    chance = random.Random(11)  # noqa: S311
    patterns: dict[tuple[str, ...], None] = {}
    while len(patterns) < count:
        kinds = chance.sample(_SHAPES, chance.randint(4, 7))
        patterns[tuple(sorted(kinds + chance.choices(kinds, k=lines - len(kinds))))] = None
    return list(patterns)


def _letters(number: int) -> str:
    """Return a word that no mask takes for a number."""
    word = ""
    while True:
        number, digit = divmod(number, 20)
        word += "ghjklmnpqrstuvwxyzio"[digit]
        if not number:
            return word
