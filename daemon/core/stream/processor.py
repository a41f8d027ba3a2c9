"""What the runtime drives, one for each partition: the pure half of a partition, owned by the detector's thread.

A processor turns batches into outputs and keeps them until `take`. `take` returns everything that must become true at
once: the records to publish, the changes of the baseline, and the checkpoint that says which lines they account for. If
that transaction does not commit, the processor is discarded and a new one starts from the last committed checkpoint;
there is no undo.

Which processor a partition gets depends on its topic alone (`daemon.wiring`). The runtime treats all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from daemon.core.alerts import Provenance
from daemon.core.detection import is_label
from daemon.core.masking import RedactionSettings
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.scope_partitions import SplitScope
from daemon.core.types import (
    NO_TIME_COUNTS,
    Batch,
    Embeddable,
    OutRecord,
    RefusedText,
    TimeCounts,
    Update,
    Vector,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Publishing:
    """What all processors of a process share: the group's name, what they publish, and what alerts are judged with.

    `config` is the configuration's hash. `provenance` returns the provenance of alerts made now. `timer` returns
    seconds of any clock; it only measures. `redaction` removes secrets from dead letters.
    """

    group: str
    config: str
    verdicts: bool
    provenance: Callable[[], Provenance]
    timer: Callable[[], float]
    redaction: RedactionSettings | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What a processor holds: open sessions, sessions waiting to be judged, outputs not yet taken, unsettled lines.

    `listening` asks for repeated flushes while the partition is idle, because time passes there, too.
    `watermark` is the greatest event time seen in microseconds, None before the first line and where there is none.
    `full` asks for no more records before the next transaction.
    """

    open_sessions: int = 0
    waiting: int = 0
    outputs: int = 0
    unsettled: int = 0
    listening: bool = False
    watermark: int | None = None
    full: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did.

    `missing` are texts to embed; the caller must hand their vectors to a later step. `more` means that this step
    left sessions for the next one, to stay short. `replayed` lines were settled before a restart; `known` sessions did
    not need embedding. `relayed`: the lines were counted when they were read from the input. `cuts` counts joined lines
    that a bound ended, by bound. `split` are scopes whose lines come from several partitions and must not. The last
    `unread` records of the batch were not taken in, because those before them are enough for a step; they must be given
    to the next.
    """

    load: Load
    lines: int = 0
    times: TimeCounts = NO_TIME_COUNTS
    rejects: Mapping[str, int] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    feedback: Sequence[str] = ()
    missing: Sequence[Embeddable] = ()
    more: bool = False
    replayed: int = 0
    known: int = 0
    relayed: bool = False
    judging_seconds: float = 0.0
    cuts: Mapping[str, int] = field(default_factory=dict)
    split: Sequence[SplitScope] = ()
    unread: int = 0


@dataclass(frozen=True, slots=True)
class SettledAlert:
    """One message about an incident among a settlement's records. `end` is its latest event time in microseconds."""

    scope: str
    severity: str
    event: str
    id: str
    end: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """The content of one transaction.

    By scope: `incidents` counts those that are open, `told` those told in the last day, `budgets` those that may be
    told a day, and `held_back` those that the ceiling held back since the last settlement. `let_go` counts by kind what
    the bounds dropped, and `sessions` counts sessions with a clue by what became of them. `mutes` are in force.
    `closed` says when the sessions closed whose verdicts it publishes, by the clock `Publishing.timer`.
    """

    records: Sequence[OutRecord]
    checkpoint: Checkpoint
    alerts: Sequence[SettledAlert] = ()
    incidents: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)
    held_back: Mapping[str, int] = field(default_factory=dict)
    let_go: Mapping[str, int] = field(default_factory=dict)
    sessions: Mapping[str, int] = field(default_factory=dict)
    mutes: int = 0
    closed: Sequence[float] = ()


class Processor(Protocol):
    """Processes one partition. Synchronous; no method is called while another one runs."""

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:
        """Take in a batch (or none, or its first records) and vectors of missing patterns, or refusals; judge."""
        ...

    def flush(self, idle: float) -> Step:
        """Close open sessions: all that exists was read, and nothing has come for `idle` seconds."""
        ...

    @property
    def lost(self) -> int:
        """How many records with unsettled lines were deleted before they could be read again."""
        ...

    @property
    def announces(self) -> bool:
        """Whether it must be flushed once it is idle, even if it has never taken in a record."""
        ...

    def skip(self, offset: int) -> None:
        """Continue at `offset`; retention deleted what lies before it."""
        ...

    def take(self) -> Settlement:
        """Return everything since the last `take`."""
        ...


LABELS = 0
"""The partition of the baseline topic that has the labels of all scopes."""


def baseline_records(updates: Sequence[Update]) -> list[OutRecord]:
    """Return updates as records of the baseline topic.

    What a partition learns goes to its own partition there, which the runtime fills in. A label belongs to no input
    partition: it has one place, so that deleting it deletes its only record.
    """
    return [OutRecord("baseline", u.key, u.value, partition=LABELS if is_label(u.key) else None) for u in updates]
