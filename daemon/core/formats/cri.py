"""CRI: container log files as Kubernetes' runtimes write them.

A line without the header is taken as it is.
"""

from __future__ import annotations

from daemon.core.formats.base import ReaderOutput
from daemon.core.formats.raw import RawReader, with_header
from daemon.core.types import Batch

_CRI = r"^(?P<time>\d{4}-\S+) (?:stdout|stderr) [FP](?::\S*)? (?P<message>.*)$"


class CriReader:
    """Kubernetes container logs as the runtime writes them; a partial line is a line."""

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        raw = RawReader()(batch)
        header = raw.table["message"].str.extract_groups(_CRI).struct.unnest()
        return ReaderOutput(with_header(raw.table, header), raw.rejects)
