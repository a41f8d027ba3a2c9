"""Labelled logs as sessions in closing order, cut as their labels ask, masked by the daemon's own masks.

The files are research data (loghub and others) and stay outside the repository, in a folder.

* hdfs: the lines of one block; labels per block.
* openstack: the lines of one instance; all normal ones and 5% anomalies, in a shuffled order (the files carry no time).
* thunderbird, bgl: the lines of one node, 60 s apart at most, 5 minutes long at most; anomalous with one labelled line.
* mix: these four in one scope, each spread evenly over the whole.

Openstack's files and the mix have no common time, and BGL's sample thins seven months to 2,000 lines: their sessions
end 15 s apart.
"""

from __future__ import annotations

import csv
import lzma
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from daemon.core.masking.masker import Masker
from daemon.core.sessions import make_pattern
from daemon.core.types import LINES_SCHEMA, Pattern

SECOND = 1_000_000
APART = 15 * SECOND
GAP, LONGEST = 60, 300


@dataclass(frozen=True, slots=True)
class Labelled:
    """One session: its pattern, when it ended (microseconds), and whether it is labelled anomalous."""

    pattern: Pattern
    end: int
    anomalous: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """Sessions in closing order, of which the first `warm_up` only teach."""

    name: str
    sessions: list[Labelled]
    warm_up: int


@dataclass(slots=True)
class _Raw:
    """A session before its lines are masked."""

    lines: list[str]
    end: int
    anomalous: bool


def read(folder: Path, file: str) -> list[str]:
    """Return the lines of an xz-compressed file; raises FileNotFoundError when it is missing."""
    with lzma.open(folder / file, "rt", errors="replace") as stream:
        return stream.read().splitlines()


def _masked(sessions: list[_Raw]) -> list[Labelled]:
    distinct = sorted({line for session in sessions for line in session.lines})
    columns = {
        "position": range(len(distinct)),
        "time": 0,
        "scope": "quality",
        "key": "quality",
        "text": distinct,
        "clock": 0,
    }
    table = Masker().apply(pl.DataFrame(columns, schema=dict(LINES_SCHEMA)))
    masked = dict(zip(distinct, table["masked"].to_list(), strict=True))
    return [
        Labelled(
            make_pattern("quality", Counter(masked[line] for line in session.lines)), session.end, session.anomalous
        )
        for session in sessions
    ]


def hdfs(folder: Path) -> list[_Raw]:
    with (folder / "hdfs_2pct/anomaly_label.csv").open() as stream:
        labels = {row[0]: row[1] == "Anomaly" for row in csv.reader(stream)}
    blocks: dict[str, _Raw] = {}
    order: dict[str, int] = {}
    for number, line in enumerate(read(folder, "hdfs_2pct/HDFS_2percent.log.xz")):
        date, time, _, _, _, message = line.split(" ", 5)
        end = int(datetime.strptime(date + time, "%y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()) * SECOND
        for block in set(re.findall(r"blk_-?\d+", message)):
            if block in labels:
                session = blocks.setdefault(block, _Raw([], 0, labels[block]))
                session.lines.append(message)
                session.end = max(session.end, end)
                order[block] = number
    return [blocks[block] for block in sorted(blocks, key=order.__getitem__)]


def openstack(folder: Path) -> list[_Raw]:
    with (folder / "openstack/instance_labels.csv").open() as stream:
        labels = {row["instance"]: row["label"] != "normal" for row in csv.DictReader(stream)}
    copies: dict[str, dict[str, list[str]]] = {}
    for name in ("nova-sample", "nova-dhcpoff", "vm-destroy-immediately-after-create"):
        for line in read(folder, f"openstack/openstack-{name}.log.xz"):
            match = re.search(r"\[instance: ([0-9a-f-]{36})\]", line)
            if match and match[1] in labels:
                copies.setdefault(match[1], {}).setdefault(name, []).append(line)
    # An instance that is in two files: the longer copy.
    sessions = {name: max(files.values(), key=len) for name, files in copies.items()}
    shuffle = random.Random(0)
    normal = [name for name in sessions if not labels[name]]
    odd = [name for name in sessions if labels[name]]
    shuffle.shuffle(odd)
    chosen = normal + odd[: int(0.05 * len(normal) / 0.95)]
    shuffle.shuffle(chosen)
    return [_Raw(sessions[name], number * APART, labels[name]) for number, name in enumerate(chosen)]


def _windows(lines: Iterable[tuple[int, str, bool, str]]) -> list[_Raw]:
    done: list[_Raw] = []
    current: dict[str, tuple[_Raw, int, int]] = {}
    for time, node, odd, text in lines:
        session, start, last = current.get(node, (None, 0, 0))
        if session is None or time - last > GAP or time - start > LONGEST:
            session, start = _Raw([], 0, False), time
            done.append(session)
        session.lines.append(text)
        session.end, session.anomalous = time * SECOND, session.anomalous or odd
        current[node] = (session, start, time)
    return sorted(done, key=lambda session: session.end)


def thunderbird(folder: Path) -> list[_Raw]:
    return _windows(sorted(_thunderbird(folder), key=lambda line: line[0]))


def _thunderbird(folder: Path) -> Iterator[tuple[int, str, bool, str]]:
    for line in read(folder, "thunderbird_19k/Thunderbird.log.xz"):
        parts = line.split(" ", 9)
        if len(parts) == 10 and parts[2].isdigit():
            yield int(parts[2]), parts[4], parts[1] != "-", parts[9]


def bgl(folder: Path) -> list[_Raw]:
    parsed = (line.split(" ", 9) for line in read(folder, "loghub_2k/BGL_2k.log.xz"))
    lines = ((int(parts[1]), parts[3], parts[0] != "-", " ".join(parts[7:])) for parts in parsed)
    sessions = _windows(sorted(lines, key=lambda line: line[0]))
    return [_Raw(session.lines, number * APART, session.anomalous) for number, session in enumerate(sessions)]


LOADERS: dict[str, tuple[Callable[[Path], list[_Raw]], int]] = {
    "hdfs": (hdfs, 1000),
    "openstack": (openstack, 300),
    "thunderbird": (thunderbird, 500),
    "bgl": (bgl, 500),
}


def load(folder: Path) -> Iterator[Dataset | str]:
    """Yield each set that can be read, and for each that cannot a sentence that says what is missing."""
    parts: dict[str, list[Labelled]] = {}
    for name, (loader, warm_up) in LOADERS.items():
        try:
            parts[name] = _masked(loader(folder))
        except FileNotFoundError as error:
            yield f"{name}: not measured, {error.filename} is missing"
            continue
        yield Dataset(name, parts[name], warm_up)
    if len(parts) < len(LOADERS):
        yield "mix: not measured, it needs all of the above"
        return
    spread = [((place + 0.5) / len(part), session) for part in parts.values() for place, session in enumerate(part)]
    spread.sort(key=lambda item: item[0])
    mixed = [Labelled(s.pattern, number * APART, s.anomalous) for number, (_, s) in enumerate(spread)]
    yield Dataset("mix", mixed, 2000)


def changed(sessions: list[Labelled], share: float, since: int, seed: int = 0) -> list[Labelled]:
    """Return the sessions with a `share` of all distinct lines reworded from number `since` on: a deployment."""
    lines = sorted({line for session in sessions for line, _ in session.pattern.lines})
    reworded = set(random.Random(seed).sample(lines, int(share * len(lines))))
    return [
        session
        if number < since
        else Labelled(
            make_pattern(
                session.pattern.scope,
                {f"{line} [handler v{seed + 2}]" if line in reworded else line: n for line, n in session.pattern.lines},
            ),
            session.end,
            session.anomalous,
        )
        for number, session in enumerate(sessions)
    ]
