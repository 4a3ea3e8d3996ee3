"""From a trained classifier to an artefact that serving loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from nlp_service.inference import artifact
from nlp_service.inference.heads import Calibration
from nlp_service.inference.lookup import Lookup
from training.conformal import Promises
from training.graph import EncoderWeights, build
from training.network import Classifier
from training.tokens import Tokens, pad


def weights_of(classifier: Classifier, ranges: tuple[float, ...]) -> EncoderWeights:
    """Arrays of a classifier, as the graph needs them; `ranges` as `activation_ranges` gives them."""

    def array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
        return tensor.detach().cpu().numpy().astype(np.float32)

    def matrix(layer: torch.nn.Linear) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(array(layer.weight).T)

    encoder = classifier.encoder
    mixes = [layer.mix for layer in encoder.layers]
    return EncoderWeights(
        units=array(encoder.units.weight),
        pairs=array(encoder.pairs.weight),
        mixes=tuple((matrix(mix), array(mix.bias)) for mix in mixes),
        dilations=encoder.shape.dilations,
        ranges=ranges,
        norm=(array(encoder.norm.weight), array(encoder.norm.bias)),
        attend=(matrix(encoder.attend), array(encoder.attend.bias)),
        heads=(matrix(classifier.heads), array(classifier.heads.bias)),
        embed=(
            matrix(classifier.embed_attend),
            array(classifier.embed_attend.bias),
            matrix(classifier.embed_project),
        ),
        tags=(matrix(classifier.tags), matrix(classifier.tags_vector), array(classifier.tags.bias)),
    )


@torch.no_grad()
def activation_ranges(classifier: Classifier, lookup: Lookup, tokens: Tokens) -> tuple[float, ...]:
    """Upper bound of what enters each convolution but the first: all but one in ten thousand of what is above zero."""
    found: list[list[npt.NDArray[np.float32]]] = [[] for _ in classifier.encoder.layers[1:]]
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].flatten()[::7].numpy()))
        for layer, seen in zip(classifier.encoder.layers[1:], found, strict=True)
    ]
    for start in range(0, min(len(tokens.ids), 2048), 64):
        ids = pad(tokens.ids[start : start + 64])
        classifier(torch.from_numpy(ids), torch.from_numpy(lookup.pair_ids(ids)))
    for hook in hooks:
        hook.remove()
    active = [np.concatenate(seen) for seen in found]
    return tuple(float(np.quantile(values[values > 0], 0.9999)) for values in active)


def write_encoder(folder: Path, classifier: Classifier, lookup: Lookup, tokens: Tokens) -> None:
    """Write ``encoder.onnx`` and ``vocabulary.npz``; activation ranges are taken from `tokens`."""
    folder.mkdir(parents=True, exist_ok=True)
    ranges = activation_ranges(classifier, lookup, tokens)
    onnx.save(build(weights_of(classifier, ranges)), folder / "encoder.onnx")
    np.savez_compressed(folder / "vocabulary.npz", units=lookup.units, pairs=lookup.pairs)


def write_heads(folder: Path, classifier: Classifier, calibration: Calibration) -> None:
    """Write ``heads.npz``: the heads of texts, the calibration, and the head that names pains."""
    np.savez_compressed(
        folder / "heads.npz",
        weight=classifier.heads.weight.detach().numpy().T.astype(np.float32),
        encoder=calibration.encoder,
        linear=calibration.linear,
        bias=calibration.bias,
        target_weight=classifier.targets.weight.detach().numpy().T.astype(np.float32),
        target_bias=classifier.targets.bias.detach().numpy().astype(np.float32),
    )


def write_manifest(
    folder: Path,
    name: str,
    version: str,
    thresholds: dict[str, Any],
    promises: Promises,
    training: dict[str, Any],
) -> None:
    """Write ``manifest.json`` over the files that lie in `folder`."""
    chosen = {"thresholds": thresholds, "promises": promises, "training": training}
    artifact.write(folder, {"name": name, "version": version, **chosen})
