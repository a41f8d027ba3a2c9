"""The console over HTTP: who may do what, what is refused, and what comes back from the topics."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from html import unescape
from pathlib import Path
from time import process_time

import aiohttp
import orjson
import pytest

from daemon.adapters.web import hash_password
from daemon.console import Console, ConsoleSettings, Retention
from daemon.core.messages import parse_mute
from daemon.errors import InputError
from tests.support.consoles import (
    ALERTS,
    BASELINE,
    FEEDBACK,
    HOSTILE,
    PATTERN,
    FakeTopics,
    alert,
    console,
    field,
    resolved,
    text_of,
    until_shown,
)
from tests.support.learned import lines_record, weight_record

ALERT = f"{PATTERN}-{0:016x}"
TOKENS = {"viewer": "look", "operator": "act", "admin": "rule"}


@pytest.fixture
async def topics() -> FakeTopics:
    made = FakeTopics()
    made.send(ALERTS, alert(0), alert(1))
    return made


@pytest.fixture
def settings(tmp_path: Path) -> ConsoleSettings:
    """A console with one person and two programs."""
    tokens = "".join(
        f"- {{name: {role}, role: {role}, sha256: {sha256(token.encode()).hexdigest()}}}\n"
        for role, token in TOKENS.items()
    )
    users = f"users:\n  ada: {{role: operator, password: '{hash_password('pw')}'}}\n"
    (tmp_path / "users.yaml").write_text(f"{users}tokens:\n{tokens}")
    return ConsoleSettings(users=tmp_path / "users.yaml")


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[role]}"}


@pytest.mark.parametrize(
    ("method", "path", "nobody", "viewer", "operator"),
    [
        ("GET", "", 401, 200, 200),
        ("GET", "incidents/incident-1", 401, 200, 200),
        ("GET", f"alerts/{ALERT}", 401, 200, 200),
        ("GET", "services", 401, 200, 200),
        ("GET", "events", 401, 200, 200),
        ("GET", "causes", 401, 200, 200),
        ("GET", "patterns", 401, 200, 200),
        ("GET", f"pattern?service=payments&pattern={PATTERN}", 401, 200, 200),
        ("GET", "mutes", 401, 200, 200),
        ("GET", "metrics", 401, 200, 200),
        ("GET", "replay", 401, 200, 200),
        ("GET", "replay?service=shop&budget=1/day", 401, 200, 200),
        ("GET", f"mute?alert={ALERT}&what=cause", 401, 403, 200),
        ("POST", "mutes", 401, 403, 303),
        ("GET", f"feedback?alert={ALERT}&verdict=normal", 401, 403, 200),
        ("POST", "feedback", 401, 403, 303),
        ("POST", "remarks", 401, 403, 303),
        ("POST", "logout", 401, 303, 303),
        ("GET", "login", 200, 200, 200),
        ("GET", "healthz", 200, 200, 200),
        ("GET", "static/console.css", 200, 200, 200),
    ],
)
async def test_each_route_is_for_its_roles(
    topics: FakeTopics,
    settings: ConsoleSettings,
    client: aiohttp.ClientSession,
    method: str,
    path: str,
    nobody: int,
    viewer: int,
    operator: int,
) -> None:
    """Nobody, a viewer and an operator each get what the table of routes says; an admin may what an operator may."""
    topics.learn(lines_record("payments", PATTERN, [("ERROR deadlock", 1)]), weight_record("payments", PATTERN, {0: 1}))
    async with console(topics, settings) as app:
        await until_shown(client, app.url, "incident-1", headers=bearer("viewer"))
        await until_shown(client, f"{app.url}patterns", "deadlock", headers=bearer("viewer"))
        statuses = []
        for headers in ({}, bearer("viewer"), bearer("operator"), bearer("admin")):
            fields = {
                "alert": ALERT,
                "verdict": "normal",
                "incident": "incident-1",
                "action": "acknowledge",
                "scope": "payments",
            }
            data = fields if method == "POST" else None
            async with client.request(
                method, app.url + path, headers=headers, data=data, allow_redirects=False
            ) as answer:
                statuses.append(answer.status)

    assert [nobody, viewer, operator, operator] == statuses


async def test_metrics_say_how_current_the_console_is(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """Each feed by itself, what was passed over, and how long pages take; a stream of changes is no slow page."""
    topics.send(ALERTS, b"foreign")
    topics.denied.add(BASELINE)
    async with console(topics) as app:
        await until_shown(client, app.url, "1 unreadable record")
        async with client.get(f"{app.url}events"):
            text = await until_shown(client, f"{app.url}metrics", 'strayline_console_feed_up{feed="messages"} 1.0')
        again = await text_of(client, f"{app.url}metrics")

    lines = text.splitlines()
    assert 'strayline_console_feed_up{feed="patterns"} 0.0' in lines
    assert 'strayline_console_unread_records{feed="messages"} 0.0' in lines
    assert 'strayline_console_unreadable_records_total{feed="messages"} 1.0' in again.splitlines()
    assert 'strayline_console_request_seconds_count{route="/"}' in text
    assert 'route="/events"' not in text


async def test_metrics_say_how_much_the_console_keeps(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """The archive against its bound, logins, and what was let go; a smaller bound counts what it deletes."""
    for number in range(60):
        incident = {"id": f"i{number}", "since": "2026-11-21T10:00:00Z"}
        topics.send(ALERTS, alert(number, id=f"a{number}", incident=incident, filler="x" * 20_000))
    settings = ConsoleSettings(visitor="ada", retention=Retention(max_bytes=600_000))
    async with console(topics, settings) as app:
        text = await until_shown(client, f"{app.url}metrics", "strayline_console_archive_max_bytes 600000.0")
        while 'strayline_console_let_go_total{what="alerts"} 0.0' in text:
            text = await text_of(client, f"{app.url}metrics")

    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert 300_000 < float(values["strayline_console_archive_bytes"]) <= 600_000
    assert 20 < float(values['strayline_console_let_go_total{what="alerts"}']) < 60
    assert "1.0" == values["strayline_console_logins"]
    assert "0.0" == values['strayline_console_let_go_total{what="logins"}']


async def test_a_login_that_kafka_refuses_is_shown_and_tried_again(
    topics: FakeTopics, client: aiohttp.ClientSession
) -> None:
    """A password that changes on the brokers first stops no feed for good; what is sent meanwhile is refused aloud."""
    refusal = "refuses the user or the password of kafka.security"
    async with console(topics) as app:
        await until_shown(client, f"{app.url}healthz", '"status": "ok"')
        page = await text_of(client, f"{app.url}feedback?alert={ALERT}&verdict=normal")
        topics.refused = True
        await until_shown(client, f"{app.url}healthz", refusal)
        data = {"csrf": field(page, "csrf"), "alert": ALERT, "verdict": "normal"}
        async with client.post(f"{app.url}feedback", data=data) as answer:
            assert (503, True) == (answer.status, refusal in await answer.text())
        topics.refused = False
        await until_shown(client, f"{app.url}healthz", '"status": "ok"')
    assert [] == topics.records[FEEDBACK]


async def test_a_person_logs_in_labels_and_logs_out(
    topics: FakeTopics, settings: ConsoleSettings, client: aiohttp.ClientSession
) -> None:
    """From the form to log in to a label that came back from the topic, and out again."""
    async with console(topics, settings) as app:
        form = {"name": "ada", "password": "pw", "next": "/incidents/incident-1"}
        async with client.post(f"{app.url}login", data={**form, "password": "no"}) as answer:
            assert 401 == answer.status
        async with client.post(f"{app.url}login", data=form) as answer:
            assert "/incidents/incident-1" == answer.url.path
        await until_shown(client, app.url, "1 open incident")
        page = await text_of(client, f"{app.url}feedback?alert={ALERT}&verdict=normal")
        assert "would have silenced <strong>1 incident</strong>" in page
        data = {"csrf": field(page, "csrf"), "alert": ALERT, "verdict": "normal", "note": "a rehearsal"}
        async with client.post(f"{app.url}feedback", data=data) as answer:
            assert "Sent" in await answer.text()
        await until_shown(client, f"{app.url}incidents/incident-1", "a rehearsal")
        async with client.post(f"{app.url}logout", data={"csrf": field(page, "csrf")}) as answer:
            assert "/login" == answer.url.path
        async with client.get(app.url, allow_redirects=False) as answer:
            assert 401 == answer.status

    said = orjson.loads(topics.records[FEEDBACK][0])
    assert {"pattern": PATTERN, "verdict": "normal", "scope": "payments", "by": "ada", "note": "a rehearsal"} == said


@pytest.mark.parametrize(("what", "pattern"), [("cause", PATTERN), ("service", "")])
async def test_a_mute_is_previewed_sent_shown_and_taken_back(
    topics: FakeTopics, client: aiohttp.ClientSession, what: str, pattern: str
) -> None:
    """The preview counts incidents of the last week; the mute is in sight until somebody ends it."""
    topics.send(ALERTS, alert(2, scope="other", incident={"id": "incident-2", "event": "opened"}, id="x", pattern="y"))
    async with console(topics) as app:
        await until_shown(client, app.url, "2 open incidents")
        page = await text_of(client, f"{app.url}mute?alert={ALERT}&what={what}")
        assert "would have silenced <strong>1 incident</strong>" in page
        data = {name: field(page, name) for name in ("csrf", "scope", "pattern")} | {"action": "mute", "note": "a disk"}
        async with client.post(f"{app.url}mutes", data=data) as answer:
            assert (400, True) == (answer.status, "length" in await answer.text())
        async with client.post(f"{app.url}mutes", data=data | {"length": "4h"}) as answer:
            assert 200 == answer.status
        page = await until_shown(client, f"{app.url}mutes", "1 mute in force")
        assert "a disk" in page
        assert "muted until" in await text_of(client, f"{app.url}incidents/incident-1")
        assert "muted until" not in await text_of(client, f"{app.url}incidents/incident-2")
        async with client.post(f"{app.url}mutes", data=data | {"action": "unmute"}) as answer:
            assert 200 == answer.status
        await until_shown(client, f"{app.url}mutes", "Nothing is muted.")

    sent = [parse_mute(value) for value in topics.records[FEEDBACK]]
    assert [("payments", pattern, "ada")] * 2 == [(mute.scope, mute.pattern, mute.by) for mute in sent if mute]
    assert [True, False] == [mute.until is not None for mute in sent if mute]


async def test_causes_are_counted_and_similar_incidents_say_what_was_said(
    topics: FakeTopics, client: aiohttp.ClientSession
) -> None:
    """A cause shows its incidents and its label; an incident shows notes and labels of those like it."""
    topics.send(ALERTS, alert(2, incident={"id": "incident-2", "event": "opened"}))
    topics.send(ALERTS, alert(3, id="x", pattern="b" * 16, summary="odd", incident={"id": "incident-3"}))
    topics.send(FEEDBACK, {"pattern": PATTERN, "verdict": "anomalous", "by": "eve"})
    topics.send(FEEDBACK, {"incident": "incident-1", "action": "note", "note": "disk 3 again", "by": "bob"})
    async with console(topics) as app:
        page = await until_shown(client, f"{app.url}causes", "2 incidents")
        assert ["deadlock" in page, "anomalous" in page, "odd" in page] == [True, True, True]
        found = await text_of(client, f"{app.url}causes?q=deadlock")
        assert [True, False] == ["2 incidents" in found, ">odd<" in found]
        like = await until_shown(client, f"{app.url}incidents/incident-2", "disk 3 again")
        assert "anomalous, said by eve" in like
        assert "Alerts of all services over time" in await text_of(client, f"{app.url}services")


async def test_what_was_missed_is_said(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """An incident that a mute kept back says so."""
    late = {"id": "incident-2", "event": "resolved", "muted": "muted by ada; the only incident meanwhile"}
    topics.send(ALERTS, alert(2, incident=late))
    async with console(topics) as app:
        await until_shown(client, app.url, "3 alerts")
        assert "Not told in time: muted by ada" in await text_of(client, f"{app.url}incidents/incident-2")


async def test_a_release_is_named(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """An incident that began with a new version of its service says so; what lines state is text, not markup."""
    release = {"scope": "shop", "version": "<b>2.4.1</b>", "since": "2026-11-18T11:59:52.000Z", "causes": 37}
    topics.send(ALERTS, alert(2, incident={"id": "incident-2", "event": "opened", "release": release}))
    async with console(topics) as app:
        await until_shown(client, app.url, "3 alerts")
        page = await text_of(client, f"{app.url}incidents/incident-2")
        assert (
            "shop &lt;b&gt;2.4.1&lt;/b&gt; was released: since <time>2026-11-18 11:59:52</time>, 37 new kinds" in page
        )


async def test_an_incident_is_acknowledged_noted_and_taken_back(
    topics: FakeTopics, client: aiohttp.ClientSession
) -> None:
    """Everybody sees who looks at an incident, and notes stay with it; acknowledged ones are last in the list."""
    topics.send(ALERTS, alert(2, severity="info", incident={"id": "incident-2", "event": "opened"}))
    async with console(topics) as app:
        await until_shown(client, app.url, "2 open incidents")
        page = await text_of(client, f"{app.url}incidents/incident-1")

        async def send(**fields: str) -> None:
            data = {"csrf": field(page, "csrf"), "incident": "incident-1", **fields}
            async with client.post(f"{app.url}remarks", data=data) as answer:
                assert 200 == answer.status

        await send(action="acknowledge")
        listed = await until_shown(client, app.url, "acknowledged by ada")
        assert listed.index("/incidents/incident-2") < listed.index("/incidents/incident-1")
        await send(action="note", note="disk 3 again")
        await until_shown(client, f"{app.url}incidents/incident-1", "disk 3 again")
        await send(action="unacknowledge")
        page = await until_shown(client, f"{app.url}incidents/incident-1", "took the acknowledgement back")
        assert "Acknowledged by" not in page


async def test_two_people_act_at_once(
    topics: FakeTopics, settings: ConsoleSettings, client: aiohttp.ClientSession
) -> None:
    """Both notes stand with their authors, nothing is lost, and everybody sees one acknowledgement."""
    async with console(topics, settings) as app:
        incident = f"{app.url}incidents/incident-1"
        await until_shown(client, incident, "deadlock", headers=bearer("viewer"))

        async def send(role: str, **fields: str) -> int:
            data = {"incident": "incident-1", **fields}
            async with client.post(f"{app.url}remarks", data=data, headers=bearer(role)) as answer:
                return answer.status

        people = ("operator", "admin")
        sent = [send(role, action="note", note=f"seen by {role}") for role in people]
        sent += [send(role, action="acknowledge") for role in people]
        assert [200] * 4 == await asyncio.gather(*sent)
        page = await until_shown(client, incident, "Acknowledged by", headers=bearer("viewer"))
        for role in people:
            assert f"seen by {role}" in await until_shown(client, incident, f"seen by {role}", headers=bearer("viewer"))
        assert 1 == page.count("Acknowledged by")

    assert 4 == len(topics.records[FEEDBACK])


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        ({}, "forged"),
        ({"Origin": "http://evil.example"}, None),
        ({"Origin": "null"}, None),
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
    ],
)
async def test_forms_of_other_pages_are_refused(
    topics: FakeTopics, client: aiohttp.ClientSession, headers: dict[str, str], csrf: str | None
) -> None:
    """Without the session's token, or from another origin, nothing is published."""
    async with console(topics) as app:
        await until_shown(client, app.url, "1 open incident")
        page = await text_of(client, f"{app.url}feedback?alert={ALERT}&verdict=normal")
        data = {"csrf": csrf or field(page, "csrf"), "alert": ALERT, "verdict": "normal"}
        async with client.post(f"{app.url}feedback", data=data, headers=headers) as answer:
            assert 403 == answer.status

    assert [] == topics.records[FEEDBACK]


async def test_without_accounts_other_host_names_are_refused(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """A web page that reaches the console by a name of its own gets nothing."""
    async with console(topics) as app, client.get(app.url, headers={"Host": "evil.example"}) as answer:
        assert 403 == answer.status


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example", "http://evil.example", "/x\r\nSet-Cookie: a"])
async def test_logging_in_leads_nowhere_else(
    topics: FakeTopics, settings: ConsoleSettings, client: aiohttp.ClientSession, target: str
) -> None:
    """A login's next page is a page of the console."""
    async with console(topics, settings) as app:
        data = {"name": "ada", "password": "pw", "next": target}
        async with client.post(f"{app.url}login", data=data, allow_redirects=False) as answer:
            assert (303, "/") == (answer.status, answer.headers["Location"])


async def test_text_of_logs_is_never_markup(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """Hostile text in every field of a message stands on the pages as text, without control characters."""
    hostile = alert(2, scope=HOSTILE, key=HOSTILE, summary=HOSTILE, pattern=HOSTILE)
    hostile["session"][0] |= {"text": HOSTILE, "nearest_normal": HOSTILE}
    hostile["incident"] |= {"id": HOSTILE, "event": HOSTILE}
    topics.send(ALERTS, hostile)
    async with console(topics) as app:
        page = await until_shown(client, app.url, "2 open incidents")
        link = re.search(r'href="(/incidents/%3Cscript[^"]*)"', page)
        assert link is not None
        one = await text_of(client, f"{app.url[:-1]}{link[1]}")

    for text in (page, one):
        assert "&lt;script&gt;alert(1)" in text
        visible = re.sub(r' (?:value|data-incident)="[^"]*"', "", text)
        assert not re.search(r"<script>alert|<img|\x1b|\x00|\u202e", visible)


async def test_a_megabyte_of_key_is_cut(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """Pages stay small whatever a message holds."""
    topics.send(ALERTS, alert(2, key="k" * (1 << 20), summary="s" * (1 << 20)))
    async with console(topics) as app:
        await until_shown(client, app.url, "3 alerts")
        sizes = [len(await text_of(client, app.url + path)) for path in ("", "incidents/incident-1")]

    assert max(sizes) < 150_000


async def test_changes_come_as_events_and_are_resumed(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """A stream tells what changes after the page's number, and a reconnecting one what it has missed."""
    async with console(topics) as app:
        page = await until_shown(client, app.url, "1 open incident")
        number = re.search(r'data-number="([^"]*)"', page)
        assert number is not None
        topics.send(ALERTS, alert(5, incident={"id": "incident-2", "event": "opened"}))
        async with client.get(f"{app.url}events?since={number[1]}") as stream, asyncio.timeout(5):
            event = await stream.content.readuntil(b"}\n\n")
        topics.send(ALERTS, alert(6, incident={"id": "incident-3", "event": "opened"}))
        seen = re.search(rb"id: (\S+)", event)
        assert seen is not None
        async with client.get(f"{app.url}events", headers={"Last-Event-ID": seen[1].decode()}) as stream:
            async with asyncio.timeout(5):
                missed = await stream.content.readuntil(b"}\n\n")
        async with client.get(f"{app.url}events?since=older-7") as stream, asyncio.timeout(5):
            foreign = await stream.content.readuntil(b"}\n\n")

    assert b'"ids":["incident-2"]' in event
    assert b'"ids":["incident-3"]' in missed
    assert b'"reload":true' in foreign


async def test_brokers_away_are_told_and_come_back(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """The pages stay while Kafka does not answer, and feedback is refused with the reason."""
    topics.broken = True
    async with console(topics) as app:
        await until_shown(client, app.url, "not connected: no Kafka at localhost:9")
        topics.broken = False
        await until_shown(client, app.url, "1 open incident")
        page = await text_of(client, f"{app.url}feedback?alert={ALERT}&verdict=anomalous")
        topics.broken = True
        data = {"csrf": field(page, "csrf"), "alert": ALERT, "verdict": "anomalous"}
        async with client.post(f"{app.url}feedback", data=data) as answer:
            assert (503, True) == (answer.status, "no Kafka" in await answer.text())


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("incidents/none", 404, "the archive has no such incident"),
        ("nowhere", 404, "This address leads nowhere."),
        ("remarks", 405, "This address leads nowhere."),
        ("feedback?verdict=maybe", 400, "verdict: must be one of"),
        ("alerts/%3Cscript%3E", 404, "the archive has no such alert"),
    ],
)
async def test_a_refusal_is_a_page_in_a_browser(
    topics: FakeTopics, client: aiohttp.ClientSession, path: str, status: int, says: str
) -> None:
    """A browser gets a page with the reason and a way back, under the console's prefix; a program the reason alone."""
    async with console(topics, ConsoleSettings(visitor="ada", path="/strayline")) as app:
        async with client.get(app.url + path, headers={"Accept": "text/html,*/*;q=0.8"}) as answer:
            page, headers = await answer.text(), answer.headers
            assert (status, "text/html") == (answer.status, answer.content_type)
        async with client.get(app.url + path) as answer:
            plain = await answer.text()
            assert (status, "text/plain") == (answer.status, answer.content_type)

    assert says in page
    assert 'href="/strayline/"' in page
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "<" not in plain


async def test_resolved_incidents_leave_the_list(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """A quiet list says so; what is over is a filter away."""
    topics.send(ALERTS, resolved(1))
    async with console(topics) as app:
        await until_shown(client, app.url, "Nothing is open.")
        assert "host0" in await text_of(client, f"{app.url}?state=resolved")


async def test_a_prefix_of_a_reverse_proxy(
    topics: FakeTopics, settings: ConsoleSettings, client: aiohttp.ClientSession
) -> None:
    """All links, forms and cookies stay under the configured path."""
    async with console(topics, replace(settings, path="/strayline")) as app:
        assert app.url.endswith("/strayline/")
        data = {"name": "ada", "password": "pw", "next": ""}
        async with client.post(f"{app.url}login", data=data) as answer:
            page = await answer.text()
            assert "/strayline/" == answer.url.path

    links = re.findall(r'(?:href|action|src)="([^"#]*)"', page)
    assert [] == [link for link in links if not link.startswith("/strayline/")]


async def test_a_backtest_is_shown_and_takes_no_feedback(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    """A folder's alerts are all there; a form sent all the same is refused."""
    lines = [orjson.dumps(alert(number)) for number in range(3)]
    (tmp_path / "alerts.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    async with console(None, ConsoleSettings(folder=tmp_path)) as app:
        page = await text_of(client, f"{app.url}incidents/incident-1")
        async with client.get(f"{app.url}feedback?alert={ALERT}&verdict=normal") as answer:
            assert 403 == answer.status

    assert "3 sessions" in page
    assert "This is normal" not in page


async def test_a_folder_without_alerts_is_refused(tmp_path: Path) -> None:
    """The error names the folder and what makes one."""
    with pytest.raises(InputError, match=r"holds no alerts\.jsonl"):
        await Console(ConsoleSettings(folder=tmp_path), None).start()


async def test_ten_thousand_incidents_are_listed_quickly(client: aiohttp.ClientSession) -> None:
    """The first page of a large archive: a small page, in less than 200 ms of processor time."""
    topics = FakeTopics()
    topics.send(
        ALERTS,
        *(alert(at, id=f"{PATTERN}-{at:016x}", incident={"id": f"i{at}", "event": "opened"}) for at in range(10_000)),
    )
    async with console(topics) as app:
        page = await until_shown(client, app.url, "10,000 open incidents")
        took = []
        for _ in range(5):
            began = process_time()  # all threads; other programs on the machine do not count
            page = await text_of(client, app.url)
            took.append(process_time() - began)
        (following,) = re.findall(r'rel="next" href="([^"]*)"', page)
        second = await text_of(client, app.url.rstrip("/") + unescape(following))

    assert "page 2 of 200" in second
    assert 'rel="prev" href="/?state=open&amp;service=&amp;q=&amp;page=0"' in second
    assert len(page) < 150_000
    assert min(took) < 0.2
