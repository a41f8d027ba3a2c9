"""A real broker with a listener for each way of coming in: plain, with a login, and with certificates good and bad."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.broker import Cluster
from tests.support.authorities import HERE, Authority
from tests.support.guarded import GUARDED

CERTIFICATES = {"TLS": (HERE, 2.0), "OTHER": ("127.0.0.9", 2.0), "OLD": (HERE, -1.0)}
"""Listeners with TLS: the address that the certificate is for, and in how many days it expires."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Addresses of the broker's listeners. `login` wants a user, knows PLAIN alone, and grants rights."""

    plain: str
    login: str
    tls: str
    other: str
    old: str
    ca: Path


@contextmanager
def many_doors(folder: Path) -> Iterator[Doors]:
    """Start the broker; certificates and their authority lie in `folder`."""
    authority, settings = Authority.make(folder, "authority"), dict(GUARDED)
    cluster = Cluster(settings=settings, backend="java")
    node, more = cluster._plan.nodes[0], Cluster(len(CERTIFICATES))._plan.nodes
    ports = {name: spare.client for name, spare in zip(CERTIFICATES, more, strict=True)}
    shown = {"CLIENT": node.client, "INTERNAL": node.internal, **ports}
    advertised = ",".join(f"{name}://{HERE}:{port}" for name, port in shown.items())
    protocols = ",".join(f"{name}:SSL" for name in CERTIFICATES)
    settings["advertised.listeners"] = advertised
    settings["listeners"] = f"{advertised},CONTROLLER://{HERE}:{node.controller}"
    settings["listener.security.protocol.map"] += f",{protocols}"
    for name, (host, days) in CERTIFICATES.items():
        prefix = f"listener.name.{name.lower()}.ssl.keystore"
        settings[f"{prefix}.type"] = "PEM"
        settings[f"{prefix}.location"] = str(authority.keystore(name.lower(), host, days))
    with cluster:
        at = {name: f"{HERE}:{port}" for name, port in shown.items()}
        yield Doors(at["INTERNAL"], at["CLIENT"], at["TLS"], at["OTHER"], at["OLD"], authority.ca)
