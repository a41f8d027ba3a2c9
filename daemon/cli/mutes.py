"""What `strayline label` does with mutes: sends one, or lists those in force."""

from __future__ import annotations

import argparse
from time import time
from typing import TYPE_CHECKING

from daemon.errors import DataError

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.core.messages import Mute

LONGEST_US = 90 * 86_400_000_000
"""A mute that nobody remembers is a blind spot: three months are the most."""


def ending(length: str | None) -> int:
    """Return when a mute of such a length ends, in microseconds. Raises DataError without one, or for one too long."""
    from daemon.config.values import parse_duration

    if length is None:
        raise DataError("a mute has an end: give --for, such as --for 4h")
    try:
        microseconds = int(str(parse_duration(length)))
    except ValueError as error:
        raise DataError(f"--for: {error}") from None
    if microseconds > LONGEST_US:
        raise DataError("--for: at most 90d")
    return round(time() * 1e6) + microseconds


async def send_mute(options: argparse.Namespace, config: Config, scope: str, pattern: str) -> str:
    """Publish a mute of a service (`pattern` empty) or of something in it, or its end; return what was sent."""
    from daemon.adapters.kafka import publish_one
    from daemon.core.messages import encode, mute_document, rfc3339
    from daemon.wiring import kafka_settings

    until = ending(options.for_) if options.word == "mute" else None
    document = mute_document(scope, pattern, until=until, by=options.by, note=options.note)
    await publish_one(kafka_settings(config), config.topics.feedback, key=scope.encode(), value=encode(document))
    what = f"{pattern} of {scope}" if pattern else f"all of {scope}"
    return f"{what} is muted until {rfc3339(until)[:19]}Z" if until is not None else f"{what} is muted no more"


async def mutes_in_force(config: Config) -> list[Mute]:
    """Return the mutes of the feedback topic whose end has not come, by service."""
    from daemon.adapters.kafka import read_values
    from daemon.core.messages import parse_mute
    from daemon.wiring import kafka_settings

    latest: dict[tuple[str, str], Mute] = {}
    async for value in read_values(kafka_settings(config), config.topics.feedback):
        try:
            mute = parse_mute(value)
        except DataError:  # a foreign record
            continue
        if mute is not None:
            latest[mute.scope, mute.pattern] = mute
    now = time() * 1e6
    return [mute for _, mute in sorted(latest.items()) if mute.until is not None and mute.until > now]
