"""The formats by name. A new format is one module with its reader, and one entry in `READERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from daemon.core.formats.avro import avro_unwrapper
from daemon.core.formats.base import RECORD_PREFIX, FieldPaths, FormatSettings, Reader
from daemon.core.formats.cloud import (
    AZURE,
    CLOUDEVENTS,
    CLOUDTRAIL,
    CLOUDWATCH,
    GCP,
    GELF,
    JOURNALD,
    unwrap_azure,
    unwrap_cloudevents,
    unwrap_cloudtrail,
    unwrap_cloudwatch,
    unwrap_gcp,
    unwrap_gelf,
    unwrap_journald,
)
from daemon.core.formats.cri import CriReader
from daemon.core.formats.docker import DockerReader, is_docker
from daemon.core.formats.entries import EntriesReader, Unwrap
from daemon.core.formats.finish import Finisher
from daemon.core.formats.json import JsonReader
from daemon.core.formats.otlp import BODY as OTLP_BODY
from daemon.core.formats.otlp import FIELDS as OTLP_FIELDS
from daemon.core.formats.otlp import unwrap_otlp
from daemon.core.formats.otlp_fields import otlp_fields
from daemon.core.formats.plain_objects import PlainObjects, wanted_parts
from daemon.core.formats.presets import ECS, FLUENT_BIT, VECTOR, preset
from daemon.core.formats.protobuf import protobuf_unwrapper
from daemon.core.formats.raw import RawReader
from daemon.core.formats.syslog import SyslogReader
from daemon.core.types import Batch, Parsed


def _objects(settings: FormatSettings, fields: FieldPaths) -> Reader:
    objects, wanted = JsonReader(fields, settings.max_lines), wanted_parts(fields)
    if wanted is None or settings.time_format is not None or settings.extract or RECORD_PREFIX in fields.time:
        return objects  # times may come from elsewhere
    return PlainObjects(fields, wanted, objects)


def _containers(settings: FormatSettings, fields: FieldPaths) -> Reader:
    return DockerReader(fields, settings.max_lines) if is_docker(fields) else _objects(settings, fields)


def _entries(unwrap: Unwrap, defaults: FieldPaths, bare: str | None = None) -> Callable[[FormatSettings], Reader]:
    return lambda settings: EntriesReader(unwrap, preset(defaults, settings.fields), bare, max_lines=settings.max_lines)


READERS: Mapping[str, Callable[[FormatSettings], Reader]] = {
    "json": lambda settings: _containers(settings, settings.fields),
    "raw": lambda settings: RawReader(settings.max_lines),
    "ecs": lambda settings: _objects(settings, preset(ECS, settings.fields)),
    "fluent-bit": lambda settings: _containers(settings, preset(FLUENT_BIT, settings.fields)),
    "vector": lambda settings: _objects(settings, preset(VECTOR, settings.fields)),
    "syslog": lambda settings: SyslogReader(settings.max_lines),
    "cri": lambda settings: CriReader(settings.max_lines),
    "otlp": lambda settings: EntriesReader(
        unwrap_otlp, preset(OTLP_FIELDS, settings.fields), OTLP_BODY, otlp_fields, max_lines=settings.max_lines
    ),
    "gelf": _entries(unwrap_gelf, GELF),
    "journald": _entries(unwrap_journald, JOURNALD),
    "cloudwatch": _entries(unwrap_cloudwatch, CLOUDWATCH),
    "cloudtrail": _entries(unwrap_cloudtrail, CLOUDTRAIL),
    "azure": _entries(unwrap_azure, AZURE, "properties"),
    "gcp": _entries(unwrap_gcp, GCP, "jsonPayload"),
    "cloudevents": _entries(unwrap_cloudevents, CLOUDEVENTS, "data"),
    "avro": lambda settings: EntriesReader(
        avro_unwrapper(settings.schemas, settings.registry), settings.fields, max_lines=settings.max_lines
    ),
    "protobuf": lambda settings: EntriesReader(
        protobuf_unwrapper(settings.schemas, settings.registry), settings.fields, max_lines=settings.max_lines
    ),
}
"""Functions that make each format's reader from the settings."""
FORMATS = tuple(READERS)
"""The names that `input.format` may have."""


def comes_in_parts(format_: str, fields: FieldPaths) -> bool:
    """Return whether a line of a format may come in parts, which are to be joined."""
    if format_ == "fluent-bit":
        fields = preset(FLUENT_BIT, fields)
    return format_ == "cri" or (format_ in ("json", "fluent-bit") and is_docker(fields))


class Format(Protocol):
    """Turns batches of one partition into lines. Not thread-safe; keeps only the times of the last lines."""

    def parse(self, batch: Batch) -> Parsed:
        """Return the lines of `batch` in reading order, and a reject for each record that holds none.

        The last `Parsed.unread` records must be given again. Raises nothing for what a record holds.
        """
        ...


class _Format:
    """A reader and the finisher."""

    def __init__(self, settings: FormatSettings, reader: Reader) -> None:
        self._reader = reader
        self._finisher = Finisher(settings)

    def parse(self, batch: Batch) -> Parsed:
        read = self._reader(batch)
        if not read.unread:
            return self._finisher.finish(batch, read)
        first = batch.rows(range(len(batch) - read.unread))
        read = replace(read, rejects=[reject for reject in read.rejects if reject.row < len(first)])
        return replace(self._finisher.finish(first, read), unread=read.unread)


def check_format(name: str) -> str | None:
    """Return what is wrong with the name of a format, or None."""
    return None if name in READERS else f"{name!r} is not a format; the formats are {', '.join(FORMATS)}"


def make_format(settings: FormatSettings) -> Format:
    """Return a format for one partition. Raises ValueError for a name that is not in `FORMATS` or a bad pattern."""
    if problem := check_format(settings.format):
        raise ValueError(problem)
    return _Format(settings, READERS[settings.format](settings))
