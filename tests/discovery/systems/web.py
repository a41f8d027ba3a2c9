"""What web servers and proxies log."""

from __future__ import annotations

from tests.discovery.systems.story import MONTHS, Step, System, as_json, system

_REQUESTS = """
    200 GET /cart
    200 POST /cart/items
    304 GET /static/app.js
    200 GET /checkout
    201 POST /orders
"""
_BROKEN = "502 POST /orders"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_IIS_FIELDS = (
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)
_ADDRESS = r"^10\.20(\.\d+){2}(:\d+)?$"
_NGINX_ERRORS = """
    notice "GET /cart" served from a cache, client: {ip}
    warn an upstream response is buffered to a temporary file /var/cache/nginx/{n} while reading upstream, client: {ip}
    info client {ip} closed keepalive connection
"""
_APACHE_ERRORS = """
    info AH01964: Connection to child {n} established (server shop:443)
    notice AH00170: caught reload signal for /etc/apache2/{n}.conf
    info AH02008: SSL library error {n} in handshake
"""


def _clf(x: Step) -> str:
    return f'[{x.when:%d}/{MONTHS[x.when.month - 1]}/{x.when:%Y:%H:%M:%S} +0000] "{x.text} HTTP/1.1" {x.level} {x.n}'


def _envoy(x: Step) -> str:
    flags = "UF" if x.failed else "-"
    return (
        f'[{x.iso}] "{x.text} HTTP/1.1" {x.level} {flags} 0 {x.n} 12 11 "{x.ip}" "{_AGENT}" "{x.uuid}" "shop.local" '
        f'"10.0.1.7:8080" outbound|80||shop.default.svc.cluster.local 10.0.0.4:41000 10.0.0.4:80 {x.ip}:{x.port} - default'
    )


def _envoy_json(x: Step) -> str:
    method, path = x.text.split()
    return as_json(
        start_time=x.iso, method=method, path=path, protocol="HTTP/1.1", response_code=int(x.level), duration=x.n,
        response_flags="UF" if x.failed else "-", x_request_id=x.uuid, authority="shop.local",
    )  # fmt: skip


def _traefik_json(x: Step) -> str:
    method, path = x.text.split()
    return as_json(
        ClientAddr=f"{x.ip}:{x.port}", ClientHost=x.ip, DownstreamStatus=int(x.level), Duration=x.n * 1000,
        RequestMethod=method, RequestPath=path, RouterName="shop@docker", ServiceName="shop@docker", level="info", msg="",
        time=f"{x.when:%Y-%m-%dT%H:%M:%SZ}",
    )  # fmt: skip


def _caddy(x: Step) -> str:
    method, uri = x.text.split()
    request = {
        "remote_ip": x.ip, "remote_port": str(x.port), "client_ip": x.ip, "proto": "HTTP/2.0", "method": method,
        "host": "shop.example", "uri": uri, "headers": {"User-Agent": [_AGENT]},
    }  # fmt: skip
    return as_json(
        level="error" if x.failed else "info", ts=x.when.timestamp(), logger="http.log.access.log0", msg="handled request",
        request=request, duration=x.n / 1e6, size=x.n, status=int(x.level),
    )  # fmt: skip


def _iis(x: Step) -> str:
    method, path = x.text.split()
    return f"{x.when:%Y-%m-%d %H:%M:%S} 10.0.0.4 {method} {path} - 443 - {x.ip} {_AGENT.replace(' ', '+')} - {x.level} 0 0 {x.n}"


WEB: dict[str, System] = {
    "nginx access": system(
        lambda x: f'{x.ip} - - {_clf(x)} "https://shop.example/" "{_AGENT}"',
        _REQUESTS,
        _BROKEN,
        _ADDRESS,
        kind="access log",
    ),
    "nginx error": system(
        lambda x: (
            f"{x.when:%Y/%m/%d %H:%M:%S} [{x.level}] 31#31: *{x.work + 100} {x.text}, server: shop.example, "
            'request: "GET /cart HTTP/1.1", host: "shop.example"'
        ),
        _NGINX_ERRORS,
        "error connect() failed (111: Connection refused) while connecting to upstream, client: {ip}",
        r"^\d{3}$",
        "notice warn info error",
        kind="nginx's error log",
    ),
    "apache vhost": system(
        lambda x: f'shop.example:443 {x.ip} - {x.user} {_clf(x)} "-" "{_AGENT}"',
        _REQUESTS,
        _BROKEN,
        _ADDRESS,
        kind="access log",
    ),
    "apache common": system(lambda x: f"{x.ip} - - {_clf(x)}", _REQUESTS, _BROKEN, _ADDRESS, kind="access log"),
    "apache error": system(
        lambda x: (
            f"[{x.when:%a} {MONTHS[x.when.month - 1]} {x.when:%d %H:%M:%S.%f %Y}] [ssl:{x.level}] "
            f"[pid {x.pid}:tid 140{x.pid}] [client {x.ip}:{x.port}] {x.text}"
        ),
        _APACHE_ERRORS,
        "error AH01114: HTTP: failed to make connection to backend: 10.0.1.7",
        _ADDRESS + r"|\d{5}$",
        "info notice error",
        kind="Apache's error log",
    ),
    "haproxy http": system(
        lambda x: (
            f"{x.when:%b %e %H:%M:%S} lb1 haproxy[2301]: {x.ip}:{x.port} [{x.when:%d/%b/%Y:%H:%M:%S}.{x.ms}] https~ "
            f"shop/app{x.thread} 0/0/1/{x.n}/{x.n} {x.level} 1200 - - {'SC--' if x.failed else '----'} 31/30/2/1/0 0/0 "
            f'"{x.text} HTTP/1.1"'
        ),
        _REQUESTS,
        _BROKEN,
        _ADDRESS,
        services="haproxy",
        format="syslog",
        start="-11-22T18:01:20",
    ),
    "haproxy raw": system(
        lambda x: (
            f"{x.ip}:{x.port} [{x.when:%d/%b/%Y:%H:%M:%S}.{x.ms}] https~ shop/app{x.thread} 0/0/1/{x.n}/{x.n} {x.level} "
            f'1200 - - {"SC--" if x.failed else "----"} 31/30/2/1/0 0/0 "{x.text} HTTP/1.1"'
        ),
        _REQUESTS,
        _BROKEN,
        _ADDRESS,
        kind="access log",
    ),
    "envoy": system(_envoy, _REQUESTS, _BROKEN, _ADDRESS + "|^[0-9a-f]{8}-", kind="access log"),
    "envoy json": system(_envoy_json, _REQUESTS, _BROKEN, "^[0-9a-f]{8}-", format="json"),
    "traefik": system(
        lambda x: f'{x.ip} - - {_clf(x)} "-" "{_AGENT}" {x.n} "shop@docker" "http://10.0.1.7:8080" {x.n}ms',
        _REQUESTS,
        _BROKEN,
        _ADDRESS,
        kind="access log",
    ),
    "traefik json": system(_traefik_json, _REQUESTS, _BROKEN, _ADDRESS, "info", format="json"),
    "caddy": system(_caddy, _REQUESTS, _BROKEN, _ADDRESS + r"|^\d{5}$", "info error", format="json"),
    "iis": system(
        _iis,
        _REQUESTS,
        _BROKEN,
        _ADDRESS,
        head=(
            "#Software: Microsoft Internet Information Services 10.0",
            "#Version: 1.0",
            "#Date: 2026-11-22 18:01:20",
            _IIS_FIELDS,
        ),
        kind="W3C's extended log",
    ),
}
