"""A broker that requires a login and lets only `admin` do anything, and functions that give and take rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from deploy.acls import Acl

KINDS = {"topic": 2, "group": 3, "transactional-id": 5}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
LITERAL, PREFIXED, ALLOW = 3, 4, 3
USERS = ("admin", "creator", "strayline", "console", "notify")
GUARDED = {
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.client.plain.sasl.jaas.config": (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        + " ".join(f'user_{name}="sham"' for name in USERS)
        + ";"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
}
"""A cluster's settings."""


def login(user: str) -> dict[str, str]:
    """Return the login settings of aiokafka's clients."""
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": "sham",
    }


@asynccontextmanager
async def admin_of(servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect as `admin`, who may do everything."""
    client = AIOKafkaAdminClient(bootstrap_servers=servers, **login("admin"))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def allow(admin: AIOKafkaAdminClient, user: str, acls: Iterable[Acl]) -> None:
    """Give rights to a user."""
    for entry in _entries(user, acls):
        answer = await admin._send_to_controller(CreateAclsRequest(*entry))
        assert [(0, None)] == [(code, message or None) for code, message in answer.creation_responses]


async def take_away(admin: AIOKafkaAdminClient, user: str, acls: Iterable[Acl]) -> None:
    """Take rights away from a user, who has them."""
    for entry in _entries(user, acls):
        answer = await admin._send_to_controller(DeleteAclsRequest(*entry))
        assert [(0, 1)] == [(code, len(gone)) for code, _, gone in answer.filter_responses]


def _entries(user: str, acls: Iterable[Acl]) -> list[tuple[int, str, int, str, str, int, int]]:
    return [
        (
            KINDS[acl.kind],
            acl.name,
            PREFIXED if acl.prefixed else LITERAL,
            f"User:{user}",
            "*",
            OPERATIONS[operation],
            ALLOW,
        )
        for acl in acls
        for operation in acl.operations
    ]
