"""Runs the recording: programs up, traffic on, faults and harmless changes at their times, programs down.

The programs stamp their own lines; a fault's start and end are the clock's times around its injection.
"""

import asyncio
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pymysql

SRV = Path("/srv/parcels")
LOG, APP = SRV / "log", SRV / "app"
REQUESTS_A_SECOND = 4.5
CITIES = ("Lyon", "Graz", "Porto", "Gent", "Brno", "Turku", "Malmo", "Split")
SCHEMA = """
CREATE DATABASE parcels; USE parcels;
CREATE TABLE parcels (id INT AUTO_INCREMENT PRIMARY KEY, sender INT, city VARCHAR(40), weight_g INT, state VARCHAR(20));
CREATE TABLE events (parcel_id INT, at DATETIME, what VARCHAR(40), KEY(parcel_id));
CREATE TABLE quotas (sender INT PRIMARY KEY, used INT);
INSERT INTO quotas SELECT seq, 0 FROM seq_1_to_40;
CREATE USER parcels@'127.0.0.1' IDENTIFIED BY 'not-a-secret-77'; GRANT ALL ON parcels.* TO parcels@'127.0.0.1';
CREATE USER root@'127.0.0.1' IDENTIFIED BY 'root-not-a-secret'; GRANT ALL ON *.* TO root@'127.0.0.1';
"""
MARIADB = (
    *("/usr/sbin/mariadbd", "--no-defaults", f"--datadir={SRV}/db", "--port=23306", "--bind-address=127.0.0.1"),
    *(f"--socket={SRV}/db.sock", "--user=mysql", "--log-warnings=4", f"--log-error={LOG}/mariadb.err"),
    *("--max-connections=40", "--innodb-lock-wait-timeout=3", "--general-log=1", "--skip-name-resolve"),
    *(f"--general-log-file={LOG}/general.log", "--innodb-buffer-pool-size=64M"),
)
REDIS = ("redis-server", "--port", "26379", "--bind", "127.0.0.1", "--save", "", "--loglevel", "verbose")
RABBIT = {
    "HOME": f"{SRV}/mq",
    "RABBITMQ_NODENAME": "rabbit@localhost",
    "RABBITMQ_NODE_PORT": "25672",
    "RABBITMQ_DIST_PORT": "25699",
    "RABBITMQ_MNESIA_BASE": f"{SRV}/mq",
    "RABBITMQ_LOG_BASE": f"{LOG}/mq",
    "RABBITMQ_ENABLED_PLUGINS_FILE": f"{SRV}/mq/plugins",
    "RABBITMQ_PID_FILE": f"{SRV}/mq.pid",
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -setcookie parcels",
    "RABBITMQ_CTL_ERL_ARGS": "-setcookie parcels",
}
running: dict[str, subprocess.Popen[bytes]] = {}
parcels = [1]


def now():
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def start(name, *command, **environment):
    with (LOG / f"{name}.log").open("ab") as file:
        running[name] = subprocess.Popen(
            command, stdout=file, stderr=file, start_new_session=True, env=os.environ | environment
        )


def start_program(name, *arguments):
    start(name, SRV / "venv/bin/python", APP / "service.py", *arguments)


def kill(name, signal_=signal.SIGKILL):
    os.killpg(running[name].pid, signal_)


def until_up(port):
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise SystemExit(f"nothing listens on {port}")


def rabbitmqctl(*arguments):
    command = ["/usr/lib/rabbitmq/bin/rabbitmqctl", "-n", "rabbit@localhost", *arguments]
    subprocess.run(command, env=os.environ | RABBIT, check=True, capture_output=True)


def connect(user="root", password="root-not-a-secret"):
    return pymysql.connect(host="127.0.0.1", port=23306, user=user, password=password, connect_timeout=3)


class Syslog(asyncio.DatagramProtocol):
    """The proxy's lines arrive as datagrams."""

    def __init__(self):
        self.file = (LOG / "edge.log").open("a", buffering=1)

    def datagram_received(self, data, _):
        self.file.write(f"{now()} {data.decode().strip()}\n")


async def programs_up():
    await asyncio.get_running_loop().create_datagram_endpoint(Syslog, local_addr=("127.0.0.1", 25140))
    start("mariadb", *MARIADB)
    start("redis", *REDIS)
    start("rabbit", "/usr/lib/rabbitmq/bin/rabbitmq-server", **RABBIT)
    start_program("carrier", "carrier")
    until_up(23306)
    subprocess.run(["mariadb", "--no-defaults", f"-S{SRV}/db.sock", "-uroot"], input=SCHEMA, text=True, check=True)
    until_up(25672)
    for number in (1, 2):
        start_program(f"api{number}", "api", f"2808{number}")
        until_up(28080 + number)
    start_program("worker", "worker")
    start("haproxy", "haproxy", "-W", "-db", "-f", f"{APP}/haproxy.cfg", "-p", f"{SRV}/haproxy.pid")
    until_up(28080)
    await asyncio.sleep(3)


# -- traffic ---------------------------------------------------------------------------------------------------------


def request(method, path, body=None):
    client = http.client.HTTPConnection("127.0.0.1", 28080, timeout=15)
    try:
        client.request(method, path, body)
        answer = client.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        client.close()


async def visit():
    what = random.random()
    if what < 0.3:
        weight = random.randint(100, 30_000) if random.random() > 0.03 else 31_000
        order = {"sender": random.randint(1, 40), "city": random.choice(CITIES), "weight_g": weight}
        status, answer = await asyncio.to_thread(request, "POST", "/parcels", json.dumps(order))
        if status == 201:
            parcels.append(json.loads(answer)["id"])
    elif what < 0.75:
        number = random.choice(parcels[-300:]) if random.random() > 0.03 else 99_999_999
        await asyncio.to_thread(request, "GET", f"/parcels/{number}")
    else:
        await asyncio.to_thread(request, "GET", "/quotes?to=x" if what < 0.98 else "/favicon.ico")


async def traffic():
    visits = set()
    while True:
        await asyncio.sleep(random.expovariate(REQUESTS_A_SECOND))
        visits.add(task := asyncio.create_task(visit()))
        task.add_done_callback(visits.discard)


# -- faults and harmless changes -------------------------------------------------------------------------------------


async def flagged(name, seconds):
    (SRV / "flags" / name).touch()
    await asyncio.sleep(seconds)
    (SRV / "flags" / name).unlink()


async def passwords_guessed():
    for attempt in range(8):
        with contextlib.suppress(pymysql.Error):
            connect(random.choice(("admin", "backup", "root")), f"guess{attempt}")
        await asyncio.sleep(random.uniform(0.1, 0.6))


async def cache_killed():
    kill("redis")
    await asyncio.sleep(8)
    start("redis", *REDIS)


async def rows_locked():
    with connect() as db, db.cursor() as cursor:
        cursor.execute("SELECT * FROM parcels.quotas FOR UPDATE")
        await asyncio.sleep(10)


async def consumer_killed():
    kill("worker")
    await asyncio.sleep(6)
    start_program("worker", "worker")


async def memory_alarm():
    await asyncio.to_thread(rabbitmqctl, "set_vm_memory_high_watermark", "absolute", "1MB")
    await asyncio.sleep(9)
    await asyncio.to_thread(rabbitmqctl, "set_vm_memory_high_watermark", "0.4")


async def disk_full():
    fill = SRV / "labels" / "fill"
    with contextlib.suppress(OSError), fill.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    await asyncio.sleep(9)
    fill.unlink()


async def connections_used_up():
    held = []
    for _ in range(45):
        with contextlib.suppress(pymysql.Error):
            held.append(connect("parcels", "not-a-secret-77"))
    await asyncio.sleep(8)
    for db in held:
        db.close()


async def backends_killed(*numbers, seconds):
    for number in numbers:
        kill(f"api{number}")
    await asyncio.sleep(seconds)
    for number in numbers:
        start_program(f"api{number}", "api", f"2808{number}")


async def database_killed():
    kill("mariadb")
    await asyncio.sleep(3)
    start("mariadb", *MARIADB)


async def scanned():
    for path in ("/.git/config", "/.env", "/wp-login.php", "/admin/", "/parcels/1%27%20OR%201=1", "/../etc/passwd") * 2:
        await asyncio.to_thread(request, "GET", path)
    for _ in range(4):
        with socket.create_connection(("127.0.0.1", 28080)) as client:
            client.send(b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n")
            await asyncio.sleep(0.3)


async def worker_stopped():
    kill("worker", signal.SIGSTOP)
    await asyncio.sleep(75)
    kill("worker", signal.SIGCONT)


async def dump():
    command = ("mariadb-dump", "--no-defaults", "-h127.0.0.1", "-P23306", "-uroot", "-proot-not-a-secret", "parcels")
    await (await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)).wait()


async def proxy_reloaded():
    os.kill(int((SRV / "haproxy.pid").read_text()), signal.SIGUSR2)
    await asyncio.sleep(2)


PLAN = (
    (180, "nightly dump", False, dump),
    (300, "proxy reloaded", False, proxy_reloaded),
    (420, "passwords guessed", True, passwords_guessed),
    (450, "cache killed", True, cache_killed),
    (480, "carrier is slow", True, lambda: flagged("slowcarrier", 10)),
    (515, "rows locked", True, rows_locked),
    (550, "consumer killed", True, consumer_killed),
    (580, "broker memory alarm", True, memory_alarm),
    (615, "poison messages", True, lambda: flagged("poison", 6)),
    (645, "label disk full", True, disk_full),
    (680, "connections used up", True, connections_used_up),
    (715, "one backend killed", True, lambda: backends_killed(1, seconds=10)),
    (750, "column missing", True, lambda: flagged("badcolumn", 6)),
    (780, "certificate not trusted", True, lambda: flagged("tls", 7)),
    (810, "database killed", True, database_killed),
    (845, "both backends killed", True, lambda: backends_killed(1, 2, seconds=5)),
    (875, "scanner", True, scanned),
    (890, "new release", False, lambda: flagged("newrelease", 10)),
    (905, "worker stands still", True, worker_stopped),
)


async def main():
    await programs_up()
    began, begins, events = time.monotonic(), now(), []
    load = asyncio.create_task(traffic())
    for at, name, fault, change in PLAN:
        await asyncio.sleep(began + at - time.monotonic())
        print(name, flush=True)
        event = {"name": name, "fault": fault, "start": now()}
        await change()
        events.append({**event, "end": now()})
    await asyncio.sleep(15)
    document = {"traffic": {"start": begins, "end": now()}, "events": events}
    (LOG / "faults.json").write_text(json.dumps(document, indent=1) + "\n")
    load.cancel()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        for process in running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGKILL)
        subprocess.run(["pkill", "-9", "-f", "beam.smp.*rabbit@localhost"], check=False)
