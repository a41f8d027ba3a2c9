"""Levels, as the first word of a line: numbers by their scale, and levels that the line states in its text.

A record's own level wins. Without one, a level is read where a logger writes it in a form that is not a plain word: a
syslog priority in front (``<3>``), logfmt (``level=error``), JSON in the text, klog (``E1130 10:00:00``), logrus
(``WARN[0001]``). A plain word such as ``ERROR`` in the text stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from daemon.core.groups import Ints, numbered
from daemon.core.kernel import number_shapes

MAX_LEVEL = 24
"""A longer text is not a level."""
SYSLOG = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

SHORT_NAMES = {
    **dict.fromkeys(("V", "T", "TRC", "VRB", "trce", "TRAC"), "trace"),
    **dict.fromkeys(("D", "D1", "D2", "D3", "D4", "D5", "DBG", "dbug", "DEBU"), "debug"),
    **dict.fromkeys(("I", "INF"), "info"),
    **dict.fromkeys(("W", "WRN"), "warning"),
    **dict.fromkeys(("E", "ERR", "ERRO", "fail"), "error"),
    **dict.fromkeys(("F", "FTL", "FATA"), "fatal"),
    "PANI": "panic",
}
"""What glog, Android, Ruby and MongoDB shorten to a letter, and Serilog, zerolog, logrus and .NET to three or four."""

_SYSLOG_NUMBERS = {str(number): name for number, name in enumerate(SYSLOG)}
_LOGBACK = {"5000": "trace", "10000": "debug", "20000": "info", "30000": "warn", "40000": "error"}
_MONOLOG = {"100": "debug", "200": "info", "250": "notice", "300": "warning", "400": "error", "500": "critical"} | {
    "550": "alert",
    "600": "emergency",
}
_PINO = {"10": "trace", "20": "debug", "30": "info", "40": "warn", "50": "error", "60": "fatal"}
_PYTHON = {"10": "debug", "20": "info", "30": "warning", "40": "error", "50": "critical"}
OTLP = {
    str(4 * place + step): name
    for place, name in enumerate(("trace", "debug", "info", "warn", "error", "fatal"))
    for step in (1, 2, 3, 4)
}
SCALES: Mapping[str, Mapping[str, str]] = {
    "auto": _SYSLOG_NUMBERS | _PINO | _MONOLOG | _LOGBACK | SHORT_NAMES,
    "syslog": _SYSLOG_NUMBERS,
    "pino": _PINO,
    "python": _PYTHON,
    "otlp": OTLP,
    "none": {},
}
"""The name of each number, by scale.

`auto` reads 0 to 7 as syslog's, tens as pino's, hundreds as Monolog's, thousands as logback's, and `SHORT_NAMES`."""

_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78cDEHM])"
_ESCAPED = r"(?:#033|\^\[|\\u001[bB]|\\x1[bB]|\\033|\\e|\x{241b}|\x{fffd})\[[0-9;:]*m"
_BARE = r"(?:\[[0-9]{1,3}(?:;[0-9]{1,3})*m)+(\[[^0-9]|[^\]\[]|$)"  # no `[5m]`, which is a range
_RESETS = ["\x1b", "[0m", "[39m", "[0;39m", "033[m", "1b[m", "1B[m", "^[[m"]
"""A line that is coloured holds one of these: an escape, or the end of a colour whose escape was replaced or lost."""
_MAY_RESET = r"\x1b|\[[0-9;]*m"
"""Stands wherever one of these does, and takes one digit for another."""
_PRIORITY = r"^<([0-9]{1,3})>"
_KLOG = r"^([IWEF])[0-9]{4}(?:[0-9]{4})? [0-9]{2}:[0-9]{2}:[0-9]{2}"
_LOGRUS = r"^(TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[[0-9]+\]"
_LETTER = (
    r"^(?:\[([DIWEC]) [0-9]{6} "  # Tornado
    r"|([VDIWEF])/[^ (]{1,60}\( *[0-9]+\):"  # logcat, brief
    r"|[0-9]{2}-[0-9]{2} [0-9:.]{12} +[0-9]+ +[0-9]+ ([VDIWEF]) "  # logcat
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ ]+ ([DIWEF])[1-5]? +[A-Z]{2,12} +\["  # MongoDB before 4.4
    r"|[0-9]+:[XCSM] [0-9]{1,2} [A-Z][a-z]{2} (?:[0-9]{4} )?[0-9:.]{12} ([.#*-]) )"  # Redis
)
_REDIS = {".": "debug", "-": "info", "*": "notice", "#": "warning"}
_NAME = r"(?:log)?[._-]?(?:level|lvl|severity)(?:_?(?:name|text))?"
_LOGFMT = rf"""(?i)(?:^|[\s,;{{(])(?:log)?{_NAME}=["']?([A-Za-z]{{3,11}}|[0-9]{{1,2}})["']?(?:$|[\s,;)}}\]])"""
_JSON = rf'(?i)"{_NAME}"\s*:\s*"?([A-Za-z]{{3,11}}|[0-9]{{1,2}})"?\s*[,}}]|"@l"\s*:\s*"([A-Za-z]{{3,11}})"'
_HEAD = r"^(?:<[0-9]|[IWEF][0-9]{4}|[A-Z]{4}\[[0-9]|\[[DIWEC] [0-9]|[VDIWEF]/|[0-9]+:[XCSM] |[0-9]{2,4}-[0-9]{2})"
"""How a line that may state a level in front begins."""
_SPECIAL = rf"{_MAY_RESET}|[\r\n]$|{_HEAD}"
_HINTS = ["level", "lvl", "severity", '"@l"']
_SHORT = SHORT_NAMES | {"INFO": "info", "WARN": "warning", "C": "critical"}
_AUTO = dict(SCALES["auto"])


def without_colours(texts: pl.Series) -> pl.Series:
    """Return texts without the sequences that colour them on a terminal, also where the escape is written or lost."""
    coloured = texts.str.contains_any(_RESETS)
    if not coloured.any():
        return texts
    rows = coloured.arg_true()
    plain = texts.gather(rows).str.replace_all(_ANSI, "").str.replace_all(_ESCAPED, "")
    return texts.clone().scatter(rows, plain.str.replace_all(_BARE, "$1"))


def with_plain_messages(table: pl.DataFrame) -> pl.DataFrame:
    """Return a reader's table with messages without colours.

    Where it numbers shapes, only plain messages keep their numbers: those without colours and levels in their text.
    """
    messages = table["message"]
    if "alike" not in table.columns:
        return table.with_columns(without_colours(messages))
    shapes = number_shapes(messages, table["alike"])
    special = _is_special(messages.gather(shapes.firsts))
    if not special.any():
        return table
    numbers = pl.when(special.gather(shapes.number)).then(None).otherwise(pl.col("alike"))
    return table.with_columns(without_colours(messages), numbers.alias("alike"))


def _is_special(messages: pl.Series) -> pl.Series:
    """Return whether messages are not plain. It is the same for those that differ only in digits."""
    return messages.str.contains(_SPECIAL) | messages.str.contains_any(_HINTS, ascii_case_insensitive=True)


class Levels:
    """Puts each line's level in front of its text."""

    def __init__(self, scale: str) -> None:
        self._names = dict(SCALES[scale])

    def apply(self, table: pl.DataFrame) -> pl.DataFrame:
        """Return the table (message, level, ...) with `text`: the message, its level first.

        A level is left out if it is not one word, or if the message begins with it. Where all messages are plain, a
        table that numbers their shapes numbers those of the texts then, else none.
        """
        if _are_plain(table):
            if table["level"].null_count() == len(table):
                return table.with_columns(text="message")
            levels, number = numbered(table["level"])
            levels = self._named(levels)
            if not levels.str.contains("[0-9]").any():
                return _with_levels(table, levels, number)
        message, level = table["message"].str.strip_chars_end("\r\n"), self._named(table["level"])
        if level.null_count():
            level, message = _stated(message, level)
        if level.null_count() < len(level):
            message = _joined(level, message, _is_wanted(level, message))
        return table.with_columns(message.alias("text")).drop("alike", strict=False)

    def _named(self, levels: pl.Series) -> pl.Series:
        """Return levels as words."""
        plain = levels.str.replace_all(_ANSI, "").str.strip_chars()
        return plain.replace(self._names) if self._names and plain.null_count() < len(plain) else plain


def _with_levels(table: pl.DataFrame, levels: pl.Series, number: Ints) -> pl.DataFrame:
    """Put levels without digits in front of plain messages; `number` is that of each row's level.

    Texts with one level and messages of one shape are of one shape: whether the level stands in front is decided once.
    """
    message = table["message"]
    pairs = table["alike"] * len(levels) + pl.Series(number)
    shapes = number_shapes(message, pairs)
    wanted = _is_wanted(levels.gather(number[shapes.firsts]), message.gather(shapes.firsts)).gather(shapes.number)
    return table.with_columns(_joined(levels.gather(number), message, wanted).alias("text"), alike=pairs)


def _is_wanted(level: pl.Series, message: pl.Series) -> pl.Series:
    """Return whether each level is one word that its message does not begin with; null where there is no level."""
    parts = pl.DataFrame({"level": level, "message": message})
    word = pl.col("level")
    size = word.str.len_chars()
    head = pl.col("message").str.strip_chars_start(" \t[(<").str.head(size).str.to_lowercase()
    wanted = word.str.contains(r"^\S+$") & (size <= MAX_LEVEL) & (head != word.str.to_lowercase())
    return parts.select(wanted.alias("wanted"))["wanted"]


def _joined(level: pl.Series, message: pl.Series, wanted: pl.Series) -> pl.Series:
    """Return messages, those where it is wanted with their level in front."""
    parts = pl.DataFrame({"level": level, "message": message, "wanted": wanted})
    joined = pl.concat_str("level", pl.lit(" "), "message")
    return parts.select(pl.when("wanted").then(joined).otherwise("message").alias("text"))["text"]


def _are_plain(table: pl.DataFrame) -> bool:
    """Return whether each message has the number of a shape, which only plain ones have."""
    return "alike" in table.columns and bool((table["alike"] >= 0).all(ignore_nulls=False))


def _stated(message: pl.Series, level: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return levels, with those that messages state other than by a plain word, and messages without priorities."""
    likely = (
        message.str.contains(_HEAD) | message.str.contains_any(_HINTS, ascii_case_insensitive=True)
    ) & level.is_null()
    if not likely.any():
        return level, message
    parts, text = pl.DataFrame({"level": level, "message": message}), pl.col("message")
    priority = text.str.extract(_PRIORITY).cast(pl.Int64, strict=False)
    is_priority = (priority <= 191).fill_null(value=False) & text.str.contains(_PRIORITY + r".*\S")
    severity = (priority % 8).cast(pl.String).replace_strict(_SYSLOG_NUMBERS, default=None, return_dtype=pl.String)
    short = pl.coalesce(text.str.extract(_KLOG), text.str.extract(_LOGRUS))
    words = pl.coalesce(text.str.extract(_LOGFMT), text.str.extract(_JSON), text.str.extract(_JSON, 2))
    letters = pl.coalesce(text.str.extract(_LETTER, group) for group in (1, 2, 3, 4))
    marks = text.str.extract(_LETTER, 5).replace(_REDIS)
    stated = parts.filter(likely).select(
        level=pl.coalesce(
            pl.when(is_priority).then(severity),
            short.replace(_SHORT),
            letters.replace(_SHORT),
            marks,
            words.replace(_AUTO),
        ),
        message=pl.when(is_priority).then(text.str.replace(_PRIORITY, "")).otherwise(text),
    )
    rows = likely.arg_true()
    return level.scatter(rows, stated["level"]), message.scatter(rows, stated["message"])
