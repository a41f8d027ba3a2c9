"""The versions of a scope, and which one began lately: evidence that harmless news is of a release, and its name.

A version alone is never news. The first version that is known of a scope is no release, and neither are many that
begin at one time: then the field names something else, or many services share the scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.core.incidents.settings import IncidentSettings

MOST = 16
"""Versions of a scope that are remembered, the latest ones."""
AT_ONCE = 3
"""Most versions that begin at one time and are releases."""


@dataclass(slots=True)
class Version:
    """A version of a scope: when it was seen first and last, and how many new harmless causes came as it began."""

    name: str
    began: float
    last: float
    causes: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """What an incident says of a release: the scope, its version, since when, and how many new kinds of lines came."""

    scope: str
    version: str
    since: float
    causes: int


def note_version(versions: Sequence[Version], name: str, time: float) -> list[Version]:
    """Return a scope's versions after one was seen."""
    known = next((version for version in versions if version.name == name), None)
    if known is not None:
        known.began, known.last = min(known.began, time), max(known.last, time)
        return list(versions)
    kept = sorted([*versions, Version(name, time, time)], key=lambda version: (version.last, version.name))
    return kept[-MOST:]


def with_versions(versions: Sequence[Version], others: Iterable[Version]) -> list[Version]:
    """Return the versions of a scope that two stages have seen."""
    merged = list(versions)
    for other in others:
        for time in (other.began, other.last):
            merged = note_version(merged, other.name, time)
    return merged


def released(versions: Iterable[Version], time: float, settings: IncidentSettings) -> Version | None:
    """Return the version of a scope that began shortly before `time`, or just after it; None where none did."""
    lately = [v for v in versions if -settings.near <= time - v.began <= settings.quiet]
    if not lately or len(lately) > AT_ONCE:
        return None
    latest = max(lately, key=lambda version: (version.began, version.name))
    before = latest.began - settings.quiet
    return latest if any(version.began < before for version in versions) else None
