"""The section `documents`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from daemon.config.section import Section
from daemon.config.values import Duration

_PASSWORD = re.compile(r"\bpassword\s*=|//[^/@]*:[^/@]*@", re.IGNORECASE)


class DocumentsConfig(Section):
    """Bases of standard documents: where they are kept, how a text is judged, and what a file may cost."""

    folder: Path = Path("strayline-documents")
    postgres: str | None = Field(default=None, min_length=1)
    base: str = Field(default="standards", min_length=1, max_length=100)
    nearest: int = Field(default=3, ge=1, le=50)
    normal: float = Field(default=0.92, ge=-1, le=1)
    odd: float = Field(default=0.75, ge=-1, le=1)
    departure: float = Field(default=2.0, gt=0)
    p: float = Field(default=0.05, gt=0, lt=1)
    max_bytes: int = Field(default=50 << 20, ge=1)
    timeout: Duration = 30_000_000

    @field_validator("postgres")
    @classmethod
    def _without_password(cls, postgres: str | None) -> str | None:
        if postgres is not None and _PASSWORD.search(postgres):
            raise ValueError("holds a password: keep it in libpq's password file (PGPASSFILE) or in PGPASSWORD")
        return postgres

    @property
    def place(self) -> str:
        """Where the bases are, for people."""
        return str(self.folder) if self.postgres is None else "PostgreSQL"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.odd > self.normal:
            raise ValueError("odd: a similarity below which a text is odd cannot be higher than that of a normal one")
        return self
