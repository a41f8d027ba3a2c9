"""One case through the daemon's own chain, and what differs from what was expected.

Formats, masks, sessions and patterns need no engine: without one every pattern gets the same vector, so that
everything runs as usual and only `anomalous` means nothing. The caller skips the cases that expect it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.config_tests.cases import ConfigCase, Expected, ExpectedVerdict, Record, value_of
from daemon.core.stream import Stream, Tools, drive
from daemon.core.types import Batch, ClosedBy, Reject, TopicPartition, Verdict
from daemon.ports import Engine

SOURCE = TopicPartition("test", 0)
CHARACTERS_A_TOKEN = 3


class NoEngine:
    """`ports.Engine` for callers that use no vectors. Tokens are estimated: one for every three characters."""

    model = "none:8"
    dimensions = 8
    max_tokens = 1 << 30

    async def start(self) -> None:
        """Nothing to start."""

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return one token for every three characters, and one per line."""
        counts = (1 + -(-len(line) // CHARACTERS_A_TOKEN) for line in lines)
        return np.fromiter(counts, dtype=np.int32, count=len(lines))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the same row for every text."""
        return np.tile(np.eye(1, self.dimensions, dtype=np.float32), (len(texts), 1))

    def check(self) -> None:
        """Always well."""

    async def close(self) -> None:
        """Nothing to free."""


NO_ENGINE: Engine = NoEngine()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case, and how that differs from what it expects; no difference means passed."""

    case: ConfigCase
    differences: Sequence[str] = ()


@dataclass(slots=True)
class _Output:
    verdicts: list[Verdict] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


async def run_case(case: ConfigCase, make_tools: Callable[[], Tools], engine: Engine) -> Outcome:
    """Run a case with an empty baseline: `make_tools` makes a new detector each time."""
    tools, taught = make_tools(), case.taught()
    await _feed(taught, 0, Stream(SOURCE, tools, teach=True), engine)
    output = await _feed(case.inputs(), len(taught), Stream(SOURCE, tools), engine)
    return Outcome(case, _differences(case.expect, output))


async def _feed(records: Sequence[Record], first: int, stream: Stream, engine: Engine) -> _Output:
    output = _Output()
    batch = Batch(
        SOURCE,
        range(first, first + len(records)),
        [record.timestamp for record in records],
        [record.key.encode() if record.key is not None else None for record in records],
        [value_of(record.value) for record in records],
        [[(name, text.encode()) for name, text in record.headers.items()] for record in records],
    )
    while len(batch):
        pushed = stream.push(batch)
        output.rejects += pushed.rejects
        batch = batch.last(pushed.unread)
    stream.flush(ClosedBy.FLUSH)
    output.verdicts += [verdict async for verdict in drive(stream, engine.embed)]
    return output


def _differences(expect: Expected, output: _Output) -> list[str]:
    verdicts, reasons = output.verdicts, [reject.reason for reject in output.rejects]
    differences: list[str] = []
    if expect.sessions is not None:
        differences += _compare("sessions", expect.sessions, len(verdicts))
    if isinstance(expect.dead_letters, int):
        differences += _compare("dead_letters", expect.dead_letters, len(reasons))
    elif expect.dead_letters is not None:
        differences += _compare_lists("dead_letters", expect.dead_letters, reasons)
    if expect.masked is not None:
        lines = sorted((line.first, line.masked) for verdict in verdicts for line in verdict.session.lines)
        differences += _compare_lists("masked", expect.masked, list(dict.fromkeys(masked for _, masked in lines)))
    if expect.patterns is not None:
        texts = list(dict.fromkeys(verdict.pattern.text for verdict in verdicts))
        differences += _compare_lists("patterns", [text.strip() for text in expect.patterns], texts)
    if expect.verdicts is not None:
        differences += _compare("verdicts", len(expect.verdicts), len(verdicts))
        for number, (wanted, verdict) in enumerate(zip(expect.verdicts, verdicts, strict=False)):
            differences += _verdict(f"verdicts.{number}", wanted, verdict)
    return differences


def _verdict(place: str, wanted: ExpectedVerdict, verdict: Verdict) -> list[str]:
    session, judged = verdict.session, verdict.judgement
    got: dict[str, object] = {
        "key": session.key,
        "scope": session.scope,
        "lines": session.size,
        "closed_by": session.closed_by.value,
        "pattern": verdict.pattern.id,
        "phase": judged.phase.value,
        "anomalous": judged.anomalous,
    }
    asked = wanted.model_dump(exclude_none=True)
    return [text for name, value in asked.items() for text in _compare(f"{place}.{name}", value, got[name])]


def _compare(place: str, wanted: object, got: object) -> list[str]:
    return [] if wanted == got else [f"{place}: expected {wanted!r}, got {got!r}"]


def _compare_lists(place: str, wanted: Sequence[str], got: Sequence[str]) -> list[str]:
    differences = _compare(f"number of {place}", len(wanted), len(got))
    for number in range(max(len(wanted), len(got))):
        left = wanted[number] if number < len(wanted) else None
        right = got[number] if number < len(got) else None
        differences += _compare(f"{place}.{number}", left, right)
    return differences
