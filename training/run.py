"""From data to artefact by a recipe. Every step leaves a file; a run that was stopped goes on after the last one."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nlp_service.inference.analyser import Encoder
from nlp_service.inference.encoder import OnnxEncoder
from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.ngrams import LinearPart, grams
from nlp_service.inference.pains import PainFinder
from nlp_service.inference.reading import Thresholds, read_row
from nlp_service.inference.spans import Locator
from nlp_service.text.normalise import normalise_batch
from training import (
    annotated,
    calibrate,
    conformal,
    contrast,
    corrections,
    distil,
    examples,
    export,
    linear,
    metrics,
    obfuscate,
)
from training import recipe as recipes
from training.distil import DistilPlan
from training.examples import Example, Splits
from training.finetune import finetune, predict
from training.network import Classifier, ConvEncoder, EncoderShape
from training.pretrain import load, load_lookup, pretrain, save
from training.recipe import Recipe
from training.telling import say
from training.tokens import tokenise

RECIPES = Path(__file__).resolve().parent / "recipes"


def run(recipe: Recipe, data: Path, work: Path, out: Path, labels: Path | None = None) -> None:
    """Train, calibrate and export the model of a recipe; the teachers of a student first.

    Args:
        recipe: What to make.
        data: The data folder.
        work: Where intermediate files go and are found again.
        out: Folder of the artefact; written at the end.
        labels: Corrections of people that are learnt from as well; a folder is for one file of them.

    Raises:
        FileNotFoundError: The data or a file is not there.
        ValueError: The corrections cannot be read.
    """
    work.mkdir(parents=True, exist_ok=True)
    splits = splits_of(recipe, data, labels)
    say("split", **{name: len(getattr(splits, name)) for name in ("train", "calibration", "test", "dev")})
    if not (work / "encoder.pt").exists():
        pretrain(data, work, recipe.pretrain)
    if not (work / "linear.npz").exists():
        say("linear", features=recipe.linear.max_features)
        arrays: dict[str, Any] = linear.fit(splits.train, recipe.linear)
        np.savez_compressed(work / "linear.part.npz", **arrays)
        os.replace(work / "linear.part.npz", work / "linear.npz")
    lookup = load_lookup(work)
    others = _public(recipe, data, splits)
    names = recipe.distil.teachers if recipe.distil else ()
    teachers = {name: _teacher(recipes.load(RECIPES / name), data, work) for name in names}
    classifier = _classifier(recipe, work, others)
    if (work / "classifier.pt").exists():
        classifier.load_state_dict(load(work / "classifier.pt"))
        classifier.eval()
    else:
        if recipe.distil:
            classifier.load_state_dict(load(teachers[recipe.distil.begin_as] / "classifier.pt"), strict=False)
            others += _soft(recipe.distil, data, splits, list(teachers.values()))
        others += _disguised(recipe, splits)
        say("finetune", annotated=len(splits.train), others=len(others))
        classifier.to("cuda" if torch.cuda.is_available() else "cpu")
        pairs = contrast.load(data, lookup) if recipe.finetune.pair_share else None
        finetune(classifier, lookup, splits.train, others, recipe.finetune, pairs).cpu()
        save(classifier.state_dict(), work / "classifier.pt")
    assemble(recipe, work, out, classifier, lookup, splits)


def mix(recipe: Recipe, data: Path, work: Path, other: Path, share: float, out: Path) -> None:
    """Export the mean of two trained classifiers that began as the same one (Wortsman et al. 2022, model soups).

    Args:
        recipe: Of the model.
        data: The data folder.
        work: Folder of the first one, with its ``classifier.pt``.
        other: State of the second one; what it lacks is the first one's.
        share: What the second one counts, 0 to 1.
        out: Folder of the artefact.

    Raises:
        FileNotFoundError: A state or the data is not there.
        ValueError: `share` is out of range.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must be in [0, 1], got {share}")
    one, two = load(work / "classifier.pt"), load(other)
    mean = {name: share * two.get(name, value) + (1.0 - share) * value for name, value in one.items()}
    classifier = _classifier(recipe, work, [])
    classifier.load_state_dict({name: value for name, value in mean.items() if not name.startswith("auxiliary")})
    classifier.eval()
    assemble(recipe, work, out, classifier, load_lookup(work), splits_of(recipe, data))


def splits_of(recipe: Recipe, data: Path, labels: Path | None = None) -> Splits:
    """Annotated messages by their use; the project's own annotations and corrections of people are for training."""
    splits = examples.split(data, seed=recipe.seed)
    if recipe.annotations:
        known = splits.held_out | {examples.key(example.text) for example in splits.train}
        splits = dataclasses.replace(splits, train=[*splits.train, *annotated.load(data, known)])
    return splits if labels is None else corrections.join(splits, corrections.load(labels))


def _teacher(recipe: Recipe, data: Path, work: Path) -> Path:
    """Folder of a trained teacher, beside the student's.

    It shares the linear part, and unless it has grown beyond it the vocabulary and the pre-trained encoder.
    """
    folder = work.parent / recipe.name
    folder.mkdir(exist_ok=True)
    shared = ("linear.npz",) if recipe.pretrain.grow_from else ("vocabulary.npz", "encoder.pt", "linear.npz")
    for name in shared:
        if not (folder / name).exists():
            os.link(work / name, folder / name)
    if not (folder / "model" / "manifest.json").exists():
        say("teacher", name=recipe.name)
        run(recipe, data, folder, folder / "model")
    return folder


def _soft(plan: DistilPlan, data: Path, splits: Splits, teachers: list[Path]) -> list[Example]:
    """What the teachers say of messages that stand in no split."""
    known = splits.held_out | {examples.key(example.text) for example in splits.train}
    texts = distil.pool(data, known, plan.pool, seed=plan.seed)
    say("label", messages=len(texts), teachers=len(teachers))
    chances, tags = distil.opinion([folder / "model" for folder in teachers], texts)
    return distil.choose(texts, chances, tags, plan.messages, seed=plan.seed)


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
    chances = calibrate.believed(z, w, calibration)
    training = {
        "recipe": _plain(recipe),
        "messages": {name: len(getattr(splits, name)) for name in ("train", "calibration", "test")},
        "calibration": "1,000 messages of a random draw and one community group that training never saw",
    }
    bounds = calibrate.thresholds(chances, targets)
    bounds |= pain_bounds(encoder, splits.calibration, chances, Thresholds(**bounds))
    promised = conformal.promises(chances, targets)
    export.write_manifest(out, recipe.name, recipe.version, bounds, promised, training)
    say("written", folder=str(out), thresholds=bounds)


def logits(encoder: Encoder, part: LinearPart, messages: list[Example]) -> tuple[np.ndarray, np.ndarray]:
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
    say("parity", **row)
    return row


def pain_bounds(
    encoder: Encoder, messages: list[Example], chances: np.ndarray, thresholds: Thresholds
) -> dict[str, float]:
    """What `PainFinder` needs for the best spans on the given messages, each read as serving reads it.

    Args:
        encoder: The exported encoder.
        messages: Annotated messages.
        chances: Their calibrated probabilities, (n, N_OUTPUTS).
        thresholds: Those of the labels, which say where pains are looked for.
    """
    batch = normalise_batch([message.text for message in messages])
    runs = list(encoder.encode(batch))
    wanted = np.array([read_row(row, thresholds).may_hurt for row in chances.tolist()])
    nothing = np.zeros(0, np.float32)
    truth = [[(start, end) for start, end, _ in message.spans or ()] for message in messages]
    locator = Locator(batch, [message.text for message in messages])
    best = (-1.0, 0.0, 0.0, 0.0)
    for prior, least, begin in itertools.product((0.25, 0.5, 0.75, 1.0, 1.5), (1.0, 2.0, 3.0, 4.0), (0.2, 0.3, 0.4)):
        finder = PainFinder(nothing, nothing, prior=prior, least=least, begin=begin, sure=0.5)
        guess: list[list[tuple[int, int]]] = [[] for _ in messages]
        for run in runs:
            rows, starts, ends = finder.spans(run.tags, run.offsets, wanted[run.rows])
            at = run.first + rows
            spans = locator.locate(at, *locator.trim(at, starts, ends))
            for message, (span, _) in zip(at.tolist(), spans, strict=True):
                guess[message].append((span.start, span.end))
        best = max(best, (metrics.span_f1(truth, guess), prior, least, begin))
    return {"pain_prior": best[1], "pain_least": best[2], "pain_begin": best[3]}


def _public(recipe: Recipe, data: Path, splits: Splits) -> list[Example]:
    """Rows of the public sets, without those whose text is kept for calibration, test or dev."""
    rng = np.random.default_rng(recipe.seed)
    found: list[Example] = []
    for name in recipe.public_sets:
        rows = examples.public(data, name)
        chosen = (rows[i] for i in rng.permutation(len(rows))[: recipe.public_rows])
        found += [example for example in chosen if examples.key(example.text) not in splits.held_out]
    return found


def _disguised(recipe: Recipe, splits: Splits) -> list[Example]:
    """Annotated messages as spammers and hasty people would write them, unless that is a text kept for measuring."""
    copies = obfuscate.augment(splits.train, recipe.finetune.disguised, recipe.seed)
    return [example for example in copies if examples.key(example.text) not in splits.held_out]


def _classifier(recipe: Recipe, work: Path, public: list[Example]) -> Classifier:
    torch.manual_seed(recipe.finetune.seed)
    state = load(work / "encoder.pt")
    encoder = ConvEncoder(EncoderShape(**state["shape"]), dropout=recipe.finetune.dropout)
    encoder.load_state_dict(state["weights"])
    classes: dict[str, int] = {}
    for example in public:
        if example.auxiliary:
            name, code = example.auxiliary
            classes[name] = max(classes.get(name, 0), code + 1)
    return Classifier(encoder, classes)


def _plain(recipe: Recipe) -> dict[str, object]:
    return json.loads(json.dumps(dataclasses.asdict(recipe)))
