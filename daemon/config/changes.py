"""Which keys differ between two configurations, and which of them a running daemon can apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from daemon.config.schema import Config
from daemon.errors import ConfigError

RELOADABLE = ("alerts", "console", "input.redact", "logging", "notify")
"""Sections and keys that are applied without a restart. `console` and `notify` configure other processes."""
OF_THE_CONSOLE = ("alerts", "console", "documents", "engine", "kafka", "logging", "topics")
"""Sections that `strayline console` reads; it takes no notice of the others."""
CONSOLE_RELOADABLE = ("alerts", "console.keep", "console.links", "console.max_size", "logging")
"""Sections and keys that a running console applies."""


def changed_keys(old: Config, new: Config) -> list[str]:
    """Return the keys whose values differ, with their sections: ``kafka.group_id``."""
    return list(_changed(old, new, ""))


def needs_restart(keys: list[str]) -> list[str]:
    """Return those of `keys` that only a restart applies."""
    return [key for key in keys if not _is_of(key, RELOADABLE)]


def console_changes(old: Config, new: Config) -> list[str]:
    """Return the keys of the console that differ. Raises ConfigError for those that a running one cannot apply."""
    changed = [key for key in changed_keys(old, new) if _is_of(key, OF_THE_CONSOLE)]
    if needs := [key for key in changed if not _is_of(key, CONSOLE_RELOADABLE)]:
        raise ConfigError([f"{key}: changed; restart the console to apply it" for key in needs])
    return changed


def _is_of(key: str, sections: Sequence[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def _changed(old: BaseModel, new: BaseModel, prefix: str) -> Iterator[str]:
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _changed(before, after, f"{prefix}{name}.")
        elif before != after:
            yield prefix + name
