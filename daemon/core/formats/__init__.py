"""Bytes to lines: one format reads one batch of records into one table, and reports which records it could not read.

A format is a *reader* (what is particular to it: bytes to the text columns of `base.ReaderOutput`) and the *finisher*
that all share (record paths, `extract`, times, defaults, positions). `registry` has the readers by name; a new format
is one module and one entry there, and the configuration takes its choices from it. Four rules hold:

* A bad record becomes one `Reject`; its batch goes on without it. The lines of a record never depend on the other
  records of its batch, so the same records give the same lines however they are fetched.
* A batch that holds very many lines is read in parts, and a record of more than `FormatSettings.max_lines` is rejected.
* Expressions fill columns; Python runs per batch and per bad record, never per good line.
* A `Format` serves one partition: where records carry no timestamp (files), a line without a time takes the time of
  the line before it, also across batches.
"""

from daemon.core.formats.avro import check_avro
from daemon.core.formats.base import FieldPaths, FormatSettings
from daemon.core.formats.extract import check_extract, check_pattern
from daemon.core.formats.json_paths import check_path
from daemon.core.formats.layout import Layout, in_utf8, joined
from daemon.core.formats.levels import without_colours
from daemon.core.formats.protobuf import check_protobuf
from daemon.core.formats.registered import RegisteredSchema, SchemaSource, UnknownSchemaError
from daemon.core.formats.registry import FORMATS, Format, check_format, comes_in_parts, make_format
from daemon.core.formats.time_format import check_time_format, times_of

__all__ = [
    "FORMATS",
    "FieldPaths",
    "Format",
    "FormatSettings",
    "Layout",
    "RegisteredSchema",
    "SchemaSource",
    "UnknownSchemaError",
    "check_avro",
    "check_extract",
    "check_format",
    "check_path",
    "check_pattern",
    "check_protobuf",
    "check_time_format",
    "comes_in_parts",
    "in_utf8",
    "joined",
    "make_format",
    "times_of",
    "without_colours",
]
