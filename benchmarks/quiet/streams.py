"""Hours of traffic without a fault, made of a recording, and then its faults.

The quiet part of the recording is repeated, with a change by `Mode`; then the whole recording follows once. Each
repetition has session keys of its own, so that equal sessions are separate ones.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum

from benchmarks.quiet.recordings import Recording, Row
from benchmarks.quiet.rollout import SCOPES, Rollout

BEGIN = 1_760_000_000.0
_VALUES = re.compile(r"[0-9a-f]{6,}|[0-9]+")
_STEMS = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "kelp", "larch"),
    *("maple", "nylon", "ochre", "pearl", "quill", "raven", "slate", "tulip", "umber", "vetch", "willow", "yarrow"),
    "zephyr",
)
_WORDS = [stem + end for stem in _STEMS for end in ("ing", "ed", "er", "ly", "ish", "ness", "", "al")]


class Mode(StrEnum):
    """What changes in the quiet part."""

    PLAIN = "plain"
    RESAMPLE = "resample"
    DOUBLE = "double"
    BATCH = "batch"
    DEPLOY = "deploy"
    DRIFT = "drift"
    NOVEL = "novel"
    NOVELFAM = "novelfam"
    NOVELERR = "novelerr"
    RELEASE = "release"


class Maker:
    """Makes one stream: `repetitions` of the quiet part, and the recording. Yields (seconds since the epoch, row)."""

    def __init__(self, recorded: Recording, mode: Mode, repetitions: int, seed: int = 1) -> None:
        self.rows, self.span = recorded.rows, recorded.quiet_span
        self.faults_from = BEGIN + repetitions * self.span
        self._mode, self._repetitions = mode, repetitions
        self._random = random.Random(seed)
        self._reworded: set[str] = set()
        self._shapes = {row.message: _VALUES.sub("#", row.message)[:200] for row in self.rows}
        self._sessions: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.rows:
            if row.at < self.span:
                self._sessions[row.scope, row.key].append(row)
        self._rollout = self._release() if mode is Mode.RELEASE else None

    def __iter__(self) -> Iterator[tuple[float, Row]]:
        held: list[tuple[float, Row]] = []
        for turn in range(self._repetitions):
            self._change(turn)
            begin, end = turn * self.span, (turn + 1) * self.span
            held = sorted([*held, *self._quiet(turn, begin)], key=lambda pair: pair[0])
            yield from ((BEGIN + at, row) for at, row in held if at < end)
            held = [pair for pair in held if pair[0] >= end]
        begin = self._repetitions * self.span
        faulty = sorted([*held, *self._faulty(begin)], key=lambda pair: pair[0])
        yield from ((BEGIN + at, row) for at, row in faulty)

    def _release(self) -> Rollout:
        shapes = {self._shapes[row.message] for row in self.rows if row.scope in SCOPES and row.at < self.span}
        begins = max(self._repetitions - 2, 0) * self.span  # in a shorter history harmless news is not rare enough
        return Rollout(begins, shapes, self._harmless, self._random)

    def _harmless(self) -> str:
        a, b, c, d, e, f = self._words()
        return f"INFO {a}.{b}: {c} {d} {e} {f}"

    def _words(self) -> list[str]:
        return [*self._random.sample(_WORDS, 5), self._random.choice(_WORDS)]

    def _change(self, turn: int) -> None:
        shapes = sorted({self._shapes[row.message] for row in self.rows if row.at < self.span})
        if self._mode is Mode.DEPLOY and turn == self._repetitions // 2:
            self._reworded = set(self._random.sample(shapes, len(shapes) // 5))
        if self._mode is Mode.DRIFT and turn:
            self._reworded |= set(self._random.sample(shapes, max(1, len(shapes) // 100)))

    def _quiet(self, turn: int, begin: float) -> Iterator[tuple[float, Row]]:
        for _, lines in sorted(self._sessions.items()):
            for copy, shift in enumerate(self._copies(turn, lines)):
                key = f"{lines[0].key}{f'.{copy}' if copy else ''}~{turn}"
                yield from self._begun(begin + lines[0].at + shift, lines[0], key)
                yield from ((begin + row.at + shift, self._row(row, key)) for row in lines)
                if self._mode.startswith("novel") and self._random.random() < self._often:
                    yield begin + lines[0].at + shift + 0.001, self._novelty(lines[0], key)
        if self._mode is Mode.BATCH and turn % 10 == 5:
            yield from self._batch(turn, begin)

    def _copies(self, turn: int, lines: list[Row]) -> Iterator[float]:
        """Yield by how much each copy of a session is moved."""
        if self._mode is Mode.RESAMPLE and len(lines) < 60:
            count = sum(self._random.random() < 1 / 20 for _ in range(20))
            yield from (self._random.uniform(0, self.span) - lines[0].at for _ in range(count))
            return
        yield 0.0
        if self._mode is Mode.DOUBLE and turn >= self._repetitions // 2:
            yield self._random.uniform(0, 5)

    def _faulty(self, begin: float) -> Iterator[tuple[float, Row]]:
        begun: set[tuple[str, str]] = set()
        for row in self.rows:
            key = f"{row.key}~F"
            first = (row.scope, key) not in begun
            if first:
                begun.add((row.scope, key))
                yield from self._begun(begin + row.at, row, key)
            yield begin + row.at, self._row(row, key, row.number)
            if first and self._mode.startswith("novel") and self._random.random() < self._often:
                yield begin + row.at, self._novelty(row, key)

    def _begun(self, at: float, first: Row, key: str) -> Iterator[tuple[float, Row]]:
        """Choose the version of a session that begins; yield the line that only the new version has."""
        if self._rollout is None or first.scope not in SCOPES:
            return
        self._rollout.session(key, at)
        feature = self._rollout.feature(key)
        if feature is not None:
            yield at, replace(self._row(first, key), message=feature)

    def _row(self, row: Row, key: str, number: int = -1) -> Row:
        shape = self._shapes[row.message]
        message = f"{row.message} (line of the new release)" if shape in self._reworded else row.message
        if self._rollout is None or row.scope not in SCOPES:
            return Row(row.at, row.scope, key, row.level, message, number)
        message, version = self._rollout.message(key, shape, message), self._rollout.version(key)
        return Row(row.at, row.scope, key, row.level, message, number, version)

    @property
    def _often(self) -> float:
        return 1 / 5000 if self._mode is Mode.NOVELERR else 1 / 200

    def _novelty(self, like: Row, key: str) -> Row:
        return Row(like.at, like.scope, key, like.level, self._new())

    def _new(self) -> str:
        if self._mode is Mode.NOVEL:
            return self._harmless()
        a, b, c, d, e, _ = self._words()
        if self._mode is Mode.NOVELFAM:
            return f"INFO app: profile of customer {a} was read from the store again"
        return f"ERROR {a}.{b}: {c} {d} {e} failed"

    def _batch(self, turn: int, begin: float) -> Iterator[tuple[float, Row]]:
        for number in range(200):
            messages = [
                f"INFO nightly.export: export of partition {number} begins",
                f"DEBUG nightly.export: {number * 37} rows read from archive",
                f"INFO nightly.export: export of partition {number} is done",
            ]
            if number % 10 == 3:
                messages.append(f"WARN nightly.export: partition {number} was empty, nothing exported")
            if number == 100:
                messages.append("ERROR nightly.export: target throttled us, waiting 30 s")
            for place, message in enumerate(messages):
                at = begin + 60 + number * 0.3 + place * 0.05
                yield at, Row(at, "shop", f"batch-{turn}-{number}", None, message)


def as_json(at: float, row: Row) -> bytes:
    """Return a line as the daemon reads it without configuration."""
    document = {"time": round(at * 1000), "scope": row.scope, "key": row.key, "level": row.level}
    stated = {"version": row.version} if row.version is not None else {}
    return json.dumps({**document, **stated, "message": row.message}).encode()
