"""The section `notify`: which incidents are told to whom, and how each receiver is reached. Secrets are files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from daemon.config.section import Section
from daemon.config.served import PortConfig
from daemon.config.values import Duration

_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[A-Za-z0-9.-]+")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS = frozenset({"alertname", "incident", "service", "severity"})


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or not text.isprintable() or " " in text:
        raise ValueError("write an address that begins with http:// or https://")
    return text


def _address(text: str) -> str:
    if not text.isascii() or _ADDRESS.fullmatch(text) is None:
        raise ValueError("write an address such as ops@example.com")
    return text


Url = Annotated[str, AfterValidator(_url)]
MailAddress = Annotated[str, AfterValidator(_address)]


class RouteConfig(Section):
    """What all routes have: a name, and which incidents they tell."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    severity: Literal["info", "warning", "critical"] = "info"
    scopes: list[Annotated[str, Field(min_length=1)]] = []
    resolved: bool = True
    ca: Path | None = None


class AlertmanagerRoute(RouteConfig):
    """An Alertmanager."""

    type: Literal["alertmanager"]
    url: Url
    labels: dict[str, str] = {}
    username: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file: give both or neither")
        if self.username is not None and self.token_file is not None:
            raise ValueError("token_file and username: give one of them")
        for label in self.labels:
            if _LABEL.fullmatch(label) is None or label in _OWN_LABELS:
                raise ValueError(f"labels: {label!r} is not the name of a label, or one that strayline sets")
        return self


class SlackRoute(RouteConfig):
    """A Slack incoming webhook. Its address is a secret."""

    type: Literal["slack"]
    url_file: Path


class PagerDutyRoute(RouteConfig):
    """A service of PagerDuty."""

    type: Literal["pagerduty"]
    routing_key_file: Path
    url: Url = "https://events.pagerduty.com/v2/enqueue"


class EmailRoute(RouteConfig):
    """Addresses behind an SMTP server."""

    type: Literal["email"]
    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password_file: Path | None = None
    sender: MailAddress
    to: list[MailAddress] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file: give both or neither")
        if self.security == "none" and self.username is not None:
            raise ValueError("security: a password is not sent without encryption; set starttls or tls")
        return self


class WebhookRoute(RouteConfig):
    """Any other program, by signed messages."""

    type: Literal["webhook"]
    url: Url
    secret_file: Path


AnyRoute = Annotated[
    AlertmanagerRoute | SlackRoute | PagerDutyRoute | EmailRoute | WebhookRoute, Field(discriminator="type")
]


class NotifyConfig(PortConfig):
    """Where `strayline notify` tells of incidents, and how long it tries."""

    port: int = Field(default=9111, ge=0, le=65535)
    group_id: str = Field(default="strayline-notify", min_length=1)
    give_up: Duration = 3_600_000_000
    remember: Duration = 7 * 86_400_000_000
    max_incidents: int = Field(default=10_000, ge=100)
    console: Url | None = None
    routes: list[AnyRoute] = []

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [route.name for route in self.routes]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"routes: {', '.join(doubled)} is given twice; a route's name is its consumer group's")
        return self
