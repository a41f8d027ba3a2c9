"""all-MiniLM-L6-v2 with fewer bits, as vLLM reads it: bfloat16, fp8, int8 and weights of 4 bits beside float32.

    python -m benchmarks.quantised FOLDER

bfloat16 is an option of the engine. For the others FOLDER gets copies of the model. `int8` has signed bytes for the
weights of linear layers, with a scale for each row, and activations are rounded with a scale for each token (W8A8);
`int4` has four bits for each of those weights, with a scale for each group of `GROUP`, and bfloat16 for activations
(W4A16, as AWQ and GPTQ have); both are compressed-tensors and round to the nearest, where AWQ and GPTQ choose better,
with texts. `fp8` has those weights rounded to fp8 (e4m3, a scale for each row) and stored as float32: vLLM computes in
fp8 only on a GPU or a CPU with AMX, so this shows what the rounding of weights does, not what it costs. Printed is how
near the vectors are to those of float32, and the CPU time of all on the same sessions, by turns.
`python -m benchmarks.documents sizes LICENSEDCODE --engine vllm --model FOLDER/int4` then says what it does to the
order of texts; `--options` takes an engine's options.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from benchmarks.engine import sessions
from daemon.adapters.engines import EngineSettings, find_model
from daemon.adapters.engines.vllm import VllmEngine

Tensors = dict[str, NDArray[np.generic]]

MODEL = "all-MiniLM-L6-v2"
GROUP = 128
EACH = {"type": "int", "symmetric": True}
INT8: dict[str, Any] = {
    "format": "int-quantized",
    "weights": EACH | {"num_bits": 8, "strategy": "channel", "dynamic": False},
    "input_activations": EACH | {"num_bits": 8, "strategy": "token", "dynamic": True},
}
FP8_MOST = 448.0
INT4: dict[str, Any] = {
    "format": "pack-quantized",
    "weights": EACH | {"num_bits": 4, "strategy": "group", "group_size": GROUP, "dynamic": False},
}
ROUNDS, TEXTS = 3, 120


def to_bytes(name: str, weights: NDArray[np.float32]) -> Tensors:
    """Return a layer's weights, shape (out, in), as signed bytes with a scale for each row."""
    scale = np.abs(weights).max(axis=1, keepdims=True) / 127
    return {name: np.rint(weights / scale).astype(np.int8), f"{name}_scale": scale.astype(np.float32)}


def to_nibbles(name: str, weights: NDArray[np.float32]) -> Tensors:
    """Return a layer's weights, shape (out, in), as eight to a number, with a scale for each group of a row."""
    groups = weights.reshape(len(weights), -1, GROUP)
    scale = np.abs(groups).max(axis=2, keepdims=True) / 7
    whole = (np.rint(groups / scale) + 8).astype(np.uint32).reshape(len(weights), -1, 8)
    packed = np.bitwise_or.reduce(whole << np.arange(0, 32, 4, dtype=np.uint32), axis=2)
    return {
        f"{name}_packed": packed.view(np.int32),
        f"{name}_scale": scale[:, :, 0].astype(np.float32),
        f"{name}_shape": np.array(weights.shape, dtype=np.int64),
    }


def to_fp8(name: str, weights: NDArray[np.float32]) -> Tensors:
    """Return a layer's weights, shape (out, in), as the nearest that fp8 has with a scale for each row."""
    import torch

    scale = np.abs(weights).max(axis=1, keepdims=True) / FP8_MOST
    rounded = torch.from_numpy(weights / scale).to(torch.float8_e4m3fn).to(torch.float32).numpy()
    return {name: (rounded * scale).astype(np.float32)}


def write(
    folder: Path, scheme: Mapping[str, Any] | None, quantise: Callable[[str, NDArray[np.float32]], Tensors]
) -> Path:
    """Write the model into a new folder, with the weights of its linear layers as `quantise` returns them.

    `scheme` says how they are to be read; without one they are plain numbers.
    """
    source = find_model(MODEL)[1]
    shutil.copytree(source, folder)
    tensors: Tensors = {}
    for name, weights in load_file(source / "model.safetensors").items():
        linear = name.startswith("encoder.layer") and weights.ndim == 2
        tensors |= quantise(name, weights) if linear else {name: weights}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if scheme is None:
        return folder
    quantisation = {
        "quant_method": "compressed-tensors",
        "format": scheme["format"],
        "quantization_status": "compressed",
        "ignore": [],
        "config_groups": {"all": {"targets": ["Linear"], **scheme}},
    }
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": quantisation}))
    return folder


async def measure(folder: Path) -> dict[str, object]:
    """Return how alike the vectors are to those of float32, and the CPU seconds of `TEXTS` sessions."""
    fp8 = write(folder / "fp8", None, to_fp8)
    int8, int4 = write(folder / "int8", INT8, to_bytes), write(folder / "int4", INT4, to_nibbles)
    settings = {
        "float32": EngineSettings(model=MODEL),
        "bfloat16": EngineSettings(model=MODEL, options={"dtype": "bfloat16"}),
        "fp8": EngineSettings(model=str(fp8)),
        "int8": EngineSettings(model=str(int8)),
        "int4": EngineSettings(model=str(int4), options={"dtype": "bfloat16"}),
    }
    engines = {name: VllmEngine(each) for name, each in settings.items()}
    texts = sessions(TEXTS, 0)
    rows: dict[str, NDArray[np.float32]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for engine in engines.values():
        await engine.start()
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            began = time.process_time()
            rows[name] = await engine.embed(texts)
            seconds[name].append(time.process_time() - began)
    for engine in engines.values():
        await engine.close()
    cosines = {name: (rows["float32"] * rows[name]).sum(axis=1) for name in engines}
    return {
        name: {
            "cosine, mean": round(float(cosines[name].mean()), 4),
            "cosine, least": round(float(cosines[name].min()), 4),
            "CPU s": round(min(seconds[name]), 2),
        }
        for name in engines
    }


def main() -> None:
    """Write the models and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True)
    print(json.dumps(asyncio.run(measure(folder)), indent=1))


if __name__ == "__main__":
    main()
