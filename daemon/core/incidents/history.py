"""What a stage has learned as lines of a file, and as records that another stage takes in: a warm start.

In a file it is a section: a header with the number of pieces, then a line for each piece of the stage's state,
``[name, document]``. In the topic of observations it is records with their own key. A stage adds each of them once: it
remembers their names, and a name is a hash of the content. So the same file imported twice is not added twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson
import zstandard

from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.merging import learned, merge, move
from daemon.core.incidents.settings import IncidentSettings
from daemon.core.incidents.stage import IncidentStage
from daemon.core.incidents.state import all_names, dump_pieces, load_stage
from daemon.core.types import LabelVerdict
from daemon.core.zstd_frames import unpacked_frame
from daemon.errors import DataError

KIND, VERSION = "strayline incidents", 1
HISTORY_KEY = b"history"
"""The key of such a record. Observations have the name of a partition as their key, which contains a slash."""
MAX_BYTES = 256 << 20
"""Most bytes of a record after decompression."""
MAX_IMPORTS = 256
"""Most names of records that a scope remembers."""
PART = 10_000
"""Most causes of a scope in one record, which is then far smaller than the topic allows."""


@dataclass(frozen=True, slots=True)
class History:
    """What was learned of scopes, by scope; read-only."""

    scopes: Mapping[str, ScopeMemory] = field(default_factory=dict)

    @property
    def causes(self) -> int:
        """How many causes it knows."""
        return sum(len(memory.causes) for memory in self.scopes.values())


@dataclass(frozen=True, slots=True)
class Filing:
    """How a history is filed: the window of the target, and by how much its times are moved, both in seconds.

    With `confirmed`, warnings and failures are labelled normal unless they have a label.
    """

    window: float
    shift: float = 0.0
    confirmed: bool = False


def take_history(stage: IncidentStage, scopes: Collection[str] | None = None) -> History:
    """Return what a stage has learned, of all scopes or of some."""
    chosen = {scope: memory for scope, memory in stage.scopes.items() if scopes is None or scope in scopes}
    return History({scope: learned(memory) for scope, memory in chosen.items()})


def history_from(pieces: Mapping[bytes, bytes | None], scopes: Collection[str] | None = None) -> History:
    """Return what the pieces of a stage's state hold. Raises DataError as `load_stage` does."""
    return take_history(load_stage(IncidentSettings(), pieces), scopes)


def write_history(history: History) -> Iterator[bytes]:
    """Yield the lines of the section, without their newlines."""
    pieces = _pieces(history.scopes)
    yield orjson.dumps({"kind": KIND, "version": VERSION, "pieces": len(pieces)})
    for name, document in pieces:
        yield orjson.dumps([name, document])


def is_history(line: bytes) -> bool:
    """Return whether a line is the header of such a section."""
    return line.startswith(b'{"kind":"' + KIND.encode())


def read_history(
    lines: Sequence[bytes], name: str, first: int = 1, renamed: Mapping[str, str] | None = None
) -> History:
    """Return what a section holds; scopes in `renamed` get their new names, and two that get one name are merged.

    `first` is the number of its first line in the file `name`. Raises DataError that names the line.
    """
    head = orjson.loads(lines[0])
    if head.get("version") != VERSION:
        raise DataError(
            f"{name}:{first}: version {head.get('version')} of the incidents' memory; this release reads {VERSION}"
        )
    if len(lines) - 1 < head.get("pieces", 0):
        raise DataError(f"{name}: ends after {len(lines) - 1} of {head['pieces']} pieces")
    by_scope: dict[str, dict[bytes, bytes | None]] = {}
    for number, line in enumerate(lines[1:], first + 1):
        try:
            piece, document = orjson.loads(line)
            by_scope.setdefault(piece[1], {})[orjson.dumps(piece)] = orjson.dumps(document)
            _loaded({orjson.dumps(piece): orjson.dumps(document)})
        except (ValueError, KeyError, TypeError, IndexError, DataError) as error:
            raise DataError(
                f"{name}:{number}: not a piece of what incidents are measured by: {error!r}"[:300]
            ) from None
    scopes: dict[str, ScopeMemory] = {}
    for scope, pieces in by_scope.items():
        memory, new = _loaded(pieces)[scope], (renamed or {}).get(scope, scope)
        if new in scopes:
            merge(scopes[new], memory, IncidentSettings().outbreak)
        else:
            scopes[new] = memory
    return History(scopes)


def history_records(history: History, how: Filing) -> Iterator[bytes]:
    """Yield the values of the records that file a history in the topic of observations."""
    for scope, memory in history.scopes.items():
        for original in _parts(memory):
            name = blake2b(orjson.dumps(_pieces({scope: original})), digest_size=8).hexdigest()
            part = learned(original)
            move(part, how.shift, how.window / 2)
            if how.confirmed:
                for cause in part.causes.values():
                    cause.label = cause.label or (LabelVerdict.NORMAL.value if cause.gravity else None)
            document = {"version": VERSION, "name": name, "scope": scope, "pieces": _pieces({scope: part})}
            yield zstandard.ZstdCompressor(level=9).compress(orjson.dumps(document))


def learn(stage: IncidentStage, value: bytes | None) -> None:
    """Let a stage take in a record that `history_records` made. Raises DataError for any other record."""
    name, scope, came = _part(value)
    memory = stage.scopes.get(scope)
    if memory is None:
        stage.scopes[scope] = came
        came.imports.append(name)
    elif name not in memory.imports:
        merge(memory, came, stage.settings.outbreak)
        memory.imports = [*memory.imports, name][-MAX_IMPORTS:]
    else:  # known, but its labels may be new
        for cause, other in came.causes.items():
            known = memory.causes.get(memory.parents.get(cause, cause))
            if known is not None:
                known.label = known.label or other.label
    stage.changed |= {("h",), ("s", scope), *(("c", scope, cause) for cause in stage.scopes[scope].causes)}
    stage.changed |= {("p", scope, cause) for cause in stage.scopes[scope].presences}


def _part(value: bytes | None) -> tuple[str, str, ScopeMemory]:
    if value is None:
        raise DataError("a history has no value")
    try:
        document = orjson.loads(unpacked_frame(value, MAX_BYTES))
        if document["version"] != VERSION:
            raise DataError(f"a history has version {document['version']}, not {VERSION}")
        pieces = {orjson.dumps(name): orjson.dumps(piece) for name, piece in document["pieces"]}
        return document["name"], document["scope"], _loaded(pieces)[document["scope"]]
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"a history cannot be read: {error}") from error


def _loaded(pieces: Mapping[bytes, bytes | None]) -> Mapping[str, ScopeMemory]:
    try:
        return load_stage(IncidentSettings(), pieces).scopes
    except AttributeError as error:  # a field that this release does not have
        raise DataError(str(error)) from error


def _pieces(scopes: Mapping[str, ScopeMemory]) -> list[tuple[tuple[str, ...], Any]]:
    stage = IncidentStage(scopes=dict(scopes))
    dumped = dump_pieces(stage, [name for name in all_names(stage) if name[0] in ("s", "c")])
    return [(orjson.loads(name), orjson.loads(piece)) for name, piece in dumped.items() if piece is not None]


def _parts(memory: ScopeMemory) -> Iterator[ScopeMemory]:
    """Yield a scope's memory in parts of `PART` causes; the first holds what belongs to the whole scope."""
    for number, causes in enumerate(_cut(memory.causes)):
        parents = {child: parent for child, parent in memory.parents.items() if parent in causes}
        part = learned(memory) if number == 0 else ScopeMemory()
        part.causes, part.parents = causes, parents
        yield part


def _cut(causes: Mapping[str, CauseMemory]) -> Iterable[dict[str, CauseMemory]]:
    names = list(causes)
    for begin in range(0, max(len(names), 1), PART):
        yield {name: causes[name] for name in names[begin : begin + PART]}
