"""From the section `notify` to the routes of `strayline notify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.config.notify import AlertmanagerRoute, AnyRoute, EmailRoute, PagerDutyRoute, SlackRoute, WebhookRoute
from daemon.notify import Receiver, RetryPolicy, RouteFilter, RouteSettings
from daemon.notify.receivers import Alertmanager, Email, MailServer, PagerDuty, Slack, Webhook

if TYPE_CHECKING:
    from daemon.config import Config


def notify_group(config: Config, route: str) -> str:
    """Return the consumer group of a route."""
    return f"{config.notify.group_id}.{route}"


def route_settings(config: Config) -> list[RouteSettings]:
    """Return every route of the configuration."""
    section = config.notify
    return [
        RouteSettings(
            name=route.name,
            receiver=receiver_of(route),
            wanted=RouteFilter(route.severity, tuple(route.scopes), route.resolved),
            retry=RetryPolicy(section.give_up / 1e6),
            group=notify_group(config, route.name),
            remember_s=section.remember / 1e6,
            console=section.console or "",
            max_incidents=section.max_incidents,
        )
        for route in section.routes
    ]


def receiver_of(route: AnyRoute) -> Receiver:
    """Return the receiver of a route."""
    match route:
        case AlertmanagerRoute():
            return Alertmanager(
                route.url, route.labels, route.username, route.password_file, route.token_file, route.ca
            )
        case SlackRoute():
            return Slack(route.url_file, route.ca)
        case PagerDutyRoute():
            return PagerDuty(route.routing_key_file, route.url, route.ca)
        case EmailRoute():
            server = MailServer(route.host, route.port, route.security, route.username, route.password_file, route.ca)
            return Email(server, route.sender, tuple(route.to))
        case WebhookRoute():
            return Webhook(route.url, route.secret_file, route.ca)
