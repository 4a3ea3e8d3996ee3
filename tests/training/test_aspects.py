from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from nlp_service.errors import ArtifactError
from nlp_service.inference.aspecttagger import FILES, N_COLUMNS, AspectTagger
from nlp_service.text.normalise import normalise_batch
from tests.training.made_up import learn
from training import aspects, aspects_export
from training.aspects import TaggerPlan, prepare, train
from training.aspects_data import Sentence, Sets
from training.aspects_network import DILATIONS, Tagger, chain_loss, unpack
from training.network import ConvEncoder, EncoderShape

THINGS, GOOD, BAD = "水壶 台灯 背包 键盘 耳机 雨伞".split(), "好用 漂亮 结实".split(), "太贵 难看 漏水".split()


def sentence(thing: str, words: str, n: int) -> Sentence:
    text = f"第{n}个{thing}真是{words}。"
    start, at = text.index(thing), text.index(words)
    side = 2 if words in GOOD else 0
    return Sentence(text, 0, ((start, start + len(thing)),), ((at, at + len(words), side),), frozenset({(0, 0)}))


SENTENCES = [sentence(thing, words, n) for n, (thing, words) in enumerate(itertools.product(THINGS, GOOD + BAD))]
LOOKUP = learn([each.text for each in SENTENCES])


def tagger(seed: int = 1) -> Tagger:
    torch.manual_seed(seed)
    return Tagger(ConvEncoder(EncoderShape(LOOKUP.n_ids, LOOKUP.n_pairs, 64, 16, DILATIONS, 4)))


@pytest.fixture(scope="module")
def trained() -> Tagger:
    return train(tagger(), LOOKUP, SENTENCES, TaggerPlan(epochs=24, batch=12, averaged=0.8))


@pytest.fixture(scope="module")
def folder(trained: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aspects")
    aspects_export.write(folder, trained, LOOKUP, Sets(SENTENCES, SENTENCES[::3]), "made-up")
    return folder


def test_a_tagger_learns_what_is_said_of_what(folder: Path) -> None:
    text = "第8个耳机真是难看。"
    found = AspectTagger.load(folder).tag(["", text])
    assert found.aspects.tolist() == [[1, 3, 5]]
    assert found.opinions.tolist() == [[1, 7, 9]]
    assert found.pairs.tolist() == [[0, 0]]
    assert found.chances.argmax(1).tolist() == [0]


def test_the_graph_gives_what_the_network_gives(trained: Tagger, folder: Path) -> None:
    texts = [each.text for each in SENTENCES]
    batch = normalise_batch(texts)
    columns = AspectTagger.load(folder)._columns(batch, batch.offsets.astype(np.int64))
    ids = prepare(SENTENCES, LOOKUP)[5].ids[None]
    with torch.no_grad():
        wanted = trained(torch.from_numpy(ids), torch.from_numpy(LOOKUP.pair_ids(ids)))[0].numpy()
    own = columns[batch.offsets[5] : batch.offsets[6]]
    assert own.shape == (len(texts[5]), N_COLUMNS)
    assert np.abs(own - wanted).max() < 0.1 * wanted.std() + 0.05  # 8-bit integers


def test_what_a_message_gives_does_not_depend_on_its_batch(folder: Path) -> None:
    texts = [each.text for each in SENTENCES]
    loaded = AspectTagger.load(folder)
    alone = [loaded.tag([text]) for text in texts]
    together = loaded.tag(texts)
    assert together.opinions[:, 1:].tolist() == [row[1:] for one in alone for row in one.opinions.tolist()]
    np.testing.assert_allclose(together.chances, np.concatenate([one.chances for one in alone]), atol=1e-5)


def test_the_same_seed_gives_the_same_tagger() -> None:
    plan = TaggerPlan(epochs=2, batch=8)
    one, two = (train(tagger(), LOOKUP, SENTENCES, plan).state_dict() for _ in range(2))
    assert all(torch.equal(value, two[name]) for name, value in one.items())


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_by_name(folder: Path, tmp_path: Path, name: str) -> None:
    for each in ("manifest.json", *FILES):
        (tmp_path / each).write_bytes((folder / each).read_bytes())
    (tmp_path / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=name):
        AspectTagger.load(tmp_path)


def test_the_loss_of_a_chain_is_the_probability_of_its_sequence() -> None:
    torch.manual_seed(0)
    emissions, steps = torch.randn(2, 3, 2, 3), torch.randn(2, 3, 3)
    steps[:, 0, 2] = -1e4
    tags = torch.tensor([[[1, 0], [2, 1], [0, 2]], [[0, 1], [1, 2], [0, 0]]])
    found = chain_loss(emissions, tags, torch.tensor([3, 2]), steps)
    for row, length in ((0, 3), (1, 2)):
        for chain in range(2):

            def score(path: tuple[int, ...], row: int = row, chain: int = chain) -> float:
                own = sum(float(emissions[row, t, chain, tag]) for t, tag in enumerate(path))
                first = -1e4 if path[0] == 2 else 0.0
                return own + first + sum(float(steps[chain, a, b]) for a, b in itertools.pairwise(path))

            total = math.log(sum(math.exp(score(path)) for path in itertools.product(range(3), repeat=length)))
            true = score(tuple(tags[row, :length, chain].tolist()))
            assert float(found[row, chain]) == pytest.approx(total - true, abs=1e-3)


def test_spans_beyond_what_is_read_are_left_out() -> None:
    (ready,) = prepare([SENTENCES[0]], LOOKUP, longest=6)
    assert len(ready.ids) == 6
    assert ready.aspects.tolist() == [[3, 5]]
    assert not len(ready.opinions)
    assert not len(ready.candidates)


def test_every_sentence_is_in_every_pass() -> None:
    ready = prepare(SENTENCES, LOOKUP)
    seen = sorted(i for batch in aspects._batches(ready, TaggerPlan(epochs=1, batch=12)) for i in batch)
    assert seen == list(range(len(SENTENCES)))


def test_the_released_encoder_is_unpacked_as_it_is(repository: Path) -> None:
    encoder, lookup = unpack(repository / "models" / "fast")
    assert encoder.shape.dilations == DILATIONS
    assert len(encoder.units.weight) == lookup.n_ids
    assert len(encoder.pairs.weight) == lookup.n_pairs
    assert float(encoder.layers[-1].mix.weight.detach().abs().max()) < 0.1  # the new layer says little at first
