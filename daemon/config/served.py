"""The sections of what listens on a port: `http`, `console` and `serve`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from daemon.config.section import Section
from daemon.config.values import Duration, Size, parse_link, parse_network

LOOPBACK = ("127.0.0.1", "::1", "localhost")
FEWEST_CONNECTIONS = 8
"""A scraper, two probes and a person find a place beside each other."""


def require_users(users: Path | None, host: str, what: str) -> None:
    """Raise ValueError when other machines could use `what` and no users file says who may."""
    if users is None and host not in LOOPBACK:
        raise ValueError(f"host: name a users file before you serve {what} to other machines")


class LinkConfig(Section):
    """A link from an alert to another program."""

    name: str = Field(min_length=1, max_length=60)
    url: Annotated[str, BeforeValidator(parse_link)]


class TlsConfig(Section):
    """A certificate with its chain, and its key, as files in PEM."""

    certificate: Path
    key: Path


class PortConfig(Section):
    """What listens on a port, for how many connections at once, who may use it, and its certificate."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(ge=0, le=65535)
    max_connections: int = Field(default=64, ge=FEWEST_CONNECTIONS, le=65535)
    users: Path | None = None
    tls: TlsConfig | None = None


class HttpConfig(PortConfig):
    """Where metrics, health and reload are served, and who may use them."""

    port: int = Field(default=9108, ge=0, le=65535)


class ProxyConfig(Section):
    """Reverse proxies in front of the console: their addresses, and the header that says who is logged in there."""

    networks: list[Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]] = Field(min_length=1)
    user: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,100}$")
    role: Literal["viewer", "operator", "admin"] = "viewer"


class ConsoleConfig(PortConfig):
    """Where `strayline console` serves its pages, what it keeps, and who may use it."""

    port: int = Field(default=9109, ge=0, le=65535)
    max_connections: int = Field(default=256, ge=FEWEST_CONNECTIONS, le=65535)
    path: str = Field(default="", pattern=r"^(/[A-Za-z0-9_.~-]+)*$")
    archive: Path | None = None
    keep: Duration = 90 * 86_400_000_000
    max_size: Annotated[Size, Field(ge=1_000_000)] = 1_000_000_000
    links: list[LinkConfig] = []
    documents: Path | None = None
    max_upload: Annotated[Size, Field(ge=1_000)] = 200_000_000
    proxy: ProxyConfig | None = None

    @model_validator(mode="after")
    def _closed(self) -> Self:
        if self.proxy is None or self.proxy.user is None:
            require_users(self.users, self.host, "the console")
        return self


class ServeConfig(PortConfig):
    """Where the engine is offered as `/v1/embeddings`, to whom, and how much of it.

    `strayline serve` does so, and `strayline run` with `with_run`.
    """

    with_run: bool = False
    port: int = Field(default=9110, ge=0, le=65535)
    max_connections: int = Field(default=128, ge=FEWEST_CONNECTIONS, le=65535)
    max_inputs: int = Field(default=2_048, ge=1)
    max_bytes: int = Field(default=16 << 20, ge=1_024)
    at_once: int = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _closed(self) -> Self:
        require_users(self.users, self.host, "the engine")
        return self
