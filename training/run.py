"""From data to artefact by a recipe. Every step leaves a file; a run that was stopped goes on after the last one."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nlp_service.inference.encoder import OnnxEncoder
from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.ngrams import LinearPart, grams
from nlp_service.inference.pains import PainFinder
from nlp_service.text.normalise import normalise_batch
from training import calibrate, distil, examples, export, linear, metrics
from training import recipe as recipes
from training.distil import DistilPlan
from training.examples import Example, Splits
from training.finetune import Classifier, finetune, predict, tokenise
from training.network import ConvEncoder, EncoderShape
from training.pretrain import load, load_lookup, pretrain, save
from training.recipe import Recipe

RECIPES = Path(__file__).resolve().parent / "recipes"


def run(recipe: Recipe, data: Path, work: Path, out: Path) -> None:
    """Train, calibrate and export the model of a recipe; the teachers of a student first.

    Args:
        recipe: What to make.
        data: The data folder.
        work: Where intermediate files go and are found again.
        out: Folder of the artefact; written at the end.

    Raises:
        FileNotFoundError: The data is not there.
    """
    work.mkdir(parents=True, exist_ok=True)
    splits = examples.split(data, seed=recipe.seed)
    _say("split", **{name: len(getattr(splits, name)) for name in ("train", "calibration", "test", "dev")})
    if not (work / "encoder.pt").exists():
        pretrain(data, work, recipe.pretrain)
    if not (work / "linear.npz").exists():
        _say("linear", features=recipe.linear.max_features)
        arrays: dict[str, Any] = linear.fit(splits.train, recipe.linear)
        np.savez_compressed(work / "linear.part.npz", **arrays)
        os.replace(work / "linear.part.npz", work / "linear.npz")
    lookup = load_lookup(work)
    others = _public(recipe, data, splits)
    teachers = (
        [_teacher(recipes.load(RECIPES / name), data, work) for name in recipe.distil.teachers] if recipe.distil else []
    )
    classifier = _classifier(recipe, work, lookup, others)
    if (work / "classifier.pt").exists():
        classifier.load_state_dict(load(work / "classifier.pt"))
        classifier.eval()
    else:
        if recipe.distil:
            classifier.load_state_dict(load(teachers[0] / "classifier.pt"), strict=False)
            others += _soft(recipe, recipe.distil, data, splits, teachers)
        _say("finetune", annotated=len(splits.train), others=len(others))
        classifier.to("cuda" if torch.cuda.is_available() else "cpu")
        finetune(classifier, lookup, splits.train, others, recipe.finetune).cpu()
        save(classifier.state_dict(), work / "classifier.pt")
    assemble(recipe, work, out, classifier, lookup, splits)


def _teacher(recipe: Recipe, data: Path, work: Path) -> Path:
    """Folder of a trained teacher, beside the student's; it shares its vocabulary, pre-training and linear part."""
    folder = work.parent / recipe.name
    folder.mkdir(exist_ok=True)
    for name in ("vocabulary.npz", "encoder.pt", "linear.npz"):
        if not (folder / name).exists():
            os.link(work / name, folder / name)
    if not (folder / "model" / "manifest.json").exists():
        _say("teacher", name=recipe.name)
        run(recipe, data, folder, folder / "model")
    return folder


def _soft(recipe: Recipe, plan: DistilPlan, data: Path, splits: Splits, teachers: list[Path]) -> list[Example]:
    """What the teachers say of messages that stand in no split."""
    parts = (splits.train, splits.calibration, splits.test, splits.dev)
    held_out = {examples.key(example.text) for part in parts for example in part}
    texts = distil.pool(data, held_out, plan.pool, seed=plan.seed)
    chances = distil.opinion([folder / "model" for folder in teachers], texts)
    return distil.choose(texts, chances, plan.messages, seed=plan.seed)


def assemble(recipe: Recipe, work: Path, out: Path, classifier: Classifier, lookup: Lookup, splits: Splits) -> None:
    """Export, then calibrate what was exported: the probabilities belong to the 8-bit model that serves."""
    sample = tokenise(splits.train[:2048], lookup)
    export.write_encoder(out, classifier, lookup, sample)
    (out / "linear.npz").write_bytes((work / "linear.npz").read_bytes())
    with np.load(out / "linear.npz", allow_pickle=False) as arrays:
        part = LinearPart(**arrays)
    encoder = OnnxEncoder((out / "encoder.onnx").read_bytes(), lookup)
    parity(classifier, lookup, encoder, splits.calibration)
    z, w = logits(encoder, part, splits.calibration)
    targets = np.stack([example.targets for example in splits.calibration])
    calibration = calibrate.fit(z, w, targets)
    export.write_heads(out, classifier, calibration)
    pain = pain_threshold(encoder, splits.calibration)
    chances = calibrate.believed(z, w, calibration)
    training = {
        "recipe": _plain(recipe),
        "messages": {name: len(getattr(splits, name)) for name in ("train", "calibration", "test")},
        "calibration": "1,000 messages of a random draw and one community group that training never saw",
    }
    bounds = calibrate.thresholds(chances, targets, pain)
    export.write_manifest(out, recipe.name, recipe.version, bounds, training)
    _say("written", folder=str(out), thresholds=bounds)


def logits(encoder: OnnxEncoder, part: LinearPart, messages: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Logits of both parts before calibration, each (n, N_OUTPUTS)."""
    batch = normalise_batch([message.text for message in messages])
    found = np.zeros((len(messages), N_OUTPUTS), np.float32)
    for piece in encoder.encode(batch):
        found[piece.rows] = piece.logits
    return found, part.logits(part.find(grams(batch), len(messages)), len(messages))


def parity(classifier: Classifier, lookup: Lookup, encoder: OnnxEncoder, messages: list[Example]) -> dict[str, float]:
    """How far the exported encoder is from the trained one: agreement on the primary intent, largest difference."""
    trained = np.stack(predict(classifier, lookup, tokenise(messages, lookup))["logits"])
    exported = np.zeros_like(trained)
    for piece in encoder.encode(normalise_batch([message.text for message in messages])):
        exported[piece.rows] = piece.logits
    same = float((trained[:, :5].argmax(1) == exported[:, :5].argmax(1)).mean())
    chances = [1 / (1 + np.exp(-values)) for values in (trained, exported)]
    gap = np.abs(chances[0] - chances[1])
    row = {"same_primary": round(same, 4), "largest": round(float(gap.max()), 4), "mean": round(float(gap.mean()), 5)}
    _say("parity", **row)
    return row


def pain_threshold(encoder: OnnxEncoder, messages: list[Example]) -> float:
    """Probability of being inside from which spans are best on the given messages."""
    batch = normalise_batch([message.text for message in messages])
    runs = list(encoder.encode(batch))
    nothing = np.zeros(0, np.float32)
    truth = [[(start, end) for start, end, _ in message.spans or ()] for message in messages]
    best = (0.0, 0.5)
    for bound in np.arange(0.2, 0.71, 0.05):
        finder = PainFinder(nothing, nothing, threshold=float(bound), sure=0.5)
        guess: list[list[tuple[int, int]]] = [[] for _ in messages]
        for piece in runs:
            rows, starts, ends = finder.spans(piece.tags, piece.lengths)
            for row, start, end in zip(piece.rows[rows].tolist(), starts.tolist(), ends.tolist(), strict=True):
                a = int(batch.offsets[row])
                guess[row].append((int(batch.starts[a + start]), int(batch.ends[a + end - 1])))
        best = max(best, (metrics.span_f1(truth, guess), round(float(bound), 2)))
    return best[1]


def _public(recipe: Recipe, data: Path, splits: Splits) -> list[Example]:
    """Rows of the public sets, without those whose text is kept for calibration, test or dev."""
    kept = {examples.key(e.text) for part in (splits.calibration, splits.test, splits.dev) for e in part}
    rng = np.random.default_rng(recipe.seed)
    found: list[Example] = []
    for name in recipe.public_sets:
        rows = examples.public(data, name)
        chosen = (rows[i] for i in rng.permutation(len(rows))[: recipe.public_rows])
        found += [example for example in chosen if examples.key(example.text) not in kept]
    return found


def _classifier(recipe: Recipe, work: Path, lookup: Lookup, public: list[Example]) -> Classifier:
    torch.manual_seed(recipe.finetune.seed)
    encoder = ConvEncoder(EncoderShape(lookup.n_ids, lookup.n_pairs), dropout=recipe.finetune.dropout)
    encoder.load_state_dict(load(work / "encoder.pt")["weights"])
    classes: dict[str, int] = {}
    for example in public:
        if example.auxiliary:
            name, code = example.auxiliary
            classes[name] = max(classes.get(name, 0), code + 1)
    return Classifier(encoder, classes)


def _plain(recipe: Recipe) -> dict[str, object]:
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def _say(step: str, **facts: object) -> None:
    print(json.dumps({"step": step, **facts}, ensure_ascii=False), flush=True)
