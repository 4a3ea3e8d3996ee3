from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nlp_service.inference.heads import N_OUTPUTS
from nlp_service.text.normalise import normalise_batch

torch = pytest.importorskip("torch", reason="the extra .[hub] is not installed")
pytest.importorskip("transformers", reason="the extra .[hub] is not installed")

from nlp_service.inference.hub.encoder import MAX_ROWS, Checkpoint, HubEncoder, Read  # noqa: E402
from tests.unit.inference.hub.made_up import WIDTH, bert, dense, gpt, roberta, with_modules  # noqa: E402

TEXTS = [
    "快递一周没到，怎么回事？",
    "",
    "goods 好 不好[微笑]",
    "\ud83d坏了 \U0001f9ff气",
    "水壶坏了，客服骂人 " * 9,
    "<s>坏</s>",
    "\u200b",
    "☃☃",
]
NO_MEAN = {"pooling_mode_mean_tokens": False}
KINDS: dict[str, Callable[[Path], Path]] = {
    "bert": bert,
    "gpt": gpt,
    "roberta": roberta,
    "cls": lambda folder: with_modules(bert(folder), NO_MEAN | {"pooling_mode_cls_token": True}, ("Normalize", {})),
    "max": lambda folder: with_modules(bert(folder), {"pooling_mode": "max"}),
    "joined": lambda folder: with_modules(
        bert(folder), {"pooling_mode": ["mean", "lasttoken"]}, dense(2 * WIDTH, 10, "Tanh"), ("Normalize", {})
    ),
    "weighted": lambda folder: with_modules(
        bert(folder), {"pooling_mode": ["weightedmean", "mean_sqrt_len_tokens"]}, dense(2 * WIDTH, 6, "Sigmoid")
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return Checkpoint(str(KINDS[request.param](tmp_path_factory.mktemp(request.param))))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return Checkpoint(str(bert(tmp_path_factory.mktemp("plain"))))


def read(checkpoint: Checkpoint, *texts: str) -> Read:
    """One run of a few texts."""
    (run,) = checkpoint.read(normalise_batch(list(texts)))
    return run


def network(folder: str, text: str) -> np.ndarray:
    """States of the tokens of a text, the marks included, as transformers gives them; (n_tokens, width)."""
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        return AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0].numpy()


def test_what_units_add_is_the_vector(checkpoint: Checkpoint) -> None:
    run = read(checkpoint, *TEXTS)
    total = np.add.reduceat(run.pooled.weighed, run.offsets[:-1], axis=0)
    np.testing.assert_allclose(total, run.pooled.vectors, rtol=0, atol=2e-5)
    assert np.abs(run.pooled.vectors).max() > 0.05  # of zeros it would be true as well


def test_any_text_has_a_row_for_each_unit(checkpoint: Checkpoint) -> None:
    run = read(checkpoint, *TEXTS)
    batch = normalise_batch(TEXTS)
    assert np.diff(run.offsets).tolist() == np.maximum(np.diff(batch.offsets), 1).tolist()
    width = checkpoint.identity["width"]
    assert [part.shape for part in run.pooled] == [(run.offsets[-1], width)] * 2 + [(len(TEXTS), width)]
    assert all(np.isfinite(part).all() and part.dtype == np.float32 for part in run.pooled)


def test_a_message_is_read_the_same_alone_and_among_others(checkpoint: Checkpoint) -> None:
    among = read(checkpoint, *TEXTS)
    for i, text in enumerate(TEXTS):
        alone, own = read(checkpoint, text), slice(among.offsets[i], among.offsets[i + 1])
        np.testing.assert_allclose(alone.pooled.vectors[0], among.pooled.vectors[i], rtol=0, atol=2e-5)
        np.testing.assert_allclose(alone.pooled.states, among.pooled.states[own], rtol=0, atol=2e-5)
        np.testing.assert_allclose(alone.pooled.weighed, among.pooled.weighed[own], rtol=0, atol=2e-5)


def test_a_text_of_4000_characters_is_read_in_windows(checkpoint: Checkpoint) -> None:
    longest = ("水壶坏了，客服骂人，我等了一周。" * 250)[:4000]
    run = read(checkpoint, longest)
    assert run.pooled.states.shape[0] == 4000
    assert np.isfinite(run.pooled.states).all()
    np.testing.assert_allclose(run.pooled.weighed.sum(0), run.pooled.vectors[0], rtol=0, atol=1e-3)


def test_without_a_pooling_the_mean_of_all_tokens_is_the_vector(plain: Checkpoint) -> None:
    states = network(plain.identity["name"], "快递没到")
    np.testing.assert_allclose(read(plain, "快递没到").pooled.vectors[0], states.mean(0), atol=1e-5)


def test_the_windows_of_a_long_text_are_averaged_by_their_tokens(tmp_path: Path) -> None:
    narrow = Checkpoint(str(bert(tmp_path, positions=6)))  # four characters and two marks
    parts = [network(narrow.identity["name"], part) for part in ("快递没到", "怎么")]
    expected = (4 * parts[0].mean(0) + 2 * parts[1].mean(0)) / 6
    run = read(narrow, "快递没到怎么")
    np.testing.assert_allclose(run.pooled.vectors[0], expected, atol=1e-5)
    np.testing.assert_allclose(run.pooled.states, np.concatenate([part[1:-1] for part in parts]), atol=1e-5)


def test_units_have_the_state_of_the_token_that_covers_them(plain: Checkpoint) -> None:
    states = network(plain.identity["name"], "goods 好")  # <s> good ##s 好 </s>
    run = read(plain, "goods 好")
    expected = states[[1, 1, 1, 1, 2, 2, 3]]  # a space has none of its own: it goes with what stands before it
    np.testing.assert_allclose(run.pooled.states, expected, atol=1e-5)


def test_a_share_is_spread_over_the_units_of_its_token_and_that_of_the_marks_over_all(plain: Checkpoint) -> None:
    states = network(plain.identity["name"], "goods") / 4
    expected = np.stack([states[1] / 4] * 4 + [states[2]]) + (states[0] + states[3]) / 5
    np.testing.assert_allclose(read(plain, "goods").pooled.weighed, expected, atol=1e-5)


def test_an_emoticon_is_one_unit_with_the_mean_of_its_tokens(plain: Checkpoint) -> None:
    states = network(plain.identity["name"], "好[微笑]")
    run = read(plain, "好[微笑]")
    np.testing.assert_allclose(run.pooled.states, np.stack((states[1], states[2:6].mean(0))), atol=1e-5)


def test_a_character_of_several_tokens_has_their_mean(tmp_path: Path) -> None:
    folder = str(gpt(tmp_path))
    states = network(folder, "好a")
    run = read(Checkpoint(folder), "好a")
    np.testing.assert_allclose(run.pooled.states, np.stack((states[:3].mean(0), states[3])), atol=1e-5)


def test_the_first_token_is_spread_over_all_units(tmp_path: Path) -> None:
    folder = str(KINDS["cls"](tmp_path))
    run = read(Checkpoint(folder), "快递没到")
    first = network(folder, "快递没到")[0]
    np.testing.assert_allclose(run.pooled.vectors[0], first / np.linalg.norm(first), atol=1e-5)
    np.testing.assert_allclose(run.pooled.weighed, np.tile(run.pooled.vectors / 4, (4, 1)), atol=1e-6)


def test_marks_that_a_message_holds_are_characters(plain: Checkpoint) -> None:
    states = read(plain, "好</s>坏").pooled.states
    assert np.abs(np.diff(states[1:5], axis=0)).max(1).min() > 1e-2  # < / s > and not one mark


@pytest.mark.timeout(600)  # the import alone takes many seconds
@pytest.mark.parametrize("kind", ["bert", "cls", "joined", "weighted"])
def test_the_vector_is_that_of_sentence_transformers(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip("sentence_transformers", reason="the extra .[hub] is not installed")
    folder = str(KINDS[kind](tmp_path))
    texts = ["快递没到", "", "客服不好", "goods 好"]
    expected = library.SentenceTransformer(folder, device="cpu").encode(texts)
    np.testing.assert_allclose(read(Checkpoint(folder), *texts).pooled.vectors, expected, atol=1e-5)


def test_every_message_is_in_one_run_in_order(plain: Checkpoint) -> None:
    texts = ["好"] * (MAX_ROWS + 1) + ["不好" * 700, "没到" * 700]
    runs = list(plain.read(normalise_batch(texts)))
    assert [run.first for run in runs] == [0, MAX_ROWS, MAX_ROWS + 2]
    assert [len(run.pooled.vectors) for run in runs] == [MAX_ROWS, 2, 1]


def test_no_messages_need_no_run(plain: Checkpoint) -> None:
    assert list(plain.read(normalise_batch([]))) == []


def test_one_thread_is_enough(plain: Checkpoint) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    Checkpoint(plain.identity["name"], threads=1)
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)


def heads(width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "weight": (width, N_OUTPUTS),
        "head_bias": (N_OUTPUTS,),
        "tags_weight": (width, 3),
        "tags_vector": (width, 3),
        "tags_bias": (3,),
    }
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_heads_are_linear_in_vectors_and_states(plain: Checkpoint) -> None:
    arrays = heads(WIDTH)
    (run,) = HubEncoder(plain, arrays).encode(normalise_batch(["快递没到", "好"]))
    np.testing.assert_allclose(run.logits, run.vectors @ arrays["weight"] + arrays["head_bias"], atol=1e-4)
    shared = np.repeat(run.vectors @ arrays["tags_vector"], [4, 1], axis=0)
    np.testing.assert_allclose(run.tags, run.states @ arrays["tags_weight"] + shared + arrays["tags_bias"], atol=1e-4)
    assert (run.first, run.offsets.tolist(), run.rows) == (0, [0, 4, 5], slice(0, 2))


@pytest.mark.parametrize("name", ["weight", "head_bias", "tags_weight", "tags_vector", "tags_bias"])
def test_heads_that_do_not_fit_are_refused(plain: Checkpoint, name: str) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        HubEncoder(plain, heads(WIDTH) | {name: heads(WIDTH)[name][:-1]})
