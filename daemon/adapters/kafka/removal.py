"""Deleting what strayline has in a cluster: its topics and its consumer group. Input topics are never deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupIdNotFound,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import DeleteGroupsRequest

from daemon.adapters.kafka.admin import admin_client
from daemon.adapters.kafka.diagnosis import no_right
from daemon.adapters.kafka.replicas import describe
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.errors import UnavailableError

_DEAD = "Dead"
"""The state of a group that does not exist."""
COORDINATOR_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Removal:
    """What exists and can be deleted: topics with their numbers of partitions, and the group, or None."""

    topics: Mapping[str, int]
    group: str | None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to delete."""
        return not self.topics and self.group is None


async def plan_removal(settings: KafkaSettings, named: Mapping[str, str]) -> Removal:
    """Return what of the topics `named` by role, and of the settings' group, exists.

    Raises UnavailableError when no broker answers, and when replicas are running, which would create state again.
    """
    async with admin_client(settings) as admin:
        # All topics are asked for: a request that names a topic can create it.
        partitions = {name: len(topic["partitions"]) for name, topic in (await describe(admin)).items()}
        topics = {topic: partitions[topic] for topic in named.values() if topic in partitions}
        state, members = await group_of(admin, settings.group_id)
        if members:
            raise UnavailableError(
                f"the group {settings.group_id} has {members} running members; stop all replicas first"
            )
        return Removal(topics, None if state == _DEAD else settings.group_id)


async def group_of(admin: AIOKafkaAdminClient, group: str, patience: float = COORDINATOR_SECONDS) -> tuple[str, int]:
    """Return a group's state and how many members it has.

    A cluster that never had a group has no coordinator at first: when asked for one, the brokers create the topic that
    it needs. So transient errors are retried, for up to `patience` seconds.
    """
    end = time.monotonic() + patience
    while True:
        try:
            (response,) = await admin.describe_consumer_groups([group])
            code, name, state, _type, _protocol, members, *_ = response.groups[0]
            if for_code(code).retriable:
                raise for_code(code)(name)  # retried below, like an error of the request itself
            _check("group", [(name, code)], GroupIdNotFound)
            return state, len(members)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > end:
                raise
        await asyncio.sleep(0.25)


async def remove(settings: KafkaSettings, removal: Removal) -> None:
    """Delete what `removal` names, the group first: a group with members cannot be deleted, and then nothing is.

    Raises UnavailableError when the cluster refuses.
    """
    async with admin_client(settings) as admin:
        if removal.group is not None:
            coordinator = await admin.find_coordinator(removal.group)
            response = await admin._send_request(DeleteGroupsRequest([removal.group]), coordinator)  # noqa: SLF001  # aiokafka has the request, and no public method for it
            _check("group", response.results, GroupIdNotFound)
        if removal.topics:
            response = await admin.delete_topics(list(removal.topics))
            _check("topic", response.topic_error_codes, UnknownTopicOrPartitionError)


def _check(what: str, results: list[tuple[str, int]], gone: type[KafkaError]) -> None:
    """Raise UnavailableError for a result that is an error, unless it says that the thing is gone already."""
    for name, code, *_ in results:
        kind = for_code(code)
        if issubclass(kind, TopicAuthorizationFailedError | GroupAuthorizationFailedError):
            raise UnavailableError(no_right(f"to see or delete the {what} {name}"))
        if code and kind is not gone:
            raise UnavailableError(f"{what} {name}: {kind.__name__}")
