"""A schema as a registry has it, and what returns it. The core reads no registry: an adapter does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A schema as a registry has it: its language, its text, and the schemas that it refers to, by their names.

    The text of ``AVRO`` is JSON; that of ``PROTOBUF`` is the file's descriptor, serialized and in base64.
    """

    language: str
    text: str
    references: tuple[tuple[str, RegisteredSchema], ...] = ()


class UnknownSchemaError(LookupError):
    """The registry has no schema of this id; the message says so."""


SchemaSource = Callable[[str], RegisteredSchema]
"""Returns the schema of an id. Raises UnknownSchemaError, and PartitionError where the registry gives no answer."""
