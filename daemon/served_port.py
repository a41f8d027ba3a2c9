"""The daemon's own port: metrics, health and reload, with accounts and a certificate where they are configured."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from daemon.adapters.web import Certificate, HttpServer, LiveCertificate, Probes, WatchedFiles, read_accounts
from daemon.config import HttpConfig


def make_http(
    section: HttpConfig, registry: CollectorRegistry, probes: Probes
) -> tuple[HttpServer, list[WatchedFiles]]:
    """Return the server, not started, and the files that are read again when they change.

    Raises ConfigError where a certificate, its key or the file of users cannot be read.
    """
    watched, tls = list[WatchedFiles](), None
    if (files := section.tls) is not None:
        tls = LiveCertificate(Certificate(files.certificate, files.key, "http.tls"))
        watched.append(WatchedFiles([files.certificate, files.key], tls.read))
    http = HttpServer(section.host, section.port, registry, probes, tls=tls)
    if (users := section.users) is not None:
        http.accounts = read_accounts(users, "http.users")

        def read_again() -> None:
            http.accounts = read_accounts(users, "http.users")

        watched.append(WatchedFiles([users], read_again))
    return http, watched
