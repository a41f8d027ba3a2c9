"""`strayline` with seconds where it has half minutes until it reports a stall, and a detector that can be held.

    python -m tests.support.short_limits run --config FILE

SIGUSR1 keeps the detector's thread in a call that does not return, SIGUSR2 lets it return. Nothing of the daemon knows.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any, cast

from daemon.runtime import baseline_follower, health, stalls
from daemon.runtime.worker_thread import WorkerThread

SECONDS = 4.0
STUCK = 8.0


def shorten() -> None:
    """Let every limit of a stall be `SECONDS`, and that of /healthz `STUCK`."""
    limits = cast("dict[stalls.StallCause, float]", stalls.LIMITS)
    limits.update(dict.fromkeys(stalls.StallCause, SECONDS))
    baseline_follower.CHECK_EVERY = 1.0
    health.STUCK_SECONDS = STUCK


def hold_on_signal() -> None:
    """Let the detector's thread wait from SIGUSR1 to SIGUSR2, as if a call did not return."""
    threads: list[WorkerThread] = []
    released = threading.Event()
    original = WorkerThread.__init__

    def remember(self: WorkerThread) -> None:
        original(self)
        threads.append(self)

    def never_returns() -> None:
        released.wait()

    def hold(_signal: int, _frame: object) -> None:
        released.clear()
        for thread in threads:
            thread._executor.submit(thread._run, never_returns, (), {})

    setattr(WorkerThread, "__init__", remember)  # noqa: B010  # mypy refuses to assign to a method
    signal.signal(signal.SIGUSR1, hold)
    signal.signal(signal.SIGUSR2, lambda _signal, _frame: released.set())


def main() -> Any:
    """Patch, then run the word that the arguments say."""
    shorten()
    hold_on_signal()
    from daemon.cli import main as strayline

    return strayline(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
