"""Recent scores, and the rank of a new one among them.

A component of the score measures in a unit of its own. The values and scores of the latest sessions of a scope and
input partition are kept in a `Ring`, and a new session's values are turned into ranks among them (`local_ranks`); the
combined score is ranked once more (`tail_probability`), which gives the p-value. So whatever the components measure,
and whatever the traffic is, p-values mean the same. Sessions with equal findings share one row of a `ScoreTable`.

This stage knows components by their names only; what they measure is `detection`'s business.
"""

from daemon.core.calibration.ranks import (
    TIE,
    Floats,
    absence_nats,
    conditional_nats,
    distance_to_measure,
    local_ranks,
    presence_nats,
    tail_probability,
)
from daemon.core.calibration.recent_sessions import (
    CHUNK,
    EARLY,
    ENOUGH,
    HEADER,
    LOUD,
    QUIET,
    RING,
    VERSION,
    Recent,
    Ring,
    gather,
    row_type,
)
from daemon.core.calibration.score_table import finding

__all__ = [
    "CHUNK",
    "EARLY",
    "ENOUGH",
    "HEADER",
    "LOUD",
    "QUIET",
    "RING",
    "TIE",
    "VERSION",
    "Floats",
    "Recent",
    "Ring",
    "absence_nats",
    "conditional_nats",
    "distance_to_measure",
    "finding",
    "gather",
    "local_ranks",
    "presence_nats",
    "row_type",
    "tail_probability",
]
