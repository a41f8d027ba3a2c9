"""Reads passwords and certificates again when their files change, for the clients that exist.

A new client gets what the files hold. A client that exists keeps its connections, and needs the new credentials when it
opens the next one. aiokafka cannot change them, so this sets the private names that its client reads whenever it
connects: `_ssl_context`, `_sasl_plain_username`, `_sasl_plain_password`.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

import structlog
from aiokafka import AIOKafkaConsumer

from daemon.adapters.kafka.settings import Connection, KafkaSettings
from daemon.errors import ConfigError
from daemon.file_stamps import stamp_of

log = structlog.get_logger(__name__)

EVERY = 5.0


class CredentialFiles:
    """The credentials of one cluster. `follow` a client to keep it up to date while `watch` runs."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._clients: WeakSet[Any] = WeakSet()
        self._stamp = stamp_of(settings.credential_files())
        self._connection = settings.connection()
        self._problem = ""

    @property
    def connection(self) -> Connection:
        """The arguments that connect a client, with the last credentials that could be used."""
        return self._connection.copy()

    def follow(self, client: Any) -> None:
        """Give a consumer or producer the new credentials whenever they change."""
        self._clients.add(client)

    async def watch(self) -> None:
        """Check the files until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.check()

    async def check(self) -> None:
        """Read the files again if one has changed. Files that cannot be used change nothing, and are tried again."""
        stamp = await asyncio.to_thread(stamp_of, self._settings.credential_files())
        if stamp == self._stamp:
            return
        try:
            connection = await asyncio.to_thread(self._settings.connection)
        except ConfigError as error:
            if str(error) != self._problem:
                log.warning("credentials_unusable", error=str(error))
            self._problem = str(error)
            return
        self._stamp, self._problem, self._connection = stamp, "", connection
        for client in list(self._clients):
            inner = client._client if isinstance(client, AIOKafkaConsumer) else client.client  # noqa: SLF001  # above
            inner._ssl_context = connection.get("ssl_context")  # noqa: SLF001  # see above
            inner._sasl_plain_username = connection.get("sasl_plain_username")  # noqa: SLF001  # see above
            inner._sasl_plain_password = connection.get("sasl_plain_password")  # noqa: SLF001  # see above
        log.info("credentials_read_again", clients=len(self._clients))
