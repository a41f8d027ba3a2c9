"""What applications log, by the libraries of their languages."""

from __future__ import annotations

from tests.discovery.systems.story import Step, System, as_json, system

_SHOP = """
    INFO request received for cart {n}
    DEBUG stock checked in {n} ms
    WARN price of item {n} is stale
    INFO order {n} stored
"""
_FAILS = "ERROR order {n} not stored: connection refused"
_LEVELS = "INFO DEBUG WARN ERROR"
_LOWER = _LEVELS.lower()
_ID = "^[0-9a-f]{16}$"
_PYTHON = _SHOP.replace("WARN ", "WARNING ")
_NUMBERS = {"INFO": 30, "DEBUG": 20, "WARN": 40, "ERROR": 50}
_SERILOG = {"INFO": "INF", "DEBUG": "DBG", "WARN": "WRN", "ERROR": "ERR"}
_WORD = {"WARN": "Warning", "INFO": "Information", "DEBUG": "Debug", "ERROR": "Error"}
_DOTNET = {"INFO": "info", "DEBUG": "dbug", "WARN": "warn", "ERROR": "fail"}
_PHP = {"WARN": "WARNING"}
_SPRING_THREAD = r"^nio-8080-exec-\d+$|^http-nio|exec-\d$|^[0-9a-f]{16}$"


def _rails(x: Step) -> str:
    letter = x.level[0]
    return f"{letter}, [{x.when:%Y-%m-%dT%H:%M:%S.%f} #{x.thread + 40}]  {x.level:>5} -- : [{x.uuid}] {x.text}"


def _klog(x: Step) -> str:
    return f"{x.level[0]}{x.when:%m%d %H:%M:%S.%f} {1:7} kubelet.go:{x.n}] {x.text}"


def _clef(x: Step) -> str:
    level = {} if x.level == "INFO" else {"@l": _WORD[x.level]}
    return as_json(**{"@t": x.iso, "@mt": x.text, **level, "RequestId": x.id, "SourceContext": "Shop.Orders"})


def _celery(x: Step) -> str:
    return f"[{x.when:%Y-%m-%d %H:%M:%S},{x.ms}: {x.level}/ForkPoolWorker-{x.thread}] Task shop.tasks.bill[{x.uuid}] {x.text}"


def _otel_python(x: Step) -> str:
    return (
        f"{x.when:%Y-%m-%d %H:%M:%S},{x.ms} {x.level} [shop.orders] [orders.py:41] "
        f"[trace_id={x.id * 2} span_id={x.id} resource.service.name=shop] - {x.text}"
    )


APPLICATIONS: dict[str, System] = {
    "spring boot": system(
        lambda x: f"{x.iso}  {x.level:5} 7 --- [shop] [nio-8080-exec-{x.thread}] c.shop.orders.OrderService          : {x.text}",
        _SHOP, _FAILS, _SPRING_THREAD, _LEVELS, kind="log4j or logback",
    ),
    "spring boot 2": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms}  {x.level:5} [shop,{x.id},{x.id}] 7 --- [nio-8080-exec-{x.thread}] c.s.Orders : {x.text}",
        _SHOP, _FAILS, _ID + "|" + _ID.replace("^", "^shop,") + "|shop,", _LEVELS, kind="log4j or logback",
    ),
    "log4j2": system(
        lambda x: f"{x.when:%d %b %Y %H:%M:%S},{x.ms} [{x.level}] com.shop.Orders (pool-2-thread-{x.thread}) {x.text}",
        _SHOP, _FAILS, r"^pool-2-thread-\d+$", _LEVELS, kind="log4j or logback",
    ),
    "log4j2 json": system(
        lambda x: as_json(
            instant={"epochSecond": int(x.when.timestamp()), "nanoOfSecond": x.when.microsecond * 1000},
            thread=f"pool-2-thread-{x.thread}", level=x.level, loggerName="com.shop.Orders", message=x.text,
            contextMap={"requestId": x.id},
        ),
        _SHOP, _FAILS, _ID, _LEVELS, format="json",
    ),
    "logstash": system(
        lambda x: as_json(**{"@timestamp": x.iso, "@version": "1", "message": x.text, "logger_name": "c.s.Orders",
            "thread_name": f"exec-{x.thread}", "level": x.level, "level_value": 20000, "traceId": x.id}),
        _SHOP, _FAILS, _ID, _LEVELS, format="json",
    ),
    "wildfly": system(
        lambda x: f"{x.when:%H:%M:%S},{x.ms} {x.level:5} [com.shop.Orders] (default task-{x.thread}) {x.text}",
        _SHOP, _FAILS, r"task-\d+", _LEVELS, kind="log4j or logback", start="T18:01:20.25",
    ),
    "rails": system(
        _rails,
        """
        INFO Started GET "/carts/{n}" for {ip} at 2026-11-22 18:01:20 +0000
        INFO Processing by CartsController#show as HTML
        DEBUG   Cart Load (0.{n}ms)  SELECT "carts".* FROM "carts" WHERE "carts"."id" = $1
        INFO Completed 200 OK in {n}ms (Views: 2.1ms | ActiveRecord: 0.4ms | Allocations: {n})
        """,
        "FATAL ActiveRecord::ConnectionNotEstablished (connection to server failed: Connection refused)",
        "^[0-9a-f]{8}-", "INFO DEBUG FATAL", kind="Ruby's logger",
    ),
    "lograge": system(
        lambda x: (
            f"method=GET path=/carts/{x.n} format=html controller=CartsController action=show status={500 if x.failed else 200} "
            f"duration=12.{x.n} view=2.1 db=0.4 request_id={x.uuid} time={x.iso} step={x.text}"
        ),
        "- load\n- render\n- send", "- error", "^[0-9a-f]{8}-", kind="logfmt",
    ),
    "django": system(
        lambda x: f'[{x.when:%d/%b/%Y %H:%M:%S}] {x.level} [shop.views:41] {x.id} {x.text}',
        _PYTHON, _FAILS, _ID, "INFO DEBUG WARNING ERROR",
    ),
    "gunicorn": system(
        lambda x: f"[{x.when:%Y-%m-%d %H:%M:%S} +0000] [{x.pid}] [{x.level}] {x.text}",
        """
        INFO Booting worker with pid: {pid}
        DEBUG GET /carts/{n}
        DEBUG Closing connection.
        INFO Worker exiting (pid: {pid})
        """,
        "CRITICAL WORKER TIMEOUT (pid:{pid})", r"^\d{5}$", "INFO DEBUG CRITICAL",
    ),
    "celery": system(
        _celery,
        """
        INFO received
        DEBUG loads invoice {n}
        INFO succeeded in {n}.2s: None
        """,
        "ERROR raised unexpected: ConnectionError('refused')", "^[0-9a-f]{8}-", "INFO DEBUG ERROR",
    ),
    "python basic": system(
        lambda x: f"{x.level}:shop.orders:[{x.id}] {x.text}", _PYTHON, _FAILS, _ID, "INFO DEBUG WARNING ERROR",
        kind="Python's logging", start="",
    ),
    "python otel": system(_otel_python, _PYTHON, _FAILS, "^[0-9a-f]{16,32}$", "INFO DEBUG WARNING ERROR", kind="Python's logging"),
    "loguru": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms} | {x.level:8} | shop.orders:store:{x.n} - [{x.id}] {x.text}",
        _PYTHON, _FAILS, _ID, "INFO DEBUG WARNING ERROR",
    ),
    "structlog": system(
        lambda x: f"{x.iso} [{x.level.lower():9}] {x.text:<40} [shop.orders] request_id={x.id}", _PYTHON, _FAILS, _ID,
        "info debug warning error",
    ),
    "structlog json": system(
        lambda x: as_json(event=x.text, level=x.level.lower(), timestamp=x.iso, logger="shop", request_id=x.id), _PYTHON, _FAILS,
        _ID, "info debug warning error", format="json",
    ),
    "uvicorn": system(
        lambda x: f'{x.level}:     {x.ip}:{x.port} - "{x.text}',
        """
        INFO GET /carts/{n} HTTP/1.1" 200 OK
        INFO POST /carts/{n}/items HTTP/1.1" 201 Created
        INFO GET /orders/{n} HTTP/1.1" 200 OK
        """,
        'INFO POST /orders HTTP/1.1" 500 Internal Server Error', r"^10\.20", "INFO", start="",
    ),
    "zap": system(
        lambda x: as_json(level=x.level.lower(), ts=x.when.timestamp(), caller="shop/orders.go:41", msg=x.text, requestID=x.id),
        _SHOP, _FAILS, _ID, _LOWER, format="json",
    ),
    "zap console": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S}.{x.ms}+0000\t{x.level}\tshop/orders.go:41\t{x.text}\t" + as_json(requestID=x.id),
        _SHOP, _FAILS, _ID, _LEVELS,
    ),
    "logrus": system(
        lambda x: f'time="{x.when:%Y-%m-%dT%H:%M:%SZ}" level={x.level.lower()} msg="{x.text}" request={x.id}',
        _SHOP, _FAILS, _ID, _LOWER, kind="logfmt",
    ),
    "logrus json": system(
        lambda x: as_json(level=x.level.lower(), msg=x.text, request=x.id, time=x.iso), _SHOP, _FAILS, _ID, _LOWER, format="json"
    ),
    "slog": system(
        lambda x: f'time={x.iso} level={x.level} msg="{x.text}" request.id={x.id} took={x.n}ms', _SHOP, _FAILS, _ID, _LEVELS,
        kind="logfmt",
    ),
    "slog json": system(
        lambda x: as_json(time=x.iso, level=x.level, msg=x.text, request={"id": x.id}), _SHOP, _FAILS, _ID, _LEVELS, format="json"
    ),
    "slog default": system(
        lambda x: f"{x.when:%Y/%m/%d %H:%M:%S} {x.level} {x.text} request={x.id}", _SHOP, _FAILS, _ID, _LEVELS
    ),
    "zerolog": system(
        lambda x: as_json(level=x.level.lower(), request_id=x.id, time=int(x.when.timestamp()), message=x.text), _SHOP, _FAILS, _ID,
        _LOWER, format="json",
    ),
    "zerolog console": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%SZ} \x1b[32m{x.level[:3].replace('DEB', 'DBG').replace('WAR', 'WRN')}\x1b[0m {x.text} \x1b[36mrequest_id=\x1b[0m{x.id}",
        _SHOP.replace("ERROR", "ERR"), _FAILS, _ID, "info debug warning error",
    ),
    "pino": system(
        lambda x: as_json(level=_NUMBERS[x.level], time=int(x.when.timestamp() * 1000), pid=7, hostname="web1", reqId=x.id, msg=x.text),
        _SHOP, _FAILS, _ID, _LOWER, format="json",
    ),
    "bunyan": system(
        lambda x: as_json(name="shop", hostname="web1", pid=7, level=_NUMBERS[x.level], req_id=x.id, msg=x.text, time=x.iso, v=0),
        _SHOP, _FAILS, _ID, _LOWER, services="shop", format="json",
    ),
    "winston": system(
        lambda x: as_json(level=x.level.lower(), message=x.text, requestId=x.id, service="shop", timestamp=x.iso), _SHOP, _FAILS,
        _ID, _LOWER, services="shop", format="json",
    ),
    "serilog": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms} +00:00 [{_SERILOG[x.level]}] {x.text} {{RequestId={x.id}}}", _SHOP, _FAILS, _ID,
        "info debug warning error",
    ),
    "serilog json": system(_clef, _SHOP, _FAILS, _ID, "Debug Warning Error", unstated="request order", format="json"),
    "dotnet console": system(
        lambda x: f"{_DOTNET[x.level]}: Shop.Orders[{x.at}]\n      {x.id} {x.text}", _SHOP, _FAILS, _ID, "info debug warn error",
        start="", window=True,
    ),
    "nlog": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S}.{x.ms}0|{x.level}|Shop.Orders|{x.id}|{x.text}", _SHOP, _FAILS, _ID, _LEVELS
    ),
    "log4net": system(
        lambda x: f"{x.when:%Y-%m-%d %H:%M:%S},{x.ms} [{x.thread}] {x.level:5} Shop.Orders [{x.id}] - {x.text}", _SHOP, _FAILS, _ID,
        _LEVELS,
    ),
    "monolog": system(
        lambda x: f"[{x.when:%Y-%m-%dT%H:%M:%S.%f}+00:00] app.{_PHP.get(x.level, x.level)}: {x.text} {{\"request\":\"{x.id}\"}} []", _SHOP, _FAILS, _ID,
        "INFO DEBUG WARNING ERROR",
    ),
    "laravel": system(
        lambda x: f"[{x.when:%Y-%m-%d %H:%M:%S}] production.{_PHP.get(x.level, x.level)}: {x.text} {{\"request\":\"{x.id}\"}}", _SHOP, _FAILS, _ID,
        "INFO DEBUG WARNING ERROR",
    ),
    "tracing": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S.%fZ}  {x.level:>5} request{{id={x.id}}}: shop::orders: {x.text}", _SHOP, _FAILS, _ID,
        _LEVELS,
    ),
    "elixir": system(
        lambda x: f"{x.when:%H:%M:%S}.{x.ms} request_id={x.id} [{x.level.lower()}] {x.text}", _SHOP, _FAILS, _ID, _LOWER, start="T18:01:20.25"
    ),
    "klog": system(
        _klog,
        """
        INFO "SyncLoop ADD" source="api" pods=["default/shop-{id}"]
        INFO "Pulling image" pod="default/shop-{id}" image="shop:1.{n}"
        WARN "Container is slow to start" pod="default/shop-{id}" took="{n}ms"
        INFO "Container started" pod="default/shop-{id}"
        """,
        'ERROR "Error syncing pod, skipping" err="failed to start container" pod="default/shop-{id}"',
        r"[0-9a-f]{16}", "info warning error", kind="glog", start="-11-22T18:01:20.25",
    ),
    "docker": system(
        lambda x: as_json(log=f"[{x.id}] {x.level} {x.text}\n", stream="stdout", time=f"{x.when:%Y-%m-%dT%H:%M:%S.%f}123Z"), _SHOP,
        _FAILS, _ID, _LEVELS, format="json", kind="Docker's json-file",
    ),
    "docker of json": system(
        lambda x: as_json(
            log=as_json(level=x.level.lower(), msg=x.text, request_id=x.id) + "\n", stream="stderr", time=f"{x.when:%Y-%m-%dT%H:%M:%S.%f}123Z"
        ),
        _SHOP, _FAILS, _ID, _LOWER, format="json",
    ),
    "docker compose": system(
        lambda x: f"shop-1  | {x.iso} {x.level} [{x.id}] {x.text}", _SHOP, _FAILS, _ID, _LEVELS
    ),
    "cri": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S.%f}123Z stdout F {x.level} [{x.id}] {x.text}", _SHOP, _FAILS, _ID, _LEVELS, format="cri"
    ),
    "cri of json": system(
        lambda x: f"{x.when:%Y-%m-%dT%H:%M:%S.%f}123+00:00 stderr F " + as_json(level=x.level.lower(), msg=x.text, request_id=x.id),
        _SHOP, _FAILS, _ID, _LOWER, format="cri",
    ),
    "java gc": system(
        lambda x: f"[{x.when:%Y-%m-%dT%H:%M:%S}.{x.ms}+0000][{x.level.lower()}][gc] GC({x.work}) {x.text}",
        """
        INFO Pause Young (Normal) (G1 Evacuation Pause)
        INFO Using 2 workers of 2 for evacuation
        INFO Eden regions: {n}->0({n})
        INFO Pause Young (Normal) (G1 Evacuation Pause) {n}M->{n}M({n}M) {n}.1ms
        """,
        "WARN To-space exhausted", r"^\d{1,3}$|GC\(", "info warn", window=True,
    ),
}  # fmt: skip
