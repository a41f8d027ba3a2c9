"""The HTTP endpoints over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from daemon.adapters.web import Access, Exposition, HttpListener, HttpServer, Probes, connections
from daemon.adapters.web.connections import Handler
from daemon.errors import ConfigError, EngineError, UnavailableError
from daemon.metrics import Metrics, PortMetrics
from tests.support.ports import MOST, free_port

ROLES = ("viewer", "operator", "admin")


class Daemon:
    """Stands in for the daemon behind the probes."""

    def __init__(self) -> None:
        self.dead = False
        self.reasons: list[str] = []
        self.problems: list[str] = []
        self.reloads = 0

    def health(self) -> None:
        if self.dead:
            raise EngineError("the engine died: out of memory")

    def unready(self) -> list[str]:
        return self.reasons

    async def reload(self) -> None:
        if self.problems:
            raise ConfigError(self.problems)
        self.reloads += 1


@pytest.fixture
def behind() -> Daemon:
    return Daemon()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
async def client(behind: Daemon, metrics: Metrics) -> AsyncIterator[aiohttp.ClientSession]:
    server = HttpServer(free_port(), metrics.registry, Probes(behind.health, behind.unready, behind.reload))
    await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield session
    await server.close()


async def test_metrics_are_served_as_text(client: aiohttp.ClientSession, metrics: Metrics) -> None:
    """A plain scrape gets the classic text format, without a _created series for each counter."""
    metrics.count_alert("shop", "warning", "8f3c-1")
    async with client.get("/metrics") as response:
        text = await response.text()
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert 'strayline_alerts_total{scope="shop",severity="warning"} 1.0' in text
    assert "_created" not in text
    assert "process_resident_memory_bytes" in text


async def test_an_open_metrics_scrape_carries_the_alert_id(client: aiohttp.ClientSession, metrics: Metrics) -> None:
    """Where the scraper asks for OpenMetrics, an alert's id is the exemplar of its counter."""
    metrics.count_alert("shop", "warning", "8f3c-1")
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}) as response:
        text = await response.text()
    assert 'strayline_alerts_total{scope="shop",severity="warning"} 1.0 # {alert_id="8f3c-1"} 1.0' in text
    assert text.endswith("# EOF\n")


def test_the_engines_own_series_are_served_too() -> None:
    """vLLM's series are taken from the default registry, and nothing else of it is."""
    default = CollectorRegistry()
    Counter("vllm:prompt_tokens", "Tokens read.", registry=default)
    Counter("someone_elses", "Not ours.", registry=default)
    names = [family.name for family in Exposition(CollectorRegistry(), default).collect()]
    assert ["vllm:prompt_tokens"] == names


async def test_health_is_red_when_the_engine_is_dead(client: aiohttp.ClientSession, behind: Daemon) -> None:
    """/healthz answers 200 while the engine lives and 503 with the reason once it is dead."""
    async with client.get("/healthz") as response:
        assert (200, {"status": "ok"}) == (response.status, await response.json())
    behind.dead = True
    async with client.get("/healthz") as response:
        expected = {"status": "unhealthy", "reasons": ["the engine died: out of memory"]}
        assert (503, expected) == (response.status, await response.json())


async def test_readiness_gives_its_reasons(client: aiohttp.ClientSession, behind: Daemon) -> None:
    """/readyz answers 503 with every reason until there is none."""
    behind.reasons = ["loading the model", "restoring the baseline"]
    async with client.get("/readyz") as response:
        expected = {"status": "unready", "reasons": ["loading the model", "restoring the baseline"]}
        assert (503, expected) == (response.status, await response.json())
    behind.reasons = []
    async with client.get("/readyz") as response:
        assert (200, {"status": "ready"}) == (response.status, await response.json())


async def test_a_refused_reload_lists_all_problems(client: aiohttp.ClientSession, behind: Daemon) -> None:
    """POST /-/reload answers 200 when the file was taken and 400 with every problem when it was not."""
    async with client.post("/-/reload") as response:
        assert (200, 1) == (response.status, behind.reloads)
    behind.problems = ["alerts.budget: must be positive", "kafka.group: unknown key"]
    async with client.post("/-/reload") as response:
        assert (400, behind.problems) == (response.status, (await response.json())["reasons"])


async def test_reload_is_no_get_and_not_for_web_pages(client: aiohttp.ClientSession, behind: Daemon) -> None:
    """A GET, and a request sent by a page in a browser, reload nothing."""
    async with client.get("/-/reload") as response:
        assert 405 == response.status
    async with client.post("/-/reload", headers={"Origin": "http://evil.example"}) as response:
        assert 403 == response.status
    assert 0 == behind.reloads


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """A users file with a token for each role: the role's name."""
    tokens = [f"{{name: {role}, role: {role}, sha256: {sha256(role.encode()).hexdigest()}}}" for role in ROLES]
    (tmp_path / "users.yaml").write_text(f"tokens: [{', '.join(tokens)}]")
    return Access(tmp_path / "users.yaml", None, "http.users")


ROUTES = [("GET", "/metrics"), ("POST", "/-/reload"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/")]


@pytest.mark.parametrize(
    ("authorization", "statuses"),
    [
        (None, [401, 401, 200, 200, 200]),
        ("Bearer nobody", [401, 401, 200, 200, 200]),
        ("Basic dmlld2VyOnZpZXdlcg==", [401, 401, 200, 200, 200]),
        ("Bearer viewer", [200, 403, 200, 200, 200]),
        ("Bearer operator", [200, 403, 200, 200, 200]),
        ("bearer admin", [200, 200, 200, 200, 200]),
    ],
)
async def test_with_users_each_role_has_its_routes(
    behind: Daemon, metrics: Metrics, access: Access, authorization: str | None, statuses: list[int]
) -> None:
    """Metrics are for known tokens, a reload for admins; probes need none, and a refused reload does nothing."""
    probes = Probes(behind.health, behind.unready, behind.reload)
    server = HttpServer(free_port(), metrics.registry, probes, access)
    await server.start()
    answered = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        headers = {"Authorization": authorization} if authorization is not None else {}
        for method, path in ROUTES:
            async with session.request(method, path, headers=headers) as answer:
                answered.append(answer.status)
                assert (answer.status == 401) == ("WWW-Authenticate" in answer.headers)
    await server.close()

    assert statuses == answered
    assert (statuses[1] == 200) == bool(behind.reloads)


async def test_a_port_in_use_says_what_to_set(behind: Daemon) -> None:
    """An address that cannot be had is an error that names it and the setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HttpServer(
            free_port(number=port), CollectorRegistry(), Probes(behind.health, behind.unready, behind.reload)
        )
        with pytest.raises(
            UnavailableError, match=f"cannot listen on 127.0.0.1:{port}: .*; set http.host or http.port"
        ):
            await server.start()


async def test_idle_connections_leave_room_for_a_probe(client: aiohttp.ClientSession) -> None:
    """Of many connections that send nothing or half of a request, the oldest end, and a probe is answered."""
    port = client._base_url.port if client._base_url else 0
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3 * MOST)]
    for _, writer in idle:
        with suppress(ConnectionError):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost:")
    async with asyncio.timeout(5), client.get("/healthz") as answer:
        assert 200 == answer.status
    ended = [await _ended(reader) for reader, _ in idle]
    assert (True, MOST > ended.count(False)) == (ended[0], ended.count(False) > 0)
    for _, writer in idle:
        writer.close()


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.02):
            return b"" == await reader.read(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def _ended_at_last(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        await reader.read()


async def test_a_slow_connection_ends(client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that never becomes whole is not waited for."""
    monkeypatch.setattr(connections, "LONGEST_IDLE", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", client._base_url.port if client._base_url else 0)
    writer.write(b"GET /metrics HTTP/1.1\r\n")
    async with asyncio.timeout(5):
        while not await _ended(reader):
            pass
    writer.close()


@asynccontextmanager
async def listening(handler: Handler, most: int = MOST) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve one page by `handler`; give a client that opens a connection for each request."""
    application = web.Application()
    application.add_routes([web.post("/", handler)])
    listener = HttpListener(application, free_port(most=most))
    await listener.start()
    url, connector = f"http://127.0.0.1:{listener.port}", aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        yield session
    await listener.close()


async def test_a_request_at_work_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes long is answered, and so is a stream of events that stays open."""
    monkeypatch.setattr(connections, "LONGEST_IDLE", 0.05)
    monkeypatch.setattr(connections, "EVERY", 0.01)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response(text="done")

    async with listening(slow) as session, session.post("/") as answer:
        assert "done" == await answer.text()


def _ports(metrics: PortMetrics) -> dict[str, float]:
    """The samples of a port's metrics, by name and labels."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {
        " ".join((s.name.removeprefix("strayline_port_"), *s.labels.values())): s.value
        for s in samples
        if s.name.startswith("strayline_port_") and not s.name.endswith("_created")
    }


async def test_a_port_counts_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metrics say how many are open and may be, and how many ended for room or for being idle."""
    monkeypatch.setattr(connections, "EVERY", 0.01)
    metrics = PortMetrics(CollectorRegistry())
    listener = HttpListener(web.Application(), free_port(most=2), metrics)
    await listener.start()
    crowded, idle = "connections_ended_total http crowded", "connections_ended_total http idle"
    assert {"connections http": 0, "max_connections http": 2, crowded: 0, idle: 0} == _ports(metrics)

    opened = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)]
    async with asyncio.timeout(5):
        await _ended_at_last(opened[0][0])
        assert {"connections http": 2, "max_connections http": 2, crowded: 1, idle: 0} == _ports(metrics)
        monkeypatch.setattr(connections, "LONGEST_IDLE", 0.1)
        await asyncio.gather(_ended_at_last(opened[1][0]), _ended_at_last(opened[2][0]))
        assert {"connections http": 0, "max_connections http": 2, crowded: 1, idle: 2} == _ports(metrics)

    for _, writer in opened:
        writer.close()
    await listener.close()


async def test_where_all_are_at_work_the_oldest_makes_room() -> None:
    """A port never stops answering; one line of the log says that it is crowded."""
    begun, enough = asyncio.Semaphore(0), asyncio.Event()

    async def waiting(_: web.Request) -> web.Response:
        begun.release()
        await enough.wait()
        return web.Response(text="done")

    async def asked(session: aiohttp.ClientSession) -> str:
        try:
            async with session.post("/") as answer:
                return await answer.text()
        except aiohttp.ClientError:
            return "ended"

    with capture_logs() as logs:
        async with listening(waiting, most=2) as session:
            tasks = []
            for _ in range(4):
                tasks.append(asyncio.create_task(asked(session)))
                await begun.acquire()
            enough.set()
            assert ["ended", "ended", "done", "done"] == list(await asyncio.gather(*tasks))
    assert ["connections_made_room"] == [line["event"] for line in logs]


@pytest.mark.parametrize(("headers", "status"), [(60, b"200"), (80, b"400")])
async def test_a_request_has_so_many_headers(client: aiohttp.ClientSession, headers: int, status: bytes) -> None:
    """What is kept of a request until it is whole is bounded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client._base_url.port if client._base_url else 0)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
    writer.writelines(b"x-%d: y\r\n" % number for number in range(headers))
    writer.write(b"\r\n")
    assert status == (await reader.read()).split()[1]
    writer.close()


async def test_what_is_no_http_is_one_quiet_line(client: aiohttp.ClientSession) -> None:
    """Requests that cannot be read get an answer, and one line a minute tells of them, without a traceback."""
    with capture_logs() as logs:
        for _ in range(20):
            port = client._base_url.port if client._base_url else 0
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.0 400")
            writer.close()
    assert ["bad_requests"] == [line["event"] for line in logs]
