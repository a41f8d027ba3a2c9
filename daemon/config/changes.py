"""Which keys differ between two configurations, and which of them a running process can apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from daemon.config.schema import Config
from daemon.config.values import DOCUMENT
from daemon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Process:
    """What one kind of process reads of the configuration, and what of it applies without a restart.

    Both are sections and keys; what it does not read is another process's.
    """

    name: str
    reads: Sequence[str]
    applies: Sequence[str]

    def changes(self, old: Config, new: Config) -> list[str]:
        """Return the keys of this process that differ. Raises ConfigError with each that only a restart applies."""
        changed = [key for key in changed_keys(old, new) if _is_of(key, self.reads)]
        if needs := [key for key in changed if not _is_of(key, self.applies)]:
            raise ConfigError([f"{key}: changed; restart {self.name} to apply it" for key in needs])
        return changed


DAEMON = Process("the daemon", tuple(Config.model_fields), ("alerts", "console", "input.redact", "logging", "notify"))
"""`console` and `notify` configure other processes."""
CONSOLE = Process(
    "the console",
    (
        *("alerts", "console", "documents", "engine", "kafka", "logging", "topics", "input.max_batch"),
        *("detector.max_scopes", "detector.warm_up", "detector.window"),
    ),
    (
        *("alerts", "console.keep", "console.links", "console.max_size", "logging"),
        *("detector.max_scopes", "detector.warm_up", "detector.window"),
    ),
)
NOTIFY = Process(
    "notify",
    ("kafka", "logging", "notify", "topics.alerts", "topics.dead_letters", "input.max_batch"),
    ("logging", "notify.console", "notify.give_up", "notify.max_incidents", "notify.remember", "notify.routes"),
)
SERVE = Process("serve", ("engine", "logging", "serve"), ("logging",))


def daemon_of(old: Config, new: Config) -> Process:
    """Return the daemon without the sections that neither configuration has it use."""
    unused = []
    if not old.serve.with_run and not new.serve.with_run:
        unused.append("serve")
    if DOCUMENT not in (old.input.format, new.input.format):
        unused.append("documents")
    return replace(DAEMON, applies=(*DAEMON.applies, *unused))


def changed_keys(old: Config, new: Config) -> list[str]:
    """Return the keys whose values differ, with their sections: ``kafka.group_id``."""
    return list(_changed(old, new, ""))


def _is_of(key: str, sections: Sequence[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)


def _changed(old: BaseModel, new: BaseModel, prefix: str) -> Iterator[str]:
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _changed(before, after, f"{prefix}{name}.")
        elif before != after:
            yield prefix + name
