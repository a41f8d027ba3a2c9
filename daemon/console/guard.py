"""Who may do what: every request passes these checks before its handler runs.

1. Without accounts, the console listens on loopback only, and the Host header must name loopback. Otherwise a web page
   could reach it through a host name of its own (DNS rebinding).
2. A request that changes something must come from a page of the console: by `Sec-Fetch-Site`, by `Origin`, and by the
   token of its form.
3. The account comes from a bearer token, from a proxy that is believed (`proxy`), or from the session's cookie, and a
   route names the role that it needs.

Every answer forbids scripts, styles and frames from anywhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from urllib.parse import quote, urlsplit

from aiohttp import web

from daemon.adapters.web import Account, Accounts, Role
from daemon.console.logins import LIFETIME_S, Login, Logins
from daemon.console.proxy import Proxy

COOKIE = "strayline"
LOGIN = web.RequestKey("login", Login)
ROOT = web.RequestKey("root", str)
"""Prefix of all paths as the browser sees them, empty or like ``/strayline``."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SAFE = frozenset({"GET", "HEAD"})
_HASHES_AT_ONCE = 2
"""Passwords checked at the same time: the rest wait, so guessing cannot take all cores."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Checks requests. Without `accounts`, every visitor is `visitor`, an admin on this machine.

    `root` is the prefix under which the console itself serves, `proxy` which proxies are believed.
    """

    def __init__(self, accounts: Accounts | None, visitor: str, root: str = "", proxy: Proxy | None = None) -> None:
        self._accounts = accounts
        self._root = root
        self._proxy = proxy or Proxy()
        self._visitor = Account(visitor, Role.ADMIN)
        self.logins = Logins()
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)

    @property
    def has_accounts(self) -> bool:
        """Whether visitors must log in."""
        return self._accounts is not None

    def replace(self, accounts: Accounts) -> None:
        """Use other accounts from now on; sessions of those that are gone, or have another role, end."""
        self._accounts = accounts

    def needs(self, role: Role | None, handler: Handler) -> Handler:
        """Return a handler that runs `handler` for accounts of this role or a higher one; None is for everybody."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            request[ROOT] = self.root_of(request)
            self._check_host(request)
            self._check_origin(request)
            if role is None:
                return await handler(request)
            login, cookie = self._login(request)
            if not login.account.role.includes(role):
                raise web.HTTPForbidden(text=f"your role is {login.account.role}; this needs {role}")
            request[LOGIN] = login
            response = await handler(request)
            if cookie is not None:
                self.set_cookie(request, response, cookie)
            return response

        return guarded

    def root_of(self, request: web.Request) -> str:
        """Return the prefix of all paths as the browser that sent this sees them."""
        return self._proxy.prefix(request) + self._root

    async def log_in(self, name: str, password: str) -> str | None:
        """Return the cookie of a new session, None for a wrong name or password."""
        assert self._accounts is not None, "nobody logs in where there are no accounts"
        async with self._hashing:
            account = await asyncio.to_thread(self._accounts.by_password, name, password)
        return None if account is None else self.logins.begin(account, monotonic())[0]

    def set_cookie(self, request: web.Request, response: web.StreamResponse, cookie: str) -> None:
        """Send a session's cookie; over TLS, also at a proxy that is believed, it is for TLS only."""
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=round(LIFETIME_S),
            path=f"{request[ROOT]}/",
            httponly=True,
            samesite="Lax",
            secure=request.secure or self._proxy.speaks_tls(request),
        )

    def log_out(self, request: web.Request) -> None:
        """End the session of a request."""
        self.logins.end(request.cookies.get(COOKIE, ""))

    def _login(self, request: web.Request) -> tuple[Login, str | None]:
        """Return the session of a request, and a cookie to set where it is new."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if self._accounts is not None and scheme.lower() == "bearer":
            account = self._accounts.by_token(token.strip())
            if account is None:
                raise web.HTTPUnauthorized(text="unknown token", headers={"WWW-Authenticate": "Bearer"})
            return Login(account, csrf="", expires=0.0), None
        known = self.logins.find(request.cookies.get(COOKIE, ""), monotonic())
        if name := self._proxy.name(request):
            role = self._accounts.role_of(name) if self._accounts is not None else None
            account = Account(name, role or self._proxy.role)
            if known is not None and known.account == account:
                return known, None
            cookie, login = self.logins.begin(account, monotonic())
            return login, cookie
        if self._proxy.logs_in and self._accounts is None:
            raise web.HTTPUnauthorized(text="log in at the proxy of the console")
        if known is not None and (self._accounts is None or self._accounts.has(known.account)):
            return known, None
        if self._accounts is None:
            cookie, login = self.logins.begin(self._visitor, monotonic())
            return login, cookie
        if request.method in _SAFE and "text/html" in request.headers.get("Accept", ""):
            target = self._proxy.prefix(request) + request.path_qs
            raise web.HTTPSeeOther(f"{request[ROOT]}/login?next={quote(target, safe='')}")
        raise web.HTTPUnauthorized(text="log in, or send a bearer token", headers={"WWW-Authenticate": "Bearer"})

    def _check_host(self, request: web.Request) -> None:
        host = urlsplit(f"//{request.host}").hostname
        if self._accounts is None and not self._proxy.logs_in and host not in LOOPBACK:
            raise web.HTTPForbidden(text="without console.users, the console answers on localhost only")

    def _check_origin(self, request: web.Request) -> None:
        if request.method in _SAFE:
            return
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        foreign = origin is not None and urlsplit(origin).netloc != self._proxy.host(request)
        if site not in ("none", "same-origin") or foreign:
            raise web.HTTPForbidden(text="requests from other web pages are refused")


def check_form(request: web.Request, csrf: str) -> None:
    """Refuse a form that was not made for this session. Requests with a bearer token need no form token."""
    login = request[LOGIN]
    if login.csrf and not login.sent_this_form(csrf):
        raise web.HTTPForbidden(text="this form is out of date: load the page again")


async def checked_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form that was made for this session; see `check_form`."""
    form = await request.post()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    check_form(request, fields.get("csrf", ""))
    return fields
