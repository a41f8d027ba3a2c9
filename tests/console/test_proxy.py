"""The console behind a reverse proxy: one that takes its prefix away, and one that says who is logged in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from daemon.adapters.web import Role, hash_password
from daemon.console import ConsoleSettings, Proxy
from tests.support.consoles import ALERTS, FEEDBACK, PATTERN, FakeTopics, alert, console, field, text_of, until_shown

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
ELSEWHERE = (ip_network("192.0.2.0/24"),)
HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"})


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
def topics() -> FakeTopics:
    made = FakeTopics()
    made.send(ALERTS, alert(0))
    return made


@asynccontextmanager
async def proxy(target: str, added: Mapping[str, str], prefix: str = "/ops/strayline") -> AsyncIterator[str]:
    """Run a reverse proxy that takes `prefix` away and adds headers; yield the address under which it serves."""
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            if not request.path.startswith(f"{prefix}/"):
                raise web.HTTPNotFound
            kept = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
            headers = kept | {"X-Forwarded-Prefix": prefix, "X-Forwarded-Host": request.host, **added}
            path, body = request.raw_path.removeprefix(f"{prefix}/"), await request.read()
            async with session.request(
                request.method, target + path, headers=headers, data=body, allow_redirects=False
            ) as answer:
                response = web.StreamResponse(status=answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP:
                        response.headers.add(name, value)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        server = web.Application()
        server.router.add_route("*", "/{rest:.*}", forward)
        runner = web.AppRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}{prefix}/"
        finally:
            await runner.cleanup()


async def test_everything_stays_under_a_prefix_that_the_proxy_takes_away(
    topics: FakeTopics, tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    """Login, links, forms, cookie, redirects and the stream of changes, from the first page to a sent remark."""
    (tmp_path / "users.yaml").write_text(f"users:\n  ada: {{role: operator, password: '{hash_password('pw')}'}}\n")
    settings = ConsoleSettings(users=tmp_path / "users.yaml", proxy=Proxy(HERE))
    async with console(topics, settings) as app, proxy(app.url, {}) as url:
        async with client.get(f"{url}causes?q=x", headers={"Accept": "text/html"}) as answer:
            assert "/ops/strayline/login" == answer.url.path
            following = answer.url.query["next"]
        assert "/ops/strayline/causes?q=x" == following
        data = {"name": "ada", "password": "pw", "next": following}
        async with client.post(f"{url}login", data=data, headers={"Origin": url.partition("/ops")[0]}) as answer:
            assert (200, "/ops/strayline/causes") == (answer.status, answer.url.path)
            assert "/ops/strayline/" == next(iter(answer.history)).cookies["strayline"]["path"]
        page = await until_shown(client, url, "1 open incident")
        links = re.findall(r'(?:href|action|src|data-events)="([^"#?][^"#]*)"', page)
        assert [] == [link for link in links if not link.startswith("/ops/strayline/")]
        one = await text_of(client, f"{url}incidents/incident-1")
        data = {"csrf": field(one, "csrf"), "incident": "incident-1", "action": "note", "note": "a rehearsal"}
        async with client.post(f"{url}remarks", data=data) as answer:
            assert (200, "/ops/strayline/incidents/incident-1") == (answer.status, answer.url.path)
        number = re.search(r'data-number="([^"]*)"', page)
        assert number is not None
        topics.send(ALERTS, alert(5, incident={"id": "incident-2", "event": "opened"}))
        async with client.get(f"{url}events?since={number[1]}") as stream, asyncio.timeout(60):
            while b'"incident-2"' not in await stream.content.readuntil(b"\n\n"):
                pass

    assert "ada" == orjson.loads(topics.records[FEEDBACK][0])["by"]


async def test_the_proxys_user_is_the_author(topics: FakeTopics, tmp_path: Path, client: aiohttp.ClientSession) -> None:
    """Who is logged in at the proxy has its role, and the one of the users file where that names the same person."""
    (tmp_path / "users.yaml").write_text(f"users:\n  ada: {{role: operator, password: '{hash_password('pw')}'}}\n")
    settings = ConsoleSettings(users=tmp_path / "users.yaml", proxy=Proxy(HERE, "X-Forwarded-User"))
    target = f"feedback?alert={PATTERN}-{0:016x}&verdict=normal"
    async with console(topics, settings) as app:
        async with proxy(app.url, {"X-Forwarded-User": "bob"}) as url:
            assert "bob (viewer)" in await until_shown(client, url, "1 open incident")
            async with client.get(url + target) as answer:
                assert 403 == answer.status
        async with proxy(app.url, {"X-Forwarded-User": "ada"}) as url:
            form = await text_of(client, url + target)
            data = {"csrf": field(form, "csrf"), "alert": f"{PATTERN}-{0:016x}", "verdict": "normal"}
            async with client.post(f"{url}feedback", data=data) as answer:
                assert 200 == answer.status

    assert "ada" == orjson.loads(topics.records[FEEDBACK][0])["by"]


@pytest.mark.parametrize("networks", [HERE, ELSEWHERE, ()])
async def test_headers_are_believed_from_named_addresses_only(
    topics: FakeTopics, client: aiohttp.ClientSession, networks: tuple[object, ...]
) -> None:
    """Anyone may send such headers; from another address they change nothing."""
    settings = ConsoleSettings(visitor="eve", proxy=Proxy(networks, "X-User", Role.OPERATOR))  # type: ignore[arg-type]
    headers = {"X-User": "mallory", "X-Forwarded-Prefix": "/evil"}
    async with console(topics, settings) as app, client.get(app.url, headers=headers) as answer:
        page = await answer.text()

    expected = {HERE: (200, True, True), ELSEWHERE: (401, False, False), (): (200, False, False)}[networks]  # type: ignore[index]
    assert expected == (answer.status, "mallory" in page, "/evil" in page)


@pytest.mark.parametrize(
    ("networks", "scheme", "expected"),
    [
        (HERE, "https", True),
        (HERE, "HTTPS, http", True),
        (HERE, "http", False),
        (HERE, "", False),
        (ELSEWHERE, "https", False),
        ((), "https", False),
    ],
)
async def test_the_cookie_is_for_tls_alone_where_a_believed_proxy_speaks_it(
    topics: FakeTopics, client: aiohttp.ClientSession, networks: tuple[object, ...], scheme: str, expected: bool
) -> None:
    """Whoever else says that the browser came over TLS changes nothing."""
    settings = ConsoleSettings(visitor="eve", proxy=Proxy(networks))  # type: ignore[arg-type]
    headers = {"X-Forwarded-Proto": scheme}
    async with console(topics, settings) as app, client.get(app.url, headers=headers) as answer:
        cookie = answer.headers["Set-Cookie"]

    assert expected == ("Secure" in cookie)


async def test_without_the_proxy_nobody_is_let_in(topics: FakeTopics, client: aiohttp.ClientSession) -> None:
    """Where only the proxy says who is logged in, a request without its header is refused."""
    async with console(topics, ConsoleSettings(proxy=Proxy(HERE, "X-User"))) as app, client.get(app.url) as answer:
        assert 401 == answer.status


@pytest.mark.parametrize("prefix", ["//evil.example", "/a b", "/a/../b", 'x"><script>', "/" + "a" * 300, "evil"])
async def test_a_prefix_that_is_no_path_is_left_out(
    topics: FakeTopics, client: aiohttp.ClientSession, prefix: str
) -> None:
    """Links then begin where the console serves them."""
    async with console(topics, ConsoleSettings(proxy=Proxy(HERE))) as app:
        page = await text_of(client, app.url, headers={"X-Forwarded-Prefix": prefix})

    assert 'href="/services"' in page
    assert 'action="/"' in page
