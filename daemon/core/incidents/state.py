"""The stage's state as named pieces, so that a transaction writes what changed and no more.

A piece is a small JSON document: one a scope (``s``), one a cause of a scope (``c``), one a usual line of a scope
(``p``), one for those that come with it (``t``), one a session that is counted in their open blocks (``w``), one a
returning key of a scope (``k``), one an incident (``i``), one a mute (``m``), and one for what belongs to the stage as
a whole (``h``). A piece without a value is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from daemon.core.incidents.clocks import Clocks
from daemon.core.incidents.clues import Clue
from daemon.core.incidents.incident import Incident, Symptom
from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.mutes import ActiveMute
from daemon.core.incidents.peaks import Peak
from daemon.core.incidents.presence import Presence
from daemon.core.incidents.rates import Rate
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.stage import IncidentStage
from daemon.core.incidents.versions import Release, Version
from daemon.core.observations import Gravity
from daemon.errors import DataError

VERSION = 6
READ = (1, 2, 3, 4, 5, VERSION)
"""Version 1 has no usual lines (``p``), version 2 no tails of absences, version 3 no keys, version 4 no
lines that come together (``t``, ``w``), version 5 no versions of services: they are learned from then on."""
HEAD = ("h",)
RATES = ("news", "bursts", "returns", "absences", "departures", "lacks")


def dump_pieces(stage: IncidentStage, names: Iterable[tuple[str, ...]]) -> dict[bytes, bytes | None]:
    """Return the values of named pieces by key, None for those that no longer exist."""
    return {orjson.dumps(name): _dump(stage, name) for name in names}


def all_names(stage: IncidentStage) -> list[tuple[str, ...]]:
    """Return the names of all pieces that exist."""
    names: list[tuple[str, ...]] = [HEAD]
    for scope, memory in stage.scopes.items():
        names += [("s", scope), *(("c", scope, cause) for cause in memory.causes)]
        names += [("p", scope, cause) for cause in memory.presences]
        names += [("k", scope, cause) for cause in memory.keys]
        names += [(kind, scope, name) for kind, name in memory.together.names()]
    names += [("m", *name) for name in stage.mutes.active]
    return names + [("i", incident) for incident in stage.incidents]


def load_stage(settings: IncidentSettings, pieces: Mapping[bytes, bytes | None]) -> IncidentStage:
    """Return the stage that pieces describe. Raises DataError for what is damaged or of another version."""
    stage = IncidentStage(settings)
    for key, value in sorted(pieces.items()):
        if value is None:
            continue
        try:
            _load(stage, tuple(orjson.loads(key)), orjson.loads(value))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the incidents' state {key.decode(errors='replace')} cannot be read: {error}") from error
    for memory in stage.scopes.values():
        memory.grave = sum(cause.gravity > 0 for cause in memory.causes.values())
        memory.together.recount()
    return stage


def _dump(stage: IncidentStage, name: tuple[str, ...]) -> bytes | None:
    kind = name[0]
    document: Any = None  # orjson writes a dataclass as its fields
    if kind == "h":
        document = {
            "version": VERSION,
            "listened": stage.listened,
            "pending": stage.pending,
            "waiting": list(stage.waiting.values()),
            "told": list(stage.told.items()),
            "clocks": stage.clocks.times,
            "resumed": stage.clocks.resumed,
            "swept": stage.swept,
        }
    elif kind == "i":
        document = stage.incidents.get(name[1])
    elif kind == "m":
        document = stage.mutes.active.get((name[1], name[2]))
    elif name[1] in stage.scopes:
        memory = stage.scopes[name[1]]
        if kind in ("p", "k"):
            document = (memory.presences if kind == "p" else memory.keys).get(name[2])
        elif kind in ("t", "w"):
            document = memory.together.dump(kind, name[2])
        else:
            document = _scope(memory) if kind == "s" else _cause(memory.causes.get(name[2]))
    return orjson.dumps(document) if document is not None else None


def _scope(memory: ScopeMemory) -> Mapping[str, Any]:
    return {
        "sessions": memory.sessions,
        "first_begins": memory.first_begins,
        "start": memory.start,
        "active": memory.active,
        "latest": memory.latest,
        "traffic": [peak.dump() for peak in memory.traffic],
        "parents": memory.parents,
        "told": list(memory.told.items()),
        "held_back": memory.held_back,
        "sources": memory.sources,
        "longest_gap": memory.longest_gap,
        "longest_gap_before": memory.longest_gap_before,
        "gap_half": memory.gap_half,
        "silent_since": memory.silent_since,
        "imports": memory.imports,
        "reworded": memory.reworded,
        "versions": [[v.name, v.began, v.last, v.causes] for v in memory.versions],
        "counted": memory.together.number,
        **{name: _rate(getattr(memory, name)) for name in RATES},
    }


def _rate(rate: Rate) -> list[Any]:
    return [[minute, list(levels.items())] for minute, levels in rate.minutes.items()]


def _cause(cause: CauseMemory | None) -> Mapping[str, Any] | None:
    if cause is None:
        return None
    fields = {name: getattr(cause, name) for name in CauseMemory.__slots__ if name != "peaks"}
    return fields | {"peaks": [peak.dump() for peak in cause.peaks]}


def _load(stage: IncidentStage, name: tuple[str, ...], document: Any) -> None:
    kind = name[0]
    if kind == "h":
        if document["version"] not in READ:
            raise DataError(f"the incidents' state has version {document['version']}, not {VERSION}")
        stage.listened, stage.swept = float(document["listened"]), float(document["swept"])
        stage.pending = [_clue(clue) for clue in document["pending"]]
        stage.waiting = {(clue.scope, clue.cause): clue for clue in map(_clue, document["waiting"])}
        stage.told = {int(hour): int(count) for hour, count in document["told"]}
        stage.clocks = Clocks(dict(document["clocks"]), dict(document.get("resumed", {})))  # not noted before version 3
    elif kind == "i":
        stage.incidents[name[1]] = _incident(document)
    elif kind == "m":
        stage.mutes.active[name[1], name[2]] = ActiveMute(**document)
    elif kind == "s":
        memory = stage.scopes.setdefault(name[1], ScopeMemory())
        memory.together.number = document.pop("counted", 0)
        for field, value in document.items():
            setattr(memory, field, _value(field, value))
    elif kind == "p":
        stage.scopes.setdefault(name[1], ScopeMemory()).presences[name[2]] = Presence(**document)
    elif kind == "k":
        stage.scopes.setdefault(name[1], ScopeMemory()).keys[name[2]] = Presence(**document)
    elif kind in ("t", "w"):
        stage.scopes.setdefault(name[1], ScopeMemory()).together.load(kind, name[2], document)
    else:
        memory = stage.scopes.setdefault(name[1], ScopeMemory())
        peaks = [Peak(*numbers) for numbers in document["peaks"]]
        fields = document | {"peaks": peaks, "words": tuple(document["words"])}
        memory.causes[name[2]] = CauseMemory(**fields)


def _value(field: str, value: Any) -> Any:
    if field in RATES:
        rate = Rate()
        rate.minutes = {minute: {int(level): count for level, count in levels} for minute, levels in value}
        return rate
    if field == "traffic":
        return [Peak(*numbers) for numbers in value]
    if field == "versions":
        return [Version(*fields) for fields in value]
    if field == "told":
        return {int(hour): int(count) for hour, count in value}
    return value


def _incident(document: dict[str, Any]) -> Incident:
    symptoms = [
        Symptom(**_still_known(Symptom, fields | {"gravity": Gravity(fields["gravity"])}))
        for fields in document["symptoms"]
    ]
    wordings = [tuple(words) for words in document["wordings"]]
    release = document.get("release")  # not noted before version 6
    fields = document | {"symptoms": symptoms, "wordings": wordings, "gravity": Gravity(document["gravity"])}
    fields["release"] = Release(**release) if release is not None else None
    return Incident(**_still_known(Incident, fields))


def _still_known(kind: type[Incident | Symptom], fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that still exist, so that a state with a field that was removed can be read."""
    return {field: value for field, value in fields.items() if field in kind.__slots__}


def _clue(fields: dict[str, Any]) -> Clue:
    numbers = {"gravity": Gravity(fields["gravity"]), "period": _infinite(fields["period"])}
    return Clue(**(fields | numbers))


def _infinite(period: float | None) -> float:
    """Return a period from JSON, which has no infinity: null stands for it."""
    return float("inf") if period is None else period
