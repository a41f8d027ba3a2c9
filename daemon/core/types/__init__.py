"""The product's vocabulary as types. Data moves through them in one direction.

    Batch (as fetched) -> lines (a polars table) -> Session -> Pattern -> embedding -> Judgement -> Verdict -> Alert

`records` is what is read and published, `sessions` what lines are grouped into, `judgements` how these are judged.
Everywhere in the core, a time is an int: microseconds since the epoch, UTC. Nothing in the core reads a clock.
"""

import numpy as np
from numpy.typing import NDArray

from daemon.core.types.judgements import (
    Evidence,
    Judgement,
    LabelVerdict,
    Neighbour,
    Phase,
    SessionClue,
    Verdict,
)
from daemon.core.types.records import (
    HOUR_US,
    LINES_SCHEMA,
    MINUTE_US,
    NO_TIME_COUNTS,
    Batch,
    OutRecord,
    Parsed,
    RefusedRange,
    Reject,
    TimeCounts,
    TopicPartition,
    Update,
)
from daemon.core.types.sessions import (
    ClosedBy,
    Embeddable,
    Pattern,
    RefusedText,
    Session,
    SessionLine,
    session_id,
)

Vector = NDArray[np.float32]

__all__ = [
    "HOUR_US",
    "LINES_SCHEMA",
    "MINUTE_US",
    "NO_TIME_COUNTS",
    "Batch",
    "ClosedBy",
    "Embeddable",
    "Evidence",
    "Judgement",
    "LabelVerdict",
    "Neighbour",
    "OutRecord",
    "Parsed",
    "Pattern",
    "Phase",
    "RefusedRange",
    "RefusedText",
    "Reject",
    "Session",
    "SessionClue",
    "SessionLine",
    "TimeCounts",
    "TopicPartition",
    "Update",
    "Vector",
    "Verdict",
    "session_id",
]
