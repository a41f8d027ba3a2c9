"""Tokens for SASL OAUTHBEARER: from a command, or from an OIDC server by client credentials.

A token is used until shortly before it expires, and for four minutes at most, so that one that was withdrawn does not
stay; the next connection after that gets a new one. aiokafka asks for a token whenever it opens a connection, so
nothing has to be refreshed in the background.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic, time
from urllib.parse import quote

import aiohttp
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from daemon.adapters.kafka.settings import OAuthSettings, read_secret
from daemon.errors import ConfigError

SECONDS = 20.0
MOST_LIFE = 300.0
"""Seconds that a token is taken to be valid at most, and where nothing says when it expires."""
SECONDS_TO_END = 1.0
"""Seconds for which a command that was killed may still hold its output open."""
SHARE_OF_LIFE = 0.8
MOST_BYTES = 1 << 20
"""Of what a command prints or a server answers."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""As RFC 6750 has it."""


class TokenError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped here
    """No token could be obtained. The message names the setting and contains no secret.

    `permanent` means that only another configuration helps.
    """

    def __init__(self, text: str, *, permanent: bool = True) -> None:
        super().__init__(text)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class _BearerToken:
    text: str
    until: float


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka is untyped here
    """Implements aiokafka's hook; shared by all clients of a process."""

    def __init__(self, settings: OAuthSettings) -> None:
        self._settings = settings
        self._token: _BearerToken | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a token that has not expired. Raises TokenError."""
        async with self._lock:
            if self._token is None or monotonic() >= self._token.until:
                self._token = await self._new()
            return self._token.text

    async def _new(self) -> _BearerToken:
        try:
            async with asyncio.timeout(SECONDS):
                text, life = await (self._from_command() if self._settings.token_command else self._from_server())
        except TimeoutError:
            raise TokenError(f"kafka.security.oauth: no token within {SECONDS:g} s", permanent=False) from None
        except (OSError, aiohttp.ClientError, ConfigError) as error:
            passing = isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
            passing = passing and not isinstance(error, aiohttp.ClientSSLError)
            raise TokenError(f"kafka.security.oauth: {error}", permanent=not passing) from None
        known = life if life is not None else life_of(text)
        # A life that is not a number is not less than anything: it counts as unknown.
        shorter = known if known is not None and known < MOST_LIFE else MOST_LIFE
        return _BearerToken(text, monotonic() + SHARE_OF_LIFE * shorter)

    async def _from_command(self) -> tuple[str, float | None]:
        process = await asyncio.create_subprocess_exec(
            *self._settings.token_command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            output = await _bounded(process.stdout, "token_command prints") if process.stdout else b""
            code = await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_TO_END):
                    await process.communicate()  # what it still printed, so that its pipe is closed
        if code:
            raise TokenError(f"kafka.security.oauth.token_command ended with code {code}", permanent=False)
        return _checked(output.decode(errors="replace").strip(), "token_command prints"), None

    async def _from_server(self) -> tuple[str, float | None]:
        settings = self._settings
        secret = await asyncio.to_thread(
            read_secret, settings.client_secret, settings.client_secret_file, "kafka.security.oauth.client_secret"
        )
        form = {"grant_type": "client_credentials", **({"scope": settings.scope} if settings.scope else {})}
        login = base64.b64encode(f"{quote(settings.client_id or '')}:{quote(secret or '')}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(settings.token_url or "", data=form, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                passing = answer.status >= 500 or answer.status in (408, 429)
                why = f"kafka.security.oauth.token_url answers HTTP {answer.status}"
                raise TokenError(why, permanent=not passing)
            content = await _bounded(answer.content, "token_url answers")
        try:
            document = json.loads(content)
            text = document["access_token"]
            life = float(document["expires_in"]) if document.get("expires_in") is not None else None
            return _checked(text, "token_url answers"), life
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
            raise TokenError("kafka.security.oauth.token_url answers without an access_token") from None


async def _bounded(stream: asyncio.StreamReader | aiohttp.StreamReader, where: str) -> bytes:
    content = bytearray()
    while chunk := await stream.read(1 << 16):
        content += chunk
        if len(content) > MOST_BYTES:
            raise TokenError(f"kafka.security.oauth.{where} more than {MOST_BYTES:,} bytes")
    return bytes(content)


def _checked(text: str, where: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise TokenError(f"kafka.security.oauth.{where} no token")
    return text


def life_of(token: str) -> float | None:
    """Return for how many seconds a JSON web token is still valid, None where that cannot be read."""
    try:
        body = token.split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"]
        return max(0.0, float(expires) - time())
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, binascii.Error):
        return None


@lru_cache(maxsize=8)
def provider_of(settings: OAuthSettings) -> TokenProvider:
    """Return the provider of these settings: one for all clients, so that they share its token."""
    return TokenProvider(settings)
