"""Dead letters: records that cannot be read, unchanged or redacted, with headers that give the reason.

The headers are those of Kafka Connect's dead letter queues (`DeadLetterQueueReporter.populateContextHeaders`), so tools
for those queues read these too. As there, the record's own headers come first, a second failure appends to them, and
all values are UTF-8 text. The message begins with a short stable word for the reason. It repeats nothing of the
record's content. What is larger than `LARGEST` is left out, and the message says so: the topic could not hold it, and
the partition would never commit.

A session that the embedding server refuses is a dead letter too: its value is the session as JSON, redacted, with the
positions of all its lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.masking import RedactionSettings, redact
from daemon.core.messages.json import encode
from daemon.core.messages.sources import source_document
from daemon.core.origins import Origins
from daemon.core.positions import offset_of
from daemon.core.types import Batch, OutRecord, Pattern, Reject, Session, TopicPartition

PREFIX = "__connect.errors."
STAGE = "VALUE_CONVERTER"
ERROR_CLASS = "daemon.errors.DataError"
FORMAT_CLASS = "daemon.core.formats.Format"
ENGINE_STAGE = "TRANSFORMATION"
ENGINE_CLASS = "daemon.ports.Engine"
REFUSED_TEXT = "refused_text"
LARGEST = 15 << 20
"""The most bytes of a record in its dead letter: what fits the topic as `strayline topics create` makes it."""


def dead_letter(
    batch: Batch,
    reject: Reject,
    *,
    name: str,
    task: int = 0,
    where: str = FORMAT_CLASS,
    redaction: RedactionSettings | None = None,
) -> OutRecord:
    """Return the dead letter of one rejected record.

    `name` is the consumer group, `task` the input partition or another small number, `where` the class that rejects it.
    `redaction` removes secrets from the record's key, value and headers; bytes that are not UTF-8 are then replaced.
    """
    message = f"{reject.reason}: {reject.detail}"
    own: Sequence[tuple[str, bytes]] = batch.headers[reject.row] if batch.headers else ()
    key, value = batch.keys[reject.row], batch.values[reject.row]
    growth = 1 if redaction is None else 3  # a byte that is not UTF-8 becomes three
    size = growth * (len(key or b"") + sum(len(header) + len(part or b"") for header, part in own))
    if size > LARGEST:
        message += f"; its key and headers are left out, they are larger than {LARGEST:,} bytes"
        key, own, size = None, (), 0
    if size + growth * len(value or b"") > LARGEST:
        message += f"; its value of {len(value or b''):,} bytes is left out"
        value = None
    context = _context(batch.source, reject.offset, message, name, task, (STAGE, where))
    return OutRecord(
        role="dead_letters",
        key=_redacted(key, redaction),
        value=_redacted(value, redaction),
        headers=(*((header, _redacted(part, redaction) or b"") for header, part in own), *context),
    )


def refused_session(
    source: TopicPartition,
    session: Session,
    pattern: Pattern,
    detail: str,
    *,
    name: str,
    origins: Origins | None = None,
) -> OutRecord:
    """Return the dead letter of a session whose text the engine refuses. It stands for all the session's lines.

    `origins` are the places of the lines in the input, where these are not those of `source`.
    """
    document = {
        "scope": session.scope,
        "key": session.key,
        "pattern": pattern.id,
        "source": source_document(source, session.positions, origins),
        "lines": [{"text": line.example, "count": line.count} for line in session.lines],
    }
    place = (ENGINE_STAGE, ENGINE_CLASS)
    first = int(session.positions[0])
    if origins is not None:
        source, first = origins.sources[int(origins.source[0])], int(origins.origin[0])
    return OutRecord(
        role="dead_letters",
        key=session.scope.encode(),
        value=encode(document),
        headers=_context(source, offset_of(first), f"{REFUSED_TEXT}: {detail}", name, source.partition, place),
    )


def _context(
    source: TopicPartition, offset: int, message: str, name: str, task: int, place: tuple[str, str]
) -> list[tuple[str, bytes]]:
    """Return the headers that say what failed where; `place` is the stage and the class that rejects."""
    stage, where = place
    context = {
        "topic": source.topic,
        "partition": str(source.partition),
        "offset": str(offset),
        "connector.name": name,
        "task.id": str(task),
        "stage": stage,
        "class.name": where,
        "exception.class.name": ERROR_CLASS,
        "exception.message": message,
        "exception.stacktrace": f"{ERROR_CLASS}: {message}\n\tat {where}",
    }
    return [(PREFIX + header, text.encode()) for header, text in context.items()]


def _redacted(value: bytes | None, settings: RedactionSettings | None) -> bytes | None:
    """Return a part of a record without secrets; unchanged without settings."""
    if value is None or settings is None:
        return value
    return redact(value.decode("utf-8", "replace"), settings).encode()
