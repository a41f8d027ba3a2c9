"""Names of text logs, by how their lines look. They are for people; nothing is parsed by them."""

from __future__ import annotations

import polars as pl

from daemon.discovery.shares import share_of
from daemon.discovery.times import NEARLY_ALL

_REQUEST = r'"(?:[A-Z]+ \S+ (?:HTTP|RTSP)/[\d.]+|-|<BADREQ>)"'
_BRACED = r"\[[^\]]*\]"
_CLASS = r"[ \[(](?:[a-z]\w*\.)+[A-Z]\w*"
_PYTHON = r"(?:- \S+ - [A-Z]+ - |[A-Z]+ \[[\w.]+\] \[\w+\.py:\d+\])"
KINDS: tuple[tuple[str, str], ...] = (
    ("nginx's error log", r"^\d{4}/\d\d/\d\d [\d:]+ \[\w+\] \d+#\d+: "),
    ("Apache's error log", r"^\[\w{3} \w{3} [ \d]\d [\d:.]+ \d{4}\] \[[\w:]+\]"),
    ("access log", rf"{_REQUEST} \d{{3}} |\s-?\d{{3}} .*{_REQUEST}"),
    ("PostgreSQL's CSV log", r'^\d{4}-\d\d-\d\d [\d:.]+ \w+,"?[^,]*"?,"?[^,]*"?,\d+,'),
    ("PostgreSQL's log", r"\s(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|STATEMENT|DETAIL|HINT|CONTEXT|DEBUG\d?):  "),
    ("MySQL's error log", r"\[MY-\d+\]"),
    ("Redis' log", r"^\d+:[MSCX] \d\d \w+ \d{4} "),
    ("Elasticsearch's log", r"^\[[\dT:,.+-]+\]\[\w+ *\]\[[\w.$]+ *\] "),
    ("Erlang's log", r"<\d+\.\d+\.\d+> "),
    ("Samba's log", r"^\[\d{4}/\d\d/\d\d [\d:.]+, +\d+"),
    ("auditd's log", r"^(?:node=\S+ )?type=\w+ msg=audit\("),
    ("Ruby's logger", r"^[DIWEFA], \[\d{4}-\d\d-\d\dT"),
    ("VPC flow log", r"^\d \d{12} eni-\w+ "),
    ("Python's logging", rf"^\S+ [\d:]+,\d{{3}} {_PYTHON}|^[A-Z]+:[\w.]+:|^\[?\S+ [\d:]+,\d{{3}}: [A-Z]+/\w+"),
    ("log4j or logback", rf"{_BRACED}.*{_CLASS}|{_CLASS}.*(?:{_BRACED}|\([\w. -]+\))"),
)
"""Name and pattern; the first whose pattern nearly all lines match is taken."""


def kind_of(lines: pl.Series, around: pl.Series) -> str | None:
    """Return the name of lines of text, None where it is unknown; `around` has headings too."""
    if around.str.contains(r"^#Fields: ").any():
        return "W3C's extended log"
    return next((name for name, pattern in KINDS if share_of(lines, pattern) >= NEARLY_ALL), None)
