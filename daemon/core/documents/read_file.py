"""The result of reading one file or record as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.documents.clauses import Block

Status = Literal["read", "empty", "refused"]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """`reason` says why a file is refused or empty, or which part of it could not be read; `path` names it."""

    path: str
    status: Status
    format: str = ""
    reason: str = ""
    blocks: Sequence[Block] = ()
