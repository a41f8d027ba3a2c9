"""`input.format: document` in the configuration."""

from __future__ import annotations

import pytest

from daemon.config import parse_config
from daemon.errors import ConfigError
from daemon.wiring import format_settings


@pytest.mark.parametrize("other", ["repartition: true", "multiline: {preset: java}"])
def test_what_is_for_lines_is_refused_with_documents(other: str) -> None:
    """A document has no lines to join or to send on."""
    with pytest.raises(ConfigError, match=f"{other.partition(':')[0]}: is for lines"):
        parse_config(f"input: {{format: document, {other}}}", {})


def test_what_reads_lines_refuses_documents() -> None:
    """A backtest, for one, says what reads them."""
    with pytest.raises(ConfigError, match="document has no lines"):
        format_settings(parse_config("input: {format: document}", {}))


def test_what_judges_documents_is_in_the_fingerprint() -> None:
    """With documents as the input only, so that other fingerprints do not change."""
    lines, documents = (parse_config(f"input: {{format: {name}}}", {}) for name in ("json", "document"))
    stricter = [parse_config(f"input: {{format: {n}}}\ndocuments: {{p: 0.01}}", {}) for n in ("json", "document")]

    assert lines.fingerprint() == stricter[0].fingerprint()
    assert documents.fingerprint() != stricter[1].fingerprint()


@pytest.mark.parametrize(
    "connection", ["host=db password=hunter2", "postgresql://ann:hunter2@db/x", "host=db PASSWORD = 'hunter2'"]
)
def test_a_password_in_the_connection_string_is_refused(connection: str) -> None:
    """Without repeating it; libpq has a file for passwords."""
    with pytest.raises(ConfigError, match=r"documents\.postgres: .*PGPASSFILE") as refused:
        parse_config(f'documents: {{postgres: "{connection}"}}', {})

    assert "hunter2" not in str(refused.value)
    assert parse_config('documents: {postgres: "postgresql://ann@db/x"}', {}).documents.postgres


def test_bases_in_postgresql_change_no_fingerprint() -> None:
    """Where bases are kept says nothing of how a document is judged."""
    here, there = (
        parse_config(f"input: {{format: document}}\ndocuments: {{{more}}}", {}) for more in ("", "postgres: host=db")
    )

    assert here.fingerprint() == there.fingerprint()
