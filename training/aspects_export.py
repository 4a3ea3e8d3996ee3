"""From a trained tagger to the artefact that serving loads, its bounds chosen on sentences that were held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from nlp_service.inference import artifact
from nlp_service.inference.aspecttagger import FILES, FORMAT, MATCH, AspectTagger
from nlp_service.inference.lookup import Lookup
from nlp_service.text import normalise
from training import aspects, aspects_data
from training.aspects import TaggerPlan
from training.aspects_data import Sentence, Sets
from training.aspects_figures import say_of, score
from training.aspects_network import Tagger, unpack
from training.export import activation_ranges
from training.graph import EncoderWeights, Floats, build
from training.telling import say
from training.tokens import Tokens

RESERVES = tuple(round(step * 0.25, 2) for step in range(-4, 5))
"""What may be added to the score of outside."""

BELONGS = tuple(round(step * 0.25, 2) for step in range(-4, 5))
"""What may be added to the score of belonging together: found spans are less sure than those that it learnt from."""


def make(model: Path, data: Path, out: Path, *, work: Path | None = None, plan: TaggerPlan | None = None) -> None:
    """Train a tagger from a released model's encoder, choose its bounds, write it and print what it gives.

    Args:
        model: Folder of the released model.
        data: The data folder.
        out: Folder of the artefact.
        work: Where the trained weights are kept, and taken from if they are there; None to keep none.
        plan: How to train.

    Raises:
        ArtifactError: The model is missing or damaged.
        FileNotFoundError: The data is not there.
    """
    plan = plan or TaggerPlan()
    encoder, lookup = unpack(model)
    sets = aspects_data.load(data)
    say("sentences", train=len(sets.train), held_out=len(sets.held_out))
    tagger = Tagger(encoder)
    kept = None if work is None else work / "tagger.pt"
    if kept is not None and kept.exists():
        tagger.load_state_dict(torch.load(kept, map_location="cpu", weights_only=True))
        tagger.eval()
    else:
        aspects.train(tagger, lookup, sets.train, plan)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            torch.save(tagger.state_dict(), kept)
    write(out, tagger, lookup, sets, artifact.load(model).version)


def write(out: Path, tagger: Tagger, lookup: Lookup, sets: Sets, begun_as: str) -> None:
    """Write the artefact of a trained tagger; activation ranges are taken from sentences it learnt from."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [row.ids for row in aspects.prepare(sets.train[:2048], lookup)]
    ranges = activation_ranges(cast(Any, tagger), lookup, Tokens([], rows, [], []))
    onnx.save(prune(build(weights_of(tagger, ranges)), "tags"), out / FILES[0])
    np.savez_compressed(out / FILES[1], units=lookup.units, pairs=lookup.pairs)
    decoder = decoder_of(tagger)
    _write_decoder(out, decoder, begun_as, sets)
    decoder |= chosen(AspectTagger.load(out), decoder, sets.held_out)
    _write_decoder(out, decoder, begun_as, sets)
    figures = score(sets.held_out, say_of(AspectTagger.load(out), sets.held_out))
    say("written", folder=str(out), **{name: round(value, 4) for name, value in figures.items()})


def chosen(tagger: AspectTagger, decoder: dict[str, Any], held_out: list[Sentence]) -> dict[str, Any]:
    """What is added to the scores of outside and of belonging together, for the best F1 of exact spans and pairs."""

    def figures(reserve: tuple[float, float], belong: float) -> dict[str, float]:
        tagger.decode_with(np.array(reserve, np.float32), np.float32(decoder["belong_bias"] + belong))
        return score(held_out, say_of(tagger, held_out))

    rows = {value: figures((value, value), 0.0) for value in RESERVES}
    aspect = max(RESERVES, key=lambda value: rows[value]["aspects, exact"])
    opinion = max(RESERVES, key=lambda value: rows[value]["opinions, exact"])
    belong = max(BELONGS, key=lambda value: figures((aspect, opinion), value)["pairs, exact"])
    say("chosen", reserve=[aspect, opinion], belong=belong)
    return {
        "reserve": np.array([aspect, opinion], np.float32),
        "belong_bias": np.float32(decoder["belong_bias"] + belong),
    }


def weights_of(tagger: Tagger, ranges: tuple[float, ...]) -> EncoderWeights:
    """Arrays of a tagger, as the graph of the encoder needs them; its heads of texts are empty."""
    encoder, width = tagger.encoder, tagger.encoder.shape.width
    n_attention = encoder.shape.n_attention
    nothing = np.zeros((width, 1), np.float32)
    return EncoderWeights(
        units=_array(encoder.units.weight),
        pairs=_array(encoder.pairs.weight),
        mixes=tuple((_matrix(layer.mix), _array(layer.mix.bias)) for layer in encoder.layers),
        dilations=encoder.shape.dilations,
        ranges=ranges,
        norm=(_array(encoder.norm.weight), _array(encoder.norm.bias)),
        attend=(_matrix(encoder.attend), _array(encoder.attend.bias)),
        heads=(nothing, np.zeros(1, np.float32)),
        tags=(_matrix(tagger.local), _matrix(tagger.whole), _array(tagger.local.bias)),
        embed=(np.zeros((width, n_attention), np.float32), np.zeros(n_attention, np.float32), nothing),
    )


def decoder_of(tagger: Tagger) -> dict[str, Any]:
    """Arrays that decode what the graph gives, nothing added to any score."""
    return {
        "transitions": _array(tagger.transitions),
        "match": _matrix(tagger.match),
        "match_bias": _array(tagger.match.bias),
        "belong": _array(tagger.belong.weight)[0],
        "belong_bias": np.float32(_array(tagger.belong.bias)[0]),
        "reserve": np.zeros(2, np.float32),
    }


def prune(model: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """The graph with one output, and without what that does not need."""
    needed, nodes = {output}, []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    graph = onnx.helper.make_graph(
        list(reversed(nodes)),
        model.graph.name,
        model.graph.input,
        [each for each in model.graph.output if each.name == output],
        [each for each in model.graph.initializer if each.name in needed],
    )
    small = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    small.producer_name = model.producer_name
    return small


def _write_decoder(out: Path, decoder: dict[str, Any], begun_as: str, sets: Sets) -> None:
    np.savez_compressed(out / FILES[2], **decoder)
    counts = np.bincount([sentence.style for sentence in sets.train], minlength=len(aspects_data.STYLES))
    manifest = {
        "name": "aspects",
        "version": "1",
        "format": FORMAT,
        "normaliser": normalise.VERSION,
        "columns": {"tags": 6, "polarity": 3, "match": MATCH},
        "training": {
            "begun_as": begun_as,
            "sentences": dict(zip(aspects_data.STYLES, counts.tolist(), strict=True)),
            "held_out": len(sets.held_out),
            "reserve": [float(value) for value in decoder["reserve"]],
        },
    }
    artifact.write_parts(out, FILES, manifest)


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().numpy().astype(np.float32)


def _matrix(layer: nn.Linear) -> Floats:
    return np.ascontiguousarray(_array(layer.weight).T)
