"""How `try` and `init` log in to the brokers: `--bootstrap-servers`, `--config` and `--security`.

Values stay as they are written, `${VARIABLES}` too, so that they can be written into a configuration. A secret in plain
text in a file is used but not written again: a variable takes its place.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.parser import Parser
from daemon.errors import ConfigError

if TYPE_CHECKING:
    from daemon.adapters.kafka import KafkaSettings

SERVERS = "localhost:9092"
SECRETS = frozenset({"password", "key_password", "client_secret"})


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """The brokers, and `kafka.security` as a configuration may hold it; `environment` has its variables' values."""

    servers: tuple[str, ...]
    security: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def add_login(parser: Parser, of: str) -> None:
    """Describe the flags that say where the brokers are and how to log in."""
    login = parser.add_argument_group(f"where {of} is")
    login.add_argument("--bootstrap-servers", metavar="HOST:PORT,...", help=f"the brokers (default: {SERVERS})")
    login.add_argument("--config", type=Path, metavar="FILE", help="log in as the section kafka of this file says")
    login.add_argument(
        "--security",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key of kafka.security, such as protocol=SASL_SSL or password_file=/run/secret",
    )


def login_of(options: argparse.Namespace) -> BrokerLogin:
    """Return how to log in. Raises ConfigError for flags or a file that cannot be used."""
    kafka = _section(options.config) if options.config else {}
    servers = options.bootstrap_servers.split(",") if options.bootstrap_servers else kafka.get("bootstrap_servers")
    environment = dict(os.environ)
    security = _without_secrets(kafka.get("security") or {}, environment)
    _add(security, options.security)
    return BrokerLogin(tuple(servers or [SERVERS]), security, environment)


def connection(login: BrokerLogin) -> KafkaSettings:
    """Return how to reach the brokers. Raises ConfigError where the login is incomplete."""
    import yaml

    from daemon.config import parse_config
    from daemon.wiring import kafka_settings

    kafka = {"bootstrap_servers": list(login.servers), "security": dict(login.security)}
    return kafka_settings(parse_config(yaml.safe_dump({"kafka": kafka}), login.environment))


def _section(path: Path) -> Mapping[str, Any]:
    """Return the section kafka of a file, as it is written, once the whole file is checked."""
    from daemon.config import parse_config, read_text
    from daemon.strict_yaml import parse_yaml

    text = read_text(path)
    parse_config(text, os.environ, str(path))
    tree = parse_yaml(text)
    return (tree.get("kafka") or {}) if isinstance(tree, dict) else {}


def _without_secrets(section: Mapping[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Return a section with a variable for each secret in plain text; `environment` gets the variable's value."""
    kept: dict[str, Any] = {}
    for name, value in section.items():
        if isinstance(value, Mapping):
            kept[name] = _without_secrets(value, environment)
        elif name in SECRETS and "${" not in str(value):
            variable = f"KAFKA_{name.upper()}"
            environment[variable] = str(value)
            kept[name] = f"${{{variable}}}"
        else:
            kept[name] = value
    return kept


def _add(security: dict[str, Any], pairs: list[str]) -> None:
    """Put `KEY=VALUE` flags into a section; a dot in the key leads into an inner one. Raises ConfigError."""
    problems = []
    for pair in pairs:
        path, equals, value = pair.partition("=")
        *outer, name = path.split(".")
        if not equals:
            problems.append(f"--security {path}: write it as KEY=VALUE")
        elif name in SECRETS and "${" not in value:
            problems.append(
                f"--security {path}: a command line can be seen by others; "
                f"give {name}_file=FILE, or {name}='${{VARIABLE}}' in single quotes"
            )
        else:
            inner = security
            for step in outer:
                inner = inner.setdefault(step, {})
            inner[name] = value
    if problems:
        raise ConfigError(problems)
