"""`strayline top`, as typed: one table in a pipe, and plain words when nobody answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from daemon.cli import main
from daemon.metrics import Metrics


class _Daemon(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        metrics = Metrics(CollectorRegistry())
        metrics.sessions_judged.labels("payments", "normal").inc(1000)
        metrics.engine_up.set(1)
        found = {"/metrics": generate_latest(metrics.registry), "/odd/metrics": b"{not an exposition"}
        body = found.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """Something that serves metrics."""
    server = HTTPServer(("127.0.0.1", 0), _Daemon)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pipe_gets_one_table(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal the totals are printed once, with --once or not."""
    assert 0 == main(["top", "--url", url])
    assert "payments   live" in capsys.readouterr().out


def test_the_address_can_come_from_the_configuration(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Host and port are those the daemon is configured to serve on; all addresses means this machine."""
    config = tmp_path / "mine.yaml"
    config.write_text(f"http: {{host: 0.0.0.0, port: {url.rpartition(':')[2]}}}")

    assert 0 == main(["top", "--once", "--config", str(config)])
    assert "payments" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "code", "words"), [("/nowhere", 69, "answers 404"), ("/odd", 65, "not an exposition")]
)
def test_what_is_no_daemon_is_said(
    url: str, path: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address that serves something else is named with what it answers."""
    assert code == main(["top", "--url", url + path])
    assert words in capsys.readouterr().err


def test_an_address_must_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Another scheme than HTTP's is refused, and a daemon that is away is said to be."""
    assert 78 == main(["top", "--url", "file:///etc/passwd"])
    assert 69 == main(["top", "--url", "http://127.0.0.1:1"])
    assert "no daemon answers at http://127.0.0.1:1/metrics" in capsys.readouterr().err
