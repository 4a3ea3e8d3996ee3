"""Small checkpoints with random weights and vocabularies of their own, in the formats that people publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizerFast,
    GPT2Config,
    GPT2Model,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

WIDTH = 16
CHARACTERS = "快递一周没到怎么回事客服不好退款微笑水壶台灯坏了气的我天用骂人请问要等才能发货吗[]<>/abcos，？！。"
WORDS = ["[PAD]", "[UNK]", "<s>", "</s>", *CHARACTERS, "good", "##s", "##好"]
SMALL = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}


def bert(folder: Path, *, seed: int = 0, positions: int = 32, width: int = WIDTH) -> Path:
    """A BERT with a vocabulary of characters, and ``<s>`` and ``</s>`` around a text."""
    torch.manual_seed(seed)
    config = BertConfig(
        **(SMALL | {"hidden_size": width}),
        vocab_size=len(WORDS),
        max_position_embeddings=positions,
        initializer_range=0.3,
    )
    BertModel(config).eval().save_pretrained(folder)
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "<s>", "sep_token": "</s>"}
    BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}, **marks).save_pretrained(folder)
    return folder


def with_modules(folder: Path, pooling: dict[str, Any], *others: tuple[str, dict[str, Any]]) -> Path:
    """Make the folder of a transformer one of sentence-transformers, with a pooling and layers by kind and settings."""
    layers = [("Pooling", {"word_embedding_dimension": WIDTH} | pooling), *others]
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for i, (kind, config) in enumerate(layers, 1):
        path = f"{i}_{kind}"
        (folder / path).mkdir()
        (folder / path / "config.json").write_text(json.dumps(config))
        modules.append({"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"})
        if kind == "Dense":
            torch.manual_seed(9)
            layer = torch.nn.Linear(config["in_features"], config["out_features"])
            save_file(
                {f"linear.{name}": value for name, value in layer.state_dict().items()},
                folder / path / "model.safetensors",
            )
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24, "do_lower_case": False}))
    return folder


def dense(n_in: int, n_out: int, activation: str) -> tuple[str, dict[str, Any]]:
    """A dense layer for `with_modules`."""
    name = f"torch.nn.modules.activation.{activation}"
    return "Dense", {"in_features": n_in, "out_features": n_out, "bias": True, "activation_function": name}


def roberta(folder: Path) -> Path:
    """A RoBERTa: its positions begin behind that of the padding, so it has two fewer than its table."""
    torch.manual_seed(1)
    config = RobertaConfig(**SMALL, vocab_size=len(WORDS), max_position_embeddings=20, pad_token_id=1)
    RobertaModel(config).eval().save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[UNK]").save_pretrained(folder)
    return folder


def gpt(folder: Path) -> Path:
    """A GPT-2 that reads bytes: a Chinese character is three tokens, and no marks stand around a text."""
    torch.manual_seed(2)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    GPT2Model(
        GPT2Config(vocab_size=len(alphabet), n_embd=WIDTH, n_layer=1, n_head=2, n_positions=64)
    ).eval().save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder
