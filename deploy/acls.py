"""The rights the daemon needs in Kafka, and no more: `python -m deploy.acls --config FILE [--principal NAME]`.

Prints a kafka-acls.sh command for each. READ and WRITE imply DESCRIBE. Every partition's transactional id begins with
the group's name, hence the prefix. An administrator creates the topics (`strayline topics create`), or the
principal that --create names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.config.loading import load_config
from daemon.config.schema import Config

_READ = ("Read",)
_WRITE = ("Write",)
_BOTH = ("Read", "Write")
_BY_ROLE = {
    "alerts": _WRITE,
    "verdicts": _WRITE,
    "dead_letters": _WRITE,
    "checkpoints": _BOTH,
    "baseline": _BOTH,
    "observations": _BOTH,
    "repartition": _BOTH,
    "feedback": _READ,
}


@dataclass(frozen=True, slots=True)
class Acl:
    """Operations allowed on one resource: `kind` is topic, group, transactional-id or cluster."""

    kind: str
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False


def daemon_acls(config: Config) -> list[Acl]:
    """Return what `strayline run` needs."""
    rights = [Acl("topic", topic, _READ) for topic in config.input.topics]
    rights += [Acl("topic", topic, _BY_ROLE[role]) for role, topic in config.topics_in_use().items()]
    group = config.kafka.group_id
    return [*rights, Acl("group", group, _READ), Acl("transactional-id", f"{group}-", _WRITE, prefixed=True)]


def notify_acls(config: Config) -> list[Acl]:
    """Return what `strayline notify` needs."""
    topics = [Acl("topic", config.topics.alerts, _READ), Acl("topic", config.topics.dead_letters, _WRITE)]
    return [*topics, Acl("group", f"{config.notify.group_id}.", _READ, prefixed=True)]


def console_acls(config: Config) -> list[Acl]:
    """Return what `strayline console` needs; it has no group."""
    topics = config.topics
    read = [Acl("topic", topic, _READ) for topic in (topics.alerts, topics.baseline, topics.observations)]
    return [*read, Acl("topic", topics.feedback, _BOTH)]


def creator_acls(config: Config) -> list[Acl]:
    """Return what `strayline topics create` needs."""
    topics = [*config.input.topics, *config.topics_in_use().values()]
    return [Acl("topic", topic, ("Create", "Describe", "DescribeConfigs")) for topic in topics]


def commands(acls: list[Acl], principal: str, servers: str) -> Iterator[str]:
    """Yield a kafka-acls.sh command for each."""
    for acl in acls:
        operations = " ".join(f"--operation {operation}" for operation in acl.operations)
        pattern = " --resource-pattern-type prefixed" if acl.prefixed else ""
        what = f"--{acl.kind} {acl.name}{pattern}"
        yield f"kafka-acls.sh --bootstrap-server {servers} --add --allow-principal {principal} {operations} {what}"


def main(arguments: list[str]) -> int:
    """Print the commands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--principal", default="User:strayline")
    parser.add_argument("--create", metavar="PRINCIPAL", help="also what creating the topics needs, for this principal")
    parser.add_argument("--notify", metavar="PRINCIPAL", help="also what strayline notify needs, for this principal")
    parser.add_argument("--console", metavar="PRINCIPAL", help="also what strayline console needs, for this principal")
    options = parser.parse_args(arguments)
    config = load_config(options.config)
    servers = ",".join(config.kafka.bootstrap_servers)
    print("\n".join(commands(daemon_acls(config), options.principal, servers)))
    if options.notify:
        print("\n".join(commands(notify_acls(config), options.notify, servers)))
    if options.console:
        print("\n".join(commands(console_acls(config), options.console, servers)))
    if options.create:
        print("\n".join(commands(creator_acls(config), options.create, servers)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
