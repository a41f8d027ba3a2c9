"""Errors, by what the caller must do. The docstring of a type is its default message.

Most errors end the process: `exit_code` is one of sysexits. Two do not. `PartitionError` restarts one partition from
its checkpoint, and `OutOfRangeError` moves a partition to a position that exists. `UnavailableError` of an embedding
server is retried.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Literal


class StraylineError(Exception):
    """Something went wrong."""

    exit_code = os.EX_SOFTWARE

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class ConfigError(StraylineError):
    """The configuration is refused. `problems` lists every problem as ``path: what is wrong``."""

    exit_code = os.EX_CONFIG

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(StraylineError):
    """A file given on the command line cannot be read."""

    exit_code = os.EX_NOINPUT


class OutputError(StraylineError):
    """A file cannot be written; nothing of it is left behind."""

    exit_code = os.EX_IOERR


class DataError(StraylineError):
    """Data from the command line or from a topic is not valid."""

    exit_code = os.EX_DATAERR


class UnavailableError(StraylineError):
    """A service that the daemon needs cannot be reached, or refuses the connection."""

    exit_code = os.EX_UNAVAILABLE


class UnfinishedBaseError(UnavailableError):
    """Documents of a base have no vectors of the engine's model: a check against the others alone is not a verdict."""


class EngineError(StraylineError):
    """The embedding engine is dead; the process must end, and its supervisor starts a new one."""

    exit_code = os.EX_SOFTWARE


class ColdScopeError(StraylineError):
    """A scope on the disk cannot be read; the process must end, and the next one restores it from the topic."""

    exit_code = os.EX_IOERR


class RefusedTextError(StraylineError):
    """The embedding server refuses a text, in every length; others it embeds."""

    exit_code = os.EX_DATAERR


class ModelMismatchError(StraylineError):
    """The baseline was made with another model, whose vectors cannot be compared with this one's."""

    exit_code = os.EX_CONFIG


class PartitionError(StraylineError):
    """A partition's transaction failed or timed out; it starts again from its last checkpoint. `reason` is counted."""

    def __init__(self, message: str, reason: Literal["commit", "fenced", "init", "timeout", "error"] = "error") -> None:
        super().__init__(message)
        self.reason = reason


class OutOfRangeError(StraylineError):
    """A position no longer exists in its partition: retention deleted it, or the topic was created again."""

    def __init__(self, partitions: Collection[tuple[str, int]]) -> None:
        super().__init__(", ".join(f"{topic}/{partition}" for topic, partition in partitions))
        self.partitions = partitions
