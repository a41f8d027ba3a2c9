"""An OpenID provider for tests: it gives tokens for client credentials, and the keys to check them with."""

from __future__ import annotations

import base64
import time
from typing import Self

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

LIFE = 8
"""Seconds that a token is valid."""


class IdentityProvider:
    """Serves inside `async with`. `secret` is the client's; `accepted` are those that tokens were given for."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.accepted: set[str] = set()
        self.given = 0
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        application = web.Application()
        application.add_routes([web.post("/token", self._token), web.get("/keys", self._keys)])
        self._runner = web.AppRunner(application)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/token"

    @property
    def keys_url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/keys"

    async def _token(self, request: web.Request) -> web.Response:
        login = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if login != f"strayline:{self.secret}":
            return web.json_response({"error": "invalid_client"}, status=401)
        self.accepted.add(self.secret)
        self.given += 1
        now = int(time.time())
        claims = {"sub": "strayline", "aud": "kafka", "iat": now, "exp": now + LIFE, "scope": "kafka"}
        token = jwt.encode(claims, self._key, "RS256", headers={"kid": "one"})
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": LIFE})

    async def _keys(self, _: web.Request) -> web.Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]})
