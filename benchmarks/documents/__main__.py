"""How well departures from standard documents are found: python -m benchmarks.documents PROTOCOL FOLDER

planted FOLDER (D1): FOLDER is the unpacked npm package spdx-license-list (`npm pack spdx-license-list`). 40 of its
texts above 3 kB are the standards of one base. Each is edited: once for each substantive kind (in one clause, which is
known) and once for each harmless kind, docx and PDF and back among them; with three seeds. The families of licences
(BSD, GPL, CC ...) are divided into halves: settings are chosen on `development`, and `held-out` is what is reported.

variants FOLDER (D2): FOLDER is the unpacked PyPI package licensedcode-data (`pip download licensedcode-data`). Half of
its BSD-3 texts are the base; the other half is normal, and texts of BSD-4, BSD source code, BSD-2, MIT and others are
to be found.

versions FOLDER (D3): FOLDER as for D2. Versions of licences and terms of service as their owners edited them are to be
found; the standards with harmless edits are not.

long FOLDER (D4): as D1, but each standard is many of the licences one after another, 32,000 tokens of the engine, and
the edit is in one clause of it.

languages FOLDER (D5): as D1, with the texts of licensedcode-data in German, French and Chinese.

sizes FOLDER: FOLDER as for D2. The cosine alone on the texts of D2, its vectors cut to 32, 64 ... dimensions.

A contestant scores every text. *AP* is its average precision, *recall* that at the threshold which 1% of the harmless
ones pass. *top-1* says how often the first clause that we show is the changed one, *MRR* is the mean of its place's
inverse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.documents.contestants import Scores
from benchmarks.documents.planted import judge_all
from benchmarks.documents.sizes import print_sizes
from benchmarks.documents.sources import HALVES, half_of, read_language, read_licences
from benchmarks.documents.tables import print_contest, print_planted, print_wrong
from benchmarks.documents.variants import judge_variants, read_variants
from benchmarks.documents.versions import judge_versions, read_versions
from benchmarks.documents.vocabulary import ENGLISH, VOCABULARIES
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.ports import Engine

Contested = tuple[Sequence[bool], Sequence[Scores], Sequence[str]]
"""Of each judged text: whether it is to be found, the contestants' scores, and its name."""
STANDARDS = 40
LONG = 32_000
BOOKS = 6
SEEDS = 3


async def planted(options: argparse.Namespace, engine: Engine) -> None:
    """Print D1."""
    texts = read_licences(options.folder)
    names = random.Random(0).sample(sorted(texts), STANDARDS)
    edited = [name for name in names if half_of(name) == options.half]
    judged = await judge_all(texts, names, edited, options.seeds, engine, ENGLISH)
    print_planted(judged)
    if options.wrong:
        print_wrong(judged)


async def long(options: argparse.Namespace, engine: Engine) -> None:
    """Print D4."""
    texts = read_licences(options.folder)
    names = random.Random(0).sample(sorted(texts), len(texts))
    books: dict[str, str] = {}
    parts: list[str] = []
    tokens = 0
    for name in names:
        parts.append(texts[name].strip())
        tokens += int(engine.count_tokens(parts[-1:])[0])
        if tokens >= LONG:
            books[f"book {len(books)}"] = "\n\n".join(parts)
            parts, tokens = [], 0
        if len(books) == BOOKS:
            break
    judged = await judge_all(books, sorted(books), sorted(books), options.seeds, engine, ENGLISH)
    print_planted(judged)
    if options.wrong:
        print_wrong(judged)


async def languages(options: argparse.Namespace, engine: Engine) -> None:
    """Print D5."""
    for language in ("de", "fr", "zh"):
        texts = read_language(options.folder, language)
        names = sorted(texts)
        print(f"\n### {language}: {len(names)} standards\n")
        judged = await judge_all(texts, names, names, options.seeds, engine, VOCABULARIES[language])
        print_planted(judged)
        if options.wrong:
            print_wrong(judged)


async def variants(options: argparse.Namespace, engine: Engine) -> None:
    """Print D2."""
    texts = read_variants(options.folder)
    print(", ".join(f"{len(examples)} {licence}" for licence, examples in texts.items()))
    _contest([await judge_variants(texts, seed, engine) for seed in range(options.seeds)], options)


async def sizes(options: argparse.Namespace, engine: Engine) -> None:
    """Print how well the cosine alone does with shorter vectors."""
    await print_sizes(options.folder, options.seeds, engine)


async def versions(options: argparse.Namespace, engine: Engine) -> None:
    """Print D3."""
    families = read_versions(options.folder)
    print(f"{len(families)} families of {sum(map(len, families))} versions")
    _contest([await judge_versions(families, turn, engine) for turn in (0, 1)], options)


def _contest(rounds: Sequence[Contested], options: argparse.Namespace) -> None:
    """Print the table of rounds that are counted together, and with `--wrong` what was judged wrongly."""
    truth = np.concatenate([np.array(odd) for odd, _, _ in rounds])
    scores = [each for _, scored, _ in rounds for each in scored]
    limit = print_contest(truth, scores)
    if options.wrong:
        names = [name for _, _, judged in rounds for name in judged]
        for odd, figures, name in zip(truth, scores, names, strict=True):
            if odd != (figures["strayline"] > limit):
                print(name, {key: round(figure, 2) for key, figure in figures.items()})


PROTOCOLS: dict[str, Callable[[argparse.Namespace, Engine], Awaitable[None]]] = {
    "planted": planted,
    "sizes": sizes,
    "variants": variants,
    "versions": versions,
    "long": long,
    "languages": languages,
}


async def measure(options: argparse.Namespace) -> None:
    settings = EngineSettings(
        type=options.engine, model=options.model, instruction=options.instruction, options=options.options
    )
    engine = make_engine(settings)
    await engine.start()
    try:
        await PROTOCOLS[options.protocol](options, engine)
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", choices=sorted(PROTOCOLS))
    parser.add_argument("folder", type=Path, help="the unpacked package")
    parser.add_argument("--half", choices=HALVES, default="held-out", help="which families D1 reports")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how often each text is edited (default: {SEEDS})")
    parser.add_argument("--engine", choices=("lite", "vllm"), default="lite")
    parser.add_argument("--model", default="wordllama", help="of the engine (default: wordllama)")
    parser.add_argument("--options", type=json.loads, default={}, help="engine.options, as JSON")
    parser.add_argument("--instruction", help="a prefix to every text (default: none)")
    parser.add_argument("--wrong", action="store_true", help="show what was judged wrongly")
    options = parser.parse_args()
    began = time.monotonic()
    asyncio.run(measure(options))
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
