"""The chart's README: its text from README.head.md, and a table of values.yaml with the comment above each value.

A comment written directly above a key describes that key; a key with children is described and its children follow.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w-]*):(?P<rest>.*)$")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the chart: its dotted path, default as JSON, and description."""

    path: str
    default: str
    text: str


def documented_values(text: str) -> list[Value]:
    """Return every value of a values.yaml that has a comment above it, in order."""
    defaults = yaml.safe_load(text)
    documented: list[Value] = []
    stack: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("#").strip())
            continue
        match = _KEY.match(line)
        if match and not stripped.startswith("-"):
            indent = len(match["indent"])
            stack = [entry for entry in stack if entry[0] < indent] + [(indent, match["key"])]
            if comment:
                path = ".".join(key for _, key in stack)
                documented.append(Value(path, _default(defaults, [key for _, key in stack]), " ".join(comment)))
        comment = []
    return documented


def chart_readme(chart: Path) -> str:
    """Return the README of the chart in folder `chart`."""
    rows = [
        f"| `{value.path}` | {f'`{value.default}`' if value.default else ''} | {value.text} |\n"
        for value in documented_values((chart / "values.yaml").read_text())
    ]
    head = (chart / "README.head.md").read_text()
    return f"{head}\n## Values\n\n| value | default | meaning |\n|---|---|---|\n{''.join(rows)}"


def _default(values: object, keys: list[str]) -> str:
    for key in keys:
        values = values[key] if isinstance(values, dict) else None
    if isinstance(values, dict) and values:
        return ""
    return json.dumps(values).replace("|", "\\|")
