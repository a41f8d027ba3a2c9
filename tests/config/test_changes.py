"""What each kind of process can apply of a changed configuration while it runs: every setting, one after the other."""

from __future__ import annotations

import asyncio
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from daemon.adapters.engines import make_engine
from daemon.cli.console import _settings, document_room
from daemon.cli.notify import _routes, chosen_routes
from daemon.config import CONSOLE, NOTIFY, SERVE, Config, changed_keys, daemon_of
from daemon.config.changes import DAEMON, Process
from daemon.config.schema import TopicsConfig
from daemon.config.section import Section
from daemon.config.served import PortConfig
from daemon.core.alerts import Provenance
from daemon.core.detection import Detector, DetectorSettings
from daemon.errors import ConfigError
from daemon.guest_serving import embeddings_server
from daemon.port_access import access_to, port_settings
from daemon.wiring import (
    engine_settings,
    incident_settings,
    kafka_settings,
    make_publishing,
    make_terms,
    make_tools,
    redaction_settings,
)
from tests.support.fakes import FakeEngine

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROUTE = {"name": "team", "type": "webhook", "url": "https://team.example.com/a", "secret_file": "secret"}
TLS = {"certificate": "certificate", "key": "key"}
FULL = Config.model_validate(
    {
        "kafka": {
            "security": {
                "protocol": "SASL_SSL",
                "mechanism": "OAUTHBEARER",
                "oauth": {"token_command": ["token"]},
            }
        },
        "input": {"schema_registry": {"url": "http://registry.example"}},
        "engine": {"type": "lite"},
        "http": {"users": "users", "tls": TLS},
        "console": {"users": "users", "tls": TLS, "proxy": {"networks": ["10.0.0.0/8"]}, "documents": "bases"},
        "notify": {"users": "users", "tls": TLS, "routes": [ROUTE]},
        "serve": {"users": "users", "tls": TLS},
    }
)
"""A configuration in which every optional section is given, so that each of its keys is a setting."""


def leaves(section: BaseModel, prefix: str = "") -> Iterator[str]:
    """Yield every key of a configuration."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


SETTINGS = tuple(leaves(FULL))


def with_key(section: Any, key: str, value: object) -> Any:
    """Return a configuration in which one key has another value, which need not be a valid one."""
    name, _, rest = key.partition(".")
    return section.model_copy(update={name: with_key(getattr(section, name), rest, value) if rest else value})


def read_by(work: Callable[[Config], object], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the keys that `work` reads of a configuration."""
    paths: dict[int, str] = {}

    def note(section: Section, prefix: str) -> None:
        paths[id(section)] = prefix
        for name in type(section).model_fields:
            if isinstance(value := getattr(section, name), Section):
                note(value, f"{prefix}{name}.")

    note(FULL, "")
    read = set[str]()

    def looked_up(self: Section, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if (prefix := paths.get(id(self))) is not None:
            fields = type(self).__pydantic_fields__
            if name in fields and not isinstance(value, Section):
                read.add(prefix + name)
            elif name == "model_dump":
                read.update(prefix + field for field in fields)
        return value

    with monkeypatch.context() as patch:
        patch.setattr(Section, "__getattribute__", looked_up)
        work(FULL)
    return read


OPTIONS = Namespace(config=Path("config.yaml"), port=None, by="", folder=None, beside=None, route=None)


def _listen(section: PortConfig, name: str) -> None:
    port_settings(section, name)
    with suppress(ConfigError):  # the files are not there
        access_to(section, name)


async def _notify(config: Config) -> None:
    from prometheus_client import CollectorRegistry

    from daemon.notify import NotifyMetrics

    _routes(config, NotifyMetrics(CollectorRegistry()))
    chosen_routes(OPTIONS, config)
    _listen(config.notify, "notify")


ANYBODY = access_to(Config().serve, "serve")


def _serve(config: Config) -> None:
    from prometheus_client import CollectorRegistry

    from daemon.metrics import of_process

    engine = make_engine(engine_settings(config))
    embeddings_server(config, engine, ANYBODY, of_process(CollectorRegistry()))
    _listen(config.serve, "serve")


def _daemon(config: Config) -> None:
    engine = FakeEngine()
    detector = Detector(DetectorSettings(), "model", 16)
    make_tools(config, engine, detector)
    make_publishing(config, engine, str)
    make_terms(config, 1)
    incident_settings(config), kafka_settings(config), engine_settings(config)
    _listen(config.http, "http")


def _console(config: Config) -> None:
    _settings(OPTIONS, config)
    document_room(config)
    _listen(config.console, "console")


READS: dict[str, Callable[[Config], object]] = {
    "the daemon": _daemon,
    "the console": _console,
    "notify": lambda config: asyncio.run(_notify(config)),
    "serve": _serve,
}
"""What each process makes of its configuration at its start."""
UNUSED = {"notify": {f"topics.{role}" for role in TopicsConfig.model_fields} - {"topics.alerts", "topics.dead_letters"}}
"""Read with the names of all topics, and not used."""


def process_of(name: str) -> Process:
    """Return the process of a name; the daemon serves no guests and reads lines."""
    return {"the daemon": daemon_of(FULL, FULL), "the console": CONSOLE, "notify": NOTIFY, "serve": SERVE}[name]


@pytest.mark.parametrize("name", READS)
def test_every_setting_is_applied_or_names_itself_and_the_restart(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a process read at its start: none of it can change in silence. What it does not read refuses nothing."""
    process, read = process_of(name), read_by(READS[name], monkeypatch)
    assert len(read) > 10
    for key in SETTINGS:
        said = said_of(process, key)
        assert said in ([key], [f"{key}: changed; restart {name} to apply it"], []), key
        assert said or key not in read - UNUSED.get(name, set()), key


APPLIED: dict[str, object] = {
    "alerts.budget": "5/day",
    "alerts.total": "9/day",
    "alerts.max_mutes": 5,
    "input.redact.emails": False,
    "input.redact.ips": True,
    "logging.level": "debug",
    "logging.format": "json",
    "console.keep": 1_000_000,
    "console.max_size": 5_000_000,
    "console.links": Config.model_validate({"console": {"links": [{"name": "a", "url": "https://a/"}]}}).console.links,
    "detector.max_scopes": 20,
    "detector.warm_up": 5,
    "detector.window": 1_000_000,
    "notify.console": "https://console.example.com",
    "notify.give_up": 1_000_000,
    "notify.max_incidents": 200,
    "notify.remember": 1_000_000,
    "notify.routes": Config.model_validate({"notify": {"routes": [{**ROUTE, "name": "b"}]}}).notify.routes,
}
"""Another value of each setting that some process applies while it runs."""
OTHERS = {"the daemon": ("console.", "notify.", "serve.", "documents."), "the console": (), "notify": (), "serve": ()}
"""Sections that a process takes and does not read."""


def _shown(config: Config) -> object:
    settings, _ = _settings(OPTIONS, config)
    return settings.retention, settings.links, settings.replay


MADE: dict[str, Callable[[Config], object]] = {
    "the daemon": lambda config: (incident_settings(config), redaction_settings(config)),
    "the console": _shown,
    "notify": lambda config: chosen_routes(OPTIONS, config),
    "serve": lambda _: None,
}
"""What a reload makes of the configuration, besides the log."""


@pytest.mark.parametrize("name", MADE)
def test_what_is_applied_changes_what_the_process_works_with(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that a reload takes is one that it uses."""
    process, read = process_of(name), read_by(READS[name], monkeypatch)
    assert not [key for key in read if key.startswith(OTHERS[name])]
    taken = [key for key in SETTINGS if [key] == said_of(process, key) and not key.startswith(OTHERS[name])]
    assert {"logging.level", "logging.format"} <= set(taken)
    for key in taken:
        new = with_key(FULL, key, APPLIED[key])
        assert (MADE[name](FULL), FULL.logging) != (MADE[name](new), new.logging), key


def said_of(process: Process, key: str) -> list[str]:
    """Return the keys that a process applies where one has another value, or why it does not."""
    try:
        return process.changes(FULL, with_key(FULL, key, object()))
    except ConfigError as error:
        return error.problems


def test_alerts_name_the_configuration_that_made_them() -> None:
    """A reload gives them another fingerprint; model and position are those of the moment."""
    positions, engine = iter(["a", "b", "c"]), FakeEngine()
    old, new = Config(), Config.model_validate({"alerts": {"budget": "5/day"}})
    before, after = (make_publishing(config, engine, lambda: next(positions)) for config in (old, new))
    assert old.fingerprint() != new.fingerprint()

    for publishing, config, position in ((before, old, "a"), (after, new, "b"), (before, old, "c")):
        about = Provenance(str(config.alerts.budget), engine.model, config.fingerprint(), position)
        assert about == publishing.provenance()
        assert publishing.config == config.fingerprint()


def test_equal_configurations_have_no_changes() -> None:
    """A file that was only written again changes nothing."""
    assert [] == changed_keys(Config(), Config.model_validate({"alerts": {"budget": "20/day"}}))


def test_changes_are_named_by_key() -> None:
    """Every key that differs is named with its sections; equal neighbours are not."""
    new = Config.model_validate(
        {"alerts": {"budget": "5/day"}, "input": {"redact": {"ips": True}}, "kafka": {"group_id": "other"}}
    )

    assert ["kafka.group_id", "input.redact.ips", "alerts.budget"] == changed_keys(Config(), new)


def test_one_key_that_needs_a_restart_refuses_all() -> None:
    """And is named, with every other one of its kind."""
    new = Config.model_validate(
        {"alerts": {"budget": "5/day"}, "notify": {"max_connections": 9, "group_id": "b", "remember": "1d"}}
    )
    with pytest.raises(ConfigError) as refused:
        NOTIFY.changes(Config(), new)

    assert [f"notify.{key}: changed; restart notify to apply it" for key in ("max_connections", "group_id")] == (
        refused.value.problems
    )


@pytest.mark.parametrize("with_run", [False, True])
def test_the_daemon_needs_no_restart_for_what_it_does_not_use(with_run: bool) -> None:
    """`serve` is another process's until the daemon serves guests, and `documents` without documents to read."""
    old = Config.model_validate({"serve": {"with_run": with_run}})
    new = Config.model_validate({"serve": {"with_run": with_run, "at_once": 3}, "documents": {"nearest": 9}})
    if not with_run:
        assert ["documents.nearest", "serve.at_once"] == daemon_of(old, new).changes(old, new)
        return
    with pytest.raises(ConfigError, match=r"^serve\.at_once: changed; restart the daemon to apply it$"):
        daemon_of(old, new).changes(old, new)


def test_the_documentation_names_what_can_be_applied() -> None:
    """The pages about reloading name the same sections and keys, and no other."""
    daemon = (DOCS / "deploy.md").read_text().split("applies the sections")[1].split("while the daemon runs")[0]
    assert set(DAEMON.applies) == set(re.findall(r"`([\w.]+)`", daemon))
    console = (DOCS / "console.md").read_text().split("reads the file again and applies")[1].split(". Where")[0]
    assert set(CONSOLE.applies) == set(re.findall(r"`([\w.]+)`", console))
    notify = (DOCS / "notify.md").read_text().split("applies `notify.routes`")[1].split(". Where")[0]
    assert set(NOTIFY.applies) == {"notify.routes", *re.findall(r"`([\w.]+)`", notify)}
