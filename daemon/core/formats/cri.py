"""CRI: container log files as Kubernetes' runtimes write them.

The runtime cuts a long line into parts (``P``) and a last part (``F``). Parts of one record are joined, separately for
each stream, so that every search in a line, above all for secrets, sees the whole line. If the last part of a record is
a ``P``, it is marked `partial`: the rest is in a later record. A line without the header is taken as it is.
"""

from __future__ import annotations

import polars as pl

from daemon.core.formats.base import COLUMNS_SCHEMA, ReaderOutput
from daemon.core.formats.raw import RawReader, with_header
from daemon.core.types import Batch

_CRI = r"^(?P<time>\d{4}-\S+) (?P<stream>stdout|stderr) (?P<tag>[FP])(?::\S*)? (?P<message>.*)$"


class CriReader:
    """Kubernetes container logs as the runtime writes them."""

    def __init__(self, max_lines: int) -> None:
        self._raw = RawReader(max_lines)

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        raw = self._raw(batch)
        header = raw.table["message"].str.extract_groups(_CRI).struct.unnest()
        parts = header.select("stream", "tag", said="message")
        table = with_header(raw.table, header.select("time", "message"))
        table = table.hstack(parts).with_columns(
            partial=(pl.col("tag") == "P").fill_null(value=False), said=pl.coalesce("said", "message")
        )
        if (table["index"] > 0).any():
            table = _joined(table)
        columns = [*COLUMNS_SCHEMA, "stream", "said", "partial"]
        return ReaderOutput(table.select(columns), raw.rejects, unread=raw.unread)


def _joined(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of each record with their parts joined, and without blank ones unless all are blank.

    A joined line has the index and the time of its first part.
    """
    place, ends = ("row", "stream"), pl.col("tag").fill_null("F") == "F"
    number = ends.cast(pl.Int64).shift(1, fill_value=0).cum_sum().over(place).alias("number")
    empty = pl.col("said") == ""
    whole = (
        lines.with_columns(number)
        .group_by(*place, "number", maintain_order=True)
        .agg(
            pl.first("index", "time", "scope", "key", "level"),
            pl.last("partial"),
            pl.col("said").str.join(""),
            whole=pl.first("message"),
            blank=empty.all(),
        )
    )
    blank = pl.col("blank")
    kept = whole.filter(~blank | blank.all().over("row")).sort("row", "index")
    return kept.with_columns(message=pl.when(blank).then("whole").otherwise("said"))
