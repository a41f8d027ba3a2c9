"""all-MiniLM-L6-v2 with weights and activations of 8 bits, as vLLM reads it (compressed-tensors, W8A8).

    python -m benchmarks.quantised FOLDER

FOLDER becomes a copy of the model whose linear layers have signed bytes for weights, with a scale for each row;
activations are rounded when they are computed, with a scale for each token. Printed is how near its vectors are to
those of the whole model, and the CPU time of both on the same sessions. `python -m benchmarks.documents sizes
LICENSEDCODE --engine vllm --model FOLDER` then says what it does to the order of texts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from benchmarks.engine import sessions
from daemon.adapters.engines import EngineSettings, find_model
from daemon.adapters.engines.vllm import VllmEngine

MODEL = "all-MiniLM-L6-v2"
WEIGHTS = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "dynamic": False}
ACTIVATIONS = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}
QUANTISED = {
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "quantization_status": "compressed",
    "ignore": [],
    "config_groups": {"all": {"targets": ["Linear"], "weights": WEIGHTS, "input_activations": ACTIVATIONS}},
}
ROUNDS, TEXTS = 3, 120


def write(folder: Path) -> None:
    """Write the quantised model into a new folder."""
    source = find_model(MODEL)[1]
    shutil.copytree(source, folder)
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, weights in load_file(source / "model.safetensors").items():
        tensors[name] = weights
        if name.startswith("encoder.layer") and weights.ndim == 2:
            scale = np.abs(weights).max(axis=1, keepdims=True) / 127
            tensors[name] = np.rint(weights / scale).astype(np.int8)
            tensors[f"{name}_scale"] = scale.astype(np.float32)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": QUANTISED}))


async def measure(folder: Path) -> dict[str, object]:
    """Return how alike the vectors of both models are, and the CPU seconds of `TEXTS` sessions."""
    engines = {
        "float32": VllmEngine(EngineSettings(model=MODEL)),
        "int8": VllmEngine(EngineSettings(model=str(folder))),
    }
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
    cosines = (rows["float32"] * rows["int8"]).sum(axis=1)
    return {
        "cosine, mean": round(float(cosines.mean()), 4),
        "cosine, least": round(float(cosines.min()), 4),
        **{f"CPU s, {name}": round(min(each), 2) for name, each in seconds.items()},
    }


def main() -> None:
    """Write the model and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder")
    folder = parser.parse_args().folder
    write(folder)
    print(json.dumps(asyncio.run(measure(folder)), indent=1))


if __name__ == "__main__":
    main()
