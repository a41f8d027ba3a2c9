"""Feedback messages: what is accepted, what is refused and in which words."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.messages.feedback import Feedback, label_document, parse_feedback
from daemon.errors import DataError

PATTERN = "0123456789abcdef"
ALERT = f"{PATTERN}-fedcba9876543210"


def message(**fields: object) -> bytes:
    return orjson.dumps(fields)


def test_id_of_an_alert_or_a_verdict_is_enough() -> None:
    """Its first half is what is meant: the cause of an incident, or the pattern of a verdict."""
    assert Feedback(PATTERN, "normal", of_alert=True) == parse_feedback(message(alert=ALERT, verdict="normal"))


def test_scope_and_pattern_with_who_and_why() -> None:
    """The long form carries scope, person and note."""
    read = parse_feedback(message(scope="payments", pattern=PATTERN, verdict="anomalous", by="ann", note="INC-7"))

    assert Feedback(PATTERN, "anomalous", scope="payments", by="ann", note="INC-7") == read


def test_forget_takes_the_label_away() -> None:
    """normal and anomalous are labels; forget is not one."""
    assert ["normal", "anomalous", None] == [
        parse_feedback(message(alert=ALERT, verdict=verdict)).label for verdict in ("normal", "anomalous", "forget")
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "empty message"),
        (b"", "empty message"),
        (b"{", "not JSON: line 1 column"),
        (b"\xff", "not JSON"),
        (b"[1]", "not a JSON object"),
        (message(alert=ALERT), "verdict: must be one of normal, anomalous, forget"),
        (message(alert=ALERT, verdict="fine"), "verdict: must be one of"),
        (message(alert=ALERT, verdict=1), "verdict: must be a string"),
        (message(alert="xyz", verdict="normal"), "alert: must be an alert's id"),
        (message(alert=f"{ALERT}\n", verdict="normal"), "alert: must be an alert's id"),
        (message(pattern="xyz", verdict="normal"), "pattern: must be 16 hexadecimal digits"),
        (message(alert=ALERT, pattern=PATTERN, verdict="normal"), "give either alert or pattern"),
        (message(scope="payments", verdict="normal"), "give either alert or pattern"),
        (message(alert=ALERT, verdict="normal", note="x" * 501), "note: longer than 500 characters"),
        (message(alert=ALERT, verdict="normal", reason="x"), "unknown field"),
    ],
)
def test_bad_message_is_refused_with_its_place(value: bytes | None, problem: str) -> None:
    """What is wrong is named by its field."""
    with pytest.raises(DataError, match=problem):
        parse_feedback(value)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader_or_are_repeated(value: bytes) -> None:
    """Any bytes are refused with a DataError that has none of the content in it."""
    with pytest.raises(DataError) as refused:
        parse_feedback(b'{"verdict": "' + value + b'S3CR3T"}')

    assert "S3CR3T" not in str(refused.value)


@pytest.mark.parametrize("target", [ALERT, PATTERN])
@pytest.mark.parametrize("verdict", ["normal", "anomalous", "forget"])
def test_what_label_writes_feedback_reads(target: str, verdict: str) -> None:
    """The command's document means the same pattern whichever id was given."""
    document = label_document(target, verdict, by="ann", note="known")

    assert Feedback(PATTERN, verdict, of_alert=target == ALERT, by="ann", note="known") == parse_feedback(
        orjson.dumps(document)
    )


def test_label_refuses_what_is_no_id() -> None:
    """A mistyped id is refused before it is sent."""
    with pytest.raises(DataError, match="16 hexadecimal digits"):
        label_document("8f3c", "normal")


def test_secrets_in_a_note_are_redacted() -> None:
    """A note is kept and read by many; who wrote it stays readable."""
    read = parse_feedback(
        message(alert=ALERT, verdict="normal", by="ann@example.com", note="login with password=hunter2")
    )

    assert ("ann@example.com", "login with password=<SECRET>") == (read.by, read.note)
