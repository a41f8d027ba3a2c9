"""A daemon's metrics over HTTP, as a scraper asks for them."""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from daemon.errors import ConfigError, UnavailableError

SECONDS = 5.0
MOST = 32 << 20


def fetch(url: str, token: str | None = None) -> str:
    """Return what the address serves to a client with `token`.

    Raises ConfigError for a wrong address, UnavailableError when there is no answer or it is an error.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError([f"{url} is not an address; write one like http://127.0.0.1:9108"])
    headers = {"Accept": "text/plain"} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
    request = Request(url, headers=headers)  # noqa: S310  # the scheme has been checked
    try:
        with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            body: bytes = answer.read(MOST)
    except HTTPError as error:
        raise UnavailableError(f"{url} answers {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise UnavailableError(f"no daemon answers at {url}: {getattr(error, 'reason', error)}") from None
    return body.decode(errors="replace")
