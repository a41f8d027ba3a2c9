"""What each receiver is sent, over real connections on loopback, and what its answers mean."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from daemon.notify.announcements import Stage
from daemon.notify.receivers import Alertmanager, DeliveryError, Email, MailServer, PagerDuty, Slack, Webhook
from daemon.notify.receivers.alertmanager import alerts_of
from daemon.notify.receivers.email import mail
from daemon.notify.receivers.pagerduty import pagerduty_event
from daemon.notify.receivers.slack import slack_message
from daemon.notify.receivers.webhook import webhook_body
from tests.support.authorities import Authority
from tests.support.notifications import HOSTILE, alert_message, told
from tests.support.receivers import http_receiver, smtp_receiver

NOW = datetime(2026, 11, 22, 19, tzinfo=UTC)


def secret(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text + "\n")
    return path


def test_alertmanager_knows_an_incident_by_its_labels() -> None:
    """Opened and over have the same labels; firing ends in an hour unless renewed, over ends at the latest symptom."""
    (opened,) = alerts_of(told(), NOW, {"team": "sre"})
    (over,) = alerts_of(told(Stage.RESOLVED, 2, was="warning"), NOW, {"team": "sre"})

    assert opened["labels"] == over["labels"]
    assert {"team": "sre", "incident": "33c467a2f982", "service": "payments", "severity": "warning"} == {
        name: value for name, value in opened["labels"].items() if name != "alertname"
    }
    assert ((NOW + timedelta(hours=1)).isoformat(), "2026-11-22T18:32:39.951000+00:00") == (
        opened["endsAt"],
        over["endsAt"],
    )


def test_alertmanager_ends_the_lesser_alert_of_an_incident_that_became_graver() -> None:
    """Both in one request: the graver one fires, the other one is over."""
    critical, warning = alerts_of(told(Stage.ESCALATED, 2, was="warning", severity="critical"), NOW, {})
    assert ("critical", "warning") == (critical["labels"]["severity"], warning["labels"]["severity"])
    assert critical["endsAt"] > NOW.isoformat() > warning["endsAt"]


def test_alertmanager_is_never_told_of_an_end_before_the_start() -> None:
    """A clock of the lines that is ahead of ours would make such an alert, which is refused."""
    (over,) = alerts_of(told(Stage.RESOLVED, 2), datetime(2026, 11, 22, 12, tzinfo=UTC), {})
    assert over["startsAt"] == over["endsAt"] == "2026-11-22T12:00:00+00:00"


def test_pagerduty_knows_an_incident_by_its_key() -> None:
    """Every stage has one dedup_key, and the end resolves it."""
    opened, over = pagerduty_event(told(), "key"), pagerduty_event(told(Stage.RESOLVED, 2), "key")
    assert (opened["dedup_key"], "trigger") == (over["dedup_key"], opened["event_action"])
    assert {"routing_key": "key", "event_action": "resolve", "dedup_key": "strayline/33c467a2f982"} == over
    assert ["ERROR disk full", "INFO photo stored"] == opened["payload"]["custom_details"]["lines"]


def test_mails_of_an_incident_are_a_thread() -> None:
    """The first has the incident's id, the later ones answer it, and each has an id of its own."""
    first = mail(told(), "strayline@example.com", ["ops@example.com"])
    later = mail(told(Stage.RESOLVED, 2), "strayline@example.com", ["ops@example.com"])
    assert (first["Message-ID"], first["Message-ID"]) == (later["In-Reply-To"], later["References"])
    assert first["Message-ID"] != later["Message-ID"]
    assert first["Message-ID"] == mail(told(), "strayline@example.com", ["ops@example.com"])["Message-ID"]


def test_hostile_text_stays_text_everywhere() -> None:
    """No markup for Slack, no header in a mail, no terminal escape and no direction mark anywhere."""
    hostile = told(summary=HOSTILE, why=HOSTILE, session=[{"text": HOSTILE, "count": 1}], services=[HOSTILE])
    text = slack_message(hostile)["text"]
    assert ("<!channel>" in text, "<b>" in text, "&lt;!channel&gt;" in text) == (False, False, True)
    message = mail(hostile, "a@example.com", ["b@example.com"])
    assert message["Bcc"] is None
    everything = [text, str(message), orjson.dumps(pagerduty_event(hostile, "k")).decode()]
    everything.append(orjson.dumps(alerts_of(hostile, NOW, {})).decode())
    assert [] == [part for part in everything if "\x1b" in part or "\u202e" in part or "\\u001b" in part]


def test_what_is_not_as_expected_in_a_message_is_left_out() -> None:
    """Lines that are no lines are no crash."""
    for session in (None, [None, {"text": 7}, "x"], {"a": 1}):
        strange = told(session=session)
        pagerduty_event(strange, "key")
        mail(strange, "a@example.com", ["b@example.com"])


async def test_slack_is_reached_at_the_address_in_its_file(tmp_path: Path) -> None:
    """The file is read for every message, so a new address is used at once."""
    async with http_receiver() as receiver:
        slack = Slack(secret(tmp_path, f"{receiver.url}/services/T/one"))
        await slack.send(told())
        secret(tmp_path, f"{receiver.url}/services/T/two")
        await slack.send(told(Stage.RESOLVED, 2))
    assert ["/services/T/one", "/services/T/two"] == [post.path for post in receiver.posts]
    assert ":white_check_mark:" in receiver.posts[1].body["text"]


async def test_a_webhook_is_signed_and_keeps_its_id(tmp_path: Path) -> None:
    """The signature is Standard Webhooks' over id, time and body; a second attempt has the same id."""
    key = b"0123456789abcdef0123456789abcdef"
    async with http_receiver() as receiver:
        path = secret(tmp_path, f"whsec_{base64.b64encode(key).decode()}")
        webhook = Webhook(receiver.url, path, clock=lambda: 1_700_000_000.5)
        await webhook.send(told())
        await webhook.send(told())
    first, second = receiver.posts
    signature = hmac.new(key, b"d6fac4346b2256cb-0000000000000001.1700000000." + first.raw, hashlib.sha256).digest()
    assert f"v1,{base64.b64encode(signature).decode()}" == first.headers["webhook-signature"]
    assert first.headers["Idempotency-Key"] == first.headers["webhook-id"] == second.headers["webhook-id"]
    assert ("incident.opened", alert_message("opened", 1)) == (first.body["type"], first.body["data"]["alert"])
    assert webhook_body(told()) == first.raw


async def test_alertmanager_is_logged_in_to_and_renewed(tmp_path: Path) -> None:
    """A token or a password comes from a file; what fires is sent again, and of nothing there is no request."""
    async with http_receiver() as receiver:
        token = Alertmanager(receiver.url, token_file=secret(tmp_path, "s3cret"))
        await token.renew([])
        await token.renew([told()])
        await Alertmanager(receiver.url, username="u", password_file=secret(tmp_path, "pä")).send(told())
    renewed, sent = receiver.posts
    assert ("/api/v2/alerts", "Bearer s3cret") == (renewed.path, renewed.headers["Authorization"])
    assert f"Basic {base64.b64encode('u:pä'.encode()).decode()}" == sent.headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        (400, "refused", False),
        (401, "unauthorized", True),
        (404, "unauthorized", True),
        (410, "refused", False),
        (429, "busy", True),
        (301, "refused", False),
        (500, "busy", True),
        (503, "busy", True),
    ],
)
async def test_answers_say_whether_to_try_again(tmp_path: Path, status: int, reason: str, retry: bool) -> None:
    """What waiting or a new secret can mend is tried again; the reply is quoted without the secret."""
    async with http_receiver(status) as receiver:
        receiver.reply = "bad key R0UT1NGKEY\x1b[31m"
        receiver.headers = {"Retry-After": "7", "Location": receiver.url}
        with pytest.raises(DeliveryError) as failure:
            await PagerDuty(secret(tmp_path, "R0UT1NGKEY"), receiver.url).send(told())
    error = failure.value
    assert (reason, retry, 7.0) == (error.reason, error.retry, error.after)
    assert f"answered {status}: bad key ***" == str(error)
    assert 1 == len(receiver.posts)


@pytest.mark.parametrize("text", ["", "one\ntwo", "\x00"])
async def test_a_secret_that_cannot_be_used_is_named_by_its_file(tmp_path: Path, text: str) -> None:
    """The error names the file and holds nothing of it; it is tried again, because files are replaced."""
    path = secret(tmp_path, text)
    with pytest.raises(DeliveryError, match=str(path)) as failure:
        await Slack(path).send(told())
    assert ("secret", True) == (failure.value.reason, failure.value.retry)
    with pytest.raises(DeliveryError, match="No such file"):
        await Slack(tmp_path / "absent").send(told())
    with pytest.raises(DeliveryError, match="base64"):
        await Webhook("http://127.0.0.1:1", secret(tmp_path, "whsec_!!")).send(told())


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/T0KEN", "http://[T0KEN", "ftp://T0KEN", "T0KEN"])
async def test_an_address_that_cannot_be_reached_is_not_shown(tmp_path: Path, address: str) -> None:
    """The address of Slack's webhook is a secret."""
    with pytest.raises(DeliveryError) as failure:
        await Slack(secret(tmp_path, address)).send(told())
    assert "T0KEN" not in str(failure.value)


async def test_mail_goes_through_starttls_and_a_login(tmp_path: Path) -> None:
    """The password is read from its file and sent only after the connection is encrypted."""
    authority = Authority.make(tmp_path, "ca")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign("smtp"))
    async with smtp_receiver(tls=context, password="right") as receiver:
        server = MailServer("127.0.0.1", receiver.port, "starttls", "ops", secret(tmp_path, "right"), authority.ca)
        await Email(server, "strayline@example.com", ["ops@example.com", "b@example.com"]).send(told())
        assert (True, ["\0ops\0right"]) == (receiver.encrypted, receiver.log_ins)
        (message,) = receiver.mails
        assert "[warning] payments:" in message["Subject"]
        assert "2 x ERROR disk full" in message.get_content()

        secret(tmp_path, "wrong")
        with pytest.raises(DeliveryError) as failure:
            await Email(server, "strayline@example.com", ["ops@example.com"]).send(told())
        assert ("unauthorized", True, "535 not ***") == (
            failure.value.reason,
            failure.value.retry,
            str(failure.value),
        )


@pytest.mark.parametrize(
    ("answer", "reason", "retry"), [("550 no such box", "refused", False), ("450 later", "busy", True)]
)
async def test_mail_that_is_refused(answer: str, reason: str, retry: bool) -> None:
    """SMTP's 5xx is for good and 4xx for now."""
    async with smtp_receiver(refuse=answer) as receiver:
        with pytest.raises(DeliveryError, match=answer) as failure:
            await Email(MailServer("127.0.0.1", receiver.port, "none"), "a@example.com", ["b@example.com"]).send(told())
    assert (reason, retry) == (failure.value.reason, failure.value.retry)


async def test_mail_is_not_sent_in_the_clear_where_tls_is_wanted() -> None:
    """A server that offers no STARTTLS gets nothing."""
    async with smtp_receiver() as receiver:
        with pytest.raises(DeliveryError) as failure:
            await Email(MailServer("127.0.0.1", receiver.port), "a@example.com", ["b@example.com"]).send(told())
    assert ("unreachable", []) == (failure.value.reason, receiver.mails)


async def test_a_receiver_that_does_not_answer_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt ends by itself."""
    monkeypatch.setattr("daemon.notify.receivers.http_post.SECONDS", 0.1)
    async with http_receiver() as receiver:
        receiver.hold.clear()
        with pytest.raises(DeliveryError, match=r"no answer within 0.1 s"):
            await asyncio.wait_for(Slack(secret(tmp_path, receiver.url)).send(told()), 5)


def test_a_notification_shows_a_console() -> None:
    """Where a console's address is configured, every kind leads to the incident there."""
    url = "https://console.example/incidents/33c467a2f982"
    bodies: list[Any] = [
        slack_message(told()),
        pagerduty_event(told(), "k"),
        alerts_of(told(), NOW, {}),
        orjson.loads(webhook_body(told())),
    ]
    assert [True] * 4 == [url in str(body) for body in bodies]
    assert url in mail(told(), "a@example.com", ["b@example.com"]).get_content()
