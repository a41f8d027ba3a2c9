"""One record of a topic of documents: its name and the bytes of the document.

The value is the file itself, or a JSON object with `text`, or with `content` (base64), and perhaps `name`.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

import orjson

from daemon.core.types import Batch
from daemon.errors import DataError

NAME_HEADERS = ("name", "filename")
MAX_NAME = 200


def name_and_content(batch: Batch, row: int) -> tuple[str, bytes]:
    """Return a record's document. Raises DataError for a record that holds none; the text repeats nothing of it.

    The name is the object's, else that of the header `name` or `filename`, else the key, else the record's place.
    """
    value = batch.values[row]
    if value is None:
        raise DataError("the record has no value")
    name = _outer_name(batch, row)
    fields = _object(value)
    if fields is None:
        return name, value
    given = fields.get("name")
    if isinstance(given, str) and given:
        name = given[:MAX_NAME]
    text, content = fields.get("text"), fields.get("content")
    if isinstance(text, str) and content is None:
        return name, text.encode("utf-8", "surrogatepass")
    if isinstance(content, str) and text is None:
        try:
            return name, b64decode(content, validate=True)
        except (Base64Error, ValueError):
            raise DataError("content: is not base64") from None
    raise DataError("a JSON object needs either text, a string, or content, a base64 string")


def _outer_name(batch: Batch, row: int) -> str:
    headers = dict(reversed(batch.headers[row])) if batch.headers else {}
    named = next((headers[header] for header in NAME_HEADERS if headers.get(header)), batch.keys[row])
    if named:
        return named.decode("utf-8", "replace")[:MAX_NAME]
    return f"{batch.source}/{batch.offsets[row]}"


def _object(value: bytes) -> dict[str, object] | None:
    """Return the JSON object that a value is; None where it is a document as it stands."""
    if value.lstrip()[:1] != b"{":
        return None
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return fields if isinstance(fields, dict) else None
