"""D1, planted edits: python -m benchmarks.documents FOLDER [--half development|held-out]

FOLDER is the unpacked npm package spdx-license-list (`npm pack spdx-license-list`). 40 of its texts above 3 kB are the
standards of one base. Each is edited: once for each substantive kind (in one clause, which is known) and once for each
harmless kind, docx and PDF and back among them; with three seeds. The families of licences (BSD, GPL, CC ...) are
divided into halves: settings are chosen on `development`, and `held-out` is what is reported.

A contestant scores every text. *AP* is its average precision for substantive edits, *recall* that at the threshold
which 1% of the harmless ones pass. *top-1* says how often the first clause that we show is the changed one,
*MRR* is the mean of its place's inverse.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape
from zlib import crc32

import docx
import numpy as np
import orjson
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate
from sklearn.metrics import average_precision_score

from benchmarks.documents.contestants import Contest, Scores
from benchmarks.documents.planting import Planted, harmless, substantive
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.adapters.parsing import FileLimits, read_file
from daemon.core.documents import Block, Departure, blocks_of
from daemon.documents import Check
from daemon.documents.library import document_text, make_document
from daemon.ports import Engine

STANDARDS = 40
SMALLEST = 3_000
SEEDS = 3
HALVES = ("development", "held-out")


@dataclass(frozen=True, slots=True)
class Judged:
    """One edited text, what everybody says of it, and at which place our list has the changed clause (0: nowhere)."""

    name: str
    planted: Planted
    scores: Scores
    place: int
    shown: str


def read_texts(folder: Path) -> dict[str, str]:
    """Return the licence texts above 3 kB by id."""
    texts = {}
    for path in sorted((folder / "licenses").glob("*.json")):
        text = orjson.loads(path.read_bytes())["licenseText"]
        if len(text) > SMALLEST:
            texts[path.stem] = text
    if len(texts) < STANDARDS:
        sys.exit(f"{folder}: holds {len(texts)} licence texts; unpack the npm package spdx-license-list there")
    return texts


def half_of(name: str) -> str:
    """Return the half that a licence's family belongs to."""
    return HALVES[crc32(re.split(r"[-\d.]", name)[0].encode()) % 2]


def there_and_back(text: str, folder: Path) -> list[tuple[str, list[Block]]]:
    """Return the text as a Word document and as a PDF, read again."""
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    written = docx.Document()
    for part in paragraphs:
        written.add_paragraph("".join(c for c in part if c.isprintable() or c in "\n\t"))
    written.save(str(folder / "a.docx"))
    style = getSampleStyleSheet()["Normal"]
    pdf = SimpleDocTemplate(str(folder / "a.pdf"))
    pdf.build(
        [
            Paragraph(escape(" ".join(part.split()).encode("latin-1", "ignore").decode("latin-1")), style)
            for part in paragraphs
        ]
    )
    files = [(kind, read_file(folder / f"a.{kind}", FileLimits())) for kind in ("docx", "pdf")]
    return [(kind, list(file.blocks)) for kind, file in files if file.status == "read"]


def first_shown(check: Check) -> str:
    """Return the kind of our first departure and its changed words."""
    match = check.matches[0]
    for departure in match.comparison.departures:
        there, here = (" ".join(p.text for p in side if p.mark) for side in (departure.there, departure.here))
        return f"{match.document.name} {departure.kind} {there[:80]!r} -> {here[:80]!r}"
    return ""


def place_of(planted: Planted, check: Check) -> int:
    """Return the place of the changed clause in our list, from 1 on; 0 when it is not in it."""
    for place, departure in enumerate(check.matches[0].comparison.departures, 1):
        if _is_it(planted, departure):
            return place
    return 0


def _is_it(planted: Planted, departure: Departure) -> bool:
    if planted.clause is not None:
        return departure.clause == planted.clause
    inserted = "".join(char for piece in departure.here if piece.mark for char in piece.text if char.isalnum())
    return len(inserted) >= 10 and inserted[:20] in "".join(filter(str.isalnum, planted.inserted))


async def judge_all(folder: Path, half: str, seeds: int, engine: Engine) -> list[Judged]:
    """Make the standards, edit each of a half, and have everybody judge the edited texts."""
    texts = read_texts(folder)
    names = random.Random(0).sample(sorted(texts), STANDARDS)
    kept = [make_document(name, "text", blocks_of(texts[name])) for name in names]
    rows = [(await engine.embed([document_text(each)]))[0] for each in kept]
    contest = Contest([replace(each, vector=row) for each, row in zip(kept, rows, strict=True)], np.stack(rows), engine)
    judged = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(seeds):
            chance = random.Random(seed)
            for name in [each for each in names if half_of(each) == half]:
                other = texts[chance.choice([one for one in sorted(texts) if one not in names])]
                edited: list[tuple[Planted, Sequence[Block]]] = [
                    (one, blocks_of(one.text))
                    for one in (*substantive(texts[name], other, chance), *harmless(texts[name], chance))
                ]
                if seed == 0:  # a file is the same whatever the seed
                    edited += [
                        (Planted(k, "", substantive=False), b) for k, b in there_and_back(texts[name], Path(scratch))
                    ]
                for planted, blocks in edited:
                    scores, check = await contest.scores(blocks)
                    place = place_of(planted, check) if planted.substantive else 0
                    judged.append(Judged(name, planted, scores, place, first_shown(check)))
    return judged


def report(judged: Sequence[Judged]) -> None:
    """Print the table of contestants, and ours by kind."""
    truth = np.array([one.planted.substantive for one in judged])
    print(f"{truth.sum()} substantive edits, {(~truth).sum()} harmless\n")
    print("| | AP | recall at 1% harmless alarms |\n|---|---|---|")
    thresholds = {}
    for name in judged[0].scores:
        scores = np.array([one.scores[name] for one in judged])
        calm = np.sort(scores[~truth])[::-1]
        thresholds[name] = calm[int(0.01 * len(calm))]
        recall = (scores[truth] > thresholds[name]).mean()
        print(f"| {name} | {average_precision_score(truth, scores):.3f} | {recall:.3f} |")
    places = [one.place for one in judged if one.planted.substantive]
    top = np.mean([place == 1 for place in places])
    print(f"\ntop-1 {top:.3f}, MRR {np.mean([1 / place if place else 0.0 for place in places]):.3f}\n")
    print("| kind | texts | alarmed at that threshold | top-1 |\n|---|---|---|---|")
    kinds: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        kinds[one.planted.kind].append(one)
    for kind, ones in kinds.items():
        alarmed = np.mean([one.scores["strayline"] > thresholds["strayline"] for one in ones])
        first = f"{np.mean([one.place == 1 for one in ones]):.3f}" if ones[0].planted.substantive else ""
        print(f"| {kind} | {len(ones)} | {alarmed:.3f} | {first} |")


async def measure(folder: Path, half: str, seeds: int) -> list[Judged]:
    engine = make_engine(EngineSettings(type="lite", model="wordllama"))
    await engine.start()
    try:
        return await judge_all(folder, half, seeds, engine)
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the unpacked package")
    parser.add_argument("--half", choices=HALVES, default="held-out", help="which families to report")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how often each text is edited (default: {SEEDS})")
    parser.add_argument("--wrong", action="store_true", help="show what was judged wrongly")
    options = parser.parse_args()
    began = time.monotonic()
    judged = asyncio.run(measure(options.folder, options.half, options.seeds))
    report(judged)
    if options.wrong:
        for one in judged:
            if (one.place != 1) if one.planted.substantive else one.scores["strayline"] > 0:
                print(one.name, one.planted.kind, one.place, f"{one.scores['strayline']:.2f}", one.shown)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
