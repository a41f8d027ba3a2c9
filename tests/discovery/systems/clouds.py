"""What clouds log."""

from __future__ import annotations

from tests.discovery.systems.story import Step, System, as_json, system

_REQUESTS = """
    200 GET https://shop.example:443/cart
    200 POST https://shop.example:443/cart/items
    200 GET https://shop.example:443/checkout
"""
_BROKEN = "502 POST https://shop.example:443/orders"
_CALLS = """
    - ec2 DescribeInstances
    - s3 GetObject
    - sts AssumeRole
"""
_CLOUDFRONT_FIELDS = (
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id"
)
_CALLER = r"^10\.20\.|^AKIA|^arn:aws:iam"
_SERVICES = "ec2.amazonaws.com s3.amazonaws.com sts.amazonaws.com iam.amazonaws.com"


def _alb(x: Step) -> str:
    backend = "-" if x.failed else "200"
    return (
        f"https {x.when:%Y-%m-%dT%H:%M:%S.%fZ} app/shop/50dc6c495c0c9188 {x.ip}:{x.port} 10.0.1.7:80 0.001 0.0{x.n} 0.000 "
        f'{x.level} {backend} 34 {x.n} "{x.text} HTTP/2.0" "curl/8.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        f'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/73e2d6bc24d8a067 "Root=1-58337262-{x.id}{x.id[:8]}" '
        f'"shop.example" "-" 0 {x.when:%Y-%m-%dT%H:%M:%S.%fZ} "forward" "-" "-" "10.0.1.7:80" "{backend}" "-" "-"'
    )


def _flow(x: Step) -> str:
    start = int(x.when.timestamp())
    return f"2 123456789012 eni-0{x.thread}235b8ca1 {x.ip} 10.0.0.4 {x.port} {x.text} 6 {x.n} {x.n * 60} {start} {start + 58} {x.level} OK"


def _trail(x: Step) -> str:
    service, name = x.text.split()
    failed = {"errorCode": "AccessDenied", "errorMessage": f"User {x.user} is not authorized"} if x.failed else {}
    return as_json(
        eventVersion="1.09", userIdentity={"type": "IAMUser", "userName": x.user, "arn": f"arn:aws:iam::1:user/{x.user}{x.work % 40}", "accessKeyId": f"AKIA{x.id[:16].upper()}"},
        eventTime=f"{x.when:%Y-%m-%dT%H:%M:%SZ}", eventSource=f"{service}.amazonaws.com", eventName=name, awsRegion="eu-west-1",
        sourceIPAddress=x.ip, userAgent="aws-cli/2.15", requestID=f"{x.n:08X}", eventID=f"{x.n:032x}", **failed,
    )  # fmt: skip


def _trail_file(x: Step) -> str:
    return '{"Records":[' + _trail(x) + "]}"


def _cloudfront(x: Step) -> str:
    method, url = x.text.split()
    return "\t".join(
        (f"{x.when:%Y-%m-%d}", f"{x.when:%H:%M:%S}", "FRA50-C1", str(x.n), x.ip, method, "d1.cloudfront.net", url, x.level, "-",
         "curl/8.0", "-", "-", "Miss", f"{x.n:032x}")
    )  # fmt: skip


def _s3(x: Step) -> str:
    return (
        f"79a59df900b949e5 shop-bucket [{x.when:%d/%b/%Y:%H:%M:%S +0000}] {x.ip} - {x.id.upper()} REST.{x.text} carts/{x.n} "
        f'"GET /shop-bucket/carts/{x.n} HTTP/1.1" {x.level} - {x.n} {x.n} 12 11 "-" "aws-cli/2.15" -'
    )


def _gcp(x: Step) -> str:
    return as_json(
        insertId=f"{x.n}", jsonPayload={"message": x.text}, resource={"type": "k8s_container", "labels": {"container_name": "shop"}},
        timestamp=x.iso, severity=x.level, trace=f"projects/shop/traces/{x.id * 2}",
    )  # fmt: skip


CLOUDS: dict[str, System] = {
    "aws alb": system(_alb, _REQUESTS, _BROKEN, r"^10\.20\.|^1-|^[0-9a-f]{16,}$", kind="access log"),
    "aws vpc flow": system(
        _flow,
        """
        ACCEPT 443
        ACCEPT 8443
        ACCEPT 53
        """,
        "REJECT 23",
        r"^10\.20\.|^\d{5}$|^eni-",
        head=(
            "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
        ),
        window=True,
        kind="VPC flow log",
    ),
    "aws cloudtrail": system(
        _trail, _CALLS, "- iam CreateAccessKey", _CALLER, services=_SERVICES, format="cloudtrail", window=True
    ),
    "aws cloudtrail file": system(
        _trail_file, _CALLS, "- iam CreateAccessKey", _CALLER, services=_SERVICES, format="cloudtrail", window=True
    ),
    "aws cloudfront": system(
        _cloudfront,
        _REQUESTS,
        _BROKEN,
        r"^10\.20\.",
        head=(
            "#Version: 1.0",
            _CLOUDFRONT_FIELDS,
        ),
        kind="W3C's extended log",
    ),
    "aws s3": system(
        _s3,
        """
        200 GET.OBJECT
        200 HEAD.OBJECT
        206 GET.OBJECT
        """,
        "503 PUT.OBJECT",
        r"^10\.20\.|^[0-9A-F]{16}$",
    ),
    "gcp": system(
        _gcp,
        """
        INFO request received for cart {n}
        DEBUG stock checked in {n} ms
        INFO order {n} stored
        """,
        "ERROR order {n} not stored: connection refused",
        r"^projects/shop/traces/",
        "INFO DEBUG ERROR",
        services="shop",
        format="gcp",
    ),
}
