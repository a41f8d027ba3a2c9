"""Ctrl-C while a verb waits for a server that never answers."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import pytest

CONFIG = """
kafka: {{bootstrap_servers: ["127.0.0.1:{port}"]}}
input: {{topics: [logs]}}
engine: {{type: lite}}
http: {{port: 0}}
notify: {{port: 0, routes: [{{name: a, type: webhook, url: "http://127.0.0.1:{port}/", secret_file: secret}}]}}
"""
GROUPS = (
    ("tail", "label --list", "baseline inspect", "baseline export saved.zst", "check --online", "topics create"),
    ("run", "console --port 0", "notify", "try --topic logs", "backtest --topic logs", "top --url URL"),
)
"""Verbs that speak to a server, started together: most of the time goes into their starts."""
IN_ORDER = {"run", "console", "notify"}
"""Verbs that may end with 0: an interrupt stops them in order once they serve."""
SECONDS = 120.0
"""How long a start, or an end, may take on a busy machine."""


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Let what is started hear interrupts: what a shell runs in the background ignores them, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(verb: str, server: socket.socket, process: subprocess.Popen[str]) -> tuple[str, int, str]:
    """Interrupt a verb once it has connected and asks; return it, its exit code, and what it printed as errors.

    Not before: `asyncio.wait_for` of Python 3.11 drops a cancellation that comes as the connection is made.
    """
    with server.accept()[0] as connection:
        connection.settimeout(SECONDS)
        connection.recv(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)
    return verb, process.returncode, errors


@pytest.mark.parametrize("verbs", GROUPS, ids=lambda verbs: verbs[0])
def test_an_interrupt_ends_a_verb_that_waits(verbs: tuple[str, ...], tmp_path: Path) -> None:
    """The exit code is 130, nothing half-written stays, and no traceback or warning is printed."""
    (tmp_path / "secret").write_text("a secret of many letters")
    with contextlib.ExitStack() as stack:
        started = []
        for number, verb in enumerate(verbs):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server.settimeout(SECONDS)
            port = server.getsockname()[1]
            config = tmp_path / f"{number}.yaml"
            config.write_text(CONFIG.format(port=port))
            words = [word.replace("URL", f"http://127.0.0.1:{port}") for word in verb.split()]
            command = [sys.executable, "-m", "daemon.cli", *words, "--config", str(config)]
            process = stack.enter_context(
                subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, text=True)
            )
            stack.callback(process.kill)
            started.append((verb, server, process))
        with ThreadPoolExecutor(len(started)) as threads:
            for verb, code, errors in threads.map(lambda one: interrupted(*one), started):
                expected = (0, 130) if verb.split()[0] in IN_ORDER else (130,)
                assert code in expected, (verb, code, errors)
                assert not any(word in errors for word in ("Traceback", "Unclosed", "never retrieved")), (verb, errors)
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {f"{number}.yaml" for number in range(len(verbs))} | {"secret"} == files
