"""`strayline label`: one word of feedback on a pattern."""

from __future__ import annotations

import argparse
import asyncio
import os
import re

import orjson

from daemon.core.documents import FeedbackDocument
from daemon.errors import DataError
from daemon.verbs import Parser, Verbs, add_verb, load

_WHOLE = re.compile(r"[0-9a-f]{16}(-[0-9a-f]{16})?")


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "label", label, "say what a pattern is: normal, anomalous, or forget what was said")
    parser.add_argument("target", help="an alert's id, a pattern, or the beginning of either")
    parser.add_argument("word", choices=("normal", "anomalous", "forget"))
    parser.add_argument("--scope", help="the pattern's scope, where no alert tells")
    parser.add_argument("--note", default="", help="why, for those who come after")
    parser.add_argument("--by", default=os.environ.get("USER", ""), help="who says so")


def label(options: argparse.Namespace) -> int:
    """Find what is meant, and send the word."""
    return asyncio.run(_label(options))


async def _label(options: argparse.Namespace) -> int:
    config = load(options)
    from daemon.adapters.kafka_reading import publish, read_values
    from daemon.building import kafka_settings
    from daemon.core.feedback import label_document

    settings = kafka_settings(config)
    scope = options.scope
    target = options.target.lower()
    if scope is None:
        found: dict[str, str] = {}
        async for value in read_values(settings, config.topics.alerts):
            alert = orjson.loads(value)
            if str(alert.get("id", "")).startswith(target) and alert.get("status") == "firing":
                found[alert["pattern"]] = alert["scope"]
        if len(found) > 1:
            raise DataError(f"{target} is the beginning of {len(found)} patterns; give more of it")
        if not found and not _WHOLE.fullmatch(target):
            raise DataError(f"no alert in {config.topics.alerts} begins with {target}")
        for target, scope in found.items():  # noqa: B007  # at most one
            break
    document: FeedbackDocument = label_document(target, options.word, scope=scope, by=options.by, note=options.note)
    await publish(settings, config.topics.feedback, key=(scope or "").encode(), value=orjson.dumps(document))
    print(f"said: pattern {target[:16]}{f' of {scope}' if scope else ''} is {options.word}")
    return 0
