"""The processor of a topic of documents: each record is one document, checked against a base.

    record -> name and bytes -> parser -> redaction -> clauses -> (vector) -> check -> verdict, observations

Documents are settled in the order of their offsets. The checkpoint stands before the first that waits for its turn or
its vector, so a dead letter leaves in the transaction that passes its offset, like a verdict.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from daemon.core.documents import KeptDocument, Thresholds
from daemon.core.messages import REFUSED_TEXT, dead_letter, verdict_record
from daemon.core.observations import BIN_US, Case, Observations, Sighting, Traffic, dump_observations
from daemon.core.stream import Checkpoint, Load, Publishing, ReportClock, Settlement, Step
from daemon.core.types import Batch, Embeddable, OutRecord, RefusedText, Reject, TopicPartition, Vector, Verdict
from daemon.documents.departures import causes_of
from daemon.documents.judged_document import JudgedDocument
from daemon.documents.library import document_text, make_document
from daemon.documents.record import name_and_content
from daemon.documents.standards import Standards
from daemon.errors import DataError
from daemon.ports import DocumentReader

STEP_SECONDS = 0.2
"""After it a step ends, and leaves the rest to the next one."""
MOST_WAITING = 64
"""Most documents that wait for their vectors; no more are read before."""
LATEST_MS = 253_402_300_800_000
"""Upper bound of a record's timestamp, which a producer may set to anything: the year 10000."""
ODD = 1.0
"""The failure score of an odd document: that of an error."""
READER_CLASS = "daemon.ports.DocumentReader"


@dataclass(frozen=True, slots=True)
class DocumentTools:
    """What all processors of documents share. `redact` hides secrets, `count_tokens` counts the engine's tokens."""

    standards: Standards
    reader: DocumentReader
    thresholds: Thresholds
    redact: Callable[[str], str]
    count_tokens: Callable[[Sequence[str]], NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class _Text:
    """A document's text, to be embedded."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A record that was read and is not settled: its document, or why it has none. `batch` is this record alone."""

    batch: Batch
    document: KeptDocument | None = None
    remark: str = ""
    reject: Reject | None = None

    @property
    def offset(self) -> int:
        return self.batch.offsets[0]

    @property
    def time(self) -> int:
        return min(max(self.batch.timestamps[0], 0), LATEST_MS) * 1000


class DocumentProcessor:
    """Implements `core.stream.Processor` for a topic of documents."""

    def __init__(
        self, source: TopicPartition, tools: DocumentTools, publishing: Publishing, resume: Checkpoint | None
    ) -> None:
        self._source = source
        self._tools = tools
        self._publishing = publishing
        self._next = resume.next if resume else 0
        self._watermark = resume.watermark if resume else None
        self._clock = ReportClock()
        self._unread: deque[Batch] = deque()
        self._waiting: deque[_Waiting] = deque()
        self._needed: Counter[str] = Counter()
        self._vectors: dict[str, Vector | RefusedText] = {}
        self._outputs: list[OutRecord] = []
        self._traffic: Counter[int] = Counter()
        self._sightings: list[Sighting] = []
        self._cases: list[Case] = []

    @property
    def lost(self) -> int:
        """See `core.stream.Processor`."""
        return 0

    @property
    def announces(self) -> bool:
        """See `core.stream.Processor`."""
        return False

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:
        """See `core.stream.Processor`."""
        if batch is not None:
            self._clock.idle = 0.0
            self._unread += [batch.rows([row]) for row in range(len(batch))]
        self._vectors.update(vectors)
        began, read = self._publishing.timer(), 0
        missing: list[Embeddable] = []
        verdicts: list[Verdict] = []
        rejects = Counter[str]()
        while self._more and self._publishing.timer() - began < STEP_SECONDS:
            if self._ready:
                self._settle(self._waiting.popleft(), verdicts, rejects)
            else:
                missing += self._read(self._unread.popleft())
                read += 1
        return Step(
            self._load(),
            read,
            rejects=rejects,
            verdicts=verdicts,
            missing=missing,
            more=self._more,
            judging_seconds=self._publishing.timer() - began,
        )

    def flush(self, idle: float) -> Step:
        """See `core.stream.Processor`."""
        self._clock.idle = idle
        return Step(self._load())

    def skip(self, offset: int) -> None:
        """See `core.stream.Processor`."""
        self._next = max(self._next, offset)

    def take(self) -> Settlement:
        """See `core.stream.Processor`."""
        records, self._outputs = self._outputs, []
        now = self._clock.now(self._watermark)
        observations = self._observations(now)
        if observations or self._clock.is_due(now):
            self._clock.told = now
            key = str(self._source).encode()
            records.append(OutRecord("observations", key, dump_observations(observations), partition=0))
        return Settlement(records, Checkpoint(self._next, self._watermark, config=self._publishing.config))

    @property
    def _ready(self) -> bool:
        """Whether the first waiting record can be settled."""
        if not self._waiting:
            return False
        document = self._waiting[0].document
        return document is None or document.id in self._vectors

    @property
    def _more(self) -> bool:
        """Whether there is something to do without a new record or vector."""
        return self._ready or bool(self._unread and len(self._waiting) < MOST_WAITING)

    def _read(self, batch: Batch) -> Iterable[Embeddable]:
        """Read one record; return the text that must be embedded for it, if there is one."""
        offset, redact = batch.offsets[0], self._tools.redact
        if refused := batch.refused():
            self._waiting.append(_Waiting(batch, reject=refused[0]))
            return []
        try:
            name, content = name_and_content(batch, 0)
        except DataError as error:
            self._waiting.append(_Waiting(batch, reject=Reject(0, offset, "bad_document", str(error))))
            return []
        read = self._tools.reader.read_bytes(name, content)
        if read.status != "read":
            reason = "empty_document" if read.status == "empty" else "bad_document"
            self._waiting.append(_Waiting(batch, reject=Reject(0, offset, reason, redact(read.reason))))
            return []
        blocks = [replace(block, text=redact(block.text)) for block in read.blocks]
        document = make_document(redact(name), read.format, blocks)
        self._waiting.append(_Waiting(batch, document, redact(read.reason)))
        self._needed[document.id] += 1
        asked = self._needed[document.id] > 1 or document.id in self._vectors
        return [] if asked else [_Text(document.id, document_text(document))]

    def _settle(self, waiting: _Waiting, verdicts: list[Verdict], rejects: Counter[str]) -> None:
        """Make the outputs of one record, which has all that it needs."""
        self._next = waiting.offset + 1
        reject, document = waiting.reject, waiting.document
        if document is not None:
            vector = self._vectors[document.id]
            self._needed[document.id] -= 1
            if not self._needed[document.id]:
                del self._needed[document.id], self._vectors[document.id]
            if isinstance(vector, RefusedText):
                reject = Reject(0, waiting.offset, REFUSED_TEXT, vector.detail)
            else:
                verdicts.append(self._judge(waiting, replace(document, vector=vector)))
        if reject is not None:
            rejects[reject.reason] += 1
            self._outputs.append(self._dead_letter(waiting.batch, reject))

    def _judge(self, waiting: _Waiting, document: KeptDocument) -> Verdict:
        tools, scope, time = self._tools, self._tools.standards.base, waiting.time
        check = tools.standards.check(document)
        tokens = int(tools.count_tokens([document_text(document)])[0])
        remark = "; ".join(filter(None, (waiting.remark, tools.standards.remark)))
        judged = JudgedDocument(self._source, waiting.offset, time, scope, document, tokens, check, remark)
        verdict = judged.verdict()
        self._watermark = max(self._watermark or 0, time)
        self._traffic[time - time % BIN_US] += 1
        if self._publishing.verdicts:
            self._outputs.append(verdict_record(verdict))
        if check.odd:
            causes = dict(causes_of(check, document.name, document.id, tools.thresholds))
            place = str(waiting.offset)
            self._sightings += [
                Sighting(scope, cause, ODD, time, 1, "", tools.redact(text), document.name, place)
                for cause, text in causes.items()
            ]
            self._cases.append(judged.case(self._publishing.provenance(), list(causes), tools.redact))
        return verdict

    def _observations(self, clock: int | None) -> Observations:
        """Return what was observed since the last call, in order of time."""
        scope = self._tools.standards.base
        observations = Observations(
            source=str(self._source),
            clock=clock,
            traffic=[Traffic(scope, time, count) for time, count in sorted(self._traffic.items())],
            sightings=sorted(self._sightings, key=lambda sighting: sighting.time),
            cases=self._cases,
        )
        self._traffic, self._sightings, self._cases = Counter(), [], []
        return observations

    def _dead_letter(self, batch: Batch, reject: Reject) -> OutRecord:
        publishing, task = self._publishing, self._source.partition
        redaction = publishing.redaction
        return dead_letter(batch, reject, name=publishing.group, task=task, where=READER_CLASS, redaction=redaction)

    def _load(self) -> Load:
        waiting = len(self._unread) + len(self._waiting)
        due = self._clock.idle > 0 and self._clock.is_due(self._clock.now(self._watermark))
        return Load(
            waiting=waiting,
            outputs=len(self._outputs) + len(self._cases) + due,
            listening=self._clock.listens(self._watermark),
            watermark=self._watermark,
            full=waiting >= MOST_WAITING,
        )
