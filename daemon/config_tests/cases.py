"""A test file: a configuration, and cases that say what comes of some lines. YAML, hence JSON too; strict.

What a case does not mention is not checked. What it mentions is compared whole, so an expected list of two verdicts
fails when there are three.
"""

from __future__ import annotations

from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.errors import DataError, InputError
from daemon.small_files import read_small
from daemon.strict_yaml import YamlError, parse_yaml

Line = str | dict[str, object]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(_Part):
    """One Kafka record, where a line alone does not say enough; `timestamp` in milliseconds."""

    value: Line
    key: str | None = None
    timestamp: int = -1
    headers: dict[str, str] = {}


class ExpectedVerdict(_Part):
    """What one verdict should be, in the words of a verdict's document; `lines` is how many."""

    key: str | None = None
    scope: str | None = None
    lines: int | None = None
    closed_by: str | None = None
    pattern: str | None = None
    phase: str | None = None
    anomalous: bool | None = None


class Expected(_Part):
    """What should come of a case's lines.

    `dead_letters` is how many, or their reasons in order. `masked` are the distinct masked lines in order of their
    first appearance, `patterns` the distinct patterns as they are embedded (lines such as ``2 x GET <PATH>``), in the
    order judged.
    """

    sessions: int | None = None
    verdicts: list[ExpectedVerdict] | None = None
    dead_letters: int | list[str] | None = None
    masked: list[str] | None = None
    patterns: list[str] | None = None


class ConfigCase(_Part):
    """Records in, in order; `teach` comes first and is confirmed normal, not judged, and in none of the results."""

    name: str = Field(min_length=1)
    lines: list[Line] = []
    records: list[Record] = []
    teach: list[Line] = []
    expect: Expected

    @property
    def needs_engine(self) -> bool:
        """Whether only an engine can tell: the case says what is anomalous."""
        return any(verdict.anomalous is not None for verdict in self.expect.verdicts or ())

    def inputs(self) -> list[Record]:
        """Return everything that goes in: `lines`, then `records`."""
        return [*(Record(value=line) for line in self.lines), *self.records]

    def taught(self) -> list[Record]:
        """Return the records that are taught first."""
        return [Record(value=line) for line in self.teach]


class CaseFile(_Part):
    """`config` is a path beside the file, or the configuration itself; absent: the one of `--config`."""

    config: str | dict[str, object] | None = None
    cases: list[ConfigCase] = Field(min_length=1)


def load_cases(path: Path) -> CaseFile:
    """Read a test file. Raises InputError when it cannot be read, DataError that names the place of every mistake."""
    try:
        text = read_small(path).decode()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}") from None
    try:
        tree = parse_yaml(text)
    except YamlError as error:
        raise DataError(error.at(str(path))) from None
    try:
        return CaseFile.model_validate(tree)
    except ValidationError as error:
        problems = [f"{path}: {_place(tree, e['loc'])}: {e['msg']}" for e in error.errors(include_input=False)]
        raise DataError("\n".join(problems)) from None


def value_of(line: Line) -> bytes:
    """Return a line as a record's value: text as it is, an object as JSON."""
    return line.encode() if isinstance(line, str) else orjson.dumps(line)


def _place(tree: object, location: tuple[int | str, ...]) -> str:
    """Return a path with the case's name beside its number."""
    words = [str(part) for part in location]
    if isinstance(tree, dict) and len(location) > 1 and location[0] == "cases" and isinstance(location[1], int):
        case = tree["cases"][location[1]]
        if isinstance(case, dict) and isinstance(case.get("name"), str):
            words[1] = f"{location[1]} ({case['name']})"
    return ".".join(words) or "the file"
