"""The broker that the tests of rights share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from demo.broker import Cluster
from tests.support.guarded import GUARDED, admin_of


@pytest.fixture(scope="module")
def guarded(kafka: Cluster) -> Iterator[Cluster]:
    """A broker with the authorizer on: only `admin` may do what it likes."""
    del kafka  # says in CI's words when there is none
    with Cluster(settings=GUARDED) as cluster:
        yield cluster


@pytest.fixture
async def admin(guarded: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    async with admin_of(guarded.bootstrap_servers) as client:
        yield client
