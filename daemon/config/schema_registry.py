"""The section `input.schema_registry`: where schemas are read that `input.schemas` does not name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, SecretStr, model_validator

from daemon.config.section import Section
from daemon.config.values import Duration, http_address


class SchemaRegistryConfig(Section):
    """A registry with Confluent's HTTP interface, and who the daemon is to it."""

    url: Annotated[str, AfterValidator(http_address)]
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    ca: Path | None = None
    timeout: Duration = 5_000_000

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file: give one of them")
        if (self.password or self.password_file) and self.username is None:
            raise ValueError("password and password_file need username")
        if self.token_file is not None and self.username is not None:
            raise ValueError("username and token_file: give one of them")
        return self
