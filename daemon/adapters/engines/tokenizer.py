"""A model's own tokenizer: how texts become tokens, and how many.

Two rules make counting and cutting exact.

1. The tokens of the lines of a text add up to the tokens of the text. For BERT's tokenizers this always holds. For
   Qwen's it holds when every line is encoded with its newline, other line separators are blanks, and lines end without
   blanks; `clean` makes a text so.
2. Log text is only text: ``[SEP]`` or ``<|endoftext|>`` in a line never becomes the special token of that name. The
   special tokens are added here, around the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from daemon.adapters.engines.model_files import read_json
from daemon.adapters.engines.registry import CUT_MARK
from daemon.errors import ConfigError, DataError

CHARACTERS_PER_TOKEN = 64
"""No ordinary text has more, so text beyond this many characters is cut before it is tokenized."""
_SEPARATORS = dict.fromkeys(map(ord, "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")


def clean(text: str) -> str:
    """Return `text` without blank lines and blanks at the ends of lines, its lines separated by newlines only."""
    return "\n".join(line for line in map(str.rstrip, text.translate(_SEPARATORS).split("\n")) if line)


class ModelTokenizer:
    """Counts and encodes with a model's own tokenizer. Thread-safe, and it releases the GIL while it works.

    `limit` is the model's longest input in tokens, special tokens and instruction included. Raises ConfigError for a
    folder without a tokenizer, a tokenizer with more tokens than the model, or an instruction that leaves no room.
    """

    def __init__(self, folder: Path, limit: int, instruction: str | None = None) -> None:
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ConfigError([f"engine.model: {folder} holds no tokenizer.json"])
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        config = read_json(folder / "config.json")
        if self._tokenizer.get_vocab_size() > int(config.get("vocab_size", 0)):
            raise ConfigError([f"engine.model: {folder}'s tokenizer has more tokens than its model"])
        self._instruction = instruction or ""
        self._before, self._after = self._specials(str(config.get("model_type", "")))
        self._mark: list[int] = self._encode([CUT_MARK])[0]
        self._room = limit - len(self._before) - len(self._after)
        self.max_tokens = self._room - len(self._encode([self._instruction])[0])
        """Longest text in tokens that is not cut."""
        if self.max_tokens <= len(self._mark):
            raise ConfigError([f"engine.instruction: leaves no room for a text within the model's {limit} tokens"])

    def count(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of tokens of each line and its newline, shape (len(lines),); 0 for a blank line."""
        cleaned = [clean(line.replace("\n", " ")) for line in lines]
        counts = map(len, self._encode([line + "\n" if line else "" for line in cleaned]))
        return np.fromiter(counts, dtype=np.int32, count=len(cleaned))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return token ids of each text: instruction and text between the model's special tokens, cut to fit.

        A text that was cut ends in the tokens of `CUT_MARK`.
        """
        most = self._room * CHARACTERS_PER_TOKEN
        pieces = self._encode([self._instruction + clean(text[:most]) for text in texts])
        return [
            self._before + self._fit(ids, was_cut=len(text) > most) + self._after
            for ids, text in zip(pieces, texts, strict=True)
        ]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, uncut, without the instruction and the special tokens."""
        return [len(ids) for ids in self._encode([clean(text) for text in texts])]

    def around(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return token ids of prompts that are tokens already, with the instruction and the model's special tokens.

        Raises DataError for a token that the tokenizer does not have, and for a prompt that is too long.
        """
        size = self._tokenizer.get_vocab_size()
        for ids in prompts:
            if max(ids, default=0) >= size or min(ids, default=0) < 0:
                raise DataError(f"the model has tokens 0 to {size - 1} only")
            if len(ids) > self.max_tokens:
                raise DataError(f"{len(ids):,} tokens are more than the model's {self.max_tokens:,}")
        before = self._before + self._encode([self._instruction])[0]
        return [[*before, *ids, *self._after] for ids in prompts]

    def _fit(self, ids: list[int], *, was_cut: bool) -> list[int]:
        if len(ids) <= self._room and not was_cut:
            return ids or ([] if self._before or self._after else self._mark)  # an empty input crashes vLLM
        return ids[: self._room - len(self._mark)] + self._mark

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _specials(self, model_type: str) -> tuple[list[int], list[int]]:
        """Return the ids before and after a text.

        Qwen's embedding models read the end token's state, yet their tokenizer may not add that token.
        """
        bare = self._encode(["a"])[0]
        whole: list[int] = self._tokenizer.encode("a").ids
        start = next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
        before, after = whole[:start], whole[start + len(bare) :]
        end = self._tokenizer.token_to_id("<|endoftext|>")
        if not after and end is not None and model_type.startswith("qwen"):
            after = [end]
        return before, after
