"""Whether the console's previews and replays of mutes and labels are what these then do: python -m benchmarks.preview

The demo's recording is observed once, with an engine that only distinguishes texts: what is told comes from
lines. For every cause that was told, and for every service, the observations are then replayed with that mute in
force, and what is not told any more is compared with what the console's archive previews of the first run. An
incident of the replay is the same as one of the first run when it begins with the same symptom at the same time.

A label changes what is known. So for `normal` the recording runs, the label is given, and the same traffic runs once
more after the window is over, when everything else is forgotten.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.quiet.recordings import recording
from daemon.console.archive import Archive
from daemon.console.mute_queries import would_silence
from daemon.console.replay.comparison import changes
from daemon.console.replay.replays import run_replay
from daemon.console.retention import Retention
from daemon.console.word_queries import word_would_silence
from daemon.core.alerts import Provenance, alert_record, case_of
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.incidents import TOLD, IncidentSettings, IncidentStage, News, ReplayTerms
from daemon.core.masking import Masker
from daemon.core.observations import MuteOrder, Observations, Said, dump_observations
from daemon.core.sessions import SessionLimits
from daemon.core.stream import Stream, Tools, drive
from daemon.core.types import Batch, ClosedBy, TopicPartition

SECOND = 1_000_000
BATCH = 500
DIMENSIONS = 32
ABOUT = Provenance("20/day", "none", "benchmark")
FAR = 2**61


@dataclass(frozen=True, slots=True)
class Compared:
    """One mute or label: what the preview shows, what the stage leaves out, and what the console's replay leaves out.

    All are ids of incidents.
    """

    scope: str
    cause: str
    previewed: frozenset[str]
    silenced: frozenset[str]
    replayed: frozenset[str]

    @property
    def exact(self) -> bool:
        """Whether all three are equal."""
        return self.previewed == self.silenced == self.replayed


async def observe(rows: Sequence[bytes]) -> list[Observations]:
    """Return all that is observed of records, in order."""
    tools = Tools(
        FormatSettings(),
        Masker(),
        SessionLimits(5 * SECOND, 300 * SECOND, 10_000, 32_000, 1_000_000),
        lambda texts: np.array([len(text) // 4 + 1 for text in texts], np.int32),
        Detector(DetectorSettings(warm_up=300), "none", DIMENSIONS),
    )
    stream, observed = Stream(TopicPartition("logs", 0), tools), []

    async def judged() -> None:
        async for verdict in drive(stream, embed):
            if verdict.judgement.anomalous:
                stream.observer.case(case_of(verdict, ABOUT))
        observed.append(stream.observer.take(stream.watermark))

    for first in range(0, len(rows), BATCH):
        values = rows[first : first + BATCH]
        count = len(values)
        stream.push(Batch(TopicPartition("logs", 0), range(first, first + count), [-1] * count, [None] * count, values))
        await judged()
    stream.flush(ClosedBy.FLUSH)
    await judged()
    return observed


async def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return a vector for each text that only equal texts share."""
    seeds = [int.from_bytes(text.encode()[:64] + len(text).to_bytes(4, "big"), "big") for text in texts]
    vectors = np.stack([np.random.default_rng(seed).normal(size=DIMENSIONS) for seed in seeds])
    scaled: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def told(observed: Sequence[Observations], order: MuteOrder | None = None) -> list[News]:
    """Return the news of a replay, with a mute in force from its beginning on."""
    stage = IncidentStage(SETTINGS)
    if order is not None:
        stage.take(replace(observed[0], traffic=(), sightings=(), cases=(), mutes=[order]))
    return [news for observations in observed for news in stage.take(observations)]


SETTINGS = IncidentSettings(warm_up=300)


class Replays:
    """What the console's page of replays says of the same observations."""

    def __init__(self, observed: Sequence[Observations]) -> None:
        self._records = [(None, dump_observations(one)) for one in observed]
        self._before = run_replay(self._records, ReplayTerms(SETTINGS))

    def muted(self, scope: str, cause: str) -> frozenset[str]:
        """Return the incidents that a mute takes away."""
        return self._gone(ReplayTerms(SETTINGS, (), [MuteOrder(scope, cause, FAR, [cause] if cause else [])]))

    def normal(self, scope: str, cause: str) -> frozenset[str]:
        """Return the incidents that `normal` on the headline of some takes away."""
        heads = {name: _headline(told.news) for name, told in self._before.told.items()}
        named = [name for name, head in heads.items() if head == (scope, cause)]
        known = [one for name in named for one in self._before.told[name].causes.values()]
        return self._gone(ReplayTerms(SETTINGS, known))

    def _gone(self, terms: ReplayTerms) -> frozenset[str]:
        rows = changes(self._before.told, run_replay(self._records, terms).told)
        return frozenset(row.shown.news.incident.id for row in rows if row.word == "goes")


WEEKS = 8 * 86_400
"""Seconds after which the same traffic comes again: longer than the window."""


def later(observations: Observations) -> Observations:
    """Return the same observations after the window."""
    shift = WEEKS * SECOND
    return replace(
        observations,
        clock=None if observations.clock is None else observations.clock + shift,
        traffic=[one._replace(time=one.time + shift) for one in observations.traffic],
        sightings=[replace(one, time=one.time + shift) for one in observations.sightings],
        cases=[],
    )


def told_later(
    stage: IncidentStage, observed: Sequence[Observations], said: Said | None = None
) -> dict[tuple[str, str, int], News]:
    """Return what a stage that knows the traffic tells of it after the window, by `beginning`; `said` comes between."""
    stage = copy.deepcopy(stage)
    if said is not None:
        stage.take(replace(observed[-1], traffic=(), sightings=(), cases=(), said=[said]))
    news = [one for observations in observed for one in stage.take(later(observations))]
    return {beginning(one, WEEKS): one for one in news if one.event in TOLD}


def _headline(news: News) -> tuple[str, str]:
    """Return scope and cause of the symptom that speaks for an incident."""
    head = news.incident.symptoms[news.incident.headline]
    return head.scope, head.cause


def beginning(news: News, shift: float = 0.0) -> tuple[str, str, int]:
    """Return what identifies an incident in two runs: scope and cause of the first symptom, and the second it began."""
    first = news.incident.symptoms[0]
    return first.scope, first.cause, round(news.incident.onset - shift)


def compare_words(observed: Sequence[Observations]) -> Iterator[Compared]:
    """Yield `normal` on the headline of every incident that is told both times."""
    stage = IncidentStage(SETTINGS)
    news = [one for observations in observed for one in stage.take(observations)]
    archive, names = archived(news), {one.incident.id: beginning(one) for one in news}
    replays = Replays(observed)
    plain = told_later(stage, observed)
    first = [one for one in news if one.event in TOLD and beginning(one) in plain]
    for scope, cause in dict.fromkeys(map(_headline, first)):
        again = told_later(stage, observed, Said(scope, cause, "normal", [cause]))
        shown = word_would_silence(archive.connection, scope, cause, limit=1_000).latest
        previewed = {identity for identity, _ in shown if names[identity] in plain}
        silenced = {one.incident.id for one in first if beginning(one) not in again}
        replayed = {identity for identity in replays.normal(scope, cause) if names[identity] in plain}
        yield Compared(scope, cause, frozenset(previewed), frozenset(silenced), frozenset(replayed))
    archive.close()


def archived(news: Sequence[News]) -> Archive:
    """Return a console's archive that has read the messages."""
    archive = Archive(None, feedback="feedback", baseline="baseline", retention=Retention())
    values = [alert_record(one, ABOUT).record.value for one in news]
    count = len(values)
    times = [round(one.incident.last * 1e3) for one in news]
    archive.store([Batch(TopicPartition("alerts", 0), range(count), times, [None] * count, values)])
    return archive


def compare(observed: Sequence[Observations]) -> Iterator[Compared]:
    """Yield every mute of a cause that was told, and of every service."""
    news = told(observed)
    archive, replays = archived(news), Replays(observed)
    first = [one for one in news if one.event in TOLD]
    heads = {_headline(one) for one in first}
    targets = heads | {(scope, "") for scope, _ in heads}
    for scope, cause in sorted(targets):
        again = told(observed, MuteOrder(scope, cause, FAR, [cause] if cause else []))
        left = {one.incident.id for one in again if one.event in TOLD}
        silenced = frozenset(one.incident.id for one in first if one.incident.id not in left)
        shown = would_silence(archive.connection, scope, cause, limit=1_000)
        previewed = frozenset(identity for identity, _ in shown.latest)
        yield Compared(scope, cause, previewed, silenced, replays.muted(scope, cause))
    archive.close()


def records() -> list[bytes]:
    """Return the demo's recording as records."""
    return [
        orjson.dumps(
            {
                "time": 1_760_000_000 + row.at,
                "scope": row.scope,
                "key": row.key,
                "message": f"{row.level or ''} {row.message}".strip(),
            }
        )
        for row in recording().rows
    ]


def main() -> None:
    """Print a row for each mute and each label, and how many previews are exact."""
    observed = asyncio.run(observe(records()))
    for what, compared in (("mutes", compare(observed)), ("words", compare_words(observed))):
        began, rows = time.perf_counter(), []
        for row in compared:
            rows.append(row)
            previewed, silenced = len(row.previewed), len(row.silenced)
            differing = len(row.previewed ^ row.silenced), len(row.previewed ^ row.replayed)
            verdict = "exact" if row.exact else f"differs by {differing[0]}, on the page of replays by {differing[1]}"
            name = row.cause or "service"
            print(f"{row.scope:<24} {name:<18} previewed {previewed:>3}, silenced {silenced:>3}: {verdict}")
        exact = sum(row.exact for row in rows)
        seconds = (time.perf_counter() - began) / (len(rows) + 1)
        print(f"{exact} of {len(rows)} previews of {what} are exact; a replay took {seconds:.2f} s")


if __name__ == "__main__":
    main()
