"""News of incidents as they are published: schema, events, size, and the session they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from daemon.core.alerts import Published, case_of
from daemon.core.alerts.alert_document import SUMMARY
from daemon.core.alerts.case_document import MAX_BYTES
from daemon.core.incidents import News, Release
from daemon.core.messages import encode, schemas, verdict_document
from daemon.core.observations import Gravity, cause_of
from daemon.core.types import Evidence
from tests.support.cases import ABOUT, DEADLOCK, NOON, neighbour, verdict
from tests.support.news import WHY, clue, news_of, publish, silence

VALID = {name: Draft202012Validator(schema) for name, schema in schemas(strict=True).items()}
DEADLOCKED = "ERROR deadlock detected while waiting for ShareLock on <NUM>"


def body(published: Published) -> dict[str, Any]:
    """Return a message's document, valid by the published schema."""
    assert published.record.value is not None
    document: dict[str, Any] = orjson.loads(published.record.value)
    VALID["alert"].validate(document)
    return document


def headers(published: Published) -> Mapping[str, str]:
    return {name: value.decode() for name, value in published.record.headers}


def test_message_holds_the_most_telling_session_with_all_of_its_verdict() -> None:
    """What the verdict says of the session stands in the message too, and the verdict is named."""
    published = publish(news_of())
    document, judged = body(published), verdict_document(DEADLOCK)

    assert ("alerts", b"payments", "firing") == (published.record.role, published.record.key, document["status"])
    assert judged["id"] == document["verdict"]
    shared = {name: judged[name] for name in ("key", "start", "end", "lines", "pattern", "score", "p_value", "source")}
    assert shared.items() <= document.items()
    assert document == published.alert


def test_message_says_what_the_incident_is_and_why_it_is_told() -> None:
    """The headline's cause names the message, gives its reason, and every symptom is listed in the order seen."""
    other = clue("WARN upstream timed out", scope="edge", gravity=Gravity.WARNING, time=NOON / 1e6 + 2)
    document = body(publish(news_of(others=[other], held_back=2)))

    cause = cause_of(DEADLOCKED).id
    assert (cause, cause, WHY, None, 2, "0.01") == (
        document["id"][:16],
        document["fingerprint"],
        document["why"],
        document["period_s"],
        document["held_back"],
        document["budget"],
    )
    assert ("opened", ["payments", "edge"], 1, 1) == tuple(
        document["incident"][name] for name in ("event", "services", "sessions", "messages")
    )
    assert [("payments", "new", "critical"), ("edge", "new", "warning")] == [
        (entry["scope"], entry["kind"], entry["severity"]) for entry in document["incident"]["causes"]
    ]
    assert f'"[{DEADLOCKED}]" (and in edge) never seen in 41,203 sessions over 7.5 h' == document["summary"]


def test_message_argues_with_the_lines_of_its_session() -> None:
    """It carries the ranked lines, the contrast, and what the session was judged with."""
    document = body(publish(news_of()))
    top = document["session"][0]

    assert ("new", 3, "112", "114", 0.684211) == (
        top["why"],
        top["count"],
        top["first"],
        top["last"],
        top["contribution"],
    )
    assert ["COMMIT"] == [entry["text"] for entry in document["contrast"]["missing_here"]]
    assert ["12 x BEGIN\n12 x COMMIT\n41 x SELECT <NUM>"] == [entry["text"] for entry in document["nearest"]]
    assert ("all-MiniLM-L6-v2:384", "c0ffee", "strayline.baseline/0@17") == (
        document["model"],
        document["config"],
        document["baseline"],
    )


def test_while_its_session_is_open_a_message_shows_the_line_that_was_seen() -> None:
    """Nothing is made up about a session that has not closed: no verdict, no pattern, no p-value."""
    document = body(publish(news_of(closed=False)))

    assert [None] * 6 == [document[name] for name in ("verdict", "pattern", "score", "p_value", "closed_by", "seen")]
    assert [(f"[{DEADLOCKED}]", "112", "new")] == [
        (entry["text"], entry["first"], entry["why"]) for entry in document["session"]
    ]
    assert {"topic": "logs", "partition": 3, "positions": ["112"]} == document["source"]


def test_silence_is_about_no_line() -> None:
    """A scope that stopped has a message without lines, whose summary says so."""
    document = body(publish(silence()))

    assert ([], 0, "warning") == (document["session"], document["lines"], document["severity"])
    assert document["summary"].startswith("payments is silent: nothing for 5.0 min")


def test_message_is_a_cloud_event_that_can_be_filtered_by_its_headers() -> None:
    """The cloudevents library reads it; status, severity, event and incident are extension attributes."""
    news = news_of()
    record = publish(news).record
    assert record.value is not None
    event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())

    assert ("strayline.alert.v2", "urn:strayline:schema:alert:2", "application/json", "/strayline/logs/3") == (
        event.get_type(),
        event.get_dataschema(),
        event.get_datacontenttype(),
        event.get_source(),
    )
    assert ("firing", "critical", "opened", news.incident.id) == tuple(
        event.get_extension(name) for name in ("status", "severity", "event", "incident")
    )


def test_every_message_about_an_incident_has_its_own_id() -> None:
    """Opened, updated and resolved differ in id and agree on the incident and the fingerprint."""
    opened = news_of()
    told = [opened, News("updated", opened.incident, 2, opened.at), News("resolved", opened.incident, 3, opened.at)]
    documents = [body(publish(news)) for news in told]

    assert 3 == len({entry["id"] for entry in documents} | {headers(publish(news))["ce_id"] for news in told})
    assert 1 == len({(entry["incident"]["id"], entry["fingerprint"]) for entry in documents})
    assert ["firing", "firing", "resolved"] == [entry["status"] for entry in documents]


def test_the_end_of_an_incident_says_how_long_it_was_and_how_much() -> None:
    """Its summary begins with that, and says again what it was."""
    news = news_of(event="resolved")
    news.incident.last += 180
    document = body(publish(news))

    assert document["summary"].startswith('over after 3.0 min, 1 session: "[ERROR deadlock')


def test_a_headline_is_cut_and_its_reason_is_not() -> None:
    """A long line leaves room for why it is told."""
    case = verdict({f"ERROR {'x' * 900}": 1}, evidence=[Evidence(f"ERROR {'x' * 900}", "new", 9.0, 0.0)])
    summary = body(publish(news_of(case)))["summary"]

    assert summary.endswith('" never seen in 41,203 sessions over 7.5 h')
    assert len(summary) <= SUMMARY


@pytest.mark.parametrize("char", ["x", "\x01", "鍵"])
def test_message_of_a_huge_session_fits_and_says_what_it_left_out(char: str) -> None:
    """Thousands of long lines make a message below the limit; the most telling line is still first."""
    lines = {f"line {number} {char * 4000}": 1 for number in range(3_000)}
    telling = f"line 2777 {char * 4000}"
    near = neighbour(dict.fromkeys(list(lines)[:1500], 2))
    case = verdict(lines, nearest=[near, near, near], evidence=[Evidence(telling, "new", 9.0, 0.0)])
    published = publish(news_of(case))
    document = body(published)

    assert len(encode(case_of(case, ABOUT).document)) <= MAX_BYTES
    assert 3_000 == len(document["session"]) + document["omitted"]
    assert document["session"][0]["text"].startswith("[line 2777 ")
    assert ["100-3099"] == document["source"]["positions"]


def test_a_case_is_about_the_lines_that_are_missing_too() -> None:
    """A session joins an incident about a line that it lacks, where that is evidence."""
    assert cause_of("COMMIT").id in case_of(DEADLOCK, ABOUT).causes


LINES = st.dictionaries(st.text(max_size=40), st.integers(1, 99), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(LINES, LINES, st.text(max_size=20), st.text(max_size=20), st.one_of(st.none(), st.floats(0, 1)), st.booleans())
def test_every_message_is_valid_by_the_published_schema(
    lines: dict[str, int], normal: dict[str, int], scope: str, key: str, p_value: float | None, closed: bool
) -> None:
    """Whatever the session, message and verdict are valid, and the cloudevents library reads the message."""
    evidence = [Evidence(line, "rare", 2.5, 0.25) for line in normal] + [Evidence("bye", "missing", 1.0, 0.9)]
    case = verdict(
        lines, nearest=[neighbour(normal)], evidence=evidence, scope=scope, key=key, p_value=p_value, label="anomalous"
    )
    published = publish(replace(news_of(case, closed=closed), event="escalated"))
    record = published.record
    assert record.value is not None
    event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())

    assert body(published) == event.get_data()
    VALID["verdict"].validate(orjson.loads(encode(verdict_document(case))))


def test_all_messages_of_an_incident_have_one_key() -> None:
    """A symptom of another scope that becomes the headline does not move the incident to another partition."""
    earlier = clue(DEADLOCKED, scope="edge", time=NOON / 1e6 - 60)
    published = publish(news_of(others=[earlier], event="updated"))

    assert ("edge", ["payments", "edge"]) == (
        published.alert["scope"],
        published.alert["incident"]["services"],
    )
    assert b"payments" == published.record.key


def test_a_release_is_named_where_it_is_the_news() -> None:
    """Harmless news of a release says which version came, and with how much; a failure says it beside its line."""
    failure, harmless = news_of(closed=False), news_of(closed=False)
    for news in (failure, harmless):
        news.incident.release = Release("payments", "2.4.1", NOON / 1e6 - 8, 37)
    harmless.incident.gravity = Gravity.HARMLESS
    named, beside = body(publish(harmless)), body(publish(failure))

    assert named["summary"].startswith('payments 2.4.1 was released: 37 new kinds of lines, such as "')
    assert "was released" not in beside["summary"]
    release = {"scope": "payments", "version": "2.4.1", "since": "2026-11-22T11:59:52.000Z", "causes": 37}
    assert [release, release] == [document["incident"]["release"] for document in (named, beside)]


def test_a_long_version_leaves_the_summary_short() -> None:
    """However long scope and version are, the summary has at most 200 characters."""
    news = news_of(closed=False)
    news.incident.release, news.incident.gravity = Release("s" * 250, "v" * 80, 0.0, 3), Gravity.HARMLESS

    assert len(body(publish(news))["summary"]) <= SUMMARY
