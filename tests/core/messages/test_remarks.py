"""Remarks on incidents: what is accepted, what is refused and in which words."""

from __future__ import annotations

import orjson
import pytest

from daemon.core.messages import Remark, parse_remark, remark_document
from daemon.errors import DataError


def message(**fields: object) -> bytes:
    return orjson.dumps(fields)


def test_a_remark_is_read() -> None:
    """Who says what of which incident, and why."""
    value = message(incident="3788422ae703b069", action="note", by="ann", note="disk 3 again")

    assert Remark("3788422ae703b069", "note", "ann", "disk 3 again") == parse_remark(value)


def test_a_label_is_no_remark() -> None:
    """A message that names no incident is left to the parser of labels."""
    assert parse_remark(message(pattern="0123456789abcdef", verdict="normal")) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"{", "not JSON"),
        (message(incident="", action="note", note="x"), "incident: must be an incident's id"),
        (message(incident=3, action="note", note="x"), "incident: must be a string"),
        (message(incident="i" * 101, action="note", note="x"), "incident: longer than 100 characters"),
        (message(incident="i", action="mute"), "action: must be one of acknowledge, unacknowledge, note"),
        (message(incident="i"), "action: must be one of"),
        (message(incident="i", action="note"), "note: missing"),
        (message(incident="i", action="note", note="x" * 501), "note: longer than 500 characters"),
        (message(incident="i", action="acknowledge", verdict="normal"), "unknown field"),
    ],
)
def test_a_bad_remark_is_refused_with_its_place(value: bytes, problem: str) -> None:
    """The sentence names the field and repeats nothing of the content."""
    with pytest.raises(DataError, match=problem):
        parse_remark(value)


def test_what_is_written_is_read_and_holds_no_secret() -> None:
    """Secrets in a note are redacted before it is sent."""
    document = remark_document("i", "note", by="ann", note="login with password=hunter2 fails")

    assert parse_remark(orjson.dumps(document)) == Remark("i", "note", "ann", document["note"])
    assert "hunter2" not in document["note"]
