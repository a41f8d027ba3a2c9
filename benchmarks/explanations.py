"""Are explanations true? Without the lines that an incident names, its sessions should be ordinary.

    python -m benchmarks.explanations

The demo's recording goes through the daemon's own core. Of every session that carries a clue about lines, before it is
learned, two copies are judged: one without the lines that are named (of unknown wording, or reading like a warning or a
failure), and one without as many other lines, the least telling ones. The first should carry no clue, the second still
should. Sessions whose every line is named, or that have too few other lines, cannot be tested and are counted.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.quiet.streams import BEGIN, as_json, recording
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.masking import Masker
from daemon.core.observations import cause_of
from daemon.core.sessions import SessionLimits, make_pattern
from daemon.core.stream import Stream, Tools, drive
from daemon.core.types import Batch, ClosedBy, Judgement, Pattern, Phase, SessionClue, TopicPartition, Vector

SOURCE = TopicPartition("explanations", 0)
LIMITS = SessionLimits(30_000_000, 300_000_000, 10_000, 32_000, 1_000_000)
ABOUT_LINES = {SessionClue.NEW, SessionClue.FAILURE}


@dataclass
class Proof:
    """How many sessions were tested, and how many copies carry no clue."""

    sessions: int = 0
    untestable: int = 0
    ordinary_without_named: int = 0
    ordinary_without_others: int = 0


class ProvingDetector(Detector):
    """A detector that judges copies of what carries a clue, before it learns the session."""

    def __init__(self, settings: DetectorSettings, vector: np.ndarray, model: str) -> None:
        super().__init__(settings, model, len(vector))
        self.proof = Proof()
        self._vector = vector

    def judge(
        self,
        pattern: Pattern,
        vector: Vector,
        *,
        end: int,
        source: TopicPartition,
        teach: bool = False,
        learn: bool = True,
    ) -> Judgement:
        """Judge a session; prove it first when it carries a clue about lines."""
        trial = super().judge(pattern, vector, end=end, source=source, learn=False)
        if trial.phase is Phase.LIVE and ABOUT_LINES & set(trial.clues):
            self._prove(pattern, trial, end, source)
        return super().judge(pattern, vector, end=end, source=source, teach=teach, learn=learn)

    def _prove(self, pattern: Pattern, trial: Judgement, end: int, source: TopicPartition) -> None:
        new = {piece.line for piece in trial.evidence if piece.kind == "new"}
        named = {line for line, _ in pattern.lines if line in new or cause_of(line).score > 0}
        others = [line for line, _ in pattern.lines if line not in named]
        self.proof.sessions += 1
        if not named or len(others) <= len(named):
            self.proof.untestable += 1
            return
        self.proof.ordinary_without_named += not self._clues(pattern, named, end, source)
        self.proof.ordinary_without_others += not self._clues(pattern, set(others[-len(named) :]), end, source)

    def _clues(self, pattern: Pattern, without: set[str], end: int, source: TopicPartition) -> set[SessionClue]:
        """Return the clues about the lines that are left; clues about missing lines do not count."""
        left = make_pattern(pattern.scope, {line: count for line, count in pattern.lines if line not in without})
        judgement = super().judge(left, self._vector, end=end, source=source, learn=False)
        return ABOUT_LINES & set(judgement.clues)


async def prove() -> Proof:
    """Return what became of the recording's sessions that carry a clue about lines."""
    engine = make_engine(EngineSettings(type="lite", model="wordllama"))
    await engine.start()
    vector = (await engine.embed(["a usual session"]))[0]
    detector = ProvingDetector(DetectorSettings(warm_up=300), vector, engine.model)
    stream = Stream(SOURCE, Tools(FormatSettings(), Masker(), LIMITS, engine.count_tokens, detector))
    rows = recording()
    for start in range(0, len(rows), 2000):
        values = [as_json(BEGIN + row.at, row) for row in rows[start : start + 2000]]
        count = len(values)
        stream.push(Batch(SOURCE, range(start, start + count), [-1] * count, [None] * count, values))
        async for _ in drive(stream, engine.embed):
            pass
    stream.flush(ClosedBy.FLUSH)
    async for _ in drive(stream, engine.embed):
        pass
    await engine.close()
    return detector.proof


def main() -> int:
    """Print the shares; exit 1 when an explanation is not what it says."""
    proof = asyncio.run(prove())
    tested = proof.sessions - proof.untestable
    named, others = proof.ordinary_without_named / tested, proof.ordinary_without_others / tested
    print(
        f"{proof.sessions} sessions with a clue about lines, {proof.untestable} of them of too few other lines to test"
    )
    print(f"without the lines named: {100 * named:.1f}% ordinary (95% at least)")
    print(f"without as many others:  {100 * others:.1f}% ordinary (5% at most)")
    return int(named < 0.95 or others > 0.05)


if __name__ == "__main__":
    sys.exit(main())
