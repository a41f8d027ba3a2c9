"""How single values are written in the configuration: durations, budgets, regular expressions.

A value is written in the same way wherever it is used. These functions raise ValueError with a sentence about the
value; the caller adds its path.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from string import Formatter
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_LONGEST = 2**62
"""Microseconds, which fit into a column of times."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_BYTES = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(kB|MB|GB)")
DOCUMENT = "document"
"""The format whose records are whole documents; all others give lines."""
RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*day")


def parse_duration(value: object) -> object:
    """Return the microseconds of ``500ms``, ``30s``, ``5m``, ``1h`` or ``7d``. Raises ValueError with an example."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit (ms, s, m, h or d), such as 30s")
    amount = float(match[1]) * _UNITS[match[2]]
    if amount > _LONGEST:
        raise ValueError("a duration must be at most 146,000 years")
    microseconds = round(amount)
    if microseconds <= 0:
        raise ValueError("a duration must be longer than 0")
    return microseconds


def parse_size(value: object) -> object:
    """Return the bytes of ``500kB``, ``200MB`` or ``2GB``. Raises ValueError with an example."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a size; write a number and a unit (kB, MB or GB), such as 1GB")
    return round(float(match[1]) * _BYTES[match[2]])


def parse_budget(value: object) -> object:
    """Return the budget as given, if it is a share (0 to 1] or a rate such as ``20/day``. Raises ValueError."""
    if isinstance(value, str) and RATE.fullmatch(value.strip()):
        return value.strip()
    try:
        share = float(value)  # type: ignore[arg-type]  # a file may hold any type; a TypeError is handled below
    except (TypeError, ValueError):
        raise ValueError(
            f"{value!r} is not a budget; write a share of sessions such as 0.01, or a rate such as 20/day"
        ) from None
    if not 0 < share <= 1:
        raise ValueError(f"a share of sessions is above 0 and at most 1, not {share:g}")
    return share


def parse_rate(value: object) -> object:
    """Return a rate such as ``50/day`` as given, or None. Raises ValueError."""
    if value is None or (isinstance(value, str) and RATE.fullmatch(value.strip())):
        return value
    raise ValueError(f"{value!r} is not a rate; write a number a day such as 50/day, or null for no limit")


def rate_of(text: str) -> float | None:
    """Return the number a day of a rate such as ``20/day``, None for anything else."""
    match = RATE.fullmatch(text.strip())
    return float(match[1]) if match else None


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """Return the network of an address such as ``10.20.0.5`` or of ``10.20.0.0/16``. Raises ValueError."""
    try:
        return ip_network(str(value))
    except ValueError as error:
        reason = "has bits behind its prefix" if "host bits" in str(error) else "is not an address or a network"
        raise ValueError(f"{value!r} {reason}; write one such as 10.20.0.5 or 10.20.0.0/16") from None


LINK_FIELDS = frozenset(
    "topic partition offset scope key pattern alert incident start end start_ms end_ms".split()  # noqa: SIM905
)
"""The fields that a link's template may name."""


def parse_link(url: object) -> object:
    """Return a link's template as given, if it is an http(s) URL whose fields are known. Raises ValueError."""
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ValueError("write an address that begins with http:// or https://")
    try:
        parts = list(Formatter().parse(url))
    except ValueError as error:
        raise ValueError(f"{error}; write a brace of the address itself twice") from None
    unknown = sorted({name for _, name, form, conversion in parts if name is not None and name not in LINK_FIELDS})
    if unknown or any(form or conversion for _, _, form, conversion in parts):
        raise ValueError(f"fields in braces may be {', '.join(sorted(LINK_FIELDS))}")
    return url


def http_address(url: str) -> str:
    """Return an address of HTTP as given. Raises ValueError for another scheme, or a login inside."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("write an address that begins with http:// or https://")
    if "@" in urlsplit(url).netloc:
        raise ValueError("a login does not belong in an address, which is shown in logs")
    return url


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a mask's regular expression, or None."""
    from daemon.core.formats import check_pattern  # polars imports slowly, and most files have no patterns

    return check_pattern(pattern)


def format_name(name: str) -> str:
    """Return the name of a format as given. Raises ValueError when there is no such format."""
    from daemon.core.formats import check_format  # as above

    if name != DOCUMENT and (problem := check_format(name)):
        raise ValueError(f"{problem}, {DOCUMENT}")
    return name


def as_list(value: object) -> object:
    """Return a text as a list of one, anything else as given."""
    return [value] if isinstance(value, str) else value


def numbers_as_names(value: object) -> object:
    """Return a mapping with its numbers as text, as `{17: a.avsc}` means `{"17": a.avsc}`; anything else as given."""
    if not isinstance(value, dict):
        return value
    return {str(key) if type(key) is int else key: inner for key, inner in value.items()}


def preset_name(name: str) -> str:
    """Return the name of a preset of `input.multiline` as given. Raises ValueError for an unknown one."""
    from daemon.core.multiline import PRESETS  # as above

    if name not in PRESETS:
        raise ValueError(f"{name!r} is not a preset; the presets are {', '.join(PRESETS)}")
    return name


def optional_pattern(pattern: str | None) -> str | None:
    """Return a regular expression as given. Raises ValueError when it cannot be used."""
    if pattern is not None and (problem := pattern_problem(pattern)):
        raise ValueError(problem)
    return pattern


def extracting(pattern: str) -> str:
    """Return the regular expression of an `extract` as given. Raises ValueError when it cannot be used."""
    from daemon.core.formats import check_extract  # as above

    if problem := check_extract(pattern):
        raise ValueError(problem)
    return pattern


def time_pattern(pattern: str | None) -> str | None:
    """Return a format of times as given. Raises ValueError when it cannot be used."""
    from daemon.core.formats import check_time_format  # as above

    if pattern is not None and (problem := check_time_format(pattern)):
        raise ValueError(problem)
    return pattern


Duration = Annotated[int, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(parse_size)]
