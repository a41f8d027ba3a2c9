"""Syslog: lines of RFC 5424 and RFC 3164 and their dialects, each read with one pattern over the whole column.

A line without any of these headers is taken as it is: shippers mix dialects, and a plain line is still a line. Times
are passed on as they are written; a missing year is added later, by `line_times`.
"""

from __future__ import annotations

import polars as pl

from daemon.core.formats.base import ReaderOutput
from daemon.core.formats.levels import SYSLOG
from daemon.core.formats.raw import RawReader, with_header
from daemon.core.types import Batch

_START = r"^(?:[0-9]{1,6} )?"  # the octet count that TCP senders put in front (RFC 6587)
_PRI = r"<(?P<pri>[0-9]{1,3})>"
_ZONE_NAME = r"(?:UTC|GMT|[CEW]ES?T|MSK|BST|[IJK]ST|[CEMP][SD]T|A[EC]?[SD]T|NZ[SD]T|SGT|HKT)"
_TIME_OF_DAY = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_CLOCK = rf"{_TIME_OF_DAY}(?: {_ZONE_NAME}|Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
_MONTH = "[A-Za-z]{3}"
_TIME = (
    rf"(?P<time>{_MONTH} +[0-9]{{1,2}}(?: [0-9]{{4}})? {_CLOCK}"
    rf"|[0-9]{{4}} {_MONTH} +[0-9]{{1,2}} {_CLOCK}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T\S+)"
)
_CISCO_TIME = _TIME.removesuffix(")") + rf"|{_MONTH} +[0-9]{{1,2}}(?: [0-9]{{4}})? {_CLOCK} [A-Z]{{3,5}})"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+"
_STRUCTURED = r'(?:-|(?:\[(?:[^\]\\"]|"(?:[^"\\]|\\.)*")*\])+)'
_RFC_5424 = (
    rf"{_START}{_PRI}[0-9]{{1,2}} (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) \S+ "
    rf"{_STRUCTURED}(?: \x{{feff}}?(?P<message>.*))?$"
)
_BARE_5424 = rf"{_START}{_PRI}1 (?P<time>{_ISO}) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) \S+(?: (?P<message>.*))?$"
"""RFC 5424 without structured data, as many programs write it."""
_MERAKI = rf"{_START}{_PRI}1 (?P<epoch>[0-9]{{10}}\.[0-9]{{1,9}}) (?P<host>\S+) (?P<message>.*)$"
_HOST = r"(?P<host>\S*[^\s:])"
_TAG = r"(?P<app>[^\s:\[]+)(?:\[(?P<process>[^\]]*)\])?: ?|(?P<spaced>[^:\[\]]{1,48})\[(?P<number>[0-9]+)\]: ?"
_RFC_3164 = rf"{_START}(?:{_PRI} ?)?{_TIME} {_HOST} (?:{_TAG})(?P<message>.*)$"
_SPACED = rf"{_START}{_PRI} ?(?P<time>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {_CLOCK}) {_HOST} (?:{_TAG})(?P<message>.*)$"
"""A date, a blank and a time; without a priority many other logs begin so."""
_JOURNAL_TIME = (
    rf"(?:[A-Z][a-z]{{2}} (?P<time>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {_TIME_OF_DAY} \S+)"
    r"|(?P<epoch>[0-9]{9,10}\.[0-9]{6}))"
)
_JOURNAL = rf"^{_JOURNAL_TIME} (?P<host>\S+) (?:{_TAG})(?P<message>.*)$"
_NO_HOST = rf"{_START}(?:{_PRI} ?)?{_TIME} (?P<app>[^\s:\[]+)(?:\[(?P<process>[0-9]+)\]: ?|:(?: |$))(?P<message>.*)$"
_NO_TAG = rf"{_START}{_PRI} ?{_TIME} {_HOST} (?P<message>.*)$"
_ASA = rf"{_START}(?:{_PRI} ?)?{_TIME}:? (?P<host>\S+) (?:: )?(?P<message>%[%A-Z0-9][\w/-]*[-/][0-9][-/]\w+.*)$"
_CISCO = rf"{_START}(?:{_PRI} ?)?(?:[0-9]*: )?(?:(?P<host>[^\s:%*]+): )?[*.]?{_CISCO_TIME}: (?P<message>%.*)$"
DIALECTS = (_RFC_5424, _CISCO, _ASA, _NO_HOST, _RFC_3164, _SPACED, _JOURNAL, _NO_TAG, _MERAKI, _BARE_5424)
"""Patterns in the order in which they are tried."""
_NAMES = ("pri", "time", "epoch", "host", "app", "process", "spaced", "number", "message")
HIGHEST_PRIORITY = 191


class SyslogReader:
    """Reads values as lines of syslog: scope is the program, key its host and process, level the severity."""

    def __init__(self, max_lines: int) -> None:
        self._raw = RawReader(max_lines)

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        raw = self._raw(batch)
        header = _headers(raw.table["message"])
        priority = pl.col("pri").cast(pl.Int64, strict=False)
        severity = pl.when(priority <= HIGHEST_PRIORITY).then(priority % 8)
        process = pl.coalesce(_named("process"), "number")
        header = header.select(
            "message",
            pl.coalesce(_named("time"), "epoch"),
            pl.coalesce(_named("app"), "spaced").alias("scope"),
            pl.concat_str(_named("host"), process, separator="/", ignore_nulls=True).replace("", None).alias("key"),
            severity.replace_strict(dict(enumerate(SYSLOG)), default=None, return_dtype=pl.String).alias("level"),
        )
        return ReaderOutput(with_header(raw.table, header), raw.rejects, unread=raw.unread)


def _headers(message: pl.Series) -> pl.DataFrame:
    """Return the parts of each line's header by the first dialect that matches; nulls where none does."""
    headers = pl.DataFrame([pl.repeat(None, len(message), dtype=pl.String, eager=True).alias(name) for name in _NAMES])
    left = pl.repeat(True, len(message), dtype=pl.Boolean, eager=True)
    for dialect in DIALECTS:
        if not left.any():
            break
        rows = left.arg_true()
        parts = message.gather(rows).str.extract_groups(dialect).struct.unnest()
        timed = [parts[name].is_not_null() for name in ("time", "epoch") if name in parts.columns]
        hit = timed[0] | timed[-1]
        places = rows.filter(hit)
        headers = headers.with_columns(
            [headers[name].scatter(places, parts[name].filter(hit)) for name in parts.columns if name in _NAMES]
        )
        left = left.scatter(places, False)
    return headers


def _named(name: str) -> pl.Expr:
    """Return a header's part, null where it is ``-``, which stands for an absent part."""
    return pl.when(pl.col(name) != "-").then(pl.col(name)).alias(name)
