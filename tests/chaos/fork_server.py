"""Starts replicas quickly: a process that has imported the daemon's modules forks a child for each replica.

A run starts some hundred replicas; importing their libraries each time would be most of its work. The protocol is JSON
lines. Requests: ``{"slot": 0, "arguments": [...], "log": PATH}``. Events: ``{"ready": true}`` once,
``{"slot": 0, "pid": 123}`` when a replica is started, and ``{"pid": 123, "code": -9}`` when one has ended, with the
exit code as `subprocess` writes it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from typing import Any

from tests.chaos.replica import exit_with_parent, main


def preload() -> None:
    """Import what a replica needs. None of it may start a thread, which a fork would lose."""
    import daemon.cli
    import daemon.service  # noqa: F401


def become_replica(request: dict[str, Any]) -> None:
    """Turn this freshly forked process into a replica; does not return."""
    code = os.EX_SOFTWARE
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        sys.argv = ["tests.chaos.replica", *request["arguments"]]
        code = main()
    except BaseException:  # noqa: BLE001  # a fork must never go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def send_event(**event: object) -> None:
    """Write one event."""
    print(json.dumps(event), flush=True)


def reap() -> None:
    """Wait for all children that have ended, and report their exit codes."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        send_event(pid=pid, code=os.waitstatus_to_exitcode(status))


def serve() -> None:
    """Serve requests until the input ends; replicas that still run then end with this process."""
    exit_with_parent()
    preload()
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_read, False)
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    send_event(ready=True)
    rest = b""
    while True:
        readable, _, _ = select.select([0, wakeup_read], [], [])
        if wakeup_read in readable:
            os.read(wakeup_read, 4096)
            reap()
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    os.close(wakeup_read)
                    os.close(wakeup_write)
                    become_replica(request)
                send_event(slot=request["slot"], pid=pid)


if __name__ == "__main__":
    serve()
