"""A table of token vectors in this process: no GPU, no torch, ready in a fifth of a second.

A text's vector is the sum of the vectors of its tokens, of unit length. Order is lost, which costs little here: a
session's lines are counted and sorted before they are embedded. The table is WordLlama's (32,000 tokens of 256
dimensions, 16 MB), from its package, or the table of a folder in model2vec's layout: a ``tokenizer.json`` and a
``model.safetensors`` with one table of shape (tokens, dimensions).

* The vectors of a table nest: the first 64 or 128 dimensions are a smaller model (`dimensions`).
* Only the first `MAX_TOKENS` tokens of a text count; the rest is cut.
* Nothing here waits, so nothing can hang. Large calls run on a thread, small ones on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.engines.registry import EngineSettings, model_name
from daemon.errors import ConfigError, DataError, EngineError

PACKAGED = "wordllama"
"""The name of the packaged model, and of its package."""
MAX_TOKENS = 32_768
CHARACTERS_PER_TOKEN = 64  # no ordinary text has more; text beyond it is cut before it is tokenized
INLINE_CHARACTERS = 50_000
AT_ONCE = 256
"""Texts that are tokenized together, at most."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a model's files are, and the name that its vectors carry."""

    name: str
    tokenizer: Path
    table: Path


class LiteEngine:
    """`ports.Engine` on a table of token vectors."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._death: EngineError | None = EngineError("the engine has not been started")
        self._model: _Model | None = None

    @property
    def model(self) -> str:
        """See ports.Engine. A folder's name carries a fingerprint of its table."""
        name = self._model.name if self._model else self._settings.model
        return model_name(name, self.dimensions, self._settings.instruction, self._settings.options)

    @property
    def dimensions(self) -> int:
        """See ports.Engine."""
        return self._model.table.shape[1] if self._model else 0

    @property
    def max_tokens(self) -> int:
        """See ports.Engine."""
        return MAX_TOKENS

    async def start(self) -> None:
        """Read tokenizer and table. Raises ConfigError when the model is missing or is not a table of token vectors."""
        self._model = await asyncio.to_thread(_load, self._settings)
        self._death = None

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """See ports.Engine. A line's newline counts as one token."""
        assert self._model is not None, "start first"
        return self._model.count(lines)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ports.Engine."""
        self.check()
        assert self._model is not None, "start first"
        if sum(map(len, texts)) > INLINE_CHARACTERS:
            rows = await asyncio.to_thread(self._model.embed, list(texts))
        else:
            await asyncio.sleep(0)  # between many small calls, other tasks get their turn
            rows = self._model.embed(texts)
        self.check()
        return rows

    def tokens_of(self, texts: Sequence[str]) -> list[int]:
        """See ports.TokenEngine."""
        assert self._model is not None, "start first"
        return self._model.lengths(texts)

    async def embed_tokens(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """See ports.TokenEngine."""
        self.check()
        assert self._model is not None, "start first"
        return await asyncio.to_thread(self._model.embed_tokens, prompts)

    def check(self) -> None:
        """See ports.Engine."""
        if self._death:
            raise self._death

    async def close(self) -> None:
        """See ports.Engine."""
        self._death = EngineError("the engine has been closed")


class _Model:
    """A tokenizer and a table that fit each other. Thread-safe."""

    def __init__(self, files: _Files, settings: EngineSettings) -> None:
        from tokenizers import Tokenizer

        self.name = files.name
        self._tokenizer = Tokenizer.from_file(str(files.tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # a log line that holds </s> holds four characters
        self.table = _table(files.table, settings.dimensions)
        if self._tokenizer.get_vocab_size() > len(self.table):
            raise ConfigError([f"engine.model: {files.tokenizer} has more tokens than {files.table}"])
        self._instruction = settings.instruction or ""
        self._blank = self._unit(self.table.mean(axis=0))

    def count(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of tokens of each line and its newline, shape (len(lines),)."""
        return np.fromiter((len(ids) + 1 for ids in self._encode(lines)), dtype=np.int32, count=len(lines))

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(ids) for ids in self._encode(texts)]

    def embed_tokens(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return unit rows of tokens, shape (len(prompts), dimensions). Raises DataError for an unknown token."""
        rows = np.empty((len(prompts), self.table.shape[1]), dtype=np.float32)
        for row, ids in enumerate(prompts):
            if max(ids, default=0) >= len(self.table):
                raise DataError(f"the model has no token {max(ids)}, only 0 to {len(self.table) - 1}")
            rows[row] = self._unit(self.table[list(ids)].sum(axis=0))
        return rows

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit rows, shape (len(texts), dimensions). Each depends on its own text alone."""
        rows = np.empty((len(texts), self.table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), AT_ONCE):
            batch = [self._instruction + text[: MAX_TOKENS * CHARACTERS_PER_TOKEN] for text in texts[start:][:AT_ONCE]]
            for row, ids in enumerate(self._encode(batch), start):
                rows[row] = self._unit(self.table[ids[:MAX_TOKENS]].sum(axis=0))
        return rows

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _unit(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vector at unit length; in place of a zero vector, the table's mean at unit length."""
        norm = float(np.linalg.norm(vector))
        return vector / np.float32(norm) if norm > 0 else self._blank


def table_name(name: str) -> str:
    """Return the name that the vectors of a model carry, without loading it. Raises ConfigError as `start` does."""
    return _find(name).name


def _load(settings: EngineSettings) -> _Model:
    return _Model(_find(settings.model), settings)


def _find(name: str) -> _Files:
    """Return where a model's files are. Raises ConfigError when there is none of that name."""
    if name == PACKAGED:
        spec = find_spec(PACKAGED)
        if spec is None or spec.origin is None:
            raise ConfigError(["engine.model: wordllama comes with strayline's extra 'lite': install strayline[lite]"])
        package = Path(spec.origin).parent
        return _Files(
            "wordllama-l2-supercat",
            package / "tokenizers" / "l2_supercat_tokenizer_config.json",
            package / "weights" / "l2_supercat_256.safetensors",
        )
    folder = Path(name).expanduser()
    files = _Files("", folder / "tokenizer.json", folder / "model.safetensors")
    for needed in (files.tokenizer, files.table):
        if not needed.is_file():
            problem = "holds no " + needed.name if folder.is_dir() else f"is neither a folder nor {PACKAGED}"
            raise ConfigError([f"engine.model: {name} {problem}; the lite engine reads tables of token vectors"])
    mark = blake2b(files.tokenizer.read_bytes() + files.table.read_bytes(), digest_size=4).hexdigest()
    return _Files(f"{folder.resolve().name}@{mark}", files.tokenizer, files.table)


def _table(path: Path, dimensions: int | None) -> NDArray[np.float32]:
    """Return the file's one table as float32, cut to `dimensions`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        parts = load_file(path)
    except (SafetensorError, KeyError) as error:  # KeyError: a data type that numpy lacks
        raise ConfigError([f"engine.model: {path}: cannot be read: {error}"]) from error
    tables = [part for part in parts.values() if part.ndim == 2]
    if len(parts) != 1 or len(tables) != 1:
        raise ConfigError([f"engine.model: {path} holds {len(parts)} tensors and not one table of token vectors"])
    size = tables[0].shape[1]
    if dimensions is not None and dimensions > size:
        raise ConfigError([f"engine.dimensions: {dimensions} is more than the model's {size}"])
    return np.ascontiguousarray(tables[0][:, :dimensions], dtype=np.float32)
