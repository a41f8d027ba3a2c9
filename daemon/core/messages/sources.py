"""Where the lines of a session lie in the input, as part of a document."""

from __future__ import annotations

from daemon.core.messages.schema import PartDocument, SourceDocument
from daemon.core.origins import Origins
from daemon.core.positions import Positions, ranges
from daemon.core.types import TopicPartition


def source_document(source: TopicPartition, positions: Positions, origins: Origins | None) -> SourceDocument:
    """Return the places of a session's lines: `positions` in `source`, or `origins` where lines came from elsewhere."""
    if origins is None:
        return {"topic": source.topic, "partition": source.partition, "positions": ranges(positions)}
    parts: list[PartDocument] = [
        {"topic": topic, "partition": partition, "positions": ranges(there)}
        for (topic, partition), there in origins.by_source()
    ]
    first, *others = parts
    return {**first, "others": others}
