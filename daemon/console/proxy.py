"""What a reverse proxy says of a request: prefix, host and scheme that the browser sees, and who is logged in.

Headers of this kind are believed from the proxies that the configuration names by address, and from nobody else: anyone
may send them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

from daemon.adapters.web import Role

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+")
MAX_NAME = 100
MAX_PREFIX = 200


@dataclass(frozen=True, slots=True)
class Proxy:
    """Which proxies are believed. `networks` are their addresses.

    `user` is the header that names who is logged in, empty where the proxy does not say. Such a person has `role`,
    unless the users file names the same person.
    """

    networks: Sequence[IPv4Network | IPv6Network] = ()
    user: str = ""
    role: Role = Role.VIEWER

    @property
    def logs_in(self) -> bool:
        """Whether the proxy says who is logged in."""
        return bool(self.user and self.networks)

    def believes(self, request: web.Request) -> bool:
        """Return whether a request comes from a proxy that is believed."""
        try:
            peer = ip_address((request.remote or "").partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.networks)

    def prefix(self, request: web.Request) -> str:
        """Return the path under which the proxy serves the console, empty without one or for one that is no path."""
        prefix = request.headers.get("X-Forwarded-Prefix", "").rstrip("/") if self.believes(request) else ""
        return prefix if len(prefix) <= MAX_PREFIX and _PREFIX.fullmatch(prefix) and ".." not in prefix else ""

    def host(self, request: web.Request) -> str:
        """Return the host that the browser asked."""
        forwarded = request.headers.get("X-Forwarded-Host", "") if self.believes(request) else ""
        return forwarded.split(",")[0].strip() or request.host

    def speaks_tls(self, request: web.Request) -> bool:
        """Return whether the browser reached the proxy over TLS, as the proxy says."""
        scheme = request.headers.get("X-Forwarded-Proto", "") if self.believes(request) else ""
        return scheme.split(",")[0].strip().lower() == "https"

    def name(self, request: web.Request) -> str:
        """Return who is logged in at the proxy, empty where it does not say."""
        name = request.headers.get(self.user, "").strip() if self.logs_in and self.believes(request) else ""
        return name[:MAX_NAME] if name.isprintable() else ""
