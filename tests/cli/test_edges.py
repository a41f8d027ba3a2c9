"""Every verb with inputs, outputs and brokers that are not there: a sentence, the right exit code, and no traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from daemon.adapters.engines import openai
from daemon.cli import entry
from daemon.cli.entry import main

CONFIG = """
kafka: {bootstrap_servers: ["127.0.0.1:1"]}
input: {topics: [logs]}
engine: {type: lite}
detector: {warm_up: 20}
documents: {folder: docs}
http: {port: 0}
"""
LONG = "n" * 300

READS: dict[str, dict[str, int]] = {
    "try X": {"empty": 65},
    "backtest X": {"empty": 0, "binary": 65},
    "backtest --teach X good.jsonl": {"empty": 0, "binary": 65},
    "backtest --labels X good.jsonl": {"empty": 65, "binary": 65},
    "test X": {"empty": 65, "binary": 65},
    "baseline inspect X": {"empty": 65, "binary": 65},
    "baseline import X": {"empty": 65, "binary": 65},
    "documents add X": {"empty": 65, "binary": 65},
    "documents check X": {"empty": 65, "binary": 65},
    "console --folder X --port 0": {"empty": 66, "binary": 66},
    "console --folder history --beside X --port 0": {"empty": 66, "binary": 66},
    "bench --file X": {"empty": 65, "binary": 65},
    "top --once --token-file X": {"binary": 66},
    "model pull --model X target": {"missing": 78, "folder": 78, "good.jsonl/below": 69, "empty": 78, "binary": 78},
}
"""What a verb reads, and the exit codes that are not those of a missing file."""

WRITES = {
    "try good.jsonl --write X": {"good.jsonl": 64},
    "try good.jsonl --out X": {"folder": 0},
    "backtest good.jsonl --out X": {"folder": 0},
    "model pull --model all-MiniLM-L6-v2 X": {"good.jsonl": 78, "/dev/full": 78},
}
"""What a verb writes, and the exit codes that are not those of a file that cannot be written."""

NEEDS_KAFKA = (
    "run",
    "topics create",
    "topics delete",
    "tail",
    "label --list",
    "baseline inspect",
    "baseline export target",
    "baseline import history",
    "bench",
    "check --online",
    "try --topic logs",
    "init --topic logs --write new.yaml",
    "backtest --topic logs",
)
NEEDS_CONFIG = (*NEEDS_KAFKA, "notify", "console --port 0", "documents list", "serve --port 0", "top --once")


def furnish(folder: Path) -> None:
    """Put a configuration, a log, and things that are not what they should be into a folder."""
    lines = [
        {"time": 1_790_000_000 + 10 * session + at, "key": f"k{session}", "message": message}
        for session in range(30)
        for at, message in enumerate(("a request", "is done"))
    ]
    (folder / "good.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "strayline.yaml").write_text(CONFIG)
    (folder / "empty").write_bytes(b"")
    (folder / "binary").write_bytes(bytes(range(255, 127, -1)) * 20)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A furnished folder with the history of a backtest."""
    folder = tmp_path_factory.mktemp("edges")
    furnish(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert 0 == main(["backtest", "--config", "strayline.yaml", "--out", "history", "good.jsonl"])
    return folder


@pytest.fixture
def history(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the folder that tests share: they read there, and write nothing that another one reads."""
    monkeypatch.chdir(shared)


def typed(command: str, capsys: pytest.CaptureFixture[str], **words: str) -> tuple[int, str]:
    """Return exit code and output of a command, in which `words` replace others."""
    typed_words = [words.get(word, word) for word in command.split()]
    code = main([*typed_words, "--config", words.get("config", "strayline.yaml")])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_every_verb_is_tried() -> None:
    """A new verb belongs into one of the tables; only `completion` touches nothing."""
    tried = {command.split()[0] for command in (*READS, *WRITES, *NEEDS_CONFIG)}
    assert {module.__name__.rpartition(".")[2].rstrip("_") for module in entry.VERBS} - {"completion"} == tried


@pytest.mark.parametrize("name", ["missing", "folder", "good.jsonl/below", LONG, "empty", "binary"])
@pytest.mark.parametrize("command", READS)
def test_what_cannot_be_read_is_named(
    command: str, name: str, history: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing file, a folder, a file below a file, a name that is too long, an empty and a binary file."""
    if name == "binary" and name not in READS[command]:
        return  # `try` finds out how anything can be read
    code, errors = typed(command, capsys, X=name)

    assert READS[command].get(name, 66) == code, errors
    assert not code or name in errors or code in (65, 69), errors


@pytest.mark.parametrize("name", ["good.jsonl", "folder", "/dev/full", "/proc/none", "good.jsonl/below"])
@pytest.mark.parametrize("command", WRITES)
def test_what_cannot_be_written_is_named_and_the_input_stays(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where a folder is needed, a folder where a file is, a full disk, a place that takes nothing."""
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = Path("good.jsonl").read_bytes()
    if (command, name) == ("model pull --model all-MiniLM-L6-v2 X", "folder"):
        return  # an empty folder is filled
    code, errors = typed(command, capsys, X=name)

    assert WRITES[command].get(name, 74) == code, errors
    assert not code or name in errors, errors
    assert before == Path("good.jsonl").read_bytes()


@pytest.mark.parametrize("command", NEEDS_KAFKA)
def test_without_a_broker_every_verb_says_so(command: str, history: None, capsys: pytest.CaptureFixture[str]) -> None:
    """No Kafka listens: the exit code is that of an unavailable service, and the address is named."""
    code, errors = typed(command, capsys)

    assert os.EX_UNAVAILABLE == code, errors
    assert "127.0.0.1:1" in errors


@pytest.mark.parametrize("name", ["missing", "folder", "binary", "pipe", "/dev/zero", LONG])
@pytest.mark.parametrize("command", NEEDS_CONFIG)
def test_a_configuration_that_cannot_be_read_is_named(
    command: str, name: str, history: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the verb is, the exit code is that of a bad configuration."""
    code, errors = typed(command, capsys, config=name)

    assert (os.EX_CONFIG, True) == (code, name in errors), errors


@pytest.mark.parametrize(
    ("language", "file", "why"),
    [
        ("avro", "missing", "No such file or directory"),
        ("avro", "good.jsonl", "not an Avro schema"),
        ("avro", "binary", "can't decode byte"),
        ("protobuf", "empty", "there is no descriptor of a file in it"),
        ("protobuf", "folder", "Is a directory"),
    ],
)
def test_check_reads_the_schemas(
    language: str, file: str, why: str, history: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no schema is found without a broker, before the daemon starts with it."""
    config = tmp_path / "config.yaml"
    config.write_text(f"engine: {{type: lite}}\ninput: {{format: {language}, schemas: {{17: {file}}}}}\n")
    code, errors = typed("check", capsys, config=str(config))

    assert (os.EX_CONFIG, 1) == (code, errors.count("\n")), errors
    assert errors.startswith(f"strayline: input.schemas.17: {file}: ")
    assert why in errors


DOCUMENTS = ("documents list", "documents add empty", "documents check good.jsonl", "documents search pump")


@pytest.mark.parametrize("folder", ["good.jsonl", "good.jsonl/below", "/proc/none", LONG])
@pytest.mark.parametrize("command", [*DOCUMENTS, "console --port 0 --folder history"])
def test_a_folder_of_documents_that_cannot_be_one_names_its_setting(
    command: str, folder: str, shared: Path, history: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file, a folder below a file, a place that takes nothing, a name that is too long: only another one helps."""
    setting = "console.documents" if command.startswith("console") else "documents.folder"
    config = tmp_path / "config.yaml"
    config.write_text(f"engine: {{type: lite}}\ndocuments: {{folder: {folder}}}\nconsole: {{documents: {folder}}}\n")
    code, errors = typed(command, capsys, config=str(config))

    assert (os.EX_CONFIG, True) == (code, errors.startswith(f"strayline: {setting}: {folder}: ")), errors
    assert 1 == errors.count("\n")


PORTS = {"run": "http", "serve": "serve", "console --folder history": "console", "notify": "notify"}


@pytest.mark.parametrize("command", PORTS)
def test_a_port_that_is_taken_names_its_setting(
    command: str, history: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever listens: which address, and which setting gives another one."""
    section, config = PORTS[command], tmp_path / "config.yaml"
    route = "{name: hook, type: webhook, url: 'http://127.0.0.1:1', secret_file: good.jsonl}"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = f"port: {port}" + (f", routes: [{route}]" if section == "notify" else "")
        config.write_text(f"engine: {{type: lite}}\n{section}: {{{settings}}}\n")
        code, errors = typed(command, capsys, config=str(config))

    assert (os.EX_UNAVAILABLE, 1) == (code, errors.count(f"cannot listen on 127.0.0.1:{port}: ")), errors
    assert f"; set {section}.host or {section}.port" in errors


@pytest.fixture
def engine_server() -> Iterator[ThreadingHTTPServer]:
    """An embedding server that answers with its `status`, or with vectors of 32 dimensions."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EngineAnswers) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


class EngineAnswers(BaseHTTPRequestHandler):
    """Answers to a model called after a status with that status, and to any other with vectors."""

    def do_POST(self) -> None:  # the library's name
        """Answer a request for vectors."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = int(asked["model"])
        vectors = [{"index": at, "embedding": [1.0] * 32} for at in range(len(asked["input"]))]
        answer = json.dumps({"data": vectors} if status == 200 else {"error": {"message": "no"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:  # as above
        """Know nothing else."""
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


ENGINES = {
    "away": ("200", "", os.EX_UNAVAILABLE, "http://127.0.0.1:1/v1 does not answer: "),
    "a wrong key": ("401", "", os.EX_CONFIG, "check engine.api_key"),
    "a wrong model": ("404", "", os.EX_CONFIG, "check engine.url and engine.model (404)"),
    "other dimensions": ("200", "dimensions: 64", os.EX_CONFIG, "gives 32 dimensions where 64 are expected"),
}


@pytest.mark.parametrize("command", ["serve --port 0", "backtest good.jsonl", "documents search pump"])
@pytest.mark.parametrize("fault", ENGINES)
def test_an_engine_that_cannot_be_used(
    fault: str,
    command: str,
    history: None,
    engine_server: ThreadingHTTPServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that is away may come back; a key, a model and dimensions are the configuration's."""
    monkeypatch.setattr(openai, "ATTEMPTS", 1)
    model, more, expected, sentence = ENGINES[fault]
    port, config = 1 if fault == "away" else engine_server.server_port, tmp_path / "config.yaml"
    config.write_text(f"engine: {{type: openai, model: '{model}', url: 'http://127.0.0.1:{port}/v1', {more}}}\n")
    code, errors = typed(command, capsys, config=str(config))

    said = [line for line in errors.splitlines() if line != f"strayline: loading the model {model}"]
    assert (expected, 1) == (code, len(said)), errors
    assert sentence in said[0]


@pytest.mark.parametrize(
    ("shell", "code", "errors"),
    [
        ("strayline check --config strayline.yaml >&-", 0, ""),
        ("strayline check --config strayline.yaml | true", 0, ""),
        ("strayline --version | true", 0, ""),
        ("strayline --version >/dev/full", 74, "strayline: cannot write: No space left on device\n"),
        ("strayline try - --look <&-", 66, "strayline: -: standard input is closed\n"),
        ("strayline console --hash-password <&-", 66, "strayline console: standard input is closed\n"),
    ],
)
def test_streams_that_are_closed_or_full(shell: str, code: int, errors: str, history: None) -> None:
    """A closed stream or a reader that leaves is not an error; a full disk, and input that is closed, are."""
    command = f'set -o pipefail; strayline() {{ "{sys.executable}" -m daemon.cli "$@"; }}; {shell}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)

    assert (code, errors) == (done.returncode, done.stderr)
