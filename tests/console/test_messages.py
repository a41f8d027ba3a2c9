"""Messages as rows of the archive."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.console.messages import ArchivedLabel, ArchivedRemark, read_alert, read_feedback
from daemon.core.messages import label_document, remark_document
from daemon.errors import DataError
from tests.support.consoles import PATTERN, alert, resolved

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_an_alert_is_read() -> None:
    """The fields of a page's list come from the message."""
    row = read_alert(orjson.dumps(alert(3)))

    assert ("incident-1", "opened", False, "payments", 1, 4) == (
        row.incident,
        row.event,
        row.resolved,
        row.scope,
        row.severity,
        row.sessions,
    )
    assert (1_795_341_600_000, 1_795_341_603_500) == (row.opened, row.time)


def test_the_end_of_an_incident_is_read() -> None:
    """A resolved message has no session of its own; its pattern is the one that opened the incident."""
    row = read_alert(orjson.dumps(resolved()))

    assert (True, "resolved", PATTERN) == (row.resolved, row.event, row.pattern)


def test_an_incident_may_list_services_and_sessions() -> None:
    """Messages whose incident spans services are read too; a list counts as its length."""
    incident = {
        "id": "i",
        "event": "escalated",
        "services": ["nginx", {"scope": "shop"}],
        "causes": [{"scope": "nginx", "cause": "aa" * 8, "kind": "new", "text": "ERROR x"}, {"cause": "bb" * 8}],
        "sessions": 12,
        "period": {"start": "2026-11-22T09:00:00.000Z", "end": "2026-11-22T10:00:00.000Z"},
    }
    row = read_alert(orjson.dumps(alert(incident=incident)))

    assert (("aa" * 8, "ERROR x"), ("bb" * 8, "")) == row.causes
    assert (("nginx", "shop"), 12, "escalated", 1_795_338_000_000) == (
        row.services,
        row.sessions,
        row.event,
        row.opened,
    )


def test_news_of_an_incident_without_a_closed_session_is_read() -> None:
    """There is no pattern to label yet; the incident lasts until its latest symptom."""
    incident = {"id": "i", "event": "opened", "since": "2026-11-22T10:00:00Z", "last_seen": "2026-11-22T10:09:00Z"}
    document = alert(pattern=None, fingerprint="aa" * 8, p_value=None, score=None, incident=incident | {"sessions": 0})
    row = read_alert(orjson.dumps(document))

    assert ("", (("aa" * 8, ""),), 0, None) == (row.pattern, row.causes, row.sessions, row.score)
    assert 1_795_342_140_000 == row.time


def test_feedback_is_read() -> None:
    """A label of a pattern and a remark on an incident: who, what and why; the time is the record's."""
    label = label_document(PATTERN, "normal", scope="payments", by="ada", note="ok")
    remark = remark_document("incident-1", "acknowledge", by="ada")

    assert ArchivedLabel(7, PATTERN, "payments", "normal", "ada", "ok") == read_feedback(orjson.dumps(label), 7)
    assert ArchivedRemark(8, "incident-1", "acknowledge", "ada", "") == read_feedback(orjson.dumps(remark), 8)


@pytest.mark.parametrize(
    "value", [None, b"", b"\xff", b"[]", b'"x"', b"{}", b'{"incident": 3}', b'{"incident": {}, "end": "noon"}']
)
def test_other_records_are_refused(value: bytes | None) -> None:
    """A topic may hold anything; what is not an alert is a DataError."""
    with pytest.raises(DataError):
        read_alert(value)


@given(JSON, st.sampled_from([*alert(), "services", "sessions", "period", "since", "id"]), st.booleans())
def test_any_value_of_any_field_is_read_or_refused(value: object, name: str, inside: bool) -> None:
    """Whatever a field holds, a row comes of it or a DataError, never another error."""
    document = alert()
    if inside:
        document["incident"] = {**document["incident"], name: value}
    else:
        document[name] = value
    try:
        row = read_alert(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    except (DataError, TypeError):  # orjson encodes no lone surrogates
        return
    assert row.id
    assert row.sessions >= 0
    assert row.opened <= row.time
