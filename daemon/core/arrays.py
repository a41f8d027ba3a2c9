"""State as numpy arrays by name, none of them of objects: what a snapshot holds, and how texts become part of it.

And vectors as an index keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def nested(name: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the arrays under names that begin with ``name.``."""
    return {f"{name}.{key}": array for key, array in arrays.items()}


def part(name: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the arrays that `nested` put under `name`."""
    return {key[len(name) + 1 :]: array for key, array in arrays.items() if key.startswith(f"{name}.")}


def texts_to_arrays(texts: Iterable[str | None]) -> Arrays:
    """Return texts as one array of UTF-8 and one of where each ends, in characters; None is kept as an empty text."""
    known = [text or "" for text in texts]
    ends = np.cumsum(np.fromiter(map(len, known), np.int64, len(known)))
    return {"text": np.frombuffer("".join(known).encode("utf-8", "surrogatepass"), np.uint8), "ends": ends}


def texts_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the texts that `texts_to_arrays` was given, "" for None."""
    whole, ends = arrays["text"].tobytes().decode("utf-8", "surrogatepass"), arrays["ends"].tolist()
    return [whole[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def values_to_arrays(values: Iterable[bytes | None]) -> Arrays:
    """Return values as one array of bytes, one of where each ends, and one that says which are not None."""
    known = list(values)
    ends = np.cumsum(np.fromiter((len(value or b"") for value in known), np.int64, len(known)))
    present = np.fromiter((value is not None for value in known), np.bool_, len(known))
    return {"bytes": np.frombuffer(b"".join(value or b"" for value in known), np.uint8), "ends": ends, "any": present}


def values_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[bytes | None]:
    """Return the values that `values_to_arrays` was given."""
    whole, ends = arrays["bytes"].tobytes(), arrays["ends"].tolist()
    cuts = zip([0, *ends], ends, arrays["any"].tolist(), strict=False)
    return [whole[begin:end] if known else None for begin, end, known in cuts]


def in_bytes(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return vectors (n, dimensions) or one (dimensions,) as bytes of the same direction, as exact as bytes allow."""
    largest = np.maximum(np.abs(vectors).max(axis=-1, keepdims=True), 1e-9)
    return np.asarray(np.rint(vectors * (127.0 / largest)), np.int8)
