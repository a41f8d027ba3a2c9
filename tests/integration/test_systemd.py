"""sd_notify over a real datagram socket, as the service manager would hold it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.adapters.systemd import Notifier


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(5)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def heard(self) -> list[str]:
        """The assignments of the next datagram."""
        return self._socket.recv(4096).decode().split("\n")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@strayline-test-{os.getpid()}"
    manager = Manager(address)
    yield manager
    manager.close()


def test_each_step_of_a_life_is_told(manager: Manager) -> None:
    """READY, STOPPING and STATUS arrive as systemd reads them."""
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.address})
    notifier.ready("12 partitions")
    assert ["READY=1", "STATUS=12 partitions"] == manager.heard()
    notifier.stopping("draining")
    assert ["STOPPING=1", "STATUS=draining"] == manager.heard()
    notifier.status("two\nlines")
    assert ["STATUS=two lines"] == manager.heard()


def test_reloading_carries_the_monotonic_time(manager: Manager) -> None:
    """RELOADING=1 comes with MONOTONIC_USEC, without which Type=notify-reload does not accept it."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(manager.address).reloading()
    reloading, stamp = manager.heard()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert "RELOADING=1" == reloading
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= after


async def test_the_watchdog_is_fed_only_while_there_is_progress(manager: Manager) -> None:
    """A stuck daemon tells what is stuck and stops feeding; once it moves again, it feeds again."""
    problems = iter([None, "the commit of logs/3", None])
    finished = asyncio.Event()

    def stuck() -> str | None:
        try:
            return next(problems)
        except StopIteration:
            finished.set()
            return None

    environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": str(os.getpid())}
    task = asyncio.create_task(Notifier.from_environment(environ).keep_alive(stuck))
    await asyncio.wait_for(finished.wait(), 5)
    task.cancel()
    assert ["WATCHDOG=1"] == manager.heard()
    assert ["STATUS=stuck: the commit of logs/3"] == manager.heard()
    assert ["WATCHDOG=1", "STATUS=running"] == manager.heard()


def test_a_watchdog_for_another_process_is_not_ours() -> None:
    """WATCHDOG_PID of another process, a missing limit or a missing socket mean that nobody watches."""
    watched = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "60000000"}
    assert 60.0 == Notifier.from_environment(watched).watchdog
    assert None is Notifier.from_environment({**watched, "WATCHDOG_PID": "1"}, pid=2).watchdog
    assert None is Notifier.from_environment({"NOTIFY_SOCKET": "/x"}).watchdog
    assert None is Notifier.from_environment({"WATCHDOG_USEC": "60000000"}).watchdog


async def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    """No socket, or one that is gone, is silence and not an error."""
    for notifier in (Notifier.from_environment({}), Notifier(str(tmp_path / "gone"))):
        notifier.ready()
        notifier.stopping()
        await notifier.keep_alive(lambda: None)
