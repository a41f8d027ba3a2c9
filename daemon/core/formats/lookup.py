"""Parts of parsed values: what is at a dotted path, and its text.

A path ``a.b`` means an object within an object, or one key ``a.b``. The caller decides which of the two comes first: a
JSON object is looked up by `nested_at` first, the entry of an envelope (its attributes have dotted names) by `find`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import orjson


def nested_at(value: object, path: str) -> Any:
    """Return what is at a path of objects within objects; None where there is nothing."""
    node: Any = value
    for step in path.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def find(entry: Mapping[str, Any], path: str) -> Any:
    """Return what is at a path as one key, else nested; None where there is nothing."""
    return entry[path] if path in entry else nested_at(entry, path)


def first_text(entry: Mapping[str, Any], paths: Iterable[str]) -> str | None:
    """Return the first text at one of these paths; None where there is none."""
    return next((text for path in paths if (text := plain_text(find(entry, path))) is not None), None)


def first_filled(texts: Iterable[str | None]) -> str | None:
    """Return the first text that is not empty, else an empty one if there is one; else None."""
    empty = None
    for text in texts:
        if text:
            return text
        empty = empty if text is None else text
    return empty


def whole_text(entry: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """Return an object as one text: ``name=value`` of each of its parts except those at the paths in `without`."""
    return " ".join(f"{path}={as_text(value)}" for path, value in _parts(entry, "") if path not in without)


def _parts(entry: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in entry.items():
        if isinstance(value, Mapping):
            yield from _parts(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def plain_text(value: Any) -> str | None:
    """Return a value as text; None for null, an object or an array."""
    return None if isinstance(value, Mapping | list | tuple) else as_text(value)


def as_text(value: Any) -> str | None:
    """Return a value as text, objects and arrays as JSON; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return orjson.dumps(value, default=str).decode() if isinstance(value, Mapping | list | tuple) else str(value)
