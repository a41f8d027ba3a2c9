"""The engines by type, and the settings they take.

An engine's module is imported only when it is chosen. A process that talks to a server never loads vLLM, and a verb
that needs no engine loads none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import cast

import orjson

from daemon.adapters.engines.model_files import PACKAGED, find_model
from daemon.errors import ConfigError
from daemon.ports import Engine

ENGINES: Mapping[str, str] = {
    "vllm": "daemon.adapters.engines.vllm:VllmEngine",
    "openai": "daemon.adapters.engines.openai:OpenAIEngine",
    "lite": "daemon.adapters.engines.lite:LiteEngine",
}
"""Type of engine -> ``module:class``; the class takes one `EngineSettings`. A new engine is one more entry."""

CHANGE_VECTORS = (
    *("dtype", "quantization", "quantization_config", "kv_cache_dtype", "lora_dtype"),  # how exactly is computed
    *("revision", "hf_config_path", "hf_overrides", "model_weights", "model_class_overrides"),  # what
    *("convert", "pooler_config", "disable_sliding_window", "enable_lora", "default_mm_loras"),
)
"""Options of vLLM that change the vectors of all texts, not only how fast they are made."""
CUT_MARK = "\n<CUT>"
"""Ends a text that was cut because it is longer than the model reads."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The configuration's section `engine`.

    `model` is a hub name, a folder, or ``all-MiniLM-L6-v2`` (from its package); for a server, the name it serves; for
    lite, ``wordllama`` (from its package) or a folder.
    `dimensions` cuts vectors to a Matryoshka size, `instruction` is a prefix to every text.

    vllm: `options` are passed to EngineArgs. A step that takes longer than `step_timeout_s` counts as hung.
    openai: `url` ends before ``/embeddings``. The key is `api_key`, or what `api_key_file` holds at each request.
    `timeout_s` is for one request, `concurrency` is the number of requests at once.
    """

    type: str = "vllm"
    model: str = "Qwen/Qwen3-Embedding-4B"
    dimensions: int | None = None
    instruction: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api_key_file: str | None = None
    timeout_s: float = 60.0
    concurrency: int = 8
    step_timeout_s: float = 600.0


def make_engine(settings: EngineSettings) -> Engine:
    """Return the engine that `settings.type` names, not yet started. Raises ConfigError for an unknown type."""
    place = ENGINES.get(settings.type)
    if place is None:
        raise ConfigError([f"engine.type: {settings.type!r} is not one of {', '.join(ENGINES)}"])
    module, _, name = place.partition(":")
    return cast("Engine", getattr(import_module(module), name)(settings))


def model_name(name: str, dimensions: int, instruction: str | None, options: Mapping[str, object]) -> str:
    """Return the name of vectors; vectors of equal names can be compared.

    An instruction changes every vector, and so do `CHANGE_VECTORS` of the options: fingerprints of both are part of
    the name. Where a long text is cut is not: its vector is that of its beginning either way.
    """
    parts = [name, str(dimensions)]
    if instruction:
        parts.append(_fingerprint(instruction.encode()))
    chosen = {key: options[key] for key in CHANGE_VECTORS if options.get(key) not in (None, "auto", {}, False)}
    if chosen:
        parts.append(f"options-{_fingerprint(orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS, default=str))}")
    return ":".join(parts)


def _fingerprint(content: bytes) -> str:
    return blake2b(content, digest_size=4).hexdigest()


def name_in_vectors(engine_type: str, model: str) -> str:
    """Return the part of the vectors' name that is the model's, without loading the model or asking a server.

    Where the model is not installed here, return the configured name.
    """
    try:
        if engine_type == "lite":
            from daemon.adapters.engines.lite import table_name

            return table_name(model)
        if engine_type == "vllm" and (Path(model).expanduser().is_dir() or model in PACKAGED):
            return find_model(model)[0]
    except (ImportError, ConfigError):
        return model.rpartition("/")[2]
    return model
