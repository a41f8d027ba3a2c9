"""The paths of fields in JSON objects: which are valid, and the shape of an object that holds them.

A path ``a.b.c`` is looked up as nested objects first, then as one key ``a.b.c`` at the top (as ECS writers do).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import polars as pl

from daemon.core.formats.base import ALTERNATIVE, RECORD_PREFIX, WHOLE, of_record
from daemon.core.formats.lookup import nested_at, plain_text


def check_path(name: str, path: str) -> str | None:
    """Return what is wrong with the path of the field `name`, or None."""
    choices = path.split(ALTERNATIVE)
    for choice in choices:
        part = choice.removeprefix(RECORD_PREFIX)
        if part == choice:
            if choice == WHOLE and name != "message":
                return f"{choice!r} is the whole value, which can be a message alone"
            if not all(choice.split(".")):
                return f"{path!r} is not a path"
        elif name == "message":
            return f"{choice!r} is a part of the record, and a message is a part of its value"
        elif part not in ("key", "timestamp", "topic") and not (part.startswith("headers.") and part != "headers."):
            return f"{choice!r} is not record.key, record.timestamp, record.topic or record.headers.NAME"
    if [part for part, _ in groupby(map(of_record, choices))].count(None) > 1:
        return f"{path!r} has a part of the record between fields of the value; it must come before or after them"
    return None


def shape_of(paths: Sequence[str]) -> tuple[pl.Struct, set[str]]:
    """Return the struct to decode into, and the dotted paths it holds as nested objects."""
    tree, nested = path_tree(paths)
    return _struct(tree), nested


def path_tree(paths: Sequence[str]) -> tuple[dict[str, Any], set[str]]:
    """Return nested dictionaries with None for each path's text, and the dotted paths that they hold.

    A path that runs through another path's value cannot be nested; it is looked up as one key only.
    """
    wanted = sorted(set(paths), key=lambda path: path.count("."))
    tree: dict[str, Any] = {}
    nested = set()
    for path in wanted:
        *folders, leaf = path.split(".")
        node: Any = tree
        for folder in folders:
            node = node.setdefault(folder, {}) if isinstance(node, dict) else None
        if isinstance(node, dict) and leaf not in node:
            node[leaf] = None
            nested.add(path)
    for path in wanted:
        tree.setdefault(path, None)
    return tree, nested


def has_odd_parts(value: Mapping[str, Any], tree: Mapping[str, Any]) -> bool:
    """Return whether a value is an object where the tree expects a text, or the other way round."""
    for name, inner in tree.items():
        part = value.get(name)
        if inner is None:
            if isinstance(part, dict | list):
                return True
        elif part is not None and (not isinstance(part, dict) or has_odd_parts(part, inner)):
            return True
    return False


def _struct(tree: Mapping[str, Any]) -> pl.Struct:
    return pl.Struct({name: _struct(inner) if isinstance(inner, dict) else pl.String() for name, inner in tree.items()})


def text_at(parsed: object, path: str) -> str | None:
    """Return the text at a path, nested or as one key; None where there is none."""
    text = plain_text(nested_at(parsed, path))
    return plain_text(parsed.get(path)) if text is None and isinstance(parsed, dict) else text


def value_at(parsed: Mapping[str, Any], path: str) -> Any:
    """Return what is at a path, nested or as one key; None where there is nothing."""
    node = nested_at(parsed, path)
    return parsed.get(path) if node is None else node
