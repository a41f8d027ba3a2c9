"""Alerts as they are published: schema, events, size, and no secrets of their own making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from daemon.core.alerts.incidents import IncidentSettings
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from daemon.core.alerts import Alerting, AlertSettings, Published
from daemon.core.alerts.alert_document import MAX_BYTES
from daemon.core.messages import encode, schemas, verdict_document
from daemon.core.types import Evidence
from tests.support.cases import ABOUT, DEADLOCK, MINUTE, NOON, SOURCE, neighbour, verdict

VALID = {name: Draft202012Validator(schema) for name, schema in schemas(strict=True).items()}


def body(published: Published) -> dict[str, Any]:
    """Return a message's document, valid by the published schema."""
    record = published.record
    assert record.value is not None
    document: dict[str, Any] = orjson.loads(record.value)
    kind = "verdict" if record.role == "verdicts" else "alert"
    strictly = schemas(strict=True)["alert"]["$defs"]
    name = "AlertDocument" if document["status"] == "firing" else "ResolvedDocument"
    Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": strictly}).validate(document)
    VALID[kind].validate(document)
    return document


def alerting(refunds: list[str] | None = None, **kinds: Any) -> Alerting:
    taken = refunds if refunds is not None else []
    return Alerting(SOURCE, AlertSettings(**kinds), lambda scope, _: taken.append(scope))


def headers(published: Published) -> Mapping[str, str]:
    return {name: value.decode() for name, value in published.record.headers}


def test_anomalous_verdict_becomes_one_alert_with_all_of_its_verdict() -> None:
    """An alert is its verdict and more, under the verdict's id."""
    [published] = alerting().publish(DEADLOCK, ABOUT)
    document = body(published)

    assert ("alerts", b"payments", "firing") == (published.record.role, published.record.key, document["status"])
    assert verdict_document(DEADLOCK).items() <= document.items()
    assert document == published.alert


def test_normal_verdict_becomes_nothing() -> None:
    """What is not anomalous is not published as an alert."""
    assert [] == alerting().publish(verdict({"a": 1}, anomalous=False), ABOUT)


def test_alert_argues_its_case() -> None:
    """The alert carries the ranked lines, the contrast, the incident, and what it was judged with."""
    document = body(alerting().publish(DEADLOCK, ABOUT)[0])
    top = document["session"][0]

    assert ("new", 3, "112", "114", 0.684211) == (
        top["why"],
        top["count"],
        top["first"],
        top["last"],
        top["contribution"],
    )
    assert ["COMMIT"] == [it["text"] for it in document["contrast"]["missing_here"]]
    assert ["12 x BEGIN\n12 x COMMIT\n41 x SELECT <NUM>"] == [it["text"] for it in document["nearest"]]
    assert ("opened", 1) == (document["incident"]["event"], document["incident"]["alerts"])
    assert ("0.01", "all-MiniLM-L6-v2:384", "c0ffee", "strayline.baseline/0@17") == (
        document["budget"],
        document["model"],
        document["config"],
        document["baseline"],
    )


def test_alert_is_a_cloud_event_that_can_be_filtered_by_its_headers() -> None:
    """The cloudevents library reads it; status, severity and incident are extension attributes."""
    [published] = alerting().publish(DEADLOCK, ABOUT)
    record = published.record
    assert record.value is not None
    event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())

    assert (DEADLOCK.id, "strayline.alert.v1", "urn:strayline:schema:alert:1", "application/json") == (
        event.get_id(),
        event.get_type(),
        event.get_dataschema(),
        event.get_datacontenttype(),
    )
    assert ("firing", "critical", "opened") == (
        event.get_extension("status"),
        event.get_extension("severity"),
        event.get_extension("event"),
    )


def test_resolved_incident_is_published_with_a_body_and_its_own_id() -> None:
    """Quiet makes one message, with a different id at every resolution."""
    alerts = alerting(incidents=IncidentSettings(quiet=10 * MINUTE))
    alerts.publish(DEADLOCK, ABOUT)
    [first] = alerts.tick(NOON + 10 * MINUTE, ABOUT)
    again = verdict(
        {"BEGIN": 12, "ERROR deadlock detected while waiting for ShareLock on <NUM>": 3, "SELECT <NUM>": 41},
        end=NOON + 11 * MINUTE,
    )
    alerts.publish(again, ABOUT)
    [second] = alerts.tick(NOON + 30 * MINUTE, ABOUT)
    documents = [body(first), body(second)]

    assert [("resolved", "quiet", 1), ("resolved", "quiet", 2)] == [
        (it["status"], it["reason"], it["incident"]["alerts"]) for it in documents
    ]
    assert 2 == len({it["id"] for it in documents} | {headers(first)["ce_id"], headers(second)["ce_id"]})
    assert documents[0]["summary"].startswith('1 alert, then quiet: "[ERROR deadlock')


def test_every_anomalous_session_has_its_alert_unless_only_incidents_are_wanted() -> None:
    """Ten alerts of one cause are ten messages, or one when only news of incidents is published."""
    cases = [verdict({"boom": 1}, end=NOON + n, first=1000 * n) for n in range(10)]
    everything, news = alerting(), alerting(publish="incidents")

    assert [case.id for case in cases] == [
        body(published)["id"] for case in cases for published in everything.publish(case, ABOUT)
    ]
    assert ["opened"] == [body(it)["incident"]["event"] for case in cases for it in news.publish(case, ABOUT)]


def test_what_goes_on_with_an_incident_is_free_where_the_budget_counts_incidents() -> None:
    """Of ten alerts of one cause nine are not charged; where alerts are counted, or nothing is learned, all stand."""
    cases = [verdict({"boom": 1}, end=NOON + n, first=1000 * n) for n in range(10)]
    frozen = [replace(case, judgement=replace(case.judgement, learned=False)) for case in cases]
    for counts, judged, free in (("incidents", cases, 9), ("alerts", cases, 0), ("incidents", frozen, 0)):
        refunds: list[str] = []
        alerts = alerting(refunds, budget_counts=counts)
        published = [it for case in judged for it in alerts.publish(case, ABOUT)]
        assert 10 == len(published)
        assert free == len(refunds)


def test_state_survives_in_a_checkpoint() -> None:
    """A partition that is loaded elsewhere goes on with the same incident."""
    before, after = alerting(), alerting()
    [first] = before.publish(DEADLOCK, ABOUT)
    after.load(before.dump())
    [second] = after.publish(DEADLOCK, ABOUT)

    assert body(first)["incident"]["id"] == body(second)["incident"]["id"]
    assert ("ongoing", 2) == (body(second)["incident"]["event"], body(second)["incident"]["alerts"])


@pytest.mark.parametrize("char", ["x", "\x01", "鍵"])
def test_alert_of_a_huge_session_fits_a_message_and_says_what_it_left_out(char: str) -> None:
    """Thousands of long lines make an alert below the limit; the most telling line is still first."""
    lines = {f"line {number} {char * 4000}": 1 for number in range(3_000)}
    telling = f"line 2777 {char * 4000}"
    near = neighbour(dict.fromkeys(list(lines)[:1500], 2))
    case = verdict(lines, nearest=[near, near, near], evidence=[Evidence(telling, "new", 9.0, 0.0)])
    [published] = alerting().publish(case, ABOUT)
    document = body(published)

    record = published.record
    assert record.value is not None
    assert len(record.value) <= MAX_BYTES
    assert 3_000 == len(document["session"]) + document["omitted"]
    assert document["session"][0]["text"].startswith("[line 2777 ")
    assert ["100-3099"] == document["source"]["positions"]


LINES = st.dictionaries(st.text(max_size=40), st.integers(1, 99), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(LINES, LINES, st.text(max_size=20), st.text(max_size=20), st.one_of(st.none(), st.floats(0, 1)))
def test_every_alert_is_valid_by_the_published_schema(
    lines: dict[str, int], normal: dict[str, int], scope: str, key: str, p_value: float | None
) -> None:
    """Whatever the session, alert and verdict are valid, and the cloudevents library reads the alert."""
    evidence = [Evidence(line, "rare", 2.5, 0.25) for line in normal] + [Evidence("bye", "missing", 1.0, 0.9)]
    case = verdict(
        lines, nearest=[neighbour(normal)], evidence=evidence, scope=scope, key=key, p_value=p_value, label="anomalous"
    )
    [published] = alerting().publish(case, ABOUT)
    record = published.record
    assert record.value is not None
    event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())

    assert body(published) == event.get_data()
    VALID["verdict"].validate(orjson.loads(encode(verdict_document(case))))
