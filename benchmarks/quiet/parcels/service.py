"""The recorded programs: an HTTP service with JSON lines, the worker that makes its labels, and the carrier it asks.

A file in the folder `flags` switches a fault on: a column that is missing, a message without its id, a slow carrier, a
carrier whose certificate nobody trusts.
"""

import http.client
import json
import os
import random
import ssl
import sys
import threading
import time
import traceback
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pika
import pymysql
import redis

SRV = Path("/srv/parcels")
HEAVIEST = 30_000
lock = threading.Lock()


def log(service, key, level, logger, message, **more):
    time_ = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"ts": time_, "svc": service, "req": key, "level": level, "logger": logger, "msg": message, **more}
    with lock:
        print(json.dumps(line), flush=True)


def flag(name):
    return (SRV / "flags" / name).exists()


def database():
    return pymysql.connect(
        host="127.0.0.1",
        port=23306,
        user="parcels",
        password="not-a-secret-77",
        database="parcels",
        connect_timeout=3,
        read_timeout=8,
    )


def ask_carrier(path):
    if flag("tls"):
        carrier = http.client.HTTPSConnection("127.0.0.1", 28443, timeout=2, context=ssl.create_default_context())
    else:
        carrier = http.client.HTTPConnection("127.0.0.1", 28090, timeout=2)
    carrier.request("GET", path)
    answer = carrier.getresponse()
    return answer.status, answer.read()


class Publisher:
    """Publishes with confirms; connects again once."""

    def __init__(self):
        self.lock, self.channel = threading.Lock(), None

    def send(self, body, headers):
        with self.lock:
            for attempt in (1, 2):
                try:
                    self.connect()
                    self.channel.basic_publish("", "labels", body, pika.BasicProperties(headers=headers))
                    return
                except Exception:
                    self.channel = None
                    if attempt == 2:
                        raise

    def connect(self):
        if self.channel is None:
            where = pika.ConnectionParameters(
                "127.0.0.1", 25672, blocked_connection_timeout=3, heartbeat=30, socket_timeout=3
            )
            self.connection = pika.BlockingConnection(where)
            self.channel = self.connection.channel()
            self.channel.queue_declare("labels", durable=True)
            self.channel.confirm_delivery()


publisher = Publisher()


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        key = self.headers.get("X-Request-Id") or uuid.uuid4().hex
        began = time.monotonic()
        log("api", key, "debug", "http", f"-> {self.command} {self.path.split('?')[0]}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, document = self.route(key, body)
        except Exception as error:
            text = f"request failed: {type(error).__name__}: {error}"
            log("api", key, "error", "http", text, stack=traceback.format_exc())
            status, document = 500, {"error": "internal"}
        try:
            self.answer(status, document)
        except OSError:
            log("api", key, "warning", "http", "client went away before the answer")
        log("api", key, "info", "http", f"<- {status} in {1000 * (time.monotonic() - began):.0f} ms")

    do_POST = do_GET

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def route(self, key, body):
        path = self.path.split("?")[0]
        if path == "/health":
            return 200, {}
        if path.startswith("/parcels/") and self.command == "GET":
            return self.track(key, path.split("/")[2])
        if path == "/parcels" and self.command == "POST":
            return self.create(key, json.loads(body))
        if path.startswith("/quotes"):
            return self.quote(key)
        log("api", key, "info", "http", f"no route for {path}")
        return 404, {}

    def track(self, key, number):
        cache = redis.Redis(host="127.0.0.1", port=26379, socket_timeout=1, socket_connect_timeout=1)
        if known := cache.get(f"parcel:{number}"):
            log("api", key, "debug", "cache", f"hit for parcel {number}")
            return 200, json.loads(known)
        log("api", key, "debug", "cache", f"miss for parcel {number}")
        with database() as db, db.cursor() as cursor:
            cursor.execute("SELECT id, state, weight_g FROM parcels WHERE id = %s", (number,))
            row = cursor.fetchone()
            if row is None:
                log("api", key, "info", "parcels", f"parcel {number} is not known")
                return 404, {}
            cursor.execute("SELECT at, what FROM events WHERE parcel_id = %s ORDER BY at", (number,))
            events = cursor.fetchall()
        document = {"id": row[0], "state": row[1], "events": len(events)}
        cache.set(f"parcel:{number}", json.dumps(document), ex=20)
        log("api", key, "info", "parcels", f"parcel {number} is {row[1]}, {len(events)} events")
        return 200, document

    def quote(self, key):
        zone = random.choice("ABCDE")
        for attempt in (1, 2):
            began = time.monotonic()
            try:
                status, answer = ask_carrier(f"/rate?zone={zone}")
                if status == 200:
                    took = 1000 * (time.monotonic() - began)
                    log("api", key, "info", "carrier", f"rate for zone {zone} in {took:.0f} ms")
                    return 200, json.loads(answer)
                text = f"carrier answered {status} for zone {zone}, attempt {attempt}"
            except (OSError, http.client.HTTPException) as error:
                text = f"carrier did not answer, attempt {attempt}: {type(error).__name__}: {error}"
            log("api", key, "warning", "carrier", text)
        log("api", key, "error", "carrier", f"no rate for zone {zone}: carrier is not available")
        return 502, {}

    def create(self, key, order):
        weight, city = order["weight_g"], order["city"]
        if weight > HEAVIEST:
            log("api", key, "info", "parcels", f"parcel refused: {weight} g is above {HEAVIEST} g")
            return 422, {}
        with database() as db, db.cursor() as cursor:
            cursor.execute(
                "INSERT INTO parcels (sender, city, weight_g, state) VALUES (%s, %s, %s, 'new')",
                (order["sender"], city, weight),
            )
            number = cursor.lastrowid
            cursor.execute("INSERT INTO events (parcel_id, at, what) VALUES (%s, NOW(), 'created')", (number,))
            if flag("badcolumn"):
                cursor.execute("UPDATE parcels SET insured_value = %s WHERE id = %s", (weight, number))
            cursor.execute("UPDATE quotas SET used = used + 1 WHERE sender = %s", (order["sender"],))
            db.commit()
        log("api", key, "info", "parcels", f"parcel {number} created for {city}, {weight} g")
        if flag("newrelease"):
            log("api", key, "info", "insurance", f"parcel {number} is insured up to {weight // 10} EUR")
        label = {"parcel": number} if flag("poison") else {"id": number, "city": city, "weight": weight}
        publisher.send(json.dumps(label).encode(), {"req": key})
        log("api", key, "debug", "queue", f"label of parcel {number} is queued")
        return 201, {"id": number}


def work():
    while True:
        try:
            connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", 25672, heartbeat=30))
            channel = connection.channel()
            channel.queue_declare("labels", durable=True)
            channel.basic_qos(prefetch_count=4)
            log("worker", "main", "info", "queue", "consuming from labels")
            channel.basic_consume("labels", make_label)
            channel.start_consuming()
        except Exception as error:
            text = f"connection to the broker lost: {type(error).__name__}: {error}; again in 2 s"
            log("worker", "main", "error", "queue", text)
            time.sleep(2)


def make_label(channel, method, properties, body):
    key = (properties.headers or {}).get("req", "none")
    again = ", again" if method.redelivered else ""
    log("worker", key, "debug", "labels", f"message of {len(body)} bytes{again}")
    try:
        order = json.loads(body)
        number = order["id"]
        label = os.urandom(random.randint(3000, 9000))
        log("worker", key, "info", "labels", f"rendering label of parcel {number} for {order['city']}")
        (SRV / "labels" / f"{number}.pdf").write_bytes(label)
        time.sleep(random.uniform(0.005, 0.03))
        with database() as db, db.cursor() as cursor:
            cursor.execute("UPDATE parcels SET state = 'labelled' WHERE id = %s", (number,))
            cursor.execute("INSERT INTO events (parcel_id, at, what) VALUES (%s, NOW(), 'labelled')", (number,))
            db.commit()
        (SRV / "labels" / f"{number}.pdf").unlink()
        log("worker", key, "info", "labels", f"label of parcel {number} stored, {len(label)} bytes")
        channel.basic_ack(method.delivery_tag)
    except Exception as error:
        fate = "dropped" if method.redelivered else "put back"
        text = f"label failed: {type(error).__name__}: {error}; {fate}"
        log("worker", key, "error", "labels", text, stack=traceback.format_exc())
        channel.basic_nack(method.delivery_tag, requeue=not method.redelivered)


class Carrier(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if flag("slowcarrier"):
            time.sleep(6)
        body = json.dumps({"rate": random.randint(300, 2000)}).encode()
        time.sleep(random.uniform(0.005, 0.06))
        self.send_response(503 if random.random() < 0.02 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 100

    def handle_error(self, *_):
        """Say nothing: the proxy's checks close their connections early."""


def carry():
    secure = Server(("127.0.0.1", 28443), Carrier)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SRV / "cert.pem", SRV / "key.pem")
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    Server(("127.0.0.1", 28090), Carrier).serve_forever()


def serve(port):
    log("api", "main", "info", "main", f"listening on {port}")
    Server(("127.0.0.1", port), Api).serve_forever()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["api", port]:
            serve(int(port))
        case ["worker"]:
            work()
        case ["carrier"]:
            carry()
