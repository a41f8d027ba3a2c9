"""What a reload says when it cannot be done."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

import pytest
from structlog.testing import capture_logs

from daemon.cli.reloading import Reloading
from daemon.errors import ConfigError, StraylineError, UnavailableError


@pytest.mark.parametrize("error", [ConfigError(["console: bad"]), UnavailableError("the archive is locked")])
async def test_whatever_prevents_it_is_in_the_log(error: StraylineError) -> None:
    """At SIGHUP the file or the archive may be at fault; the log says which, and the process goes on."""

    async def apply() -> Mapping[str, object]:
        raise error

    with capture_logs() as logs, Reloading(apply).on_hangup():
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(10):
            while not logs:  # noqa: ASYNC110  # a signal
                await asyncio.sleep(0.01)

    assert [("reload_refused", str(error).splitlines())] == [(each["event"], each["problems"]) for each in logs]
