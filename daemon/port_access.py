"""Where one of our ports listens, who may use it, and its certificate, from the section of the configuration."""

from __future__ import annotations

from daemon.adapters.web import Access, Certificate, PortSettings
from daemon.config import Config, PortConfig
from daemon.errors import ConfigError


def port_settings(section: PortConfig, name: str, port: int | None = None) -> PortSettings:
    """Return where the port of the section called `name` listens; `port` replaces its number."""
    return PortSettings(name, section.host, section.port if port is None else port, section.max_connections)


def access_to(section: PortConfig, name: str) -> Access:
    """Return who may use the port of the section called `name`. Raises ConfigError where a file cannot be used."""
    tls = section.tls
    certificate = Certificate(tls.certificate, tls.key, f"{name}.tls") if tls is not None else None
    return Access(section.users, certificate, f"{name}.users")


def port_problems(config: Config) -> list[str]:
    """Return what is wrong with the users files and certificates that the configuration names, each with its key."""
    sections = {"http": config.http, "console": config.console, "serve": config.serve, "notify": config.notify}
    problems = list[str]()
    for name, section in sections.items():
        try:
            access_to(section, name)
        except ConfigError as error:
            problems += error.problems
    return problems
