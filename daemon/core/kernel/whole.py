"""Whether texts are one object each, by their brackets; see ``whole.zig``."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.kernel.machine import machine, pieces


def are_whole(texts: pl.Series) -> bool:
    """Return whether each of a String column's texts opens a bracket first and closes it last.

    Texts without nulls. Texts of which this holds are no other JSON when they are put into one array.
    """
    lengths = texts.str.len_bytes().to_numpy()
    return all(_all_whole(texts[piece], lengths[piece]) for piece in pieces(lengths))


def _all_whole(texts: pl.Series, lengths: NDArray[np.uint32]) -> bool:
    with machine() as kernel:
        held = kernel.put_texts(texts, lengths)
        flags = kernel.room(len(texts), np.uint8)
        kernel.call("findWhole", *held, len(texts), flags)
        return bool(kernel.view(flags, len(texts), np.uint8).all())
