"""TLS on the console's own port, and files that are read again when they change."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from daemon.adapters.web import (
    Access,
    Certificate,
    EmbeddingsServer,
    HttpServer,
    LiveCertificate,
    Probes,
    WatchedFiles,
    connections,
    hash_password,
)
from daemon.config import Config
from daemon.console import ConsoleSettings
from daemon.errors import ConfigError
from daemon.port_access import port_problems
from tests.support.consoles import FakeTopics, console
from tests.support.fakes import FakeEngine
from tests.support.ports import MOST, free_port


def make(folder: Path, name: str) -> Certificate:
    """Write a certificate of its own authority for localhost, whose subject is `name`."""
    files = Certificate(folder / "tls.crt", folder / "tls.key", "console.tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(files.key), "-out", str(files.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return files


async def subject(port: int) -> str:
    """Return the subject of the certificate that a port shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    command = ["openssl", "x509", "-inform", "der", "-noout", "-subject"]
    done = subprocess.run(command, input=shown, check=True, capture_output=True)  # noqa: ASYNC221 - a test
    return str(done.stdout, "utf-8").rpartition("=")[2].strip()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def test_pages_come_over_tls_and_the_cookie_stays_there(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    """The address is https, the cookie is for TLS only, and plain HTTP gets no page."""
    files = make(tmp_path, "first")
    trusted = ssl.create_default_context(cafile=str(files.certificate))
    async with console(FakeTopics(), ConsoleSettings(tls=files)) as app:
        assert app.url.startswith("https://127.0.0.1:")
        async with client.get(app.url, ssl=trusted) as answer:
            assert 200 == answer.status
            assert answer.cookies["strayline"]["secure"]
        with pytest.raises(aiohttp.ClientError):
            await client.get(app.url.replace("https", "http"))


async def test_the_daemons_endpoints_speak_tls(tmp_path: Path) -> None:
    """With a certificate, metrics and probes are answered over TLS only."""

    async def reload() -> None:
        return None

    files = make(tmp_path, "daemon")
    probes = Probes(lambda: None, list, reload)
    server = HttpServer(free_port(), CollectorRegistry(), probes, Access(None, files, "http.users"))
    await server.start()
    trusted = ssl.create_default_context(cafile=str(files.certificate))
    async with aiohttp.ClientSession() as client:
        async with client.get(f"https://127.0.0.1:{server.port}/healthz", ssl=trusted) as answer:
            assert 200 == answer.status
        with pytest.raises(aiohttp.ClientError):
            await client.get(f"http://127.0.0.1:{server.port}/healthz")
    await server.close()


async def test_who_may_use_a_port_changes_with_its_files(
    tmp_path: Path, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the engine's API: a token counts as soon as it is in the users file, over the certificate's TLS only."""
    monkeypatch.setattr(WatchedFiles.__init__, "__defaults__", (0.01,))
    files, users = make(tmp_path, "serve"), tmp_path / "users.yaml"
    line = "{{name: {0}, role: viewer, sha256: {1}}}"
    ada, eve = (line.format(name, sha256(name.encode()).hexdigest()) for name in ("ada", "eve"))
    users.write_text(f"tokens: [{ada}]")
    access = Access(users, files, "serve.users")
    following = asyncio.create_task(access.follow())
    server = EmbeddingsServer(free_port("serve"), FakeEngine(32), "fake", access.knows)
    await server.start(access.tls)
    trusted, statuses = ssl.create_default_context(cafile=str(files.certificate)), list[int]()

    async def ask(token: str) -> int:
        url, headers = f"https://127.0.0.1:{server.port}/v1/models", {"Authorization": f"Bearer {token}"}
        async with client.get(url, headers=headers, ssl=trusted) as answer:
            return answer.status

    assert ("https", [200, 401]) == (access.scheme, [await ask("ada"), await ask("eve")])
    users.write_text(f"tokens: [{eve}]")
    while 200 not in statuses:
        statuses.append(await ask("eve"))
        await asyncio.sleep(0.01)
    assert 401 == await ask("ada")
    with pytest.raises(aiohttp.ClientError):
        await client.get(f"http://127.0.0.1:{server.port}/v1/models")
    following.cancel()
    await server.close()


async def test_a_changed_certificate_is_for_the_next_connections(tmp_path: Path) -> None:
    """Whoever connects after the files have changed sees the new one; half a change alters nothing."""
    files = make(tmp_path, "first")
    live = LiveCertificate(files)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=live.context)
    port = server.sockets[0].getsockname()[1]
    names = [await subject(port)]
    old = files.certificate.read_bytes()
    make(tmp_path, "second")
    new = files.certificate.read_bytes()
    files.certificate.write_bytes(old)
    with pytest.raises(ConfigError, match=r"console\.tls: .*KEY_VALUES_MISMATCH"):
        live.read()
    names.append(await subject(port))
    files.certificate.write_bytes(new)
    live.read()
    names.append(await subject(port))
    server.close()
    await server.wait_closed()

    assert ["first", "first", "second"] == names


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_files_that_are_no_certificate_are_refused(tmp_path: Path, text: str | None) -> None:
    """The error names the files."""
    files = Certificate(tmp_path / "tls.crt", tmp_path / "tls.key", "console.tls")
    if text is not None:
        for path in (files.certificate, files.key):
            path.write_text(text)

    with pytest.raises(ConfigError, match=r"console\.tls: .*tls\.crt"):
        files.context()


def test_a_check_reads_the_files_of_every_port(tmp_path: Path) -> None:
    """Each file that cannot be used is named with its key; those that can be are not."""
    files = make(tmp_path, "first")
    good = {"certificate": str(files.certificate), "key": str(files.key)}
    (tmp_path / "users.yaml").write_text("tokens: 5")
    config = Config.model_validate(
        {
            "http": {"tls": good},
            "serve": {"tls": good | {"key": str(tmp_path / "gone.key")}},
            "notify": {"users": str(tmp_path / "users.yaml")},
        }
    )
    assert ["serve.tls", "notify.users"] == [problem.partition(":")[0] for problem in port_problems(config)]


async def test_files_are_read_once_a_change(tmp_path: Path) -> None:
    """What did not change is not read; what is refused is tried again with the next change."""
    path, seen = tmp_path / "users.yaml", list[str]()

    def read() -> None:
        seen.append(path.read_text())
        if seen[-1] == "bad":
            raise ConfigError(["bad"])

    path.write_text("one")
    watched = asyncio.create_task(WatchedFiles([path], read, every_s=0.01).run())
    for text in ("bad", "better"):
        path.write_text(text)
        for _ in range(1_000):
            if text in seen:
                break
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    watched.cancel()

    assert ["bad", "better"] == [text for text in dict.fromkeys(seen) if text]
    assert seen.count("better") == 1


async def test_who_is_taken_out_of_the_users_file_is_out(
    tmp_path: Path, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session ends when its account is gone, without a restart."""
    monkeypatch.setattr(WatchedFiles.__init__, "__defaults__", (0.01,))
    users = tmp_path / "users.yaml"
    line = "  {}: {{role: operator, password: '{}'}}\n"
    users.write_text("users:\n" + line.format("ada", hash_password("pw")) + line.format("eve", hash_password("pw")))
    async with console(FakeTopics(), ConsoleSettings(users=users)) as app:
        async with client.post(f"{app.url}login", data={"name": "eve", "password": "pw", "next": ""}) as answer:
            assert 200 == answer.status
        users.write_text("users:\n" + line.format("ada", hash_password("pw")))
        statuses = set[int]()
        for _ in range(500):
            async with client.get(app.url, allow_redirects=False) as answer:
                statuses.add(answer.status)
            if 401 in statuses:
                break
            await asyncio.sleep(0.02)

    assert 401 in statuses


async def test_connections_without_a_handshake_make_room(
    tmp_path: Path, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who connects to a port with TLS and says nothing keeps no probe out, and is not waited for."""
    monkeypatch.setattr(connections, "LONGEST_HANDSHAKE", 3)
    probes = Probes(lambda: None, list, lambda: asyncio.sleep(0))
    server = HttpServer(free_port(), CollectorRegistry(), probes, Access(None, make(tmp_path, "port"), "http.users"))
    await server.start()
    idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3 * MOST)]
    async with asyncio.timeout(10), client.get(f"https://127.0.0.1:{server.port}/healthz", ssl=False) as answer:
        assert 200 == answer.status
    async with asyncio.timeout(10):
        assert {b""} == {await reader.read() for reader, _ in idle}
    for _, writer in idle:
        writer.close()
    await server.close()
