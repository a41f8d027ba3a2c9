"""A real Prometheus with the project's rules, for tests and rehearsals. It scrapes every second."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
RULES = [ROOT / "deploy/prometheus" / name for name in ("recording.rules.yml", "alerts.rules.yml")]
_START_SECONDS = 30


class Prometheus:
    """A running Prometheus, queried over its HTTP interface."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/"

    def get(self, path: str, **parameters: str) -> dict[str, object]:
        """Return the `data` of an answer; raises ValueError with Prometheus' message when it rejects the query."""
        url = f"{self._url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - always http on this machine
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from error
        data: dict[str, object] = document["data"]
        return data

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of every series of an expression now, without NaN, which no panel shows."""
        result = self.get("query", query=expr)["result"]
        assert isinstance(result, list)
        pairs = [(one["metric"], float(one["value"][1])) for one in result]
        return [(labels, value) for labels, value in pairs if value == value]  # noqa: PLR0124 - NaN differs from itself

    def rules(self) -> list[dict[str, object]]:
        """Return every rule with its health."""
        groups = self.get("rules")["groups"]
        assert isinstance(groups, list)
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def prometheus(targets: Sequence[str], samples: int = 20) -> Iterator[Prometheus]:
    """Run Prometheus with the project's rules on `targets` and yield it once it has `samples` scrapes of each."""
    binary = shutil.which("prometheus")
    if binary is None:
        raise FileNotFoundError("no prometheus here: on Debian, apt install prometheus")
    with tempfile.TemporaryDirectory(prefix="strayline-prometheus-") as folder:
        port = _free_port()
        process = subprocess.Popen(  # noqa: S603 - our own arguments; setpriv ends it with us, however we end
            [
                "/usr/bin/setpriv",
                "--pdeathsig",
                "KILL",
                binary,
                f"--config.file={_configuration(Path(folder), targets)}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ]
        )
        try:
            server = Prometheus(port)
            _wait_for(server, len(targets), samples)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _configuration(folder: Path, targets: Sequence[str]) -> Path:
    document = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in _quick_rules(folder)],
        "scrape_configs": [
            {
                "job_name": "strayline",
                "static_configs": [{"targets": list(targets), "labels": {"cluster": "check", "group": "strayline"}}],
            }
        ],
    }
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(document))
    return path


def _quick_rules(folder: Path) -> list[Path]:
    """The project's rules, with groups evaluated every second instead of at their own interval."""
    paths = []
    for source in RULES:
        document = yaml.safe_load(source.read_text())
        for group in document["groups"]:
            group.pop("interval", None)
        path = folder / source.name
        path.write_text(yaml.safe_dump(document))
        paths.append(path)
    return paths


def _wait_for(server: Prometheus, targets: int, samples: int) -> None:
    give_up = time.monotonic() + _START_SECONDS + samples * 2
    while time.monotonic() < give_up:
        try:
            counts = server.query('sum_over_time(up{job="strayline"}[10m])')
        except (OSError, ValueError):
            counts = []
        if len({labels["instance"] for labels, count in counts if count >= samples}) >= targets:
            return
        time.sleep(0.5)
    raise TimeoutError(f"Prometheus did not get {samples} scrapes of {targets} targets")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
