"""The lite engine: its packaged model, a folder's, and what it refuses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from daemon.adapters.engines.lite import LiteEngine
from daemon.adapters.engines.registry import EngineSettings, make_engine, name_in_vectors
from daemon.errors import ConfigError

WORDS = {"[UNK]": 0, "disk": 1, "full": 2, "login": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of four words, whose vectors are the axes of a space of four."""
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file({"embeddings": np.eye(4, dtype=np.float16)}, tmp_path / "model.safetensors")
    return tmp_path


async def started(**settings: object) -> LiteEngine:
    engine = make_engine(EngineSettings(**{"type": "lite", "model": "wordllama", **settings}))  # type: ignore[arg-type]
    assert isinstance(engine, LiteEngine)
    await engine.start()
    return engine


async def test_a_text_is_the_sum_of_its_tokens(folder: Path) -> None:
    """A vector is the unit sum of the vectors of the text's tokens; a folder's name carries a fingerprint."""
    engine = await started(model=str(folder))

    expected = np.array([[0, 2, 1, 0], [0, 0, 0, 1]], np.float32)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(expected, await engine.embed(["disk disk full", "login"]), atol=1e-6)
    assert engine.model.startswith(f"{folder.name}@")
    assert engine.model.endswith(":4")
    assert [3, 2] == engine.count_tokens(["disk full", "login"]).tolist()


async def test_texts_alike_are_near() -> None:
    """With the packaged model, a failure reworded is nearer than another event."""
    engine = await started()

    first, reworded, other = await engine.embed(
        ["1 x connection to database lost", "1 x lost connection to the db server", "1 x user logged in with password"]
    )
    assert "wordllama-l2-supercat:256" == engine.model
    assert first @ reworded > first @ other + 0.2


async def test_its_dimensions_nest() -> None:
    """Fewer dimensions are the first ones of the vector, at unit length; an instruction has a name of its own."""
    whole, cut = await started(), await started(dimensions=64)

    (row,), (short,) = await whole.embed(["disk full"]), await cut.embed(["disk full"])
    np.testing.assert_allclose(row[:64] / np.linalg.norm(row[:64]), short, atol=1e-6)
    assert "wordllama-l2-supercat:64" == cut.model
    assert whole.model != (await started(instruction="log: ")).model


async def test_special_tokens_in_a_line_are_text() -> None:
    """A line that spells a special token is not one token."""
    engine = await started()

    assert engine.count_tokens(["</s>"])[0] > 2


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"model": "no/such"}, "neither a folder nor wordllama"),
        ({"dimensions": 512}, "512 is more than the model's 256"),
    ],
)
async def test_what_cannot_be_is_refused(settings: dict[str, object], problem: str) -> None:
    """A model that is not there and a dimension it lacks are errors of the configuration."""
    with pytest.raises(ConfigError, match=problem):
        await started(**settings)


async def test_a_folder_that_is_no_table_is_refused(folder: Path) -> None:
    """No tokenizer, weights that are not a table, a table too small and a broken file are told apart."""
    weights = folder / "model.safetensors"
    save_file({"embeddings": np.eye(2, dtype=np.float32)}, weights)
    with pytest.raises(ConfigError, match="has more tokens than"):
        await started(model=str(folder))
    save_file({"a": np.eye(4, dtype=np.float32), "b": np.ones(4, np.float32)}, weights)
    with pytest.raises(ConfigError, match="holds 2 tensors and not one table"):
        await started(model=str(folder))
    weights.write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="cannot be read"):
        await started(model=str(folder))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"holds no tokenizer\.json"):
        await started(model=str(folder))


def test_it_needs_no_torch() -> None:
    """Starting it imports neither torch nor vLLM nor the model's own package."""
    program = """if True:
        import asyncio, sys
        from daemon.adapters.engines.registry import EngineSettings, make_engine, name_in_vectors
        asyncio.run(make_engine(EngineSettings(type="lite", model="wordllama")).start())
        print([name for name in ("torch", "vllm", "wordllama", "transformers") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


async def test_the_name_in_its_vectors_is_known_before_it_is_loaded(folder: Path) -> None:
    """A baseline is compared with the configured engine by the name that the engine's vectors carry."""
    for model in ("wordllama", str(folder)):
        engine = await started(model=model)
        assert engine.model.rpartition(":")[0] == await asyncio.to_thread(name_in_vectors, "lite", model)
