"""The section `notify`: each kind of route, and every way to get one wrong, named by its place."""

from __future__ import annotations

import pytest

from daemon.cli.notify_routes import route_settings
from daemon.config import parse_config
from daemon.errors import ConfigError
from daemon.notify.receivers import Alertmanager, Email, PagerDuty, Slack, Webhook

EVERY_KIND = """
notify:
  console: https://logs.example/strayline
  give_up: 10m
  routes:
    - {name: am, type: alertmanager, url: "http://alertmanager:9093", labels: {team: sre}, token_file: /s/token}
    - {name: team, type: slack, url_file: /s/slack, resolved: false}
    - {name: on-call, type: pagerduty, routing_key_file: /s/pd, severity: critical, scopes: ["pay*"]}
    - name: mail
      type: email
      host: smtp.example.com
      username: strayline
      password_file: /s/smtp
      sender: strayline@example.com
      to: [ops@example.com]
    - {name: tickets, type: webhook, url: "https://tickets.example.com/", secret_file: /s/key, ca: /s/ca.pem}
"""


def test_every_kind_of_route_is_made() -> None:
    """Each becomes its receiver, with its filter, its group and how long it is tried."""
    routes = route_settings(parse_config(EVERY_KIND, {}))
    assert [Alertmanager, Slack, PagerDuty, Email, Webhook] == [type(route.receiver) for route in routes]
    on_call = routes[2]
    assert ("critical", ("pay*",), True) == (on_call.wanted.severity, on_call.wanted.scopes, on_call.wanted.resolved)
    assert ("strayline-notify.on-call", 600.0) == (on_call.group, on_call.retry.give_up)
    assert routes == route_settings(parse_config(EVERY_KIND, {}))


@pytest.mark.parametrize(
    ("route", "says"),
    [
        ("{name: a, type: fax}", "notify.routes.0"),
        ("{name: a, type: slack}", "notify.routes.0.slack.url_file"),
        ("{name: A b, type: slack, url_file: x}", "notify.routes.0.slack.name"),
        ("{name: a, type: slack, url_file: x, url: y}", "notify.routes.0.slack.url: unknown key"),
        ("{name: a, type: slack, url_file: x, severity: high}", "severity"),
        ("{name: a, type: webhook, url: 'ftp://x', secret_file: x}", "begins with http"),
        ("{name: a, type: alertmanager, url: 'http://x', labels: {severity: x}}", "'severity'"),
        ("{name: a, type: alertmanager, url: 'http://x', username: x}", "username and password_file"),
        ("{name: a, type: email, host: x, sender: x, to: [a@b.example]}", "sender"),
        ("{name: a, type: email, host: x, sender: a@b.example, to: []}", "to"),
        ('{name: a, type: email, host: x, sender: a@b.example, to: ["a@b.example\\r\\nBcc: c"]}', "to.0"),
        (
            "{name: a, type: email, host: x, sender: a@b, to: [a@b.c], security: none, username: u, password_file: p}",
            "security",
        ),
        ("{name: a, type: slack, url_file: x}, {name: a, type: slack, url_file: x}", "a is given twice"),
    ],
)
def test_a_wrong_route_is_named(route: str, says: str) -> None:
    """The problem begins with the path of the key."""
    with pytest.raises(ConfigError, match="notify") as failure:
        parse_config(f"notify: {{routes: [{route}]}}", {})
    assert says in str(failure.value)
