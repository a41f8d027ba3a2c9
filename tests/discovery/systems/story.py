"""A story that any system can tell: pieces of work that overlap, each in a few steps, and one that fails.

A system is how it writes a line and which steps its work has. Steps are ``LEVEL text`` with ``{n}`` for a number, and
what else a `Step` has.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

START = datetime(2026, 11, 22, 18, 1, 20, 250_000, tzinfo=UTC)
WORK = 160
FAILS = 140
"""The piece of work that fails."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Step:
    """One line's facts. `at` is its number among the steps of its work, `n` a number that means nothing."""

    when: datetime
    level: str
    template: str
    work: int
    at: int
    n: int
    failed: bool = False

    @cached_property
    def text(self) -> str:
        """What happened."""
        names = ("n", "id", "uuid", "ip", "port", "pid", "user", "work", "host")
        return self.template.format(**{name: getattr(self, name) for name in names})

    @cached_property
    def id(self) -> str:
        """The work's identifier: 16 hexadecimal digits."""
        return f"{random.Random(self.work).getrandbits(64):016x}"

    @cached_property
    def uuid(self) -> str:
        """The work's UUID."""
        return str(uuid.UUID(int=random.Random(self.work).getrandbits(128), version=4))

    @property
    def ip(self) -> str:
        """The client, one of some tens."""
        return f"10.20.{self.work * 7 % 60}.{self.work * 7 % 60 + 11}"

    @property
    def port(self) -> int:
        """The client's port."""
        return 40_000 + self.work * 37 % 20_000

    @property
    def pid(self) -> int:
        """The process, one for each work."""
        return 21_000 + self.work

    @property
    def thread(self) -> int:
        """One of eight threads."""
        return self.work % 8 + 1

    @property
    def user(self) -> str:
        """Who asked."""
        return ("ann", "bob", "cem", "dora")[self.work % 4]

    @property
    def host(self) -> str:
        """A machine, one of some tens."""
        return f"node{self.work % 30:02}"

    @property
    def ms(self) -> str:
        """Milliseconds of the second, three digits."""
        return f"{self.when.microsecond // 1000:03}"

    @property
    def iso(self) -> str:
        """The time as ISO 8601 in UTC, with milliseconds."""
        return f"{self.when:%Y-%m-%dT%H:%M:%S}.{self.ms}Z"


@dataclass(frozen=True)
class System:
    """How a system logs, and what is right of it.

    `levels` are the levels that are read, or None where lines state none; `services` those that are read, or None where
    there is one alone; `key` a pattern for examples of sensible keys, or None where only windows of time are; `start`
    the first line's time.
    """

    write: Callable[[Step], str]
    steps: Sequence[str]
    fails: str
    key: str | None
    format: str = "raw"
    kind: str | None = None
    levels: frozenset[str] | None = None
    services: frozenset[str] | None = None
    window: bool = False
    """Windows of time are sensible too."""
    start: str = "2026-11-22T18:01:20"
    unstated: str = ""
    """First words of lines that state no level where others do."""
    head: Sequence[str] = ()
    """Lines in front."""


def system(
    write: Callable[[Step], str],
    steps: str,
    fails: str,
    key: str | None,
    levels: str = "",
    services: str = "",
    **more: object,
) -> System:
    """Return a system; `steps` are lines, `levels` and `services` words."""
    parts = {name: frozenset(words.split()) for name, words in (("levels", levels), ("services", services)) if words}
    lines = [line.strip() for line in steps.strip().split("\n")]
    return System(write, lines, fails, key, **parts, **more)  # type: ignore[arg-type]


def tell(found: System, work: int = WORK) -> list[str]:
    """Return the system's log of the story."""
    dice = random.Random(1)
    steps = []
    for number in range(work):
        begin = START + timedelta(seconds=2 * number)
        chosen = [step for at, step in enumerate(found.steps) if at in {0, len(found.steps) - 1} or dice.random() < 0.9]
        if number == FAILS:
            chosen[-1:] = [found.fails]
        for at, step in enumerate(chosen):
            level, _, text = step.partition(" ")
            late = timedelta(milliseconds=900 * at + (dice.randrange(300) if number or at else 0))
            steps.append(Step(begin + late, level, text, number, at, dice.randrange(9_000) + 100, step == found.fails))
    return [*found.head, *(found.write(step) for step in sorted(steps, key=lambda step: step.when))]


def as_json(**fields: object) -> str:
    """Return one line of JSON."""
    return json.dumps(fields)
