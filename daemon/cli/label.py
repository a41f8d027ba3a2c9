"""`strayline label`: give feedback on the cause of an incident or on a pattern, mute it, or list labels and mutes.

The id of an alert begins with the fingerprint of its headline's cause, that of a verdict with its pattern's. Both may
be given, whole or in part, and so may a pattern of the baseline.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import orjson

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say
from daemon.core.text import clean
from daemon.errors import DataError

if TYPE_CHECKING:
    from daemon.cli.stored_baseline import StoredBaseline
    from daemon.config import Config

_DONE = {"normal": "normal", "anomalous": "anomalous", "forget": "forgotten: no label any more"}
_REMARKS = {"acknowledge": "acknowledged", "unacknowledge": "not acknowledged any more", "note": "noted"}
_MUTES = ("mute", "unmute")
NO_LINE = "0" * 16
"""The fingerprint of a cause without a line, such as a silence."""
_WHOLE = re.compile(r"[0-9a-f]{16}(-[0-9a-f]{16})?")


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(
        verbs, "label", label, "label what was told normal or anomalous, acknowledge an incident, or mute"
    )
    parser.add_argument(
        "target", nargs="?", help="the id of an alert, a verdict, a pattern or an incident, or its beginning"
    )
    parser.add_argument("word", nargs="?", choices=(*_DONE, *_REMARKS, *_MUTES))
    parser.add_argument(
        "--list", action="store_true", help="show all labels and mutes; `forget` and `unmute` remove one"
    )
    parser.add_argument("--service", action="store_true", help="mute, unmute: the target is the name of a service")
    parser.add_argument("--for", dest="for_", metavar="DURATION", help="mute: until when from now, such as 4h")
    parser.add_argument("--scope", help="the scope, if several have it or no alert names it")
    parser.add_argument("--note", default="", help="why; it is shown with the label")
    parser.add_argument("--by", default=os.environ.get("USER", ""), help="who gives the label")


def label(options: argparse.Namespace) -> int:
    """Find the pattern and send its label, or list all labels."""
    config = load(options)
    if options.list and options.target is None:
        asyncio.run(_list_mutes(config))
        return _list(asyncio.run(_read_topic(config)), options.scope)
    if options.list or options.word is None:
        say("strayline label: give a pattern or incident, and a word; or --list", error=True)
        return os.EX_USAGE
    if options.word in _MUTES:
        return asyncio.run(_mute(options, config))
    return asyncio.run(_remark(options, config) if options.word in _REMARKS else _label(options, config))


async def _mute(options: argparse.Namespace, config: Config) -> int:
    from daemon.cli.mutes import ending, send_mute

    if options.word == "mute":
        ending(options.for_)  # a wrong one is reported before the topics are searched
    if options.service:
        say(f"sent: {await send_mute(options, config, options.target, '')}")
        return 0
    target, scope = await _target(options, config)
    say(f"sent: {await send_mute(options, config, scope, target[:16])}")
    return 0


async def _list_mutes(config: Config) -> None:
    from daemon.cli.mutes import mutes_in_force
    from daemon.core.messages import rfc3339
    from daemon.core.text import clean

    for mute in await mutes_in_force(config):
        what = f"{mute.pattern} of {clean(mute.scope)}" if mute.pattern else f"all of {clean(mute.scope)}"
        author = f" by {clean(mute.by)}" if mute.by else ""
        note = f": {clean(mute.note)}" if mute.note else ""
        say(f"muted until {rfc3339(mute.until or 0)[:19]}Z{author}: {what}{note}")


def _list(stored: StoredBaseline | None, scope: str | None) -> int:
    from daemon.cli.stored_baseline import chosen
    from daemon.terminal.console import Terminal
    from daemon.terminal.top import labels_table, pattern_row

    console = Terminal(highlight=False, markup=False)
    scopes = (
        [statistics.scope for statistics in chosen(stored, scope) if statistics.labels] if stored is not None else []
    )
    if stored is None or not scopes:
        say("there are no labels yet")
        return 0
    for name in scopes:
        say(clean(name))
        labelled = [pattern for pattern in stored.detector.patterns(name) if pattern.label is not None]
        console.print(labels_table(map(pattern_row, labelled)))
    say("to remove one: strayline label PATTERN forget")
    return 0


async def _read_topic(config: Config) -> StoredBaseline | None:
    from daemon.cli.baseline_topic import read_baseline
    from daemon.wiring import detector_settings, kafka_settings

    return await read_baseline(kafka_settings(config), config.topics.baseline, detector_settings(config))


async def _label(options: argparse.Namespace, config: Config) -> int:
    from daemon.adapters.kafka import publish_one
    from daemon.core.messages import label_document
    from daemon.wiring import kafka_settings

    target, scope = await _target(options, config)
    if target.startswith(NO_LINE):
        raise DataError("the silence of a service has no line, so there is nothing to label")
    document = label_document(target, options.word, scope=scope, by=options.by, note=options.note)
    value = orjson.dumps(document)
    await publish_one(kafka_settings(config), config.topics.feedback, key=scope.encode(), value=value)
    say(f"sent: {target[:16]} of {clean(scope)} is {_DONE[options.word]}")
    return 0


async def _target(options: argparse.Namespace, config: Config) -> tuple[str, str]:
    """Return the whole id that the command line means, and its scope. Raises DataError."""
    target, scope = options.target.lower(), options.scope
    if scope is None or not _WHOLE.fullmatch(target):
        target, scope = await _find(config, target, scope)
    return target, scope


async def _remark(options: argparse.Namespace, config: Config) -> int:
    from daemon.adapters.kafka import publish_one
    from daemon.core.messages import encode, remark_document
    from daemon.wiring import kafka_settings

    incidents = await _incidents(config, options.target)
    if len(incidents) != 1:
        what = f"{len(incidents)} incidents begin" if incidents else "no incident begins"
        raise DataError(f"{what} with {options.target}")
    (incident,) = incidents
    document = remark_document(incident, options.word, by=options.by, note=options.note)
    topic = config.topics.feedback
    await publish_one(kafka_settings(config), topic, key=incident.encode(), value=encode(document))
    say(f"sent: incident {incident} is {_REMARKS[options.word]}")
    return 0


async def _incidents(config: Config, target: str) -> set[str]:
    """Return the incidents of the alerts topic whose ids begin with `target`."""
    known = {str((alert.get("incident") or {}).get("id", "")) async for alert in _alerts(config)}
    return {incident for incident in known if incident.startswith(target)}


async def _find(config: Config, target: str, scope: str | None) -> tuple[str, str]:
    """Return the one id that begins with `target`, and its scope. Raises DataError when there is none, or several."""
    ids = await _in_alerts(config, target) or await _in_baseline(config, target)
    fitting = {place: known for place, known in ids.items() if scope in (None, place[1])}
    fingerprints, scopes = {one for one, _ in fitting}, sorted({place for _, place in fitting})
    if len(fingerprints) > 1:
        raise DataError(f"{target} is the beginning of {len(fingerprints)} ids; give more of it")
    if len(scopes) > 1:
        raise DataError(f"{target} was told of {', '.join(scopes)}; give its --scope")
    if not fitting:
        hint = "; give its --scope to label it all the same" if _WHOLE.fullmatch(target) else ""
        raise DataError(f"no alert and no pattern of the baseline begins with {target}{hint}")
    (((_, where), whole),) = fitting.items()
    return whole, where


async def _in_alerts(config: Config, target: str) -> dict[tuple[str, str], str]:
    """Return ids by fingerprint and scope: those of alerts, and of the verdicts they show, that begin with `target`."""
    ids: dict[tuple[str, str], str] = {}
    async for alert in _alerts(config):
        for name in (alert.get("id"), alert.get("verdict")):
            if name and name.startswith(target):
                ids[name[:16], alert["scope"]] = name
    return ids


async def _alerts(config: Config) -> AsyncIterator[dict[str, Any]]:
    from daemon.adapters.kafka import read_placed
    from daemon.cli.alerts_topic import AlertDecoder
    from daemon.wiring import kafka_settings

    decoder = AlertDecoder()
    async for place, value in read_placed(kafka_settings(config), config.topics.alerts):
        if (alert := decoder.decode(place, value)) is not None:
            yield alert


async def _in_baseline(config: Config, target: str) -> dict[tuple[str, str], str]:
    """Return the baseline's patterns that begin with `target`, by pattern and scope: alerts expire."""
    stored = await _read_topic(config)
    if stored is None:
        return {}
    scopes = [statistics.scope for statistics in stored.detector.scopes()]
    known = [(pattern.pattern, scope) for scope in scopes for pattern in stored.detector.patterns(scope)]
    return {(pattern, scope): pattern for pattern, scope in known if pattern.startswith(target[:16])}
