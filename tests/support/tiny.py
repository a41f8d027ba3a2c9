"""A tiny Qwen3-Embedding: the real one's shape, files and special tokens, two layers, random weights from a seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ENDOFTEXT, IM_END = 151643, 151645
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    f"{level} {part}: {what} {number} of {number * 7} at /var/lib/{part}/{number:04x} ({what}, retry={number % 5});"
    for number in range(200)
    for level in ("INFO", "WARN", "ERROR")
    for part, what in (("storage", "block received"), ("http", "upstream timed out"), ("db", "deadlock detected"))
]
CONFIG: dict[str, Any] = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "attention_bias": False,
    "bos_token_id": ENDOFTEXT,
    "eos_token_id": IM_END,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.2,
    "intermediate_size": 128,
    "max_position_embeddings": 40960,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": 151936,
}
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
POOLING = {"word_embedding_dimension": 64, "pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}


def qwen_tokenizer(folder: Path, *, appends_end: bool = False) -> None:
    """Write a byte-level BPE tokenizer as Qwen3's: its way of splitting, its special tokens at their ids."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = _pre_tokenizer()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    )
    state = json.loads(trained.to_str())["model"]
    vocabulary: dict[str, int] = state["vocab"]
    vocabulary |= {f"<unused{number}>": number for number in range(len(vocabulary), ENDOFTEXT)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [tuple(pair) for pair in state["merges"]]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    end = [("<|endoftext|>", ENDOFTEXT)]
    tokenizer.post_processor = (
        processors.TemplateProcessing(single="$A <|endoftext|>", special_tokens=end)
        if appends_end
        else processors.ByteLevel(trim_offsets=False)
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "Qwen2TokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    _write(folder / "tokenizer_config.json", settings)
    _write(folder / "config.json", CONFIG)


def _pre_tokenizer() -> Any:
    split = pre_tokenizers.Split(Regex(QWEN_SPLIT), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def tiny_qwen(folder: Path) -> Path:
    """Write the whole model and return its folder; the weights are those of transformers' Qwen3Model."""
    import torch
    from transformers import Qwen3Config, Qwen3Model

    qwen_tokenizer(folder)
    torch.manual_seed(7)
    Qwen3Model(Qwen3Config(**CONFIG)).save_pretrained(folder)
    _write(folder / "config.json", CONFIG)
    _write(folder / "modules.json", MODULES)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write(folder / "1_Pooling" / "config.json", POOLING)
    return folder


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2))
