"""Login sessions: a random cookie for each browser, kept in memory until it expires or the console ends."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from daemon.adapters.web import Account

LIFETIME_S = 12 * 3600.0
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Login:
    """One browser's session. `csrf` must come back in every form that it sends."""

    account: Account
    csrf: str
    expires: float

    def sent_this_form(self, csrf: str) -> bool:
        """Return whether a form with this token comes from a page of this session."""
        return compare_digest(self.csrf.encode(), csrf.encode())


class Logins:
    """The sessions that are open. Cookies are kept as hashes; times are in seconds of any steady clock."""

    def __init__(self) -> None:
        self._logins: dict[str, Login] = {}
        self.let_go = 0
        """How many sessions ever ended because there were too many."""

    def __len__(self) -> int:
        return len(self._logins)

    def begin(self, account: Account, now: float) -> tuple[str, Login]:
        """Return a new session and its cookie. The oldest one ends when there are too many."""
        self._drop_expired(now)
        if len(self._logins) >= MOST:
            del self._logins[next(iter(self._logins))]
            self.let_go += 1
        cookie = secrets.token_urlsafe(32)
        login = Login(account, secrets.token_urlsafe(32), now + LIFETIME_S)
        self._logins[_key(cookie)] = login
        return cookie, login

    def find(self, cookie: str, now: float) -> Login | None:
        """Return the session of a cookie, None when there is none or it has expired."""
        login = self._logins.get(_key(cookie))
        return login if login is not None and login.expires > now else None

    def end(self, cookie: str) -> None:
        """End a session; an unknown cookie is ignored."""
        self._logins.pop(_key(cookie), None)

    def _drop_expired(self, now: float) -> None:
        # Sessions are in order of expiry, because all live equally long.
        while self._logins and next(iter(self._logins.values())).expires <= now:
            del self._logins[next(iter(self._logins))]


def _key(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()
