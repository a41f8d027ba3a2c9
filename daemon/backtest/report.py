"""A backtest's result as one document: what was read, what was told, how that compares with the labels.

`Report` is plain data, and `report.json` is its fields. Shares are 0 to 1 and times RFC 3339.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from daemon.core.types import TimeCounts

OURS = "strayline"


@dataclass(frozen=True, slots=True)
class Input:
    """What was read. `rejected` counts records by reason, `times` lines whose own time was not simply taken."""

    files: Sequence[str]
    topics: Sequence[str]
    teach: Sequence[str]
    records: int
    lines: int
    rejected: Mapping[str, int]
    times: TimeCounts


@dataclass(frozen=True, slots=True)
class ClueRate:
    """Live sessions that carried a clue. `blocks` are their shares of every 1,000 live sessions."""

    sessions: int
    flagged: int
    share: float
    blocks: Sequence[float]


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One score on labelled live sessions; see `daemon.backtest.evaluation`."""

    name: str
    average_precision: float
    best_f1: float
    precision: float
    recall: float
    f1: float
    flagged: int


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """One scope's part: incidents told, sessions with a clue, and average precision where there are labels."""

    scope: str
    sessions: int
    live: int
    told: int
    flagged: int
    share: float
    average_precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """Sessions with a p-value of at most `p_value`, and how good that would be where there are labels."""

    p_value: float
    sessions: int
    per_day: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class RangeRow:
    """Would it have fired: live sessions that overlap the chosen range, and how many of them have a clue."""

    since: str | None
    until: str | None
    sessions: int
    flagged: int
    scopes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """How the labels match the sessions. `unmet` labelled keys were in no session."""

    anomalous: int
    normal: int
    unlabelled: int
    anomalous_in_warm_up: int
    unmet: int


@dataclass(frozen=True, slots=True)
class Localisation:
    """With labels by line: share of true alerts whose first line is a labelled one, and the mean reciprocal rank."""

    alerts: int
    hit_at_1: float
    mean_reciprocal_rank: float


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One of the most frequent patterns: `lines` are the first of its `distinct` ones."""

    pattern: str
    scope: str
    sessions: int
    flagged: int
    distinct: int
    lines: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident, in short, as its latest message has it; `labelled` is what the labels call the session it shows."""

    id: str
    since: str
    told_at: str
    last_seen: str
    services: Sequence[str]
    severity: str
    summary: str
    why: str
    period_s: float | None
    causes: int
    sessions: int
    messages: int
    labelled: bool | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took: seconds in all and waiting for the engine, patterns embedded, peak memory of the process in MiB."""

    seconds: float
    embedding_seconds: float
    embedded: int
    peak_mebibytes: float


@dataclass(frozen=True, slots=True)
class Report:
    """The whole document. Shares are 0 to 1; times RFC 3339; a figure that cannot be known is null."""

    input: Input
    model: str
    config: str
    budget: str
    frozen: bool
    sessions: int
    taught: int
    warm_up: int
    patterns: int
    patterns_complete: bool
    start: str | None
    end: str | None
    rate: ClueRate
    told: int
    told_a_day: float | None
    held_back: int
    incidents: Sequence[IncidentRow]
    scopes: Sequence[ScopeRow]
    thresholds: Sequence[ThresholdRow]
    range: RangeRow | None
    labels: LabelRow | None
    quality: Sequence[QualityRow]
    localisation: Localisation | None
    calibration: Sequence[tuple[float, float]]
    top_patterns: Sequence[PatternRow]
    cost: Cost

    def encode(self) -> bytes:
        """Return the document as JSON; NaN becomes null."""
        return orjson.dumps(self, option=orjson.OPT_INDENT_2)
