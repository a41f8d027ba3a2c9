"""The schedule of faults and of harmless changes, and what injects each.

A fault's start and end are the clock's times around its injection, written to faults.json as it happens. Times in
SCHEDULE are seconds after the first traffic; everything before the first fault is ordinary operation.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from redis.asyncio import Redis

import services
import traffic

EVENTS = Path("/srv/log/faults.json")
events: list[dict[str, object]] = []


def connect(
    user: str = "jobs", password: str = "demo-not-a-secret-2", name: str = "sync"
) -> Awaitable[asyncpg.Connection]:
    return asyncpg.connect(
        host="db-1",
        user=user,
        password=password,
        database="shop",
        server_settings={"application_name": name},
        timeout=5,
    )


async def wrong_passwords() -> None:
    for attempt in range(10):
        user = random.choice(("admin", "postgres", "shop", "root"))
        with contextlib.suppress(asyncpg.PostgresError):
            await connect(user, f"guess-{attempt}", "psql")
        await asyncio.sleep(random.uniform(0.1, 0.5))


async def gateway_stalls() -> None:
    gateway = services.running["pay"]
    gateway.send_signal(signal.SIGSTOP)
    await asyncio.sleep(10)
    gateway.send_signal(signal.SIGCONT)


async def deadlocks() -> None:
    async def change(first: int, second: int) -> None:
        db = await connect(name="stock-sync")
        try:
            async with db.transaction():
                await db.execute("UPDATE products SET stock = stock + 1 WHERE id = $1", first)
                await asyncio.sleep(0.3)
                await db.execute("UPDATE products SET stock = stock + 1 WHERE id = $1", second)
        except asyncpg.PostgresError:
            pass
        finally:
            await db.close()

    for _ in range(4):
        one, two = random.sample(range(1, 300), 2)
        await asyncio.gather(change(one, two), change(two, one))
        await asyncio.sleep(0.4)


async def lock_held() -> None:
    environment = {**os.environ, "PGPASSWORD": "demo-not-a-secret-2", "PGAPPNAME": "migration"}
    command = ["psql", "-qXh", "db-1", "-U", "jobs", "shop"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    assert process.stdin is not None
    process.stdin.write(b"BEGIN;\nLOCK TABLE orders IN ACCESS EXCLUSIVE MODE;\n")
    process.stdin.flush()
    await asyncio.sleep(6)
    process.kill()
    process.wait()


async def cache_full() -> None:
    cache = Redis(host="cache-1")
    await cache.config_set("maxmemory", "1mb")
    await asyncio.sleep(4)
    await cache.config_set("maxmemory", "0")
    await cache.aclose()


async def uploads_full() -> None:
    ballast = Path("/srv/shop/uploads/ballast")
    with open(ballast, "wb") as file:
        try:
            while True:
                file.write(bytes(65536))
                file.flush()
        except OSError:
            pass
    await asyncio.sleep(30)
    ballast.unlink()


async def node_killed() -> None:
    services.running["kafka-3"].kill()
    services.running["kafka-3"].wait()
    await asyncio.sleep(12)
    services.kafka_node(3)
    await services.until_connects("kafka-3", 9092)
    await asyncio.sleep(4)


async def bad_release() -> None:
    await services.deploy(3)
    await asyncio.sleep(10)
    await services.deploy(2)


async def too_many_connections() -> None:
    held = []
    for _ in range(24):
        try:
            held.append(await connect("reports", "demo-not-a-secret-3", "dashboard"))
        except (asyncpg.PostgresError, OSError):
            break
    await asyncio.sleep(4)
    for db in held:
        db.terminate()


async def temp_disk_full() -> None:
    query = "SELECT i, repeat('x', 60) FROM generate_series(1, 600000) i ORDER BY random()"
    for _ in range(8):
        await traffic.psql(query, user="reports", password="demo-not-a-secret-3")
        await asyncio.sleep(0.3)


async def backend_killed() -> None:
    victim = asyncio.create_task(traffic.psql("SELECT count(*) FROM orders, pg_sleep(5)"))
    await asyncio.sleep(1)
    find = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(5)%' AND usename = 'jobs'"
    asked = subprocess.run(
        ["psql", "-qXAth", "/srv/db", "-U", "postgres", "-c", find], capture_output=True, text=True, check=True
    )
    os.kill(int(asked.stdout.split()[0]), signal.SIGKILL)
    await victim
    await asyncio.sleep(3)


async def shop_killed() -> None:
    services.running["shop"].kill()
    services.running["shop"].wait()
    await asyncio.sleep(4)
    services.shop(2)
    await services.until_connects("shop-1", 8080)


async def scan() -> None:
    paths = (
        "/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/", "/admin.php", "/api/../../etc/passwd", "/backup.sql",
        "/cgi-bin/test.cgi", "/api/users?id=1%27%20OR%201=1", "/server-status",
    )  # fmt: skip
    for _ in range(9):
        _, writer = await asyncio.open_connection("edge-1", 80, local_addr=("10.20.9.66", 0))
        for path in random.sample(paths, random.randint(2, 5)):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: edge-1\r\nUser-Agent: scanner/0.9\r\n\r\n".encode())
            await writer.drain()
            await asyncio.sleep(0.1)
        if random.random() < 0.4:
            writer.write(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
            await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()


CHILD = """
import asyncio, os, sys
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
BOOTSTRAP = ["kafka-1:9092", "kafka-2:9092"]
async def consume():
    for name in sys.argv[2:]:
        c = AIOKafkaConsumer("orders", bootstrap_servers=BOOTSTRAP, group_id=name, session_timeout_ms=4000)
        await c.start()
        await c.getmany(timeout_ms=200)
    print("ready", flush=True)
    await asyncio.sleep(60)
async def produce():
    for name in sys.argv[2:]:
        p = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=name, transaction_timeout_ms=3000)
        await p.start()
        await p.begin_transaction()
        await p.send_and_wait("orders", b"half an import")
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run({"consume": consume, "produce": produce}[sys.argv[1]]())
"""


async def clients_die(what: str, names: list[str]) -> None:
    child = await asyncio.create_subprocess_exec(
        "/srv/venv/bin/python",
        "-c",
        CHILD,
        what,
        *names,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout is not None
    await child.stdout.readline()
    child.kill()
    await child.wait()
    await asyncio.sleep(7)


async def consumers_die() -> None:
    await clients_die("consume", [f"invoices-{random.getrandbits(32):08x}" for _ in range(6)])


async def producers_die() -> None:
    await clients_die("produce", [f"import-{random.getrandbits(32):08x}" for _ in range(6)])


async def nightly() -> None:
    password = "demo-not-a-secret-2"
    await traffic.run(
        "nice", "pg_dump", "-h", "/srv/db", "-U", "postgres", "-f", "/dev/null", "shop", password=password
    )
    await traffic.run("nice", "vacuumdb", "-qzh", "/srv/db", "-U", "postgres", "shop", password=password)


async def database_reload() -> None:
    with open("/srv/db/data/postgresql.conf", "a") as conf:
        conf.write("log_min_duration_statement = 200ms\nwork_mem = 5MB\n")
    os.kill(int(Path("/srv/db/data/postmaster.pid").read_text().split()[0]), signal.SIGHUP)


async def nginx_reload() -> None:
    services.running["nginx"].send_signal(signal.SIGHUP)


async def new_release() -> None:
    await services.deploy(2)


Step = tuple[int, str, Callable[[], Awaitable[None]], bool, str, str]
# at (s), name, injector, a fault?, services it touches, what one should see
SCHEDULE: tuple[Step, ...] = (
    (
        250,
        "nightly backup and vacuum",
        nightly,
        False,
        "postgres",
        "pg_dump and vacuumdb sessions, in ordinary operation",
    ),
    (
        445,
        "wrong passwords",
        wrong_passwords,
        True,
        "postgres",
        "password authentication failed, 10 connections from one client",
    ),
    (462, "configuration reload", database_reload, False, "postgres", "SIGHUP, two parameters changed; nothing wrong"),
    (
        470,
        "payment gateway stalls",
        gateway_stalls,
        True,
        "shop nginx",
        "checkout: gateway times out after 2.5 s; nginx 504 upstream timed out",
    ),
    (492, "consumers die", consumers_die, True, "kafka", "members removed on heartbeat expiration instead of leaving"),
    (512, "deadlocks", deadlocks, True, "postgres", "deadlock detected between pairs of stock-sync sessions"),
    (
        526,
        "table locked by a client that dies",
        lock_held,
        True,
        "postgres shop nginx",
        "lock timeouts on orders, then unexpected EOF with an open transaction",
    ),
    (546, "cache full", cache_full, True, "shop nginx", "Redis OOM: command not allowed, with stack traces; 500s"),
    (
        562,
        "new release words a line anew",
        new_release,
        False,
        "shop",
        "release 2: 'basket of user ... now holds' instead of 'added ... to cart'; harmless",
    ),
    (610, "upload disk full", uploads_full, True, "shop nginx", "No space left on device while storing photos; 500s"),
    (
        646,
        "Kafka node killed",
        node_killed,
        True,
        "kafka",
        "elections, ISR shrinks, coordinators move; node 3 recovers its logs",
    ),
    (
        684,
        "bad release",
        bad_release,
        True,
        "shop postgres nginx",
        "release 3 reads a column that does not exist; checkout answers 500",
    ),
    (
        712,
        "too many connections",
        too_many_connections,
        True,
        "postgres shop nginx",
        "a dashboard takes every connection; sorry, too many clients; 500s",
    ),
    (726, "nginx reload", nginx_reload, False, "nginx", "new workers; harmless"),
    (
        732,
        "temporary disk full",
        temp_disk_full,
        True,
        "postgres",
        "reports fail: could not write to file ... No space left on device",
    ),
    (
        750,
        "backend killed",
        backend_killed,
        True,
        "postgres",
        "server process terminated by signal 9, crash recovery",
    ),
    (764, "shop killed", shop_killed, True, "nginx", "connect() failed (111: Connection refused); 502s"),
    (780, "scanner", scan, True, "nginx", "probes for .env, wp-login.php and the like, malformed requests"),
    (795, "producers die in a transaction", producers_die, True, "kafka", "transactions rolled back on timeout"),
    (815, "second nightly run", nightly, False, "postgres", "pg_dump and vacuumdb again; harmless"),
)
NEEDS = {"postgres": {"postgres"}, "web": {"postgres", "shop", "nginx"}, "": {"postgres", "shop", "nginx", "kafka"}}
NEEDS["kafka"] = NEEDS[""]


def stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def inject(step: Step) -> None:
    _, name, injector, is_fault, touched, seen = step
    start = stamp()
    print(start, name, flush=True)
    try:
        await injector()
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}", flush=True)
    events.append(
        {"name": name, "fault": is_fault, "services": touched.split(), "start": start, "end": stamp(), "seen": seen}
    )
    EVENTS.write_text(json.dumps(sorted(events, key=lambda event: str(event["start"])), indent=1))


async def run_all(only: str, skip: float, length: float) -> None:
    """Injects each step of SCHEDULE from `skip` seconds on whose services run; takes `length - skip` seconds."""
    began = time.monotonic() - skip
    tasks = []
    for step in SCHEDULE:
        if step[0] >= skip and step[4].split()[0] in NEEDS[only]:
            await asyncio.sleep(max(0.0, step[0] - (time.monotonic() - began)))
            tasks.append(asyncio.create_task(inject(step)))
    await asyncio.gather(*tasks)
    await asyncio.sleep(max(0.0, length - (time.monotonic() - began)))
