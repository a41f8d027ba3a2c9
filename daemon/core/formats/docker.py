"""Docker's ``json-file`` lines: an object with `log`, `stream` and `time` for each line of a container.

Docker cuts a long line every 16 KiB, so a secret may be cut in two. A whole line ends in a line feed, a part does not.
A part is marked `partial`, so that the line is joined before secrets are looked for.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from daemon.core.formats.base import ALTERNATIVE, FieldPaths, ReaderOutput, values_as_text
from daemon.core.formats.json import JsonReader
from daemon.core.types import Batch

TEXT = "log"
PART_BYTES = 16_384
_MAX_REPLACED = 12
"""Bytes that a part may be longer: characters that a cut divides become U+FFFD, three bytes in the place of each."""
_STREAM = r'"stream"\s*:\s*"(?:stdout|stderr)"'


def is_docker(fields: FieldPaths) -> bool:
    """Return whether a message may be Docker's."""
    return TEXT in fields.message.split(ALTERNATIVE)


class DockerReader(JsonReader):
    """Reads JSON objects; those of Docker say to which stream a line was written, and whether it is a part."""

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        read = super().__call__(batch)
        size = pl.col("message").str.len_bytes()
        partial = size.is_between(PART_BYTES, PART_BYTES + _MAX_REPLACED) & ~pl.col("message").str.ends_with("\n")
        streams = values_as_text(batch)[0].select("row", streams=pl.col("text").str.extract_all(_STREAM))
        table = read.table.join(streams, on="row", how="left", maintain_order="left").with_columns(
            partial=partial.fill_null(value=False),
            stream=pl.col("streams").list.get(pl.col("index"), null_on_oob=True).str.extract("(stdout|stderr)"),
        )
        return replace(read, table=table.drop("streams"))
