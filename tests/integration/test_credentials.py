"""Credentials from files, commands and servers, without a broker. tests/integration/test_rotation.py has brokers."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from daemon.adapters.kafka import KafkaSettings, OAuthSettings
from daemon.adapters.kafka.credential_files import CredentialFiles
from daemon.adapters.kafka.tokens import TokenError, TokenProvider
from daemon.errors import ConfigError


def certificate(folder: Path, name: str, password: str | None = None) -> tuple[str, str]:
    """Make a self-signed certificate and its key; return their files."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", f"/CN={name}", *secret]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return str(cert), str(key)


def tls(ca: str, cert: str, key: str, **more: Any) -> KafkaSettings:
    return KafkaSettings(["localhost:1"], "group", protocol="SSL", ca=ca, certificate=cert, key=key, **more)


async def test_clients_get_certificates_and_passwords_that_changed(tmp_path: Path) -> None:
    """A consumer and a producer that exist connect with the new ones; files in disorder change nothing."""
    cert, key = certificate(tmp_path, "one")
    secret = tmp_path / "password"
    secret.write_text("first")
    settings = KafkaSettings(
        ["localhost:1"],
        "group",
        protocol="SASL_SSL",
        username="u",
        password_file=str(secret),
        ca=cert,
        certificate=cert,
        key=key,
    )
    files = CredentialFiles(settings)
    consumer, producer = AIOKafkaConsumer(**files.connection), AIOKafkaProducer(**files.connection)
    files.follow(consumer)
    files.follow(producer)
    before = consumer._client._ssl_context

    await files.check()
    assert before is consumer._client._ssl_context
    (tmp_path / "one.key").write_text("-----BEGIN")
    await files.check()
    assert before is consumer._client._ssl_context
    assert isinstance(files.connection["ssl_context"], ssl.SSLContext)

    certificate(tmp_path, "one")
    secret.write_text("second\n")
    await files.check()

    assert before is not consumer._client._ssl_context
    assert ["second", "second"] == [client._sasl_plain_password for client in (consumer._client, producer.client)]
    await consumer.stop()
    await producer.stop()


def test_a_key_may_have_a_password(tmp_path: Path) -> None:
    """The password comes from the configuration or a file; a wrong one names the settings, and not itself."""
    cert, key = certificate(tmp_path, "one", "very secret")
    (tmp_path / "word").write_text("very secret\n")

    assert tls(cert, cert, key, key_password="very secret").connection()["ssl_context"] is not None
    assert tls(cert, cert, key, key_password_file=str(tmp_path / "word")).connection()["ssl_context"] is not None
    for given in ("very wrong", None):
        with pytest.raises(ConfigError, match=r"kafka\.security\.certificate, key, key_password") as refused:
            tls(cert, cert, key, key_password=given).connection()
        assert "very" not in str(refused.value)


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_missing_file_names_its_setting(tmp_path: Path, name: str) -> None:
    """What is not there, or is not a certificate, is one sentence with the key of the configuration."""
    cert, key = certificate(tmp_path, "one")
    given = {"ca": cert, "certificate": cert, "key": key}

    with pytest.raises(ConfigError, match=rf"kafka\.security\.{name}: .*No such file"):
        tls(**{("cert" if k == "certificate" else k): v for k, v in {**given, name: "/none"}.items()}).connection()
    (tmp_path / "garbled").write_text("not a certificate")
    files = {**given, name: str(tmp_path / "garbled")}
    with pytest.raises(ConfigError, match=rf"kafka\.security\.{'ca' if name == 'ca' else 'certificate'}"):
        tls(files["ca"], files["certificate"], files["key"]).connection()


async def test_a_token_of_a_command_is_used_until_it_expires(tmp_path: Path) -> None:
    """A JSON web token says when; the command runs again only then."""
    count = tmp_path / "count"
    script = tmp_path / "token.py"
    script.write_text(
        "import base64, json, pathlib, sys, time\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "count.write_text(count.read_text() + 'x' if count.exists() else 'x')\n"
        "body = base64.urlsafe_b64encode(json.dumps({'exp': time.time() + float(sys.argv[1])}).encode()).decode()\n"
        "print(f\"h.{body.rstrip('=')}.{len(count.read_text())}\")\n"
    )
    long, short = (
        TokenProvider(OAuthSettings(token_command=(sys.executable, str(script), life))) for life in ("3600", "0")
    )

    assert await long.token() == await long.token()
    assert "x" == count.read_text()
    assert await short.token() != await short.token()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/command",), "No such file"),
        ((sys.executable, "-c", "import sys; sys.exit(3)"), "ended with code 3"),
        ((sys.executable, "-c", "print('two words')"), "prints no token"),
        ((sys.executable, "-c", """print('{"access_token":"abc"}')"""), "prints no token"),
        ((sys.executable, "-c", "while True: print('x' * 9999)"), "prints more than 1,048,576 bytes"),
    ],
)
async def test_a_command_without_a_token_says_why(command: tuple[str, ...], why: str) -> None:
    """The sentence names the setting."""
    with pytest.raises(TokenError, match=rf"kafka\.security\.oauth.*{why}"):
        await TokenProvider(OAuthSettings(token_command=command)).token()


async def test_a_token_of_an_oidc_server(tmp_path: Path) -> None:
    """Client credentials are sent as OIDC wants them; the secret's file is read again for each new token."""
    asked: list[tuple[str, dict[str, Any]]] = []

    async def answer(request: web.Request) -> web.Response:
        user = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        asked.append((user, dict(await request.post())))
        if user.endswith(":wrong"):
            return web.Response(status=401)
        return web.Response(text=json.dumps({"access_token": f"token{len(asked)}", "expires_in": 0.001}))

    application = web.Application()
    application.router.add_post("/token", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    secret = tmp_path / "secret"
    secret.write_text("one\n")
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    provider = TokenProvider(
        OAuthSettings(token_url=url, client_id="me", client_secret_file=str(secret), scope="kafka")
    )
    try:
        first = await provider.token()
        secret.write_text("two\n")
        await asyncio.sleep(0.01)
        second = await provider.token()
        secret.write_text("wrong\n")
        await asyncio.sleep(0.01)
        with pytest.raises(TokenError, match="token_url answers HTTP 401"):
            await provider.token()
    finally:
        await runner.cleanup()
    assert ("token1", "token2") == (first, second)
    assert ["me:one", "me:two", "me:wrong"] == [user for user, _ in asked]
    assert {"grant_type": "client_credentials", "scope": "kafka"} == asked[0][1]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, '{"access_token": "abc", "expires_in": "3600"}', None),
        (200, '{"access_token": "abc", "expires_in": NaN}', None),
        (200, '{"access_token": "abc", "expires_in": 1e999}', None),
        (200, '{"access_token": "two words"}', (True, "answers no token")),
        (200, "<html>Log in</html>", (True, "without an access_token")),
        (200, "[" * 100_000, (True, "without an access_token")),
        (200, " " * (2 << 20), (True, "answers more than 1,048,576 bytes")),
        (302, "", (True, "HTTP 302")),
        (401, "", (True, "HTTP 401")),
        (429, "", (False, "HTTP 429")),
        (503, "", (False, "HTTP 503")),
    ],
)
async def test_strange_answers_of_an_oidc_server(status: int, body: str, said: tuple[bool, str] | None) -> None:
    """A life that is text is read, one without an end is bounded; what may pass is not called a wrong configuration."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    application = web.Application()
    application.router.add_post("/token", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    provider = TokenProvider(OAuthSettings(token_url=url, client_id="me", client_secret="word"))
    try:
        if said is None:
            assert "abc" == await provider.token()
            return
        with pytest.raises(TokenError, match=said[1]) as refused:
            await provider.token()
        assert said[0] == refused.value.permanent
    finally:
        await runner.cleanup()


async def test_an_identity_provider_that_is_away_may_come_back() -> None:
    """Nobody listens, or a command fails: another configuration is not what helps."""
    away = OAuthSettings(token_url="http://127.0.0.1:1/token", client_id="me", client_secret="word")
    failing = OAuthSettings(token_command=("false",))
    for settings in (away, failing):
        with pytest.raises(TokenError) as refused:
            await TokenProvider(settings).token()
        assert not refused.value.permanent


@pytest.mark.parametrize(("content", "why"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8")])
def test_a_password_file_without_a_password(tmp_path: Path, content: bytes, why: str) -> None:
    """The sentence names setting and file; nothing is sent."""
    file = tmp_path / "password"
    file.write_bytes(content)
    settings = KafkaSettings(
        ["a:1"], "group", protocol="SASL_PLAINTEXT", username="me", password_file=str(file), mechanism="PLAIN"
    )
    with pytest.raises(ConfigError, match=rf"kafka\.security\.password_file: .* {why}"):
        settings.connection()


@pytest.mark.parametrize("content", ["pass word\r\n", "pass word\n", "pass word"])
def test_a_password_file_ends_with_a_line_or_not(tmp_path: Path, content: str) -> None:
    """A line's end, also Windows', is not part of the password."""
    file = tmp_path / "password"
    file.write_bytes(content.encode())
    settings = KafkaSettings(["a:1"], "group", protocol="SASL_PLAINTEXT", username="me", password_file=str(file))
    assert "pass word" == settings.connection()["sasl_plain_password"]
