"""Quality against the size of a vector: whole texts by cosine alone, their vectors cut to each Matryoshka size."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.documents.variants import BESIDE, TAUGHT, read_variants
from daemon.core.documents import blocks_of
from daemon.documents.library import document_text, make_document
from daemon.ports import Engine

SMALLEST = 32


async def print_sizes(folder: Path, seeds: int, engine: Engine) -> None:
    """Print the average precision on the texts of D2 of each size from 32 to the model's, doubled each time."""
    variants = read_variants(folder)
    rows = {licence: await _vectors(texts, engine) for licence, texts in variants.items()}
    sizes = [size for power in range(5, 13) if (size := 1 << power) < engine.dimensions] + [engine.dimensions]
    print("| dimensions | AP of the cosine | least and most of the seeds |\n|---|---|---|")
    for size in sizes:
        cut = {licence: _unit(each[:, :size]) for licence, each in rows.items()}
        figures = [_average_precision(cut, seed) for seed in range(seeds)]
        print(f"| {size} | {np.mean(figures):.3f} | {min(figures):.3f} to {max(figures):.3f} |")


async def _vectors(texts: Sequence[tuple[str, str]], engine: Engine) -> np.ndarray:
    flat = [document_text(make_document(name, "text", blocks_of(text))) for name, text in texts]
    return np.concatenate([await engine.embed([text]) for text in flat])


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _average_precision(rows: Mapping[str, np.ndarray], seed: int) -> float:
    ours = list(range(len(rows[TAUGHT])))
    random.Random(seed).shuffle(ours)
    taught = rows[TAUGHT][ours[::2]]
    judged = [(False, rows[TAUGHT][ours[1::2]]), *((True, rows[licence]) for licence in BESIDE)]
    truth = np.concatenate([np.full(len(each), odd) for odd, each in judged])
    figures = np.concatenate([1 - (each @ taught.T).max(axis=1) for _, each in judged])
    return float(average_precision_score(truth, figures))
