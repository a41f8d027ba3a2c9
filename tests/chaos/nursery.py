"""Starts replicas quickly: a process that has the daemon's modules loaded, and forks one replica after another.

A replica is started some hundred times in a run; what it costs to import its libraries would be most of the run's work.
It speaks JSON lines. In: ``{"slot": 0, "arguments": [...], "log": PATH}``. Out: ``{"slot": 0, "pid": 123}`` when it has
started one, and ``{"pid": 123, "code": -9}`` when one has ended, as `subprocess` writes exit codes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from typing import Any

from tests.chaos.replica import die_with_parent, main


def load() -> None:
    """Import what a replica needs; nothing of it may start a thread."""
    import daemon.cli
    import daemon.service  # noqa: F401


def be_replica(order: dict[str, Any]) -> None:
    """Turn this freshly forked process into a replica; does not return."""
    code = os.EX_SOFTWARE
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        sys.argv = ["tests.chaos.replica", *order["arguments"]]
        code = main()
    except BaseException:  # noqa: BLE001  # a fork must never go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def tell(**what: object) -> None:
    """Answer."""
    print(json.dumps(what), flush=True)


def bury() -> None:
    """Tell of all that have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        tell(pid=pid, code=os.waitstatus_to_exitcode(status))


def serve() -> None:
    """Follow orders until there are no more; what still runs then dies with this process."""
    die_with_parent()
    load()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    tell(ready=True)
    rest = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            bury()
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return
            *orders, rest = (rest + data).split(b"\n")
            for line in orders:
                order = json.loads(line)
                pid = os.fork()
                if pid == 0:
                    os.close(woken)
                    os.close(wake)
                    be_replica(order)
                tell(slot=order["slot"], pid=pid)


if __name__ == "__main__":
    serve()
