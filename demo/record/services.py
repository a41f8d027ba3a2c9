"""Starts and stops the recorded programs; every one writes to a file of its own under /srv/log."""

import asyncio
import os
import subprocess
from pathlib import Path

PG = Path("/usr/lib/postgresql/15/bin")
CONF = Path("/srv/record/conf")
LOG = Path("/srv/log")
KAFKA_NODES = (1, 2, 3)
BOOTSTRAP = [f"kafka-{n}:9092" for n in KAFKA_NODES]

running: dict[str, subprocess.Popen[bytes]] = {}


def start(name: str, command: list[str], log: str | None = None, **env: str) -> subprocess.Popen[bytes]:
    with open(LOG / (log or f"{name}.log"), "ab") as out:
        running[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **env}, cwd="/srv"
        )
    return running[name]


async def until_connects(host: str, port: int, seconds: float = 40) -> None:
    for _ in range(int(seconds / 0.2)):
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
    raise TimeoutError(f"{host}:{port} never opened")


def as_postgres(*command: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command]


async def postgres() -> None:
    subprocess.run(["chown", "-R", "postgres", "/srv/db"], check=True)
    quiet = {"stdout": subprocess.DEVNULL, "check": True}
    subprocess.run(as_postgres(str(PG / "initdb"), "-D", "/srv/db/data", "-A", "trust", "-k"), **quiet)
    with open("/srv/db/data/postgresql.conf", "a") as conf:
        conf.write((CONF / "postgresql.conf").read_text())
    with open("/srv/db/data/pg_hba.conf", "a") as hba:
        hba.write("host all all 10.20.0.0/16 scram-sha-256\n")
    start("postgres", as_postgres(str(PG / "postgres"), "-D", "/srv/db/data"))
    while subprocess.run(as_postgres(str(PG / "pg_isready"), "-qh", "/srv/db")).returncode:
        await asyncio.sleep(0.2)
    as_root = ["psql", "-qXh", "/srv/db", "-U", "postgres"]
    subprocess.run([*as_root, "-f", str(CONF / "schema.sql")], **quiet)
    subprocess.run(
        ["pgbench", "-iqs", "2", "-h", "/srv/db", "-U", "postgres", "shop"], stderr=subprocess.DEVNULL, **quiet
    )
    subprocess.run([*as_root, "-c", "GRANT ALL ON ALL TABLES IN SCHEMA public TO jobs", "shop"], **quiet)


async def redis() -> None:
    options = ["--bind", "10.20.0.14", "--port", "6379", "--protected-mode", "no", "--dir", "/srv/cache"]
    start("redis", ["redis-server", *options, "--save", "120 500"])
    await until_connects("cache-1", 6379)


def shop(release: int) -> subprocess.Popen[bytes]:
    return start("shop", ["/srv/venv/bin/python", "/srv/shop/shop.py"], RELEASE=str(release))


async def deploy(release: int) -> None:
    """Starts the new release beside the old one, then stops the old one."""
    old = running["shop"]
    shop(release)
    await asyncio.sleep(2.5)
    old.terminate()
    await asyncio.to_thread(old.wait)


async def web() -> None:
    start("pay", ["/srv/venv/bin/python", "/srv/shop/pay.py"])
    shop(1)
    www = Path("/srv/edge/www")
    for name, size in (("index.html", 5120), ("site.css", 9216), ("logo.svg", 3000), ("reset.html", 1400)):
        (www / name).write_bytes(b"x" * size)
    subprocess.run(["chown", "-R", "www-data", "/srv/edge/tmp"], check=True)
    (www.parent / "nginx.conf").write_text((CONF / "nginx.conf").read_text())
    start("nginx", ["nginx", "-c", "/srv/edge/nginx.conf", "-g", "user www-data;"], log="nginx-console.log")
    await until_connects("shop-1", 8080)
    await until_connects("edge-1", 80)


def kafka_command(tool: str, *arguments: str) -> list[str]:
    return [
        "java", "-Xmx300m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        f"-Dlog4j2.configurationFile={CONF}/log4j2.properties", "-cp", "/srv/kafka/libs/*", tool, *arguments,
    ]  # fmt: skip


def kafka_node(node: int) -> None:
    start(f"kafka-{node}", kafka_command("kafka.Kafka", f"/srv/kafka/node-{node}.properties"))


async def kafka() -> None:
    for node in KAFKA_NODES:
        settings = (CONF / "kafka.properties").read_text().replace("NODE", str(node))
        file = Path(f"/srv/kafka/node-{node}.properties")
        file.write_text(settings)
        subprocess.run(
            kafka_command("kafka.tools.StorageTool", "format", "-t", "5L6g3nShT-eMCtK--X86sw", "-c", str(file)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        kafka_node(node)
    for node in KAFKA_NODES:
        await until_connects(f"kafka-{node}", 9092)


def stop_all() -> None:
    for process in running.values():
        process.terminate()
    for process in running.values():
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
