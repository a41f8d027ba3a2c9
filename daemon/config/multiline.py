"""The section `input.multiline`: which lines belong together."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from daemon.config.section import Section
from daemon.config.values import Duration, Size, as_list, optional_pattern, preset_name


class MultilineConfig(Section):
    """Which lines go on with the one before them, and how many are joined at most."""

    preset: Annotated[list[Annotated[str, AfterValidator(preset_name)]], BeforeValidator(as_list)] = []
    starts: Annotated[str | None, AfterValidator(optional_pattern)] = None
    continues: Annotated[str | None, AfterValidator(optional_pattern)] = None
    max_lines: int = Field(default=500, ge=2, le=100_000)
    max_bytes: Annotated[Size, Field(ge=1_000, le=16_000_000)] = 64_000
    max_wait: Duration = 2_000_000

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        """Accept the names of presets alone, which are all that most files give."""
        return {"preset": given} if isinstance(given, str | list) else given

    @property
    def enabled(self) -> bool:
        """Whether lines are joined at all."""
        return bool(self.preset) or self.starts is not None or self.continues is not None
