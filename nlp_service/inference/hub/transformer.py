"""The tokenizer and the network of a checkpoint: text to windows, windows to states. The one place of torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError

LONGEST = 512
"""Tokens of a window at the most, the marks around it included: what nearly all checkpoints were trained with."""

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class Windows(NamedTuple):
    """Tokens of some texts, cut into windows of one token at least.

    Attributes:
        text: Which text each window is of, ascending; shape (n_windows,).
        inputs: Rows of ids by the names that the network knows them by, one row a window.
        characters: For each token of each window the characters it stands for, half-open; (0, 0) for none.
    """

    text: npt.NDArray[np.intp]
    inputs: dict[str, list[list[int]]]
    characters: list[list[tuple[int, int]]]


class Transformer:
    """Tokenizer and network of one folder.

    Args:
        name: What errors call it.
        folder: Holds both.
        longest: Tokens of a text at the most, where the checkpoint says so.
        threads: Threads of torch in this process.

    Raises:
        ArtifactError: A library is missing, the folder cannot be loaded, weights are missing, or the tokenizer does not
            say which characters a token stands for.
    """

    def __init__(self, name: str, folder: Path, *, longest: int | None, threads: int) -> None:
        prepare(name, threads)
        import torch

        self._torch = torch
        self._tokenizer = _load_tokenizer(name, folder)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = _load_model(name, folder).to(self._device).eval()
        bounds = (LONGEST, longest, self._tokenizer.model_max_length, positions(self._model))
        self._longest = min(int(bound) for bound in bounds if bound)
        marks = (self._tokenizer.cls_token_id, self._tokenizer.eos_token_id, self._tokenizer.unk_token_id)
        self._filler = next((mark for mark in marks if mark is not None), 0)

    def tokenize(self, texts: list[str]) -> Windows:
        """Windows of each text, in order."""
        cut = self._tokenizer(
            texts,
            truncation=True,
            max_length=self._longest,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            split_special_tokens=True,  # "[SEP]" in a message is five characters, not the end of the message
            verbose=False,
        )
        inputs = {key: list(cut[key]) for key in ("input_ids", "token_type_ids") if key in cut}
        characters = list(cut["offset_mapping"])
        for i, ids in enumerate(inputs["input_ids"]):
            if not ids:  # a tokenizer that sets no marks makes nothing of an empty text
                inputs |= {key: [*rows[:i], [0], *rows[i + 1 :]] for key, rows in inputs.items()}
                inputs["input_ids"][i], characters[i] = [self._filler], [(0, 0)]
        return Windows(np.asarray(cut["overflow_to_sample_mapping"], np.intp), inputs, characters)

    def infer(self, inputs: Mapping[str, Ids]) -> Floats:
        """States (windows, length, width) of padded windows; ``attention_mask`` says what is no padding."""
        with self._torch.inference_mode():
            tensors = {key: self._torch.from_numpy(values).to(self._device) for key, values in inputs.items()}
            states = self._model(**tensors).last_hidden_state
            return np.asarray(states.float().cpu().numpy(), np.float32)


def prepare(name: str, threads: int) -> None:
    """Import the libraries, quietly, and hold them to as many threads as they are given.

    Raises:
        ArtifactError: One is not installed; the message says what to install for the checkpoint `name`.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ArtifactError(
            f"{name}: an encoder of this kind needs torch and transformers; install the package with its extra, .[hub]"
        ) from error
    torch.set_num_threads(threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def read_weights(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Arrays of a file of weights, safetensors or of torch.

    Raises:
        ArtifactError: It is neither; the message names it.
    """
    import torch
    from safetensors.torch import load_file

    try:
        # Of a file of torch only plain tensors are taken, so that nothing in it is run.
        tensors = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
        return {name: values.float().numpy() for name, values in tensors.items()}
    except Exception as error:  # each of the two libraries has errors of its own
        raise ArtifactError(f"{path}: not readable as weights") from error


def _load_tokenizer(name: str, folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # those of transformers have no base of their own
        raise ArtifactError(f"{name}: transformers cannot load its tokenizer ({first_line(error)})") from error
    if not tokenizer.is_fast:
        raise ArtifactError(
            f"{name}: its tokenizer is of the slow kind, which does not say which characters a token stands for; "
            "a checkpoint with a tokenizer.json has a fast one"
        )
    tokenizer.truncation_side = "right"
    return tokenizer


def _load_model(name: str, folder: Path) -> Any:
    import torch
    from transformers import AutoModel

    try:
        model, report = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:  # those of transformers have no base of their own
        raise ArtifactError(f"{name}: transformers cannot load its model ({first_line(error)})") from error
    # Missing weights would be random. Those of the pooler often are: nothing here reads it.
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        raise ArtifactError(f"{name}: its weights are not whole, {missing[0]} is missing")
    model.config.use_cache = False  # of what a decoder would keep for the next word
    return model.get_encoder() if model.config.is_encoder_decoder else model


def positions(model: Any) -> int | None:
    """Tokens that a network has positions for; None where it does not say."""
    for name, table in model.named_modules():
        if name.endswith("position_embeddings") and hasattr(table, "num_embeddings"):
            # Where the padding has a row, the positions begin behind it.
            return int(table.num_embeddings) - (0 if table.padding_idx is None else int(table.padding_idx) + 1)
    return getattr(model.config, "max_position_embeddings", None)


def first_line(error: Exception) -> str:
    """Type of an error of a foreign library, and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
