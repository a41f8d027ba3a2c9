"""How single values are written in the configuration: durations, budgets, regular expressions.

What stands in the file goes through one of these functions, which are the same wherever such a value may stand. What
cannot be used is answered with a sentence that says what is wrong with it; where it stands is the reader's to add.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*day")


def parse_duration(value: object) -> object:
    """Return microseconds of ``500ms 30s 5m 1h 7d``; anything else is refused with an example."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no duration; write a number and a unit of ms s m h d, such as 30s")
    microseconds = round(float(match[1]) * _UNITS[match[2]])
    if microseconds <= 0:
        raise ValueError("a duration must be longer than nothing")
    return microseconds


def parse_budget(value: object) -> object:
    """Return the budget as given, once it is known to be a share (0 to 1] or a rate such as ``20/day``."""
    if isinstance(value, str) and RATE.fullmatch(value.strip()):
        return value.strip()
    try:
        share = float(value)  # type: ignore[arg-type]  # anything may stand in a file; a TypeError is the answer
    except (TypeError, ValueError):
        raise ValueError(
            f"{value!r} is no budget; write a share of sessions such as 0.01, or a rate such as 20/day"
        ) from None
    if not 0 < share <= 1:
        raise ValueError(f"a share of sessions lies above 0 and at most at 1, not at {share:g}")
    return share


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a mask's regular expression, or None."""
    from daemon.core.formats import check_pattern  # most files have no patterns, and polars is slow to import

    return check_pattern(pattern)


def extracting(pattern: str) -> str:
    """Return the regular expression of an `extract` as given, once it is known to be usable."""
    from daemon.core.formats import check_extract  # as above

    if problem := check_extract(pattern):
        raise ValueError(problem)
    return pattern


Duration = Annotated[int, BeforeValidator(parse_duration)]
