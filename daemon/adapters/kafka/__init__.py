"""Kafka through aiokafka.

* `KafkaBroker` is the cluster as the runtime sees it (`ports.Broker`): `membership` joins the group and reads it by
  `columnar_consumer`, `transactions` publishes, and the broker itself reads the daemon's own topics.
* `group_reader` is a member of another group, for `strayline notify`.
* `readers` and `publish` are for verbs and take no part in the group; `topics` creates and checks topics,
  `removal` deletes them.
* `client` holds what all clients share, `settings` how the cluster is reached.

aiokafka imports slowly and most verbs never connect, so a name's module is imported when the name is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.adapters.kafka.broker import KafkaBroker
    from daemon.adapters.kafka.client import FETCH_BYTES
    from daemon.adapters.kafka.group_reader import GroupReader, join_group
    from daemon.adapters.kafka.membership import KafkaMembership
    from daemon.adapters.kafka.publish import publish_one, publish_together
    from daemon.adapters.kafka.readers import (
        RangeReader,
        follow_batches,
        follow_placed,
        list_topics,
        read_latest,
        read_placed,
        read_values,
    )
    from daemon.adapters.kafka.removal import Removal, plan_removal, remove
    from daemon.adapters.kafka.rights import check_rights
    from daemon.adapters.kafka.settings import KafkaSettings, OAuthSettings
    from daemon.adapters.kafka.topics import check_topics, create_topics

__all__ = [
    "FETCH_BYTES",
    "GroupReader",
    "KafkaBroker",
    "KafkaMembership",
    "KafkaSettings",
    "OAuthSettings",
    "RangeReader",
    "Removal",
    "check_rights",
    "check_topics",
    "create_topics",
    "follow_batches",
    "follow_placed",
    "join_group",
    "list_topics",
    "plan_removal",
    "publish_one",
    "publish_together",
    "read_latest",
    "read_placed",
    "read_values",
    "remove",
]

_MODULES = {
    "FETCH_BYTES": "client",
    "GroupReader": "group_reader",
    "KafkaBroker": "broker",
    "KafkaMembership": "membership",
    "KafkaSettings": "settings",
    "OAuthSettings": "settings",
    "RangeReader": "readers",
    "Removal": "removal",
    "check_rights": "rights",
    "check_topics": "topics",
    "create_topics": "topics",
    "follow_batches": "readers",
    "follow_placed": "readers",
    "join_group": "group_reader",
    "list_topics": "readers",
    "plan_removal": "removal",
    "publish_one": "publish",
    "publish_together": "publish",
    "read_latest": "readers",
    "read_placed": "readers",
    "read_values": "readers",
    "remove": "removal",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
