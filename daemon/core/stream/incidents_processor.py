"""The processor of the observations' topic: decides for all partitions what is told, and publishes it.

Its state is that of the incidents stage, in pieces beside its checkpoint: a transaction writes the alerts it makes and
the pieces they changed. So an incident is told exactly once, whatever crashes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from daemon.core.alerts import Provenance, alert_record
from daemon.core.incidents import (
    HISTORY_KEY,
    IncidentSettings,
    IncidentStage,
    News,
    dump_pieces,
    figures,
    learn,
    load_stage,
)
from daemon.core.messages import dead_letter
from daemon.core.observations import load_observations
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.processor import Load, Publishing, SettledAlert, Settlement, Step
from daemon.core.stream.scope_partitions import ScopePartitions, SplitScope
from daemon.core.types import Batch, OutRecord, RefusedText, Reject, TopicPartition, Vector
from daemon.errors import DataError

OBSERVATION_CLASS = "daemon.core.observations.load_observations"


class IncidentsProcessor:
    """Implements `Processor` for the topic of observations. It has no sessions and needs no vectors.

    With `partitions`, a scope that comes from several partitions is reported.
    """

    def __init__(
        self,
        source: TopicPartition,
        settings: IncidentSettings,
        publishing: Publishing,
        resume: Checkpoint | None,
        partitions: ScopePartitions | None = None,
    ) -> None:
        self._source = source
        self._partitions = partitions
        self._split: list[SplitScope] = []
        self._publishing = publishing
        self._stage: IncidentStage = load_stage(settings, resume.pieces if resume else {})
        self._next = resume.next if resume else 0
        self._outputs: list[OutRecord] = []
        self._alerts: list[SettledAlert] = []
        self._held_back = figures(self._stage).held_back

    @property
    def lost(self) -> int:
        return 0

    @property
    def announces(self) -> bool:
        return False

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:  # noqa: ARG002  # it asks for none
        rejects = Counter[str]()
        if batch is not None:
            about = self._publishing.provenance()
            refused = batch.refused()
            rejects.update(reject.reason for reject in refused)
            self._outputs += [self._dead_letter(batch, reject) for reject in refused]
            for row in batch.readable():
                try:
                    messages = self._read(batch.keys[row], batch.values[row])
                except DataError as error:
                    reject = Reject(row, batch.offsets[row], "bad_observation", str(error))
                    self._outputs.append(self._dead_letter(batch, reject))
                    rejects[reject.reason] += 1
                    continue
                for news in messages:
                    self._publish(news, about)
            self._next = batch.offsets[-1] + 1
        split, self._split = self._split, []
        return Step(Load(outputs=len(self._outputs)), rejects=rejects, split=split)

    def flush(self, idle: float) -> Step:  # noqa: ARG002  # its time is that of the observations
        return Step(Load(outputs=len(self._outputs)))

    def skip(self, offset: int) -> None:
        self._next = max(self._next, offset)

    def take(self) -> Settlement:
        records, self._outputs = self._outputs, []
        alerts, self._alerts = self._alerts, []
        pieces = dump_pieces(self._stage, self._stage.changed)
        self._stage.changed.clear()
        now, before = figures(self._stage), self._held_back
        self._held_back = now.held_back
        let_go = Counter(self._stage.let_go)
        self._stage.let_go.clear()
        sessions, self._stage.sessions = self._stage.sessions, Counter()
        return Settlement(
            records,
            Checkpoint(self._next, config=self._publishing.config, pieces=pieces),
            alerts,
            incidents=now.open,
            told=now.told,
            budgets=now.budgets,
            held_back=Counter(now.held_back) - Counter(before),
            let_go=+let_go,
            sessions=sessions,
            mutes=now.mutes,
        )

    def _read(self, key: bytes | None, value: bytes | None) -> list[News]:
        """Let the stage take in a record; return the news it makes. An imported history makes none."""
        if key == HISTORY_KEY:
            learn(self._stage, value)
            return []
        observations = load_observations(value)
        if self._partitions is not None:
            self._split += self._partitions.note(observations)
        return self._stage.take(observations)

    def _publish(self, news: News, about: Provenance) -> None:
        published = alert_record(news, about)
        self._outputs.append(published.record)
        alert = published.alert
        end = round(news.incident.last * 1e6)
        self._alerts.append(SettledAlert(alert["scope"], alert["severity"], news.event, alert["id"], end))

    def _dead_letter(self, batch: Batch, reject: Reject) -> OutRecord:
        return dead_letter(
            batch, reject, name=self._publishing.group, task=self._source.partition, where=OBSERVATION_CLASS
        )
