"""The client that asks about topics and groups, creates them and deletes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from daemon.adapters.kafka.diagnosis import check_token, explained
from daemon.adapters.kafka.settings import KafkaSettings


@asynccontextmanager
async def admin_client(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give a connected client. What its work raises is explained: UnavailableError, or ConfigError."""
    await check_token(settings)
    admin = AIOKafkaAdminClient(**await asyncio.to_thread(settings.connection))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise (await explained(settings, error)) from None
    finally:
        await admin.close()
