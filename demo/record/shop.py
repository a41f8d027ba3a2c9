"""A small shop: accounts, search, cart, checkout and photo uploads, on PostgreSQL, Redis and a payment gateway.

Every request carries the id that nginx gave it and logs what it does under that id. A request that needs the database
opens its own connection, so one request is one session there too. RELEASE says which release runs: 2 words the cart's
line anew, 3 reads a column which nobody has added to the database.
"""

import asyncio
import contextvars
import hashlib
import logging
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg
from aiohttp import ClientSession, ClientTimeout, web
from redis.asyncio import Redis

RELEASE = int(os.environ.get("RELEASE", "1"))
DSN = "postgresql://shop:demo-not-a-secret-1@db-1:5432/shop?application_name=shop"
GATEWAY = "http://pay-1:8081/charge"
GATEWAY_KEY = "demo-not-a-real-gateway-token-0001"
UPLOADS = "/srv/shop/uploads"

request_id = contextvars.ContextVar("request_id", default=f"shop-1/{os.getpid()}")
log, auth, cart, pay = (logging.getLogger(name) for name in ("shop.http", "shop.auth", "shop.cart", "shop.pay"))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
redis = Redis(host="cache-1", socket_timeout=1)


class WithRequest(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.rid = request_id.get()
        return True


def set_up_logging() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(WithRequest())
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(rid)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("shop").setLevel(logging.DEBUG)


async def database() -> asyncpg.Connection:
    try:
        db = await asyncpg.connect(DSN, timeout=3, server_settings={"lock_timeout": "1s"})
    except (TimeoutError, OSError, asyncpg.PostgresError) as error:
        log.error("cannot connect to %s: %s: %s", DSN, type(error).__name__, error)
        raise
    return db


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    request_id.set(request.headers.get("X-Request-ID", "none"))
    began = time.perf_counter()
    log.info("%s %s from %s", request.method, request.path, request.headers.get("X-Forwarded-For"))
    try:
        answer = await handler(request)
        status = answer.status
    except web.HTTPException as refused:
        answer, status = refused, refused.status
    except Exception:
        log.exception("unhandled error in %s %s", request.method, request.path)
        answer = web.json_response({"error": "internal"}, status=500)
        status = 500
    log.info("%s %s answered %d in %.1f ms", request.method, request.path, status, 1000 * (time.perf_counter() - began))
    return answer


async def who(request: web.Request) -> int:
    user = await redis.get("session:" + request.headers.get("X-Session", ""))
    if user is None:
        auth.warning("session expired or unknown")
        raise web.HTTPUnauthorized
    auth.debug("session of user %d is valid", int(user))
    return int(user)


async def login(request: web.Request) -> web.Response:
    form = await request.json()
    db = await database()
    try:
        row = await db.fetchrow("SELECT id, salt, hash FROM users WHERE name = $1", form["name"])
    finally:
        await db.close()
    if row is None or hashlib.sha256((row["salt"] + form["password"]).encode()).hexdigest() != row["hash"]:
        auth.warning("login of %s failed: wrong name or password", form["name"])
        raise web.HTTPUnauthorized
    token = secrets.token_hex(12)
    await redis.set(f"session:{token}", row["id"], ex=1800)
    auth.info("login of %s succeeded", form["name"])
    auth.info("session opened for user %d, ttl 1800 s", row["id"])
    return web.json_response({"session": token})


async def search(request: web.Request) -> web.Response:
    words = request.query.get("q", "")
    if (cached := await redis.get(f"search:{words}")) is not None:
        log.debug("search for %r served from cache, %s hits", words, cached.decode())
        return web.json_response({"hits": int(cached)})
    db = await database()
    try:
        rows = await db.fetch("SELECT id, name, price FROM products WHERE name ILIKE $1 LIMIT 20", f"%{words}%")
    finally:
        await db.close()
    await redis.set(f"search:{words}", len(rows), ex=20)
    log.info("search for %r found %d products", words, len(rows))
    return web.json_response({"hits": len(rows)})


async def add(request: web.Request) -> web.Response:
    user = await who(request)
    form = await request.json()
    db = await database()
    try:
        row = await db.fetchrow("SELECT price, stock FROM products WHERE id = $1", form["product"])
    finally:
        await db.close()
    if row is None:
        cart.warning("product %d does not exist", form["product"])
        raise web.HTTPNotFound
    cart.debug("product %d costs %s, %d in stock", form["product"], row["price"], row["stock"])
    await redis.hset(f"cart:{user}", str(form["product"]), str(form["qty"]))
    await redis.expire(f"cart:{user}", 1800)
    if RELEASE >= 2:
        cart.info("basket of user %d now holds product %d (quantity %d)", user, form["product"], form["qty"])
    else:
        cart.info("added %d x product %d to cart of user %d", form["qty"], form["product"], user)
    return web.json_response({"ok": True})


async def capture(order: int, total: object, card: str) -> str:
    headers = {"Authorization": f"Bearer {GATEWAY_KEY}"}
    pay.info("charging order %d, total %s, card ending %s", order, total, card[-4:])
    try:
        async with ClientSession(timeout=ClientTimeout(total=2.5)) as http:
            answer = await http.post(GATEWAY, json={"order": order, "card": card}, headers=headers)
            body = await answer.json()
    except (OSError, TimeoutError) as error:
        pay.error("gateway %s failed: %s: %s", GATEWAY, type(error).__name__, error)
        pay.debug("gateway request was POST /charge order=%d headers=%s", order, headers)
        raise web.HTTPBadGateway from error
    pay.info("gateway says %s for order %d", body["status"], order)
    return str(body["status"])


async def checkout(request: web.Request) -> web.Response:
    user = await who(request)
    form = await request.json()
    lines = {int(k): int(v) for k, v in (await redis.hgetall(f"cart:{user}")).items()}
    if not lines:
        cart.info("cart of user %d is empty", user)
        raise web.HTTPConflict
    columns = "id, price, tax_class" if RELEASE == 3 else "id, price"
    db = await database()
    try:
        async with db.transaction():
            prices = {n: await db.fetchrow(f"SELECT {columns} FROM products WHERE id = $1", n) for n in sorted(lines)}
            total = sum(prices[product]["price"] * lines[product] for product in lines)
            order = await db.fetchval(
                "INSERT INTO orders (user_id, state, total) VALUES ($1, 'new', $2) RETURNING id", user, total
            )
            for product in sorted(lines):
                await db.execute("INSERT INTO items VALUES ($1, $2, $3)", order, product, lines[product])
                await db.execute("UPDATE products SET stock = stock - $2 WHERE id = $1", product, lines[product])
        cart.info("order %d of user %d placed", order, user)
        state = "paid" if await capture(order, total, form["card"]) == "captured" else "declined"
        await db.execute("UPDATE orders SET state = $2 WHERE id = $1", order, state)
    finally:
        await db.close()
    if state == "declined":
        pay.warning("payment of order %d declined", order)
        raise web.HTTPPaymentRequired
    await redis.delete(f"cart:{user}")
    pay.info("order %d paid", order)
    return web.json_response({"order": order})


async def orders(request: web.Request) -> web.Response:
    user = await who(request)
    db = await database()
    try:
        rows = await db.fetch("SELECT id, state, total FROM orders WHERE user_id = $1 ORDER BY id DESC LIMIT 10", user)
    finally:
        await db.close()
    log.info("user %d has %d recent orders", user, len(rows))
    return web.json_response({"orders": len(rows)})


async def upload(request: web.Request) -> web.Response:
    user = await who(request)
    picture = await request.read()
    path = f"{UPLOADS}/user-{user}-{secrets.token_hex(4)}.jpg"
    log.info("receiving photo of %d bytes from user %d", len(picture), user)
    try:
        with open(path, "wb") as file:
            file.write(picture)
    except OSError:
        os.unlink(path)
        raise
    log.info("photo stored as %s", path)
    if random.random() < 0.2:
        await prune()
    return web.json_response({"path": path})


async def prune() -> None:
    names = sorted(
        (entry.stat().st_mtime, entry.path) for entry in os.scandir(UPLOADS) if entry.name.startswith("user-")
    )
    for _, path in names[:-20]:
        os.unlink(path)
    log.debug("pruned old photos, %d kept", min(20, len(names)))


async def main() -> None:
    set_up_logging()
    app = web.Application(middlewares=[observe], client_max_size=1 << 20)
    app.router.add_post("/api/login", login)
    app.router.add_get("/api/search", search)
    app.router.add_post("/api/cart", add)
    app.router.add_post("/api/checkout", checkout)
    app.router.add_get("/api/orders", orders)
    app.router.add_post("/api/photos", upload)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "10.20.0.11", 8080, reuse_port=True).start()
    log.info("shop release %d ready on 10.20.0.11:8080", RELEASE)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    log.info("shop release %d stops", RELEASE)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
