"""What one partition tells the incidents stage: facts about causes, sessions and cases, never a decision.

A *cause* is what a clue is about: a line's family, remembered over the whole window. A *sighting* says that a cause was
seen, and how often. A *case* is a complete closed session that carries a clue. The incidents stage reads them from all
partitions and decides (`daemon.core.incidents`).
"""

from daemon.core.observations.causes import Cause, Gravity, cause_of, cause_of_key, words_at_ends
from daemon.core.observations.observer import BIN_US, Observer
from daemon.core.observations.record import (
    OBSERVATIONS_FILE,
    Case,
    KeySeen,
    LinesTogether,
    MuteOrder,
    Observations,
    Said,
    Sighting,
    Traffic,
    VersionSeen,
    dump_observations,
    load_observations,
    observations_line,
    packed_observations,
)
from daemon.core.observations.returning_keys import CROWDED, FOLLOWED
from daemon.core.observations.versions import Versions

__all__ = [
    "BIN_US",
    "CROWDED",
    "FOLLOWED",
    "OBSERVATIONS_FILE",
    "Case",
    "Cause",
    "Gravity",
    "KeySeen",
    "LinesTogether",
    "MuteOrder",
    "Observations",
    "Observer",
    "Said",
    "Sighting",
    "Traffic",
    "VersionSeen",
    "Versions",
    "cause_of",
    "cause_of_key",
    "dump_observations",
    "load_observations",
    "observations_line",
    "packed_observations",
    "words_at_ends",
]
