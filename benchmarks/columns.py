"""Lines per CPU-second of the columnar core: format, masks, sessions, and the whole; beside `re` on the same masks.

    POLARS_MAX_THREADS=1 python -m benchmarks.columns [--lines 200000] [--keys 10,100,1000,10000] [--file LOG]

The lines are made here, in the manner of a distributed file system's (each key a block, 20 lines in 7 shapes), or read
from a file of raw lines, each of which gets a made key. CPU time of the process, all threads; the best of three.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import polars as pl

from daemon.core.formats import FormatSettings, make_format
from daemon.core.masked_lines import MaskedLines
from daemon.core.masking.masker import Masker
from daemon.core.masking.masks import BUILT_IN
from daemon.core.sessions import Sessionizer, SessionLimits
from daemon.core.types import Batch, ClosedBy, TopicPartition

BATCH = 10_000
LINES_A_SESSION = 20
LIMITS = SessionLimits(30_000_000, 300_000_000, 10_000, 32_000, 10_000_000)
START = 1_790_000_000_000
SHAPES = (
    "INFO dfs.DataXceiver: Receiving block blk_{block} src: /10.25{a}.{b}.6:{port} dest: /10.25{a}.{b}.7:50010",
    "INFO dfs.FSNamesystem: NameSystem.addStoredBlock: 10.25{a}.{b}.110:50010 is added to blk_{block} size 67108864",
    "INFO dfs.DataNode$PacketResponder: PacketResponder {r} for block blk_{block} terminating",
    "INFO dfs.DataNode$PacketResponder: Received block blk_{block} of size 67108864 from /10.25{a}.{b}.6",
    "INFO dfs.FSNamesystem: NameSystem.allocateBlock: /user/root/rand{r}/_task_{port}_m_00{r}/part-00{b}. blk_{block}",
    "INFO dfs.FSDataset: Deleting block blk_{block} file /mnt/hadoop/dfs/data/current/subdir{b}/blk_{block}",
    "WARN dfs.DataNode$DataXceiver: 10.25{a}.{b}.6:50010:Got exception while serving blk_{block} to /10.25{a}.{b}.7:",
)


def messages(count: int, keys: int, file: Path | None) -> Iterator[tuple[str, str]]:
    """Yield (key, message): `keys` sessions run side by side, each ends after 20 lines and gives way to a new one."""
    chance = random.Random(7)
    lines = file.read_text(errors="replace").splitlines() if file else None
    blocks = [chance.getrandbits(60) for _ in range(keys)]
    for number in range(count):
        at = number % keys
        if (number // keys + at) % LINES_A_SESSION == 0:
            blocks[at] = chance.getrandbits(60)
        if lines is not None:
            yield f"blk_{blocks[at]}", lines[number % len(lines)]
            continue
        shape = SHAPES[chance.choice((0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 5, 6))]
        a, b, r = chance.randrange(10), chance.randrange(255), chance.randrange(3)
        yield f"blk_{blocks[at]}", shape.format(block=blocks[at], a=a, b=b, r=r, port=chance.randrange(30000, 60000))


def batches(count: int, keys: int, file: Path | None) -> list[Batch]:
    """Return JSON records, 20,000 a second of event time."""
    values = []
    for number, (key, message) in enumerate(messages(count, keys, file)):
        micros = START * 1000 + number * 50
        stamp = f"{np.datetime64(micros, 'us')}Z"
        values.append(orjson.dumps({"time": stamp, "scope": "hdfs", "key": key, "message": message}))
    source = TopicPartition("bench", 0)
    return [
        Batch(
            source,
            range(at, min(at + BATCH, count)),
            [START + number // 20 for number in range(at, min(at + BATCH, count))],
            [None] * len(values[at : at + BATCH]),
            values[at : at + BATCH],
        )
        for at in range(0, count, BATCH)
    ]


def best(run: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU seconds of `run`."""
    spent = []
    for _ in range(times):
        begin = time.process_time()
        run()
        spent.append(time.process_time() - begin)
    return min(spent)


def sessionizer() -> Sessionizer:
    return Sessionizer(LIMITS, lambda lines: np.array([len(line) // 4 + 1 for line in lines], dtype=np.int32))


def sessionize(tables: list[pl.DataFrame]) -> int:
    cutter = sessionizer()
    return sum(len(cutter.push(MaskedLines.of(table))) for table in tables) + len(cutter.flush(ClosedBy.FLUSH))


def whole(records: list[Batch]) -> int:
    reader, masker, cutter = make_format(FormatSettings()), Masker(), sessionizer()
    return sum(len(cutter.push(MaskedLines.of(masker.apply(reader.parse(batch).lines)))) for batch in records)


def python_masks(texts: list[str]) -> list[str]:
    """The same masks with `re`, one after the other."""
    rules = [
        (
            re.compile(pattern.replace(r"[\p{Nd}--[0-9]]", r"(?![0-9])\d").replace(r"(?-u:\b)", r"\b")),
            re.sub(r"\$\{1\}", r"\\1", mask),
        )
        for pattern, mask in BUILT_IN
    ]
    for rule, mask in rules:
        texts = [rule.sub(mask, text) for text in texts]
    return texts


def measure(count: int, keys: int, file: Path | None) -> dict[str, float]:
    records = batches(count, keys, file)
    masker = Masker()
    parsed = [make_format(FormatSettings()).parse(batch).lines for batch in records]
    masked = [masker.apply(table) for table in parsed]
    result = {
        "keys": keys,
        "lines": count,
        "distinct": float(pl.concat(masked)["masked"].n_unique()),
        "json": count / best(lambda: [make_format(FormatSettings()).parse(batch) for batch in records]),
        "redact and mask": count / best(lambda: [masker.apply(table) for table in parsed]),
        "sessions": count / best(lambda: sessionize(masked)),
        "whole": count / best(lambda: whole(records)),
    }
    sample = parsed[0]["text"].to_list()
    result["masks over re"] = result["redact and mask"] / (len(sample) / best(lambda: python_masks(sample)))
    result["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--keys", default="10,100,1000,10000")
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    for keys in options.keys.split(","):
        result = measure(options.lines, int(keys), options.file)
        print(json.dumps({name: round(value, 1) for name, value in result.items()}), flush=True)


if __name__ == "__main__":
    main()
