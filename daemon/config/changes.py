"""Which keys differ between two configurations, and which of them a running daemon can apply."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from daemon.config.schema import Config

RELOADABLE = ("alerts", "console", "input.redact", "logging", "notify")
"""Sections and keys that are applied without a restart. `console` and `notify` configure other processes."""


def changed_keys(old: Config, new: Config) -> list[str]:
    """Return the keys whose values differ, with their sections: ``kafka.group_id``."""
    return list(_changed(old, new, ""))


def needs_restart(keys: list[str]) -> list[str]:
    """Return those of `keys` that only a restart applies."""
    return [key for key in keys if not any(key == known or key.startswith(f"{known}.") for known in RELOADABLE)]


def _changed(old: BaseModel, new: BaseModel, prefix: str) -> Iterator[str]:
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _changed(before, after, f"{prefix}{name}.")
        elif before != after:
            yield prefix + name
