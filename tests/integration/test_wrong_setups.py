"""Each wrong set-up, with every verb that meets it: one sentence that names the fault, and the right exit code.

One broker has a listener for each way of coming in. 78 is for what the configuration can mend, 69 for what may pass.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from daemon.adapters.kafka import KafkaBroker, KafkaSettings, publish
from daemon.adapters.kafka.replicas import not_taken
from daemon.cli.entry import main
from demo.broker import Cluster
from deploy.acls import Acl
from tests.cli.test_edges import NEEDS_KAFKA, furnish
from tests.support.authorities import Authority
from tests.support.guarded import admin_of, allow, take_away
from tests.support.many_doors import Doors, many_doors

PERMANENT = ("notify --port 0",)
"""Verbs that wait for what may pass, and end for what only another configuration mends."""
Security = Callable[[Doors], Mapping[str, Any]]


def _tls(doors: Doors, **more: str) -> dict[str, Any]:
    return {"protocol": "SSL", "ca": str(doors.ca), **more}


def _login(_: Doors, **more: str) -> dict[str, Any]:
    return {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "username": "strayline", "password": "sham", **more}


CLOSES = "{server} closes the connection: does it expect another kafka.security.protocol than {protocol}?"
CONNECTIONS: dict[str, tuple[str, Security, int, str]] = {
    "nothing listens": ("127.0.0.1:1", lambda _: {}, 69, "{server} refuses connections: no Kafka listens there"),
    "no such name": ("nowhere.invalid:9092", lambda _: {}, 69, "{server}: the name cannot be resolved"),
    "TLS to plain text": ("plain", _tls, 69, CLOSES),
    "plain text to TLS": ("tls", lambda _: {}, 69, CLOSES),
    "no login": ("login", lambda _: {}, 69, CLOSES),
    "a login where none is wanted": ("plain", _login, 78, "{server} expects no SASL; set kafka.security.protocol"),
    "another authority": (
        "tls",
        lambda doors: _tls(doors, ca=str(doors.ca.parent / "stranger-ca.pem")),
        78,
        "the certificate of {server} is not signed by kafka.security.ca: unable to get local issuer certificate",
    ),
    "a certificate for another address": ("other", _tls, 78, "the certificate of {server} is for another host name"),
    "an expired certificate": ("old", _tls, 78, "the certificate of {server} has expired"),
    "no file of the authority": (
        "tls",
        lambda doors: _tls(doors, ca="none.pem"),
        78,
        "kafka.security.ca: none.pem: No such file or directory",
    ),
    "another mechanism": (
        "login",
        lambda doors: _login(doors, mechanism="SCRAM-SHA-256"),
        78,
        "{server} does not offer kafka.security.mechanism SCRAM-SHA-256",
    ),
    "a wrong password": (
        "login",
        lambda doors: _login(doors, password="wrong"),
        78,
        "{server} refuses the user or the password of kafka.security",
    ),
}
"""Where the verb connects, with which credentials, the exit code and the sentence."""


@pytest.fixture(scope="module")
def doors(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The broker, and a folder with what the verbs read."""
    del kafka  # says in CI's words when there is none
    folder = tmp_path_factory.mktemp("setups")
    furnish(folder)
    assert Authority.make(folder, "stranger").ca.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert 0 == main(["backtest", "--config", "strayline.yaml", "--out", "history", "good.jsonl"])
        short = Path("strayline.yaml").read_text().replace("{type: lite}", "{type: lite, dimensions: 64}")
        Path("short.yaml").write_text(short)
        assert 0 == main(["backtest", "--config", "short.yaml", "--out", "short", "good.jsonl"])
    with many_doors(folder) as made:
        yield made


@pytest.fixture
def here(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> Doors:
    """Work in the folder that the tests share."""
    monkeypatch.chdir(doors.ca.parent)
    return doors


def written(server: str, security: Mapping[str, Any], **more: Any) -> None:
    """Write the configuration that the next verb reads."""
    config: dict[str, Any] = {
        "kafka": {"bootstrap_servers": [server], "security": dict(security)},
        "engine": {"type": "lite"},
        "http": {"port": 0},
        "snapshot": {"enabled": False},
        "notify": {
            "routes": [{"name": "hook", "type": "webhook", "url": "http://127.0.0.1:1", "secret_file": "empty"}]
        },
    }
    Path("setup.yaml").write_text(yaml.safe_dump(config | more))


def typed(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return the exit code of a command, and every sentence with which it says what is wrong."""
    code = main([*command.split(), "--config", "setup.yaml"])
    gc.collect()  # a future whose error nobody asked for is told when it goes
    printed = capsys.readouterr()
    sentences = []
    for line in (*printed.out.splitlines(), *printed.err.splitlines()):
        if line.startswith("{") and '"event"' in line:
            event = json.loads(line)
            sentences += [event["error"]] if event["event"] == "stopped" else []
        elif line.startswith(("kafka: ", "baseline: ")) and not line.startswith("kafka: good"):
            sentences.append(line.partition(": ")[2])
        elif line.startswith("strayline: ") and "loading the model" not in line:
            sentences.append(line.removeprefix("strayline: "))
        else:
            assert "Traceback" not in line
    return code, sentences


@pytest.mark.slow
@pytest.mark.parametrize("command", [*NEEDS_KAFKA, *PERMANENT])
@pytest.mark.parametrize("setup", CONNECTIONS)
def test_a_broker_that_cannot_be_used(
    setup: str, command: str, here: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name, the port, TLS, its certificates and the login: the same sentence from every verb."""
    door, security, code, sentence = CONNECTIONS[setup]
    if command in PERMANENT and code != os.EX_CONFIG:
        return  # it waits
    server, given = getattr(here, door, door), security(here)
    written(server, given)

    said = sentence.format(server=server, protocol=given.get("protocol", "PLAINTEXT"))
    assert (code, [said]) == typed(command, capsys)


MAKE = "does not exist, or we may not see it; make it with `strayline topics create`"
MADE_BY = (
    "does not exist, or we may not see it; `strayline topics create` makes the daemon's topics, and with "
    "--input-partitions those of the input"
)
MISSING: dict[str, tuple[int, str]] = {
    "run": (69, f"topic strayline.checkpoints {MAKE}"),
    "tail": (69, f"topic strayline.alerts {MADE_BY}"),
    "label --list": (69, f"topic strayline.feedback {MADE_BY}"),
    "baseline inspect": (69, f"topic strayline.baseline {MAKE}"),
    "baseline export target": (69, f"topic strayline.baseline {MAKE}"),
    "baseline import history": (69, f"topic strayline.baseline {MAKE}"),
    "try --topic logs": (69, f"topic logs {MADE_BY}"),
    "backtest --topic logs": (69, f"topic logs {MADE_BY}"),
    "init --topic logs --write new.yaml": (
        65,
        "topic logs does not exist, or we may not see it; there are none with records",
    ),
}
"""What a verb says where there are no topics, and where it has no rights at all."""
REFUSED = {
    **MISSING,
    "topics create": (69, "no right to create topic strayline.alerts; see the ACLs in docs/operate.md"),
    "topics delete": (69, "Kafka at {server}: no right to the group strayline; see the ACLs in docs/operate.md"),
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_user_without_rights(command: str, here: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    """Kafka hides what we may not see, so a topic may be missing or hidden, and the sentence says both."""
    written(here.login, _login(here, username="creator"))
    code, sentence = REFUSED[command]
    assert (code, [sentence.format(server=here.login)]) == typed(command, capsys)


@pytest.mark.parametrize("command", MISSING)
def test_topics_that_do_not_exist(command: str, here: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence names the first that is missing and the command that makes it."""
    written(here.plain, {})
    assert MISSING[command] == _one(typed(command, capsys))


def _one(said: tuple[int, list[str]]) -> tuple[int, str]:
    code, (sentence,) = said
    return code, sentence


TOPICS = {role: f"rights.{role}" for role in ("alerts", "baseline", "feedback", "checkpoints", "observations")}
LABEL = "label 0123456789abcdef normal --scope shop --by ann"
ONE_RIGHT: dict[tuple[str, str, str], str] = {
    ("Describe", "rights.alerts", "tail"): "Kafka at {server}: no right to rights.alerts",
    ("Describe", "rights.baseline", "baseline inspect"): "following rights.baseline: no right to rights.baseline",
    ("Describe", "rights.baseline", "label --list"): "following rights.baseline: no right to rights.baseline",
    ("Describe", "lines", "try --topic lines"): "Kafka at {server}: no right to lines",
    ("Read", "rights.feedback", LABEL): "publishing to rights.feedback: no right to rights.feedback",
    ("Read", "rights.baseline", "baseline import history"): "publishing 67 records: no right to rights.baseline",
    ("", "", "baseline import history"): "publishing 67 records: no right to the transactional ids strayline-*",
}
"""A verb, the only right that it has to one of the topics ("" for no transactional id), and what it says."""


@pytest.fixture(scope="module")
def topics(doors: Doors) -> Doors:
    """The topics that rights are taken away from; `console` has rights to all, and no transactional id."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(doors.ca.parent)
        written(doors.plain, {}, topics=TOPICS | {"dead_letters": "rights.dead"}, input={"topics": ["lines"]})
        assert 0 == main(["topics", "create", "--input-partitions", "1", "--config", "setup.yaml"])
    asyncio.run(_send(doors.plain, "lines"))
    return doors


async def _send(server: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server) as producer:
        await producer.send_and_wait(topic, b'{"message": "a request"}')


@pytest.mark.parametrize(("right", "topic", "command"), ONE_RIGHT)
def test_one_right_is_missing(
    right: str, topic: str, command: str, topics: Doors, here: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    """A topic that is seen and may not be read or written, and a transaction that may not begin."""
    names = [*TOPICS.values(), "lines"]
    given = [Acl("topic", name, (right,) if name == topic else ("Read", "Write")) for name in names]
    given += [Acl("transactional-id", "strayline-", ("Write",), prefixed=True)] if topic else []
    capsys.readouterr()
    asyncio.run(_change(here, allow, given))
    try:
        written(
            here.login,
            _login(here),
            topics=TOPICS | {"dead_letters": "rights.dead"},
            input={"topics": ["lines"]},
        )
        said = typed(command, capsys)
    finally:
        asyncio.run(_change(here, take_away, given))
    sentence = ONE_RIGHT[right, topic, command].format(server=here.login)
    assert (69, [f"{sentence}; see the ACLs in docs/operate.md"]) == said


async def _change(
    doors: Doors, change: Callable[[AIOKafkaAdminClient, str, list[Acl]], Awaitable[None]], acls: list[Acl]
) -> None:
    async with admin_of(doors.login) as admin:
        await change(admin, "strayline", acls)


ANOTHER = (
    "the baseline was made with wordllama-l2-supercat:64 (64 dimensions) and the engine is wordllama-l2-supercat:256 "
    "(256): go back to that engine.model and engine.dimensions, or name a new topics.baseline and let it learn again"
)
UNLIKE = (
    "history was made with wordllama-l2-supercat:256 and the baseline's topic with wordllama-l2-supercat:64: their "
    "vectors cannot be compared; name a new topics.baseline to start from this file"
)
MODELS: dict[str, tuple[int, list[str]]] = {
    "run": (78, [ANOTHER]),
    "check --online": (78, [ANOTHER]),
    "baseline import history": (
        78,
        [
            UNLIKE,
        ],
    ),
    "baseline inspect": (0, []),
    "baseline export -": (0, []),
    "label --list": (0, []),
    LABEL: (0, []),
    "topics create": (0, []),
}
"""What a verb says of a baseline's topic with vectors of another model. Who compares no vectors reads it as it is."""


@pytest.fixture(scope="module")
def modelled(doors: Doors) -> Mapping[str, Any]:
    """Topics whose baseline a model of 64 dimensions made, as the rest of a configuration."""
    roles = ("alerts", "baseline", "feedback", "checkpoints", "observations", "dead_letters")
    more = {"topics": {role: f"short.{role}" for role in roles}, "input": {"topics": ["short"]}}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(doors.ca.parent)
        written(doors.plain, {}, engine={"type": "lite", "dimensions": 64}, **more)
        assert 0 == main(["topics", "create", "--input-partitions", "1", "--config", "setup.yaml"])
        assert 0 == main(["baseline", "import", "short", "--config", "setup.yaml"])
    return more


@pytest.mark.parametrize("command", MODELS)
def test_a_baseline_of_another_model(
    command: str, modelled: Mapping[str, Any], here: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both models are named, and the settings that bring either back."""
    written(here.plain, {}, **modelled)
    capsys.readouterr()
    assert MODELS[command] == typed(command, capsys)


def test_a_file_of_another_model(modelled: Mapping[str, Any], here: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    """An import is refused where the engine that the configuration names did not make the vectors."""
    written(here.plain, {}, engine={"type": "lite", "dimensions": 128}, **modelled)
    code, (sentence,) = typed("baseline import history", capsys)
    assert 78 == code
    assert sentence.startswith(
        "history was made with wordllama-l2-supercat:256 and the configured engine is wordllama-l2-supercat:128: "
    )


BOTH = (
    "the baseline was made with wordllama-l2-supercat:256 (256 dimensions) and with wordllama-l2-supercat:64 (64 "
    "dimensions): their vectors cannot be compared; name a new topics.baseline and let it learn again"
)


@pytest.mark.parametrize("command", ["baseline inspect", "baseline export target", "label --list"])
def test_a_baseline_of_two_models(
    command: str, modelled: Mapping[str, Any], here: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever wrote both into one topic: what reads it whole names them."""
    roles = {**modelled["topics"], "baseline": "both.baseline"}
    for name, engine in (("history", {"type": "lite"}), ("short", {"type": "lite", "dimensions": 64})):
        # An import into a topic of another model is refused, so each has a topic of its own first.
        written(here.plain, {}, engine=engine, topics={**roles, "baseline": f"{name}.model"}, input=modelled["input"])
        assert 0 == main(["topics", "create", "--config", "setup.yaml"])
        assert 0 == main(["baseline", "import", name, "--scope-map", f"default={name}", "--config", "setup.yaml"])
    written(here.plain, {}, topics=roles, input=modelled["input"])
    assert 0 == main(["topics", "create", "--config", "setup.yaml"])
    asyncio.run(_copy(here.plain, ["history.model", "short.model"], "both.baseline"))
    capsys.readouterr()
    assert (78, [BOTH]) == typed(command, capsys)


async def _copy(server: str, sources: list[str], target: str) -> None:
    async with (
        AIOKafkaConsumer(*sources, bootstrap_servers=server, auto_offset_reset="earliest") as consumer,
        AIOKafkaProducer(bootstrap_servers=server) as producer,
    ):
        while fetched := await consumer.getmany(timeout_ms=2_000):
            for record in (record for records in fetched.values() for record in records):
                await producer.send_and_wait(target, key=record.key, value=record.value)


TOO_MANY = (
    "creating topic many.alerts: 3 replicas need as many brokers, and there is 1; give a smaller --replication, or "
    "start the others"
)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (
            "--replication 3",
            69,
            TOO_MANY,
        ),
        ("--replication 0", 64, "argument --replication: '0' is not a number from 1 on"),
        ("--input-partitions -2", 64, "argument --input-partitions: '-2' is not a number from 1 on"),
    ],
)
def test_topics_that_cannot_be_made(
    options: str, code: int, sentence: str, here: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    """More replicas than brokers, and counts that are none: nothing is made, and the option is named."""
    roles = ("alerts", "baseline", "feedback", "checkpoints", "observations", "dead_letters")
    written(here.plain, {}, topics={role: f"many.{role}" for role in roles})
    try:
        said = typed(f"topics create {options}", capsys)
    except SystemExit as ended:
        said = int(str(ended.code)), [capsys.readouterr().err.splitlines()[-1].partition(": ")[2]]

    assert (code, [sentence]) == said
    assert (69, ["topic many.alerts " + MADE_BY]) == typed("tail", capsys)


def test_topics_with_fewer_partitions_than_the_input(here: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    """`check --online` says how to mend it: a daemon works with them, and recovers slowly."""
    roles = ("alerts", "baseline", "feedback", "checkpoints", "observations", "dead_letters")
    more = {"topics": {role: f"narrow.{role}" for role in roles}, "input": {"topics": ["narrow"]}}
    written(here.plain, {}, **more)
    assert 0 == main(["topics", "create", "--config", "setup.yaml"])
    assert 0 == main(["topics", "create", "--input-partitions", "3", "--config", "setup.yaml"])
    capsys.readouterr()

    mended = "`kafka-topics.sh --alter --topic narrow.{} --partitions 3` mends it"
    few = "topic narrow.{} has fewer partitions than the input (1 of 3), so replicas would wait for each other; "
    assert (69, [(few + mended).format(role, role) for role in ("checkpoints", "baseline")]) == typed(
        "check --online", capsys
    )


def test_a_daemon_with_narrow_topics_says_so(
    modelled: Mapping[str, Any], here: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts, and names them and what mends them. Here it ends at the baseline, which another model made."""
    written(here.plain, {}, **modelled, sessions={})
    config = yaml.safe_load(Path("setup.yaml").read_text()) | {"input": {"topics": ["wide"]}}
    Path("setup.yaml").write_text(yaml.safe_dump(config))
    assert 0 == main(["topics", "create", "--input-partitions", "2", "--config", "setup.yaml"])
    assert 78 == main(["run", "--config", "setup.yaml"])

    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    narrow = [event for event in events if event["event"] == "topic_too_narrow"]
    assert [("short.checkpoints", 1, 2), ("short.baseline", 1, 2)] == [
        (event["topic"], event["partitions"], event["input"]) for event in narrow
    ]
    assert "kafka-topics.sh --alter --topic short.baseline --partitions 2, then restart" == narrow[1]["remedy"]


FEW = "takes no records: 2 of 3 replicas are in sync and its min.insync.replicas is 3; is a broker down?"
NOT_TAKEN = {
    "check --online": [f"topic thin.baseline {FEW}", f"topic thin.feedback {FEW}"],
    LABEL: [f"publishing to thin.feedback: topic thin.feedback {FEW}"],
    "baseline import history": [f"publishing 67 records: topic thin.baseline {FEW}"],
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_topics_with_too_few_replicas_in_sync(
    here: Doors, kafka: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broker is down, and topics want all of their replicas: who writes says so, and who may look says it first."""
    del kafka  # as above
    monkeypatch.setattr(publish, "TRANSACTION_SECONDS", 15)
    roles = ("alerts", "baseline", "feedback", "checkpoints", "observations", "dead_letters")
    with Cluster(3, backend="java") as cluster:
        written("", {}, topics={role: f"thin.{role}" for role in roles}, input={"topics": ["thin"]})
        servers = {"kafka": {"bootstrap_servers": cluster.bootstrap_servers.split(",")}}
        Path("setup.yaml").write_text(yaml.safe_dump(yaml.safe_load(Path("setup.yaml").read_text()) | servers))
        assert 0 == main(["topics", "create", "--input-partitions", "1", "--config", "setup.yaml"])
        asyncio.run(_want_all(cluster.bootstrap_servers, [f"thin.{role}" for role in ("baseline", "feedback")]))
        cluster.kill(3)
        assert (0, []) == typed("topics create", capsys), "it asks another broker than the one that is down"
        asyncio.run(_noticed(cluster.bootstrap_servers, "thin.baseline"))
        assert "; ".join(NOT_TAKEN["check --online"]) == asyncio.run(_diagnosis(cluster.bootstrap_servers))
        capsys.readouterr()
        for command, sentences in NOT_TAKEN.items():
            code, said = typed(command, capsys)
            assert (69, sentences) == (code, sorted(said)), command


async def _diagnosis(servers: str) -> str | None:
    """Return what a daemon says that stands still."""
    topics = {"baseline": "thin.baseline", "feedback": "thin.feedback", "alerts": "thin.alerts"}
    broker = KafkaBroker(KafkaSettings(servers.split(","), "g", topics=topics))
    await broker.start()
    try:
        return await broker.diagnose()
    finally:
        await broker.close()


async def _noticed(servers: str, topic: str) -> None:
    """Wait until the cluster knows that a replica is gone."""
    while not await not_taken(KafkaSettings(servers.split(","), "g"), [topic]):  # noqa: ASYNC110  # the cluster's knowledge
        await asyncio.sleep(0.5)


async def _want_all(servers: str, topics: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        least = {"min.insync.replicas": "3"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, least) for topic in topics])
    finally:
        await admin.close()
