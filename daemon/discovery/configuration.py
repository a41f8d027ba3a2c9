"""A discovery as a configuration file: complete, with a comment for each choice, ready for `strayline run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from daemon.discovery.discover import OWN_SCOPE, Discovery
from daemon.discovery.keys import OWN_KEY, WINDOW
from daemon.discovery.sessions import LONGEST, SECOND

LEAST_AGE = 300 * SECOND
FEW = 2_000
"""With fewer sessions, 1% of them would be too few alerts to look at."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else a configuration needs. `share` is the sample's share of all lines, 1 when it is all of them."""

    topic: str
    source: str
    """Where the sample came from, in words."""
    engine: str = "lite"
    model: str = "wordllama"
    bootstrap_servers: tuple[str, ...] = ("localhost:9092",)
    security: Mapping[str, Any] = field(default_factory=dict)
    """The section kafka.security, with variables where secrets are."""
    share: float = 1.0
    warm_up: int | None = None
    budget: str | None = None


def warm_up_of(found: Discovery, share: float) -> int:
    """Return how many sessions of a scope only teach: a fifth of those expected, 20 to 1,000."""
    measure = found.choice.measure
    scopes = 1 if found.together else max(1, sum(count >= OWN_SCOPE for count in measure.scopes))
    return max(20, min(1_000, round(measure.sessions / share / scopes / 5)))


def write_configuration(found: Discovery, around: Surroundings) -> str:
    """Return the file's text."""
    sessions = found.choice.measure.sessions / around.share
    budget = around.budget or ("0.02" if sessions < FEW else "0.01")
    warm_up = around.warm_up if around.warm_up is not None else warm_up_of(found, around.share)
    parts = [
        f"# What `strayline try` chose for {around.source}. Every key with its default: config.yaml of the project.",
        "kafka:",
        f"  bootstrap_servers: [{', '.join(map(quoted, around.bootstrap_servers))}]",
        *_security(around.security),
        "",
        *_input(found, around),
        "",
        *_sessions(found),
        "",
        "engine:",
        f"  type: {around.engine}                    # in production a model on a GPU tells more apart: type vllm",
        f"  model: {quoted(around.model)}",
        "",
        "detector:",
        f"  warm_up: {warm_up}                 # sessions of a service that only teach",
        "",
        "alerts:",
        f"  budget: {budget}                  # the share of sessions that may be alerts, or a rate such as 20/day",
        "",
    ]
    return "\n".join(parts)


def quoted(text: str) -> str:
    """Return text as YAML in single quotes, in which nothing but the quote itself is special."""
    return "'" + text.replace("'", "''") + "'"


def _security(section: Mapping[str, Any]) -> Iterator[str]:
    if section:
        text = yaml.safe_dump({"security": dict(section)}, sort_keys=False, allow_unicode=True, width=1_000)
        yield from (f"  {line}" for line in text.splitlines())


def _input(found: Discovery, around: Surroundings) -> Iterator[str]:
    reading, key = found.reading, found.choice.candidate
    yield "input:"
    yield f"  topics: [{quoted(around.topic)}]"
    yield f"  format: {reading.format}                  # {reading.kind}"
    yield from _fields(found)
    patterns = [*reading.extract, *([key.pattern] if key.pattern else [])]
    if patterns:
        yield "  extract:"
    for pattern in patterns:
        note = f"    # {key.name}" if pattern == key.pattern else ""
        yield f"    - {quoted(pattern)}{note}"
    if reading.time_format:
        yield f"  time_format: {quoted(reading.time_format)}"
    if found.starts is not None:
        yield "  multiline:"
        yield f"    starts: {quoted(found.starts)}    # other lines go on with the one before them"
    elif reading.begins is not None and reading.format == "raw":
        yield "  # Records of many lines whose key is not in their first: let the shipper send each as one."


def _fields(found: Discovery) -> Iterator[str]:
    key = found.choice.candidate
    fields, notes = dict(found.reading.fields), {"scope": "the service"}
    if found.together:
        fields["scope"] = "record.topic"
        notes["scope"] = "one for all services: most have too few sessions of their own"
    if key is WINDOW:
        fields["key"] = "record.topic"
        notes["key"] = "no field makes good sessions: windows of time do (see sessions)"
    elif key.path and key.path != OWN_KEY:
        fields["key"] = key.path
    if fields:
        yield "  fields:"
    for name, path in sorted(fields.items()):
        note = f"    # {notes[name]}" if name in notes else ""
        yield f"    {name}: {quoted(path)}{note}"


def _sessions(found: Discovery) -> Iterator[str]:
    measure = found.choice.measure
    window = found.choice.candidate is WINDOW
    age = LONGEST * measure.gap_us if window else max(LEAST_AGE, LONGEST * measure.gap_us)
    yield f"# By {found.choice.candidate.name}: {measure.words()}."
    if found.runner_up is not None:
        yield f"# Next: {found.runner_up.candidate.name}: {found.runner_up.measure.words()}."
    yield "sessions:"
    yield f"  gap: {measure.gap_us // SECOND}s"
    yield f"  max_age: {age // SECOND}s"
