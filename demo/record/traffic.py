"""Ordinary load: visitors of the shop, database jobs and Kafka consumers, each arriving as a Poisson process.

One visitor is one connection to nginx; one job is one database session (or a few); one batch is one consumer group or
one transactional producer.
"""

import asyncio
import collections
import logging
import os
import random
from collections.abc import Awaitable, Callable, Coroutine

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services import BOOTSTRAP

VISITORS, JOBS, BATCHES = 2.4, 0.9, 2.4  # a second
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "Mozilla/5.0 (iPhone) Safari/605.1",
    "ShopApp/4.2 (Android 15)",
)
WORDS = ("tea", "cup", "lamp", "desk", "chair", "shelf", "rug", "pen", "clock", "vase")
counts: collections.Counter[str] = collections.Counter()
tokens: dict[int, str] = {}
carts: set[int] = set()
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def summary() -> str:
    return ", ".join(f"{name}: {n}" for name, n in sorted(counts.items()))


async def arrivals(rate: float, work: Callable[[], Awaitable[None]]) -> None:
    tasks: set[asyncio.Task[None]] = set()

    async def one() -> None:
        try:
            async with asyncio.timeout(40):
                await work()
            counts[f"{work.__name__} ok"] += 1
        except Exception as error:
            counts[f"{work.__name__} {type(error).__name__}"] += 1

    while True:
        await asyncio.sleep(random.expovariate(rate))
        if len(tasks) < 40:
            task = asyncio.create_task(one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)


def client() -> aiohttp.ClientSession:
    address = f"10.20.{random.randint(1, 6)}.{random.randint(2, 250)}"
    return aiohttp.ClientSession(
        "http://edge-1", connector=aiohttp.TCPConnector(limit=1, local_addr=(address, 0)),
        headers={"User-Agent": random.choice(AGENTS)},
    )  # fmt: skip


async def call(http: aiohttp.ClientSession, method: str, path: str, **options: object) -> dict[str, object]:
    async with http.request(method, path, **options) as answer:  # type: ignore[arg-type]  # options pass through
        body = await answer.read()
        counts[f"http {answer.status}"] += 1
        return await answer.json() if answer.status == 200 and path.startswith("/api/") else {"bytes": len(body)}


async def log_in(http: aiohttp.ClientSession, user: int, wrong: bool = False) -> None:
    form = {"name": f"user{user}", "password": "guess" if wrong else f"pw{user}"}
    answer = await call(http, "POST", "/api/login", json=form)
    if "session" in answer:
        tokens[user] = str(answer["session"])


async def visitor() -> None:
    async with client() as http:
        await call(
            http, "GET", "/" if random.random() < 0.97 else f"/reset.html?token=demo{random.getrandbits(48):012x}"
        )
        if random.random() < 0.7:
            await call(http, "GET", "/site.css")
            await call(http, "GET", "/logo.svg")
        await asyncio.sleep(random.uniform(0.1, 0.8))
        user = random.randint(1, 400)
        choice = random.random()
        if choice < 0.25:
            await call(http, "GET", "/api/search", params={"q": random.choice(WORDS)})
            return
        if choice < 0.40 or len(tokens) < 30:
            await log_in(http, user, wrong=random.random() < 0.08)
            return
        user = random.choice(list(tokens))
        headers = {"X-Session": tokens[user] if random.random() > 0.01 else "expired"}
        if choice < 0.62:
            form = {"product": random.randint(1, 300), "qty": random.randint(1, 4)}
            await call(http, "POST", "/api/cart", json=form, headers=headers)
            carts.add(user)
        elif choice < 0.86 and carts:
            user = carts.pop()
            headers = {"X-Session": tokens[user]}
            card = f"4000{random.randint(0, 10**12 - 1):012d}"
            await call(http, "POST", "/api/checkout", json={"card": card}, headers=headers)
        elif choice < 0.93:
            size = random.randint(20_000, 90_000)
            await call(http, "POST", "/api/photos", data=random.randbytes(size), headers=headers)
        else:
            await call(http, "GET", "/api/orders", headers=headers)


async def run(*command: str, password: str = "demo-not-a-secret-2") -> int:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PGPASSWORD": password},
    )  # fmt: skip
    return await process.wait()


def psql(*statements: str, user: str = "jobs", password: str = "demo-not-a-secret-2") -> Coroutine[None, None, int]:
    commands = [part for statement in statements for part in ("-c", statement)]
    return run("psql", "-qXh", "db-1", "-U", user, *commands, "shop", password=password)


async def job() -> None:
    product, order = random.randint(1, 300), random.randint(1, 5000)
    kind = random.random()
    if kind < 0.25:
        await psql("BEGIN", f"UPDATE products SET price = price + 1 WHERE id = {product}", "COMMIT")
    elif kind < 0.45:
        await psql(f"SELECT state, count(*), sum(total) FROM orders WHERE id > {order} GROUP BY state")
    elif kind < 0.62:
        count = str(random.randint(1, 4))
        await run("pgbench", "-nh", "db-1", "-U", "jobs", "-N", "-t", count, "shop")
    elif kind < 0.76:
        report = (
            "SELECT o.user_id, sum(i.qty) FROM orders o LEFT JOIN items i ON i.order_id = o.id GROUP BY 1 ORDER BY 2"
        )
        await psql(report, user="reports", password="demo-not-a-secret-3")
    elif kind < 0.90:
        stock = f"UPDATE products SET stock = stock + 50 WHERE id = {product}"
        await psql("BEGIN", f"SELECT stock FROM products WHERE id = {product} FOR UPDATE", stock, "COMMIT")
    elif kind < 0.97:
        await psql("DELETE FROM items WHERE order_id IN (SELECT id FROM orders WHERE state = 'declined')")
    else:
        await psql("INSERT INTO coupons VALUES ('WELCOME', 10)")


async def batch() -> None:
    kind = random.random()
    if kind < 0.3:
        producer = AIOKafkaProducer(
            bootstrap_servers=BOOTSTRAP,
            transactional_id=f"import-{random.getrandbits(32):08x}",
            transaction_timeout_ms=10000,
        )
        await producer.start()
        try:
            async with producer.transaction():
                for _ in range(random.randint(1, 5)):
                    await producer.send_and_wait("orders", random.randbytes(200))
        finally:
            await producer.stop()
        return
    group = f"{random.choice(('invoices', 'mailing', 'search-index'))}-{random.getrandbits(32):08x}"
    members = 1 if kind < 0.85 else 2
    consumers = [
        AIOKafkaConsumer("orders", bootstrap_servers=BOOTSTRAP, group_id=group, session_timeout_ms=6000,
                         heartbeat_interval_ms=300, enable_auto_commit=False, auto_offset_reset="earliest")
        for _ in range(members)
    ]  # fmt: skip
    try:
        for consumer in consumers:
            await consumer.start()
            await consumer.getmany(timeout_ms=300, max_records=200)
        await asyncio.sleep(random.uniform(0.2, 1.5))
        await consumers[0].commit()
    finally:
        for consumer in consumers:
            await consumer.stop()


async def topics() -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    await admin.create_topics([NewTopic("orders", 6, 3), NewTopic("prices", 3, 3)])
    await admin.close()


async def batches() -> None:
    await topics()
    await asyncio.sleep(2)
    await arrivals(BATCHES, batch)


def loads(only: str) -> list[Coroutine[None, None, None]]:
    wanted: list[Coroutine[None, None, None]] = [arrivals(JOBS, job)]
    if only != "postgres":
        wanted.append(arrivals(VISITORS, visitor))
    if only in ("", "kafka"):
        wanted.append(batches())
    return wanted
