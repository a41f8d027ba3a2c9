"""What a reload says when it cannot be done."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.cli.reloading import Reloading
from daemon.errors import ConfigError, StraylineError, UnavailableError
from daemon.metrics import ReloadMetrics
from tests.support.daemons import STRAYLINE


@pytest.mark.parametrize("error", [ConfigError(["console: bad"]), UnavailableError("the archive is locked")])
async def test_whatever_prevents_it_is_in_the_log(error: StraylineError) -> None:
    """At SIGHUP the file or the archive may be at fault; the log says which, and the process goes on."""

    async def apply() -> Mapping[str, object]:
        raise error

    metrics = ReloadMetrics(CollectorRegistry())
    with capture_logs() as logs, Reloading(apply, metrics).on_hangup():
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(10):
            while not logs:  # noqa: ASYNC110  # a signal
                await asyncio.sleep(0.01)

    assert [("reload_refused", str(error).splitlines())] == [(each["event"], each["problems"]) for each in logs]
    assert 0.0 == metrics.registry.get_sample_value("strayline_config_last_reload_successful")
    assert 1.0 == metrics.registry.get_sample_value("strayline_config_reloads_total", {"status": "refused"})


@pytest.mark.parametrize("verb", ["run", "console", "notify", "serve"])
def test_a_reload_does_not_end_a_verb_that_starts(verb: str, tmp_path: Path) -> None:
    """SIGHUP while the configuration is read: a service manager takes a unit of Type=exec for running by then."""
    path = tmp_path / "config.yaml"
    os.mkfifo(path)
    config = os.open(path, os.O_RDWR)  # somebody is about to write it
    process = subprocess.Popen([*STRAYLINE, verb, "--config", str(path)], stderr=subprocess.PIPE)
    try:
        while not _has_open(process.pid, path):
            time.sleep(0.02)
        process.send_signal(signal.SIGHUP)
        os.write(config, b"kafka: [")
    finally:
        os.close(config)
    assert b"config.yaml:1:9" in process.communicate(timeout=60)[1]
    assert os.EX_CONFIG == process.returncode


def _has_open(process: int, path: Path) -> bool:
    try:
        return any(one.readlink() == path for one in Path(f"/proc/{process}/fd").iterdir())
    except OSError:  # what was open is closed again
        return False
