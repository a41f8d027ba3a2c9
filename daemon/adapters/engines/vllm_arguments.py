"""How vLLM is set up for a model.

Some defaults differ from vLLM's own; `engine.options` of the configuration overrides each of them:

* A short text never waits for a long one: models that read the last token's state are fed in chunks, and one text gets
  at most half of a step.
* On a CPU: float32 (the default, half precision, is slower where the processor lacks its instructions), one thread for
  each core of the process's affinity, steps of 2,048 tokens, a cache for one longest text instead of 90% of the memory.
* No text is longer than 32,768 tokens, which is the length that a cache must be able to hold.
* vLLM does not load the tokenizer a second time, which can take minutes on its Python path: it receives token ids.
  `ModelTokenizer` refuses a tokenizer with more tokens than the model has, because such an id kills the engine.
* BERT models read up to their position table (512 for all-MiniLM-L6-v2). Its sentence-transformers configuration cuts
  at 256: vectors of texts up to 256 tokens are the same, longer texts are read further.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.adapters.engines.model_files import read_json
from daemon.adapters.engines.registry import EngineSettings
from daemon.errors import ConfigError

CPU_STEP_TOKENS = 2048
LONG_SHARE_CPU, LONG_SHARE_GPU = 1024, 4096
"""Tokens of one text in a step; the rest of the step is for short texts."""
LONGEST = 32768


def engine_arguments(folder: Path, settings: EngineSettings, *, cpu: bool) -> dict[str, Any]:
    """Return EngineArgs' arguments: the defaults for this model and platform, overridden by the user's options."""
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
    """Raise ConfigError when `wanted` is more than the model's `size`; 0 means that its size is unknown."""
    if wanted is not None and 0 < size < wanted:
        raise ConfigError([f"engine.dimensions: {wanted} is more than the model's {size}"])


def _cache_bytes(config: Mapping[str, Any], tokens: int) -> int:
    """Return the bytes of keys and values of `tokens` tokens in float32, plus half a GiB for everything else."""
    heads = int(config.get("num_attention_heads", 1))
    size = int(config.get("head_dim") or int(config.get("hidden_size", 0)) // heads)
    layers = int(config.get("num_hidden_layers", 0))
    return 2 * 4 * layers * int(config.get("num_key_value_heads") or heads) * size * tokens + (1 << 29)
