"""The incidents stage decides in one place, for all partitions, which observations a person is told of.

    observations -> memory (causes and rates of a scope) -> clues -> grouping -> ceiling -> news

Nothing is told because a score ranks high or because the ceiling has room. A *clue* says why a sighting may matter: its
cause is new, bursts, comes back, or the scope falls silent. Its *period* says how often something like it happens in
its scope. It is told when the period is long enough for the ceiling, when it belongs to no open incident, and when the
ceilings have room. Whatever is observed counts in the rates, so routine mutes itself.
"""

from daemon.core.incidents.clues import SILENCE, Clue
from daemon.core.incidents.history import (
    HISTORY_KEY,
    Filing,
    History,
    history_from,
    history_records,
    is_history,
    learn,
    read_history,
    take_history,
    write_history,
)
from daemon.core.incidents.incident import Incident, Symptom
from daemon.core.incidents.mutes import ActiveMute, Mutes
from daemon.core.incidents.news import TOLD, Event, News
from daemon.core.incidents.overview import Figures, figures
from daemon.core.incidents.replay import IncidentReplay, KnownCause, ReplayedIncident, ReplayTerms
from daemon.core.incidents.settings import Ceiling, IncidentSettings
from daemon.core.incidents.stage import IncidentStage
from daemon.core.incidents.state import all_names, dump_pieces, load_stage
from daemon.core.incidents.versions import Release

__all__ = [
    "HISTORY_KEY",
    "SILENCE",
    "TOLD",
    "ActiveMute",
    "Ceiling",
    "Clue",
    "Event",
    "Figures",
    "Filing",
    "History",
    "Incident",
    "IncidentReplay",
    "IncidentSettings",
    "IncidentStage",
    "KnownCause",
    "Mutes",
    "News",
    "Release",
    "ReplayTerms",
    "ReplayedIncident",
    "Symptom",
    "all_names",
    "dump_pieces",
    "figures",
    "history_from",
    "history_records",
    "is_history",
    "learn",
    "load_stage",
    "read_history",
    "take_history",
    "write_history",
]
