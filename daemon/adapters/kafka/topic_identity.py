"""The identity of a topic, which a topic that is made again under the same name does not share.

Kafka says it since 2.8, in version 10 of its Metadata answer (KIP-516). aiokafka asks in version 5 at most, so request
and answer are described here.
"""

from __future__ import annotations

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_METADATA, _VERSION = 3, 10


class _IdentityAnswer(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = _METADATA
    API_VERSION = _VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("id_high", Int64),
                ("id_low", Int64),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("operations", Int32),
        ("tags", TaggedFields),
    )


class _IdentityQuestion(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = _METADATA
    API_VERSION = _VERSION
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _IdentityAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("id_high", Int64), ("id_low", Int64), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Identity(Request[_IdentityQuestion]):  # type: ignore[misc]  # as above
    API_KEY = _METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_IdentityQuestion]) -> _IdentityQuestion:
        return request_struct_class([(0, 0, self._topic, {})], False, False, False, {})


async def topic_id(client: AIOKafkaClient, topic: str) -> str | None:
    """Return the identity of `topic` as hexadecimal digits, None where the cluster is too old to have one."""
    try:
        answer = await client.send(client.get_random_node(), _Identity(topic))
    except NotImplementedError:  # no server of before 2.8 reads this version of the request
        return None
    for error, name, high, low, *_ in answer.topics:
        if name == topic and not error and (high or low):
            return f"{high & (1 << 64) - 1:016x}{low & (1 << 64) - 1:016x}"
    return None
