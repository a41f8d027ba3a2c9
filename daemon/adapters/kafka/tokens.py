"""Tokens for SASL OAUTHBEARER: from a command, or from an OIDC server by client credentials.

A token is used until shortly before it expires; the next connection after that gets a new one. aiokafka asks for a
token whenever it opens a connection, so nothing has to be refreshed in the background.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
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
UNKNOWN_LIFE = 300.0
"""Seconds that a token is assumed to be valid when nothing says when it expires."""
SHARE_OF_LIFE = 0.8


class TokenError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped here
    """No token could be obtained. The message names the setting and contains no secret."""


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
            raise TokenError(f"kafka.security.oauth: no token within {SECONDS:g} s") from None
        except (OSError, aiohttp.ClientError, ConfigError) as error:
            raise TokenError(f"kafka.security.oauth: {error}") from None
        known = life if life is not None else life_of(text)
        return _BearerToken(text, monotonic() + SHARE_OF_LIFE * (UNKNOWN_LIFE if known is None else known))

    async def _from_command(self) -> tuple[str, float | None]:
        process = await asyncio.create_subprocess_exec(
            *self._settings.token_command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            output, _ = await process.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.returncode:
            raise TokenError(f"kafka.security.oauth.token_command ended with code {process.returncode}")
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
                raise TokenError(f"kafka.security.oauth.token_url answers HTTP {answer.status}")
            try:
                document = await answer.json(content_type=None)
                return _checked(document["access_token"], "token_url answers"), document.get("expires_in")
            except (ValueError, KeyError, TypeError):
                raise TokenError("kafka.security.oauth.token_url answers without an access_token") from None


def _checked(text: str, where: str) -> str:
    if not text or not text.isascii() or any(char.isspace() or ord(char) < 32 for char in text):
        raise TokenError(f"kafka.security.oauth.{where} no token")
    return text


def life_of(token: str) -> float | None:
    """Return for how many seconds a JSON web token is still valid, None where that cannot be read."""
    try:
        body = token.split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"]
        return max(0.0, float(expires) - time())
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


@lru_cache(maxsize=8)
def provider_of(settings: OAuthSettings) -> TokenProvider:
    """Return the provider of these settings: one for all clients, so that they share its token."""
    return TokenProvider(settings)
