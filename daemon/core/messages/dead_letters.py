"""Dead letters: records that cannot be read, unchanged or redacted, with headers that give the reason.

The headers are those of Kafka Connect's dead letter queues (`DeadLetterQueueReporter.populateContextHeaders`), so tools
for those queues read these too. As there, the record's own headers come first, a second failure appends to them, and
all values are UTF-8 text. The message begins with a short stable word for the reason. It repeats nothing of the
record's content.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.masking import RedactionSettings, redact
from daemon.core.types import Batch, OutRecord, Reject

PREFIX = "__connect.errors."
STAGE = "VALUE_CONVERTER"
ERROR_CLASS = "daemon.errors.DataError"
FORMAT_CLASS = "daemon.core.formats.Format"


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
    With `redaction`, secrets leave the record's key, value and headers; bytes that are not UTF-8 are then replaced.
    """
    message = f"{reject.reason}: {reject.detail}"
    context = {
        "topic": batch.source.topic,
        "partition": str(batch.source.partition),
        "offset": str(reject.offset),
        "connector.name": name,
        "task.id": str(task),
        "stage": STAGE,
        "class.name": where,
        "exception.class.name": ERROR_CLASS,
        "exception.message": message,
        "exception.stacktrace": f"{ERROR_CLASS}: {message}\n\tat {where}",
    }
    own: Sequence[tuple[str, bytes]] = batch.headers[reject.row] if batch.headers else ()
    return OutRecord(
        role="dead_letters",
        key=_redacted(batch.keys[reject.row], redaction),
        value=_redacted(batch.values[reject.row], redaction),
        headers=(
            *((header, _redacted(value, redaction) or b"") for header, value in own),
            *((PREFIX + name, text.encode()) for name, text in context.items()),
        ),
    )


def _redacted(value: bytes | None, settings: RedactionSettings | None) -> bytes | None:
    """Return a part of a record without secrets; without settings as it is."""
    if value is None or settings is None:
        return value
    return redact(value.decode("utf-8", "replace"), settings).encode()
