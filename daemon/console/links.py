"""Links from an alert to other programs, made from templates such as ``https://ui.example/{topic}/{offset}``.

Every value is quoted for one segment or one parameter of a URL, so text of a log cannot change where a link leads.
Links leave the console only when somebody follows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from daemon.console.messages import milliseconds
from daemon.errors import DataError

MAX_VALUE = 1_000
_OFFSET = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class LinkTemplate:
    """A program's name, and its URL with fields in braces."""

    name: str
    url: str


def filled(templates: Sequence[LinkTemplate], document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and URL of each link, from an alert's message. What the message lacks is empty."""
    values = {name: _quoted(value) for name, value in link_values(document).items()}
    return [(template.name, template.url.format_map(values)) for template in templates]


def link_values(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that templates may use. `offset` is the first line's, `start_ms` and `end_ms` are epochs."""
    source, incident = document.get("source"), document.get("incident")
    source = source if isinstance(source, dict) else {}
    positions = source.get("positions")
    first = _OFFSET.match(str(positions[0])) if isinstance(positions, list) and positions else None
    partition = source.get("partition")
    values = {name: _text(document, name) for name in ("scope", "key", "pattern", "start", "end")}
    return values | {
        "alert": _text(document, "id"),
        "incident": _text(incident, "id") if isinstance(incident, dict) else "",
        "topic": _text(source, "topic"),
        "partition": str(partition) if isinstance(partition, int) else "",
        "offset": first[0] if first else "",
        "start_ms": _epoch(values["start"]),
        "end_ms": _epoch(values["end"]),
    }


def _quoted(value: str) -> str:
    """Return a value for a URL; browsers read a segment of dots as a step, even if it is quoted."""
    return "" if value in (".", "..") else quote(value[:MAX_VALUE], safe="")


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _epoch(text: str) -> str:
    try:
        return str(milliseconds(text))
    except DataError:
        return ""
