"""What every section of the configuration is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)
