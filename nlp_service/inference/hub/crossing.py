"""Cross-encoders of other people: a question and a passage read together, to one score."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nlp_service.errors import ArtifactError
from nlp_service.inference.hub import folder as folders
from nlp_service.inference.hub.transformer import LONGEST, first_line, positions, prepare

Floats = npt.NDArray[np.float32]


class CrossEncoder:
    """A checkpoint that classifies pairs of texts, with one output or with two (does not belong, belongs).

    Args:
        name: A folder, or the id of a checkpoint of the hub; see `folder.find`.
        threads: Threads of torch in this process.
        fetch: Whether to download what the local cache lacks.

    Raises:
        ArtifactError: A library is missing, it is not there, cannot be loaded, has missing weights, or other outputs.
    """

    def __init__(self, name: str, *, threads: int = 1, fetch: bool = False) -> None:
        prepare(name, threads)
        folder = folders.find(name, fetch=fetch)
        import torch
        from transformers import AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # those of transformers have no base of their own
            raise ArtifactError(f"{name}: transformers cannot load its tokenizer ({first_line(error)})") from error
        self._torch = torch
        self._model = _load(name, folder)
        bounds = (LONGEST, self._tokenizer.model_max_length, positions(self._model))
        self._longest = min(int(bound) for bound in bounds if bound)
        # Folders of one name may hold other weights tomorrow.
        self.version = f"{folder.name}-{hashlib.sha256(folders.digest(folder).encode()).hexdigest()[:8]}"
        """Name of the folder and what its files are."""

    def scores(self, question: str, passages: Sequence[str]) -> Floats:
        """How well each passage answers the question, as a logit; (n,). What is too long is cut from the passage."""
        if not passages:
            return np.zeros(0, np.float32)
        pairs = self._tokenizer(
            [question] * len(passages),
            list(passages),
            truncation="longest_first",
            max_length=self._longest,
            padding=True,
            return_tensors="pt",
        )
        with self._torch.inference_mode():
            logits = self._model(**pairs).logits.float().numpy()
        return np.asarray(logits[:, -1] - (logits[:, 0] if logits.shape[1] == 2 else 0.0), np.float32)


def _load(name: str, folder: Any) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification

    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:  # as above
        raise ArtifactError(f"{name}: transformers cannot load its model ({first_line(error)})") from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])[0]
        raise ArtifactError(f"{name}: its weights are not whole, {missing} is missing; is it a cross-encoder?")
    if model.config.num_labels not in (1, 2):
        raise ArtifactError(f"{name}: {model.config.num_labels} outputs; a cross-encoder has one or two")
    return model.eval()
