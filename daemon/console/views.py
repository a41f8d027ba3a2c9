"""Templates and what they call: pages are HTML made on the server, and every value is escaped.

Text of logs is hostile. Jinja2 escapes markup, and `shown` removes escape sequences and makes control characters and
marks of text direction visible, so a page never shows text in another order than it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from daemon.console.charts import spark, spark_path, timeline
from daemon.console.messages import SEVERITIES
from daemon.core.messages import rfc3339
from daemon.core.text import clean, cosine, duration, many, percent, shorten

MAX_SHOWN = 300


class Views:
    """Renders templates, which are all read when it is made."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("daemon.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "shown": shown,
            "moment": moment,
            "span": span,
            "cosine": cosine,
            "many": many,
            "percent": percent,
            "path": path_segment,
            "severity": severity_word,
        }
        self._environment.globals |= {"spark": spark, "spark_path": spark_path, "timeline": timeline}
        for name in self._environment.list_templates():  # now, so that no page waits for a file
            self._environment.get_template(name)

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """Return a page."""
        return self._environment.get_template(template).render(values)


def shown(text: object, length: int = MAX_SHOWN) -> str:
    """Return text on one line, without control characters, cut to `length` characters."""
    return shorten(clean(str(text)[: 4 * length]), length)


def moment(milliseconds: int) -> str:
    """Return a time as ``2026-11-22 18:17:57`` in UTC."""
    return rfc3339(milliseconds * 1000)[:19].replace("T", " ")


def span(milliseconds: int) -> str:
    """Return a length of time without decimals: 12 s, 3 min, 2 h, 4 days."""
    return duration(milliseconds / 1000, 0)


def path_segment(text: str) -> str:
    """Return text for one segment of a path."""
    return quote(text, safe="")


def severity_word(severity: int) -> str:
    """Return the word of a severity."""
    return SEVERITIES[severity]
