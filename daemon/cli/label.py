"""`strayline label`: one word of feedback on a pattern, and what has been said so far."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from typing import TYPE_CHECKING

import orjson

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.core.messages import FeedbackDocument
from daemon.errors import DataError

if TYPE_CHECKING:
    from daemon.cli.stored_baseline import Held
    from daemon.config import Config

_SAID = {"normal": "normal", "anomalous": "anomalous", "forget": "forgotten: no label any more"}
_WHOLE = re.compile(r"[0-9a-f]{16}(-[0-9a-f]{16})?")


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "label", label, "say what a pattern is: normal, anomalous, or forget what was said")
    parser.add_argument("target", nargs="?", help="an alert's id, a pattern, or the beginning of either")
    parser.add_argument("word", nargs="?", choices=("normal", "anomalous", "forget"))
    parser.add_argument("--list", action="store_true", help="show what has been said; `forget` takes it back")
    parser.add_argument("--scope", help="the pattern's scope, where no alert tells")
    parser.add_argument("--note", default="", help="why, for those who come after")
    parser.add_argument("--by", default=os.environ.get("USER", ""), help="who says so")


def label(options: argparse.Namespace) -> int:
    """Find what is meant, and send the word; or show all that was said."""
    config = load(options)
    if options.list and options.target is None:
        return _list(asyncio.run(_held(config)), options.scope)
    if options.list or options.word is None:
        print("strayline label: give a pattern and what it is (normal, anomalous, forget), or --list", file=sys.stderr)
        return os.EX_USAGE
    return asyncio.run(_label(options, config))


def _list(held: Held | None, scope: str | None) -> int:
    from rich.console import Console

    from daemon.cli.stored_baseline import chosen
    from daemon.core.text import clean
    from daemon.terminal.top import labels_table, pattern_row

    console = Console(highlight=False, markup=False)
    scopes = [it.scope for it in chosen(held, scope) if it.labels] if held is not None else []
    if held is None or not scopes:
        print("nobody has labelled anything yet")
        return 0
    for name in scopes:
        print(clean(name))
        said = [it for it in held.detector.patterns(name) if it.label is not None]
        console.print(labels_table(map(pattern_row, said)))
    print("to take one back: strayline label PATTERN forget")
    return 0


async def _held(config: Config) -> Held | None:
    from daemon.cli.baseline_topic import read_baseline
    from daemon.wiring import detector_settings, kafka_settings

    return await read_baseline(kafka_settings(config), config.topics.baseline, detector_settings(config))


async def _label(options: argparse.Namespace, config: Config) -> int:
    from daemon.adapters.kafka.readers import publish
    from daemon.core.messages import label_document
    from daemon.wiring import kafka_settings

    target, scope = options.target.lower(), options.scope
    if scope is None:
        found = await _in_alerts(config, target) or await _in_baseline(config, target)
        if len(found) > 1:
            raise DataError(f"{target} is the beginning of {len(found)} patterns; give more of it")
        if not found:
            hint = "; name its --scope to label it all the same" if _WHOLE.fullmatch(target) else ""
            raise DataError(f"no alert and no pattern of the baseline begins with {target}{hint}")
        ((target, scope),) = found.items()
    document: FeedbackDocument = label_document(target, options.word, scope=scope, by=options.by, note=options.note)
    value = orjson.dumps(document)
    await publish(kafka_settings(config), config.topics.feedback, key=scope.encode(), value=value)
    print(f"said: pattern {target[:16]} of {scope} is {_SAID[options.word]}")
    return 0


async def _in_alerts(config: Config, target: str) -> dict[str, str]:
    """Return the scopes of patterns whose alerts' ids begin so, by pattern."""
    from daemon.adapters.kafka.readers import read_values
    from daemon.wiring import kafka_settings

    found: dict[str, str] = {}
    async for value in read_values(kafka_settings(config), config.topics.alerts):
        alert = orjson.loads(value)
        if str(alert.get("id", "")).startswith(target) and alert.get("status") == "firing":
            found[alert["pattern"]] = alert["scope"]
    return found


async def _in_baseline(config: Config, target: str) -> dict[str, str]:
    """Return the scopes of patterns of the baseline that begin so, by pattern: alerts are not kept for ever."""
    held = await _held(config)
    if held is None:
        return {}
    scopes = [it.scope for it in held.detector.scopes()]
    known = {it.pattern: scope for scope in scopes for it in held.detector.patterns(scope)}
    return {pattern: scope for pattern, scope in known.items() if pattern.startswith(target[:16])}
