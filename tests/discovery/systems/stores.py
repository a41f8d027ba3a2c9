"""What databases, caches and brokers log."""

from __future__ import annotations

from tests.discovery.systems.story import Step, System, as_json, system

_POSTGRES = """
    LOG connection received: host={ip} port={port}
    LOG connection authorized: user={user} database=shop application_name=shop
    LOG duration: {n}.123 ms  statement: SELECT * FROM carts WHERE id = {n}
    LOG disconnection: session time: 0:00:03.{n} user={user} database=shop host={ip} port={port}
"""
_PG_FAILS = 'ERROR could not extend file "base/16384/{n}": No space left on device'
_MONGO = """
    I NETWORK Connection accepted
    I ACCESS Authentication succeeded
    I COMMAND Slow query
    I NETWORK Connection ended
"""
_JAVA = """
    INFO Accepted connection from {ip}
    DEBUG Reading request header of {n} bytes
    INFO Wrote {n} rows to the memtable
    INFO Flushed and closed
"""


def _pg_csv(x: Step) -> str:
    when = f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms} UTC"
    text = x.text.replace('"', '""')
    return (
        f'{when},"{x.user}","shop",{x.pid},"{x.ip}:{x.port}",{x.pid:x}.{x.work:x},{x.at + 1},"SELECT",2026-11-22 18:01:19 UTC,'
        f'3/{x.n},0,{x.level},00000,"{text}",,,,,,,,,"shop","client backend",,0'
    )


def _mongo(x: Step) -> str:
    names = {"I NETWORK": "NETWORK"}
    component, _, text = x.text.partition(" ")
    return as_json(
        t={"$date": f"{x.when:%Y-%m-%dT%H:%M:%S}.{x.ms}+00:00"}, s=x.level, c=names.get(component, component),
        id=22943 + x.at, ctx=f"conn{x.work + 100}", msg=text, attr={"remote": f"{x.ip}:{x.port}", "durationMillis": x.n},
    )  # fmt: skip


def _slow(x: Step) -> str:
    return (
        f"# Time: {x.when:%Y-%m-%dT%H:%M:%S.%fZ}\n# User@Host: {x.user}[{x.user}] @  [{x.ip}]  Id: {x.pid}\n"
        f"# Query_time: {x.n / 1000:.6f}  Lock_time: 0.000004 Rows_sent: 1  Rows_examined: {x.n}\n"
        f"SET timestamp={int(x.when.timestamp())};\n{x.text};"
    )


def _elastic_json(x: Step) -> str:
    return as_json(
        **{
            "@timestamp": x.iso, "log.level": x.level, "message": x.text, "ecs.version": "1.2.0",
            "service.name": "ES_ECS", "event.dataset": "elasticsearch.server", "process.thread.name": f"es[n1][write][T#{x.thread}]",
            "log.logger": "org.elasticsearch.cluster", "trace.id": x.id, "elasticsearch.node.name": "n1",
        }
    )  # fmt: skip


_JAVA_LEVELS = "INFO DEBUG ERROR"
_JAVA_FAILS = "ERROR Exception encountered: java.io.IOException: No space left on device"
_THREAD = r"^[A-Za-z].*\d"
STORES: dict[str, System] = {
    "postgres": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms} UTC [{x.pid}] {x.user}@shop {x.level}:  {x.text}",
        _POSTGRES,
        _PG_FAILS,
        r"^\d{5}$",
        "LOG ERROR",
        kind="PostgreSQL's log",
    ),
    "postgres csv": system(
        _pg_csv, _POSTGRES, _PG_FAILS, r"^\d{5}$|\.[0-9a-f]+$|:\d+$", "LOG ERROR", kind="PostgreSQL's CSV log"
    ),
    "postgres json": system(
        lambda x: as_json(
            timestamp=f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms} UTC",
            user=x.user,
            dbname="shop",
            pid=x.pid,
            remote_host=x.ip,
            remote_port=x.port,
            session_id=f"{x.pid:x}.{x.work:x}",
            line_num=x.at + 1,
            error_severity=x.level,
            message=x.text,
            backend_type="client backend",
            query_id=0,
        ),
        _POSTGRES,
        _PG_FAILS,
        r"^\d{5}$|\.[0-9a-f]+$",
        "LOG ERROR",
        format="json",
    ),
    "mysql error": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S.%fZ} {x.pid} [{x.level}] [MY-0{10900 + x.at}] [Server] {x.text}",
        """
        Note Access granted for user '{user}'@'{ip}' (using password: YES)
        Note Query {n} is executed
        Warning Aborted connection to db: 'shop' user: '{user}' host: '{ip}' (Got timeout reading communication packets)
        """,
        "ERROR Disk is full writing './binlog.{n}' (OS errno 28 - No space left on device)",
        r"^\d{5}$",
        "Note Warning ERROR",
    ),
    "mysql slow": system(
        _slow,
        """
        - SELECT * FROM carts WHERE id = {n}
        - UPDATE stock SET free = free - 1 WHERE id = {n}
        - INSERT INTO orders VALUES ({n}, 'new')
        """,
        "- ALTER TABLE orders ADD COLUMN note TEXT",
        r"^\d{5}$|^10\.20\.",
        window=True,
    ),
    "redis": system(
        lambda x: f"{1}:M {x.when:%d %b %Y %H:%M:%S}.{x.ms} {x.level} {x.text}",
        """
        * {n} changes in 60 seconds. Saving...
        * Background saving started by pid {pid}
        * DB saved on disk
        # Background saving terminated with success
        """,
        "# Can't save in background: fork: Cannot allocate memory",
        None,
        window=True,
    ),
    "mongodb": system(
        _mongo,
        _MONGO,
        "E STORAGE WiredTiger error",
        r"^conn\d+$|:\d+$",
        "info error",
        services="NETWORK ACCESS COMMAND STORAGE",
        format="json",
    ),
    "cassandra": system(
        lambda x: (
            f"{x.level:5} [Native-Transport-Requests-{x.thread}] {x.when:%Y-%m-%d %H:%M:%S},{x.ms} Message.java:{x.n} - {x.text}"
        ),
        _JAVA,
        _JAVA_FAILS,
        _THREAD,
        _JAVA_LEVELS,
    ),
    "elasticsearch": system(
        lambda x: f"[{x.when:%Y-%m-%dT%H:%M:%S},{x.ms}][{x.level:5}][o.e.c.m.IndexService   ] [n1] [{x.id}] {x.text}",
        _JAVA,
        _JAVA_FAILS,
        r"^[0-9a-f]{16}$",
        _JAVA_LEVELS,
        kind="Elasticsearch's log",
    ),
    "elasticsearch json": system(
        _elastic_json, _JAVA, _JAVA_FAILS, r"^[0-9a-f]{16}$", _JAVA_LEVELS, services="ES_ECS", format="json"
    ),
    "rabbitmq": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S.%f}+00:00 [{x.level}] <0.{x.pid}.0> {x.text}",
        """
        info accepting AMQP connection {ip}:{port} -> 10.0.0.4:5672
        info connection {ip}:{port} -> 10.0.0.4:5672: user '{user}' authenticated and granted access to vhost '/'
        debug Channel {n} opened
        info closing AMQP connection ({ip}:{port} -> 10.0.0.4:5672, vhost: '/', user: '{user}')
        """,
        "error closing AMQP connection ({ip}:{port} -> 10.0.0.4:5672): missed heartbeats from client, timeout: 60s",
        r"^0\.\d{5}\.0$|^<0|^\d{5}$|:\d{5}$",
        "info debug error",
        kind="Erlang's log",
    ),
    "kafka": system(
        lambda x: (
            f"[{x.when:%Y-%m-%d %H:%M:%S},{x.ms}] {x.level} [Partition orders-{x.work % 40} broker=1] {x.text} (kafka.cluster.Partition)"
        ),
        """
        INFO Log loaded for partition with initial high watermark {n}
        INFO Shrinking ISR from 1,2,3 to 1,2. Leader: (highWatermark: {n}, endOffset: {n})
        INFO Expanding ISR from 1,2 to 1,2,3
        """,
        "ERROR Error while writing to checkpoint file: No space left on device",
        r"orders-\d+|^\d+$",
        "INFO ERROR",
        kind="log4j or logback",
    ),
    "clickhouse": system(
        lambda x: f"{x.when:%Y.%m.%d %H:%M:%S.%f} [ {x.thread + 400} ] {{{x.uuid}}} <{x.level}> executeQuery: {x.text}",
        """
        Debug (from {ip}:{port}) SELECT sum(price) FROM orders WHERE day = {n}
        Information Read {n} rows, {n} KiB in 0.0{n} sec
        Debug Peak memory usage: {n} KiB
        """,
        "Error Code: 243. DB::Exception: Cannot reserve {n} MiB, not enough space",
        "^[0-9a-f]{8}-",
        "Debug Information Error",
    ),
    "etcd": system(
        lambda x: as_json(
            level=x.level, ts=x.iso, caller="etcdserver/util.go:170", msg=x.text, took=f"{x.n}ms", request_id=x.id
        ),
        """
        info handling range request
        warn apply request took too long
        info compacted revision
        """,
        "fatal failed to purge wal file",
        r"^[0-9a-f]{16}$",
        "info warn fatal",
        format="json",
    ),
}
