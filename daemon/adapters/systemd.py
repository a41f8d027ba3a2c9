"""Notifications to the service manager: sd_notify(3)'s datagrams to the socket that systemd names in NOTIFY_SOCKET.

Without that variable every call does nothing, so the daemon has no special case outside systemd. A datagram that cannot
be sent is dropped: the daemon must not fail with its manager, and the manager reacts to a missing WATCHDOG=1.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping


class Notifier:
    """Tells systemd what the daemon is doing.

    `address` is a path or an abstract name starting with ``@``; with None nothing is sent.
    `watchdog` is the time in seconds within which systemd expects WATCHDOG=1, None where it does not watch.
    """

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self.watchdog = watchdog

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], pid: int | None = None) -> Notifier:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; a watchdog of another process id is ignored."""
        address = environ.get("NOTIFY_SOCKET") or None
        limit = environ.get("WATCHDOG_USEC", "")
        meant_for = environ.get("WATCHDOG_PID", "")
        mine = not meant_for or meant_for == str(os.getpid() if pid is None else pid)
        watched = address is not None and mine and limit.isdecimal() and int(limit) > 0
        return cls(address, int(limit) / 1e6 if watched else None)

    def ready(self, status: str = "") -> None:
        """Say that start-up, or a reload, is complete."""
        self._send("READY=1", *_status(status))

    def stopping(self, status: str = "") -> None:
        """Say that the daemon drains and then ends."""
        self._send("STOPPING=1", *_status(status))

    def reloading(self, status: str = "") -> None:
        """Say that the configuration is loaded again; `ready` must follow (Type=notify-reload)."""
        self._send(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", *_status(status)
        )

    def status(self, status: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(*_status(status))

    async def keep_alive(self, stuck: Callable[[], str | None]) -> None:
        """Send WATCHDOG=1 until cancelled, three times per limit, while `stuck` returns None.

        `stuck` returns what makes no progress. It is shown as the status and no WATCHDOG=1 is sent, so systemd restarts
        the daemon if that lasts. Returns at once where systemd does not watch.
        """
        if self.watchdog is None:
            return
        shown = False
        while True:
            problem = stuck()
            if problem is None:
                self._send("WATCHDOG=1", *(_status("running") if shown else ()))
                shown = False
            else:
                self.status(f"stuck: {problem}")
                shown = True
            await asyncio.sleep(self.watchdog / 3)

    def _send(self, *assignments: str) -> None:
        if self._address is None or not assignments:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto("\n".join(assignments).encode(), self._address)
        except OSError:
            return


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text.strip() else ()
