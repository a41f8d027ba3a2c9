"""The fields of an exception as text: the stack trace that belongs to a message.

The names are those of ECS, OpenTelemetry's conventions, logstash's and log4j2's layouts, pino, winston, Serilog and
Python's usual formatters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

TRACES = ("stack_trace", "stackTrace", "stacktrace", "stack", "extendedStackTrace", "exc_info", "exc_text", "@x")
"""Keys that hold a stack trace: a text, or a list of frames."""
HOLDERS = ("error", "exception", "Exception", "thrown", "err", "throwable")
"""Keys that hold an exception: a text, or an object with a type, a message and a trace."""
_TYPES = ("type", "name", "class", "kind", "exception_class")
_MESSAGES = ("message", "exception_message", "localizedMessage", "msg")
_KEYS = (*TRACES, *HOLDERS)
_NAMES = frozenset(_KEYS)
_LIKELY = r'tack|"e[rx]|xception|"thr|"@x'
"""Stands in whatever has one of the keys. Beginnings so different are found in a quarter of the time of the keys'."""
_KEY = rf'"(?:{"|".join(_KEYS)})(?:"\s*:\s*[^\sn]|\.)'


def may_have_exception(values: pl.Series) -> pl.Series:
    """Return for each text of a record whether it may have a field of an exception."""
    likely = values.str.contains(_LIKELY)
    if not likely.any():
        return likely
    return likely.scatter(likely.arg_true(), values.filter(likely).str.contains(_KEY))


def exception_text(record: Mapping[str, Any]) -> str | None:
    """Return the exception in a record: its trace, else its type and message; None where there is none."""
    if _NAMES.isdisjoint(key.partition(".")[0] for key in record):
        return None
    for holder in HOLDERS:
        for value in (record.get(holder), _dotted(record, holder)):
            if isinstance(value, Mapping) and value and (text := _of_object(value)):
                return text
    trace = _trace_in(record)
    if trace is not None:
        return trace
    whole = (record.get(holder) for holder in ("exception", "Exception", "thrown", "throwable"))
    return next((value for value in whole if isinstance(value, str) and value.strip()), None)


def _dotted(record: Mapping[str, Any], holder: str) -> dict[str, Any]:
    """Return the parts of an object that is written with dots in its keys."""
    prefix = f"{holder}."
    return {key.removeprefix(prefix): value for key, value in record.items() if key.startswith(prefix)}


def _of_object(value: Mapping[str, Any]) -> str | None:
    trace = _trace_in(value)
    parts = [text for names in (_TYPES, _MESSAGES) if (text := _first_text(value, names))]
    if trace is None:
        return ": ".join(parts) if len(parts) > 1 else None  # a bare message is most often the line's own
    head = ": ".join(parts)
    return trace if not head or parts[-1] in trace else f"{head}\n{trace}"


def _trace_in(value: Mapping[str, Any]) -> str | None:
    for name in TRACES:
        trace = value.get(name)
        if isinstance(trace, str) and trace.strip():
            return trace
        if isinstance(trace, list) and trace:
            return "\n".join(map(_frame, trace))
    return None


def _frame(frame: object) -> str:
    if not isinstance(frame, Mapping):
        return str(frame)
    place = ":".join(str(frame[key]) for key in ("file", "line") if frame.get(key) is not None)
    call = ".".join(str(frame[key]) for key in ("class", "method", "function") if frame.get(key) is not None)
    return f"\tat {call}({place})"


def _first_text(value: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((text for name in names if isinstance(text := value.get(name), str) and text.strip()), None)
