"""Sessions: without the lines that are named as evidence, a session has no clue; without as many others, it still has.

A stream goes through the daemon's own core, sessions judged. Of every session that carries a clue about lines, before
it is learned, two copies are judged: one without the lines that the message names as evidence (those with a
contribution), and one without as many other lines, the least telling ones. Counted are the sessions of told incidents.
Those that have no other line, or too few, are not tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.explanations.incidents import Cause, symptoms_of
from benchmarks.explanations.proof import Proof
from benchmarks.quiet.chain import LIMITS
from benchmarks.quiet.recordings import Row
from benchmarks.quiet.streams import as_json
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.core.alerts import Provenance, case_of
from daemon.core.alerts.explanation import explain
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.incidents import IncidentSettings, IncidentStage, News
from daemon.core.masking import Masker
from daemon.core.observations import cause_of
from daemon.core.sessions import make_pattern
from daemon.core.stream import Stream, Tools, drive
from daemon.core.types import (
    Batch,
    ClosedBy,
    Judgement,
    Pattern,
    Phase,
    RefusedText,
    SessionClue,
    TopicPartition,
    Vector,
)

SOURCE = TopicPartition("explanations", 0)
ABOUT = Provenance("20/day", "wordllama", "")
ABOUT_LINES = {SessionClue.NEW, SessionClue.FAILURE}
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Trial:
    """One session: the causes of its lines, and whether its copies still carry a clue; None where not tried."""

    pattern: Pattern
    causes: frozenset[Cause]
    without_named: bool | None
    without_others: bool | None

    def count_in(self, proof: Proof) -> None:
        """Add the session to a proof."""
        proof.count += 1
        if self.without_named is not None:
            proof.named.add(self.pattern.text, right=not self.without_named)
        if self.without_others is not None:
            proof.others.add(self.pattern.text, right=self.without_others)


class ProvingDetector(Detector):
    """A detector that judges copies of what carries a clue, before it learns the session."""

    def __init__(self, settings: DetectorSettings, model: str, dimensions: int) -> None:
        super().__init__(settings, model, dimensions)
        self.trials: list[Trial] = []

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
        """Judge a session; try it first when it carries a clue about lines."""
        trial = super().judge(pattern, vector, end=end, source=source, learn=False)
        if trial.phase is Phase.LIVE and ABOUT_LINES & set(trial.clues):
            self.trials.append(self._try(pattern, vector, trial, end, source))
        return super().judge(pattern, vector, end=end, source=source, teach=teach, learn=learn)

    def judge_all(
        self,
        sessions: Iterable[tuple[Pattern, int]],
        vectors: Mapping[str, Vector | RefusedText],
        source: TopicPartition,
    ) -> list[Judgement]:
        """Judge none together: each session is tried."""
        judged = list[Judgement]()
        for pattern, end in sessions:
            vector = vectors.get(pattern.id)
            if vector is None or isinstance(vector, RefusedText):
                break
            judged.append(self.judge(pattern, vector, end=end, source=source))
        return judged

    def _try(self, pattern: Pattern, vector: Vector, judged: Judgement, end: int, source: TopicPartition) -> Trial:
        named, others = _lines(pattern, judged)

        def carries(without: list[str]) -> bool:
            left = {line: count for line, count in pattern.lines if line not in without}
            copy = super(ProvingDetector, self).judge(
                make_pattern(pattern.scope, left), vector, end=end, source=source, learn=False
            )
            return bool(ABOUT_LINES & set(copy.clues))

        causes = frozenset((pattern.scope, cause_of(line).id) for line, _ in pattern.lines)
        without_named = carries(named) if others else None
        without_others = carries(others[-len(named) :]) if named and len(others) >= len(named) else None
        return Trial(pattern, causes, without_named, without_others)


def _lines(pattern: Pattern, judged: Judgement) -> tuple[list[str], list[str]]:
    """Return the lines that an explanation names as evidence, and the others, the most telling first."""
    explained = explain(JudgedLines(judged, pattern.id, pattern.lines)).lines
    named = [each.masked for each in explained if each.contribution > 0]
    return named, [each.masked for each in explained if not each.contribution > 0]


async def prove_sessions(stream: Iterable[tuple[float, Row]], warm_up: int) -> Proof:
    """Return what became of the sessions of told incidents."""
    engine = make_engine(EngineSettings(type="lite", model="wordllama"))
    await engine.start()
    detector = ProvingDetector(DetectorSettings(warm_up=warm_up), engine.model, engine.dimensions)
    chain = Stream(SOURCE, Tools(FormatSettings(), Masker(), LIMITS, engine.count_tokens, detector))
    stage, news = IncidentStage(IncidentSettings(warm_up=warm_up)), list[News]()
    values = [as_json(at, row) for at, row in stream]
    for start in range(0, len(values) + BATCH, BATCH):
        part = values[start : start + BATCH]
        if part:
            chain.push(Batch(SOURCE, range(start, start + len(part)), [-1] * len(part), [None] * len(part), part))
        else:
            chain.flush(ClosedBy.FLUSH)
        async for verdict in drive(chain, engine.embed):
            if verdict.judgement.anomalous:
                chain.observer.case(case_of(verdict, ABOUT))
        news += stage.take(chain.observer.take(chain.watermark))
    await engine.close()
    told = {(s.scope, s.cause) for symptoms in symptoms_of(news, stage).values() for s in symptoms}
    proof = Proof()
    for trial in detector.trials:
        if trial.causes & told:
            trial.count_in(proof)
    return proof
