"""Links from an alert to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli import main
from daemon.config.values import LINK_FIELDS
from daemon.console.links import LinkTemplate, filled, link_values
from tests.support.consoles import alert

ALL = LinkTemplate("all", "https://ui.example/?" + "&".join(f"{name}={{{name}}}" for name in sorted(LINK_FIELDS)))
SOURCE = {"topic": "logs", "partition": 3, "positions": ["120-131", "140:2-5"]}


def test_a_link_names_the_first_line_and_the_time() -> None:
    """Every field of the configuration is filled from the message."""
    ((_, url),) = filled([ALL], alert(0, source=SOURCE, key="host 17"))
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    assert LINK_FIELDS == query.keys()
    assert ("logs", "3", "120", "host 17") == tuple(query[name] for name in ("topic", "partition", "offset", "key"))
    assert ("1795341600000", "1795341600500") == (query["start_ms"], query["end_ms"])


@given(st.text(), st.sampled_from(["scope", "key", "pattern", "id", "start", "end"]))
def test_no_text_changes_where_a_link_leads(text: str, name: str) -> None:
    """A value stays inside its parameter or segment."""
    template = LinkTemplate("x", "https://ui.example/a/{scope}/b?key={key}&p={pattern}&i={alert}&s={start}&e={end}#f")
    try:
        ((_, url),) = filled([template], alert(0, **{name: text}))
    except UnicodeEncodeError:  # a lone surrogate, which no JSON message holds
        return
    parts = urlsplit(url)

    assert ("https", "ui.example", "f") == (parts.scheme, parts.netloc, parts.fragment)
    assert 4 == parts.path.count("/") + 1
    assert 4 == parts.query.count("&")


@pytest.mark.parametrize(
    "document", [{}, {"source": 3, "incident": []}, {"source": {"positions": ["x"], "partition": "3"}, "key": 7}]
)
def test_what_a_message_lacks_is_empty(document: dict[str, Any]) -> None:
    """A link is made of any message."""
    assert {""} == set(link_values(document).values())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("javascript:alert(1)", "begins with http"),
        ("https://ui.example/{host}", "fields in braces may be"),
        ("https://ui.example/{key!r}", "fields in braces may be"),
        ("https://ui.example/{key.__class__}", "fields in braces may be"),
        ("https://ui.example/{", "write a brace of the address itself twice"),
    ],
)
def test_a_wrong_template_is_a_problem_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, problem: str
) -> None:
    """`check` refuses it and names its place."""
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"console": {"links": [{"name": "x", "url": url}]}}))

    assert 78 == main(["check", "--config", str(path)])
    written = capsys.readouterr().err
    assert "console.links.0.url: " in written
    assert problem in written


def test_check_prints_each_link_filled_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be tried before an incident."""
    path = tmp_path / "config.yaml"
    link = {"name": "UI", "url": "https://ui.example/{topic}/{partition}/{offset}?k={key}"}
    path.write_text(yaml.safe_dump({"console": {"links": [link]}}))

    assert 0 == main(["check", "--config", str(path)])
    assert "console.links: UI: https://ui.example/logs/3/120?k=host%2017" in capsys.readouterr().out
