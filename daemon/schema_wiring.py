"""The schemas of records: those of configured files, and what reads others from a registry."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from daemon.adapters.schema_registry import RegistrySettings, SchemaRegistry
from daemon.config import Config
from daemon.core.formats import SchemaSource, check_avro, check_protobuf
from daemon.errors import ConfigError
from daemon.small_files import read_small


def read_schemas(format_: str, files: Mapping[str, Path]) -> dict[str, str]:
    """Return what schema files of a format hold. Raises ConfigError for one that cannot be read or is not a schema."""
    texts, problems = {}, []
    for id_, path in files.items():
        try:
            if format_ == "protobuf":
                texts[id_] = b64encode(read_small(path)).decode()
                problem = check_protobuf(texts[id_])
            else:
                texts[id_] = read_small(path).decode()
                problem = check_avro(texts[id_])
        except OSError as error:
            problem = error.strerror
        except UnicodeDecodeError as error:
            problem = str(error)
        if problem:
            problems.append(f"input.schemas.{id_}: {path}: {problem}")
    if problems:
        raise ConfigError(problems)
    return texts


def schema_source(config: Config) -> SchemaSource | None:
    """Return what reads schemas from the configured registry, None without one."""
    registry = config.input.schema_registry
    if registry is None:
        return None
    return SchemaRegistry(
        RegistrySettings(
            url=registry.url,
            username=registry.username,
            password=registry.password.get_secret_value() if registry.password else None,
            password_file=registry.password_file,
            token_file=registry.token_file,
            ca=registry.ca,
            timeout_s=registry.timeout / 1e6,
        )
    )
