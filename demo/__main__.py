"""`make demo`: recorded logs of real programs through a real Kafka and the real daemon, incidents as they come.

Every part runs as a user would run it: a broker, `strayline topics create`, `strayline run`, `strayline console`, a
shipper, a reader of the alerts topic. Whatever happens, no process is left behind. Where no Kafka can be had, the same
logs go through `strayline backtest`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from rich.console import Console
from rich.text import Text

from daemon.config.loading import load_config
from daemon.core.incidents import TOLD
from daemon.errors import UnavailableError
from daemon.terminal.alert import AlertPrinter
from demo.broker import Cluster
from demo.story import LABELS, LOGS, Document, Outcome, incident_line, lines, tell

CONFIG = Path(__file__).parent / "config.yaml"
STRAYLINE = Path(sys.executable).parent / "strayline"
OUT = Path("out/demo")
LINES_A_SECOND = 6_000
PARTITIONS = 4
PATIENCE = 180.0
SHOWN_WHOLE = 1
"""Incidents shown as `strayline tail` would; all others take one line."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
printer = AlertPrinter(console)


def main() -> int:
    """Tell the story; return an exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep Kafka and the daemon running until interrupted")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    OUT.mkdir(parents=True, exist_ok=True)
    try:
        with Cluster(say=_say) as cluster, contextlib.suppress(KeyboardInterrupt):
            _story(cluster.bootstrap_servers, keep=options.keep)
    except UnavailableError as error:
        _say(f"No Kafka here: {error}")
        _say("The same logs through `strayline backtest` instead:")
        return _report()
    return 0


def _say(text: str) -> None:
    console.print(Text(f"{time.strftime('%H:%M:%S')}  {text}", style="dim"))


def _story(servers: str, *, keep: bool) -> None:
    environment = os.environ | {"DEMO_KAFKA": servers, "DEMO_PORT": str(_free_port())}
    config = load_config(CONFIG, environment)
    _say(f"Kafka answers at {servers}; making the topics")
    subprocess.run(
        [STRAYLINE, "topics", "create", "--config", CONFIG, "--input-partitions", str(PARTITIONS)],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with _daemon(environment) as url, _console(environment) as pages:
        outcome = asyncio.run(_stream(servers))
        _say("all lines are accounted for" if outcome.lines else "nothing came back")
        console.print()
        tell(outcome, str(config.alerts.budget), console)
        _say("writing the report (strayline backtest over the same logs)")
        _report(quiet=True)
        _next_steps(keep=keep)
        if keep:
            _say(f"Kafka at {servers}, metrics at {url}/metrics, console at {pages}; Ctrl-C ends all")
            signal.pause()


@contextlib.contextmanager
def _daemon(environment: dict[str, str]) -> Iterator[str]:
    """Run the daemon from ready to drained; yield its address."""
    url = f"http://127.0.0.1:{environment['DEMO_PORT']}"
    log = OUT / "daemon.log"
    _say(f"starting the daemon: strayline run --config {_short(CONFIG)}   (its log: {log})")
    with log.open("wb") as stderr:
        daemon = subprocess.Popen([STRAYLINE, "run", "--config", CONFIG], env=environment, stderr=stderr)
    try:
        _wait_until_ready(daemon, url, log)
        yield url
    finally:
        daemon.terminate()
        try:
            daemon.wait(45)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


@contextlib.contextmanager
def _console(environment: dict[str, str]) -> Iterator[str]:
    """Run the console beside the daemon; yield its address. It needs no time to be ready, so nothing waits for it."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}/"
    command: list[str | Path] = [STRAYLINE, "console", "--config", CONFIG, "--port", str(port)]
    with (OUT / "console.log").open("wb") as log:
        pages = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    console.print(Text.assemble(("Console  ", "bold"), (url, "bold cyan"), "  (the incidents, in a browser, live)"))
    try:
        yield url
    finally:
        pages.terminate()
        try:
            pages.wait(10)
        except subprocess.TimeoutExpired:
            pages.kill()
            pages.wait()


def _wait_until_ready(daemon: subprocess.Popen[bytes], url: str, log: Path) -> None:
    began, said = time.monotonic(), ""
    with console.status("") as status:
        while (reasons := _unready(url)) != []:
            if daemon.poll() is not None:
                raise SystemExit(
                    f"the daemon ended with {daemon.returncode}; its last words:\n{log.read_text()[-2000:]}"
                )
            if time.monotonic() - began > PATIENCE:
                raise SystemExit(f"the daemon is not ready after {PATIENCE:.0f} s; see {log}")
            reason = reasons[0] if reasons else "starting"
            if reason != said and not console.is_terminal:
                _say(f"  {reason} ...")
            said = reason
            status.update(f"{reason} ({time.monotonic() - began:.0f} s)")
            time.sleep(0.25)
    _say(f"the daemon is ready after {time.monotonic() - began:.0f} s")


def _unready(url: str) -> list[str] | None:
    """Return why the daemon is not ready: None while it does not answer, an empty list once it is."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310  # our own daemon's address
            return []
    except urllib.error.HTTPError as error:
        return list(orjson.loads(error.read())["reasons"])
    except OSError:
        return None


async def _stream(servers: str) -> Outcome:
    outcome = Outcome()
    reading = asyncio.create_task(_read(servers, outcome))
    sent = await _ship(servers)
    _say(f"{sent:,} lines sent")

    async def settled() -> None:
        while outcome.lines + outcome.dead_letters < sent:
            outcome.grown.clear()
            await outcome.grown.wait()
        await asyncio.sleep(1.5)  # news of the last sessions travels in another topic

    waiting = asyncio.create_task(settled())
    before = -1
    finished: set[asyncio.Task[None]] = set()
    while not finished and outcome.lines > before:
        before = outcome.lines
        finished, _ = await asyncio.wait({reading, waiting}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    for task in (reading, waiting):
        task.cancel()
    await asyncio.gather(reading, waiting, return_exceptions=True)
    if not finished:
        raise SystemExit(f"{outcome.lines:,} of {sent:,} lines came back, and none in the last {PATIENCE:.0f} s")
    return outcome


async def _ship(servers: str) -> int:
    """Send the recording as a shipper would: one record a line, keyed by service, a few thousand lines a second."""
    _say(f"streaming {_short(LOGS)}; incidents appear as they are told")
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=20, compression_type="zstd")
    await producer.start()
    sent, began = 0, time.monotonic()
    try:
        for line in lines():
            scope = orjson.loads(line)["scope"].encode()
            await producer.send("logs", line, key=scope)
            sent += 1
            if sent % 500 == 0:
                await asyncio.sleep(max(0.0, began + sent / LINES_A_SECOND - time.monotonic()))
        await producer.flush()
    finally:
        await producer.stop()
    return sent


async def _read(servers: str, outcome: Outcome) -> None:
    """Read what the daemon publishes, and show incidents."""
    config = load_config(CONFIG, {})
    topics = config.topics
    reader = AIOKafkaConsumer(
        topics.alerts,
        str(topics.verdicts),
        topics.dead_letters,
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await reader.start()
    try:
        async for record in reader:
            if record.topic == topics.dead_letters:
                outcome.dead_letters += 1
            elif record.topic == topics.verdicts:
                outcome.verdicts.append(orjson.loads(record.value))
            else:
                _show(orjson.loads(record.value), outcome)
            outcome.grown.set()
    finally:
        await reader.stop()


def _show(alert: Document, outcome: Outcome) -> None:
    """Show what was told, a line an incident; the first session to close of one is shown as `strayline tail` would."""
    outcome.alerts.append(alert)
    if alert["incident"]["event"] in TOLD:
        console.print(incident_line(alert), no_wrap=True, overflow="ellipsis")
    elif alert["verdict"] is not None and outcome.shown_whole < SHOWN_WHOLE:
        outcome.shown_whole += 1
        printer.print(alert)


def _report(*, quiet: bool = False) -> int:
    command: list[str | Path] = [STRAYLINE, "backtest", "--config", CONFIG, "--labels", LABELS, "--out", OUT, LOGS]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL if quiet else None)
    if done.returncode == 0:
        console.print(
            Text.assemble(("Report  ", "bold"), f"{OUT / 'report.html'}  (every incident, scores, calibration)")
        )
    return done.returncode


def _next_steps(*, keep: bool) -> None:
    console.print(Text("Try next", style="bold"))
    steps = [
        (f"{_short(STRAYLINE)} backtest --config {_short(CONFIG)} YOUR.log", "your own logs, no Kafka needed"),
        (f"{_short(STRAYLINE)} check --config config.yaml --online", "is your cluster ready for it?"),
        (
            f"{_short(STRAYLINE)} console --folder {OUT} --config {_short(CONFIG)}",
            "the incidents in a browser, afterwards",
        ),
        ("docs/alerts.md", "what an incident is, and how to route it"),
    ]
    if not keep:
        steps.insert(0, ("make demo ARGS=--keep", "the same, and leave Kafka and the daemon running"))
    for what, why in steps:
        console.print(Text(f"  {what:<62} {why}"))


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
