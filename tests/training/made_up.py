"""A small made-up world in the layout of the real data, and random networks to go with it."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from nlp_service.inference.lookup import Lookup
from nlp_service.text.normalise import normalise_batch
from training import export, vocabulary
from training.examples import Example, gold
from training.graph import EncoderWeights
from training.network import Classifier, ConvEncoder, EncoderShape
from training.tokens import tokenise

THINGS = "水壶 台灯 背包 键盘 耳机 雨伞 风扇 毛毯 奶锅 书架".split()

# Text of a message about a thing, and its labels; the thing is the pain of a complaint.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "complaint": ("{thing}用了{n}天就坏了，客服还骂人", {"sentiment": -2, "risk": 2, "abuse": 1}),
    "question": ("请问{thing}要等{n}天才能发货吗？", {"sentiment": 0}),
    "ugc": ("{thing}用满{n}天，写写我的体会：安静，好收拾", {"sentiment": 1}),
    "ad": ("低价出{thing}，{n}元包邮，加群详谈", {"sentiment": 0, "unsafe": ["contact_spam"]}),
    "chat": ("哈哈{thing}都{n}啦，早上好呀", {"sentiment": 2}),
}


def row(kind: str, n: int, *, id: str = "t0", source: str = "street") -> dict[str, Any]:
    """An annotated message as a line of the gold files; another `n`, another text."""
    template, labels = KINDS[kind]
    thing = THINGS[n % len(THINGS)]
    text = template.format(thing=thing, n=n)
    complaint = kind == "complaint"
    blank = {"risk": 0, "abuse": 0, "unsafe": []}
    pain = [{"start": 0, "end": len(thing), "target": thing}] if complaint else []
    categories = ["product_quality", "service_attitude"] if complaint else []
    intent = ["complaint", "chat"] if complaint else [kind]
    labelled = {"text": text, "intent": intent, "risk_categories": categories, "pain": pain}
    return {"id": id, "source": source} | blank | labels | labelled


def examples(n_of_each: int) -> list[Example]:
    """Annotated messages, `n_of_each` of every kind."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gold.jsonl.gz"
        write(path, [row(kind, n) for n in range(n_of_each) for kind in KINDS])
        return gold(path)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A gzipped JSON-lines file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in rows)


def write_data(
    data: Path,
    *,
    train: list[dict[str, Any]],
    dev: list[dict[str, Any]],
    corpus: dict[str, list[str]] | None = None,
    public: dict[str, list[dict[str, Any]]] | None = None,
) -> Path:
    """A data folder: annotated messages, unlabelled texts and public sets with a train split."""
    write(data / "gold" / "train.jsonl.gz", train)
    write(data / "gold" / "dev.jsonl.gz", dev)
    for name, texts in (corpus or {}).items():
        write(data / "corpus" / f"{name}.jsonl.gz", [{"text": text} for text in texts])
    for name, rows in (public or {}).items():
        write(data / "public" / name / "train.jsonl.gz", rows)
    sets = [{"name": name, "splits": ["train"]} for name in public or {}]
    (data / "index.json").write_text(json.dumps({"corpus": list(corpus or {}), "public": sets}), "utf-8")
    return data


def learn(texts: list[str]) -> Lookup:
    """A vocabulary of every unit and every pair of the texts."""
    return vocabulary.learn([normalise_batch(texts)], max_units=1000, max_pairs=1000, min_count=1)


def classifier(lookup: Lookup, *, seed: int = 0, auxiliary: dict[str, int] | None = None) -> Classifier:
    """A small network with random weights, ready to read."""
    torch.manual_seed(seed)
    shape = EncoderShape(lookup.n_ids, lookup.n_pairs, width=64, pair_width=16, n_attention=4)
    return Classifier(ConvEncoder(shape), auxiliary or {}).eval()


def weights(model: Classifier, lookup: Lookup, texts: list[str]) -> EncoderWeights:
    """Weights as the graph takes them, with the activations that the texts cause."""
    tokens = tokenise([Example(text, "street") for text in texts], lookup)
    return export.weights_of(model, export.activation_ranges(model, lookup, tokens))
