from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nlp_service.inference.heads import COLUMNS, N_OUTPUTS
from nlp_service.inference.lookup import EMPTY, FIRST_UNIT, UNKNOWN
from nlp_service.inference.targets import TARGETS
from tests.training.made_up import classifier, examples, learn
from training.contrast import PairSet
from training.examples import Example
from training.finetune import WEIGHTS, FinetunePlan, _endless, finetune, loss_of, predict
from training.network import Classifier
from training.tokens import TAGS, Tokens, pad, tokenise

QUICK = FinetunePlan(epochs=10, batch=16, averaged=0.9)
EXAMPLES = examples(24)
LOOKUP = learn([example.text for example in EXAMPLES])


def unknown(n: int = 1) -> Tensor:
    return torch.full((n, N_OUTPUTS), float("nan"))


def targets_of(group: str, *values: float) -> Tensor:
    targets = unknown()
    targets[0, COLUMNS[group]] = torch.tensor(values)
    return targets


def random_logits(n: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(n, N_OUTPUTS, generator=torch.Generator().manual_seed(seed))


def test_what_nobody_labelled_costs_nothing_and_teaches_nothing() -> None:
    logits = random_logits(4).requires_grad_()
    loss = loss_of(logits, unknown(4))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("group", ["sentiment", "risk"])
def test_only_labelled_columns_get_a_gradient(group: str) -> None:
    logits = random_logits().requires_grad_()
    width = len(range(N_OUTPUTS)[COLUMNS[group]])
    loss_of(logits, targets_of(group, *[1.0] + [0.0] * (width - 1))).backward()
    moved = torch.nonzero(logits.grad[0]).flatten().tolist()
    assert moved == list(range(N_OUTPUTS)[COLUMNS[group]])


def test_a_choice_costs_the_logarithm_of_its_probability() -> None:
    logits = random_logits()
    chance = torch.softmax(logits[0, COLUMNS["primary"]], 0)[2]
    loss = loss_of(logits, targets_of("primary", 0, 0, 1, 0, 0))
    torch.testing.assert_close(loss, -WEIGHTS["primary"] * chance.log())


def test_any_of_several_allowed_columns_is_right() -> None:
    logits = random_logits()
    chance = torch.softmax(logits[0, COLUMNS["sentiment"]], 0)
    loss = loss_of(logits, targets_of("sentiment", 1, 1, 0, 0, 0))
    torch.testing.assert_close(loss, -WEIGHTS["sentiment"] * (chance[0] + chance[1]).log())


def test_which_of_the_allowed_columns_it_is_makes_no_difference() -> None:
    one, other = torch.zeros(1, N_OUTPUTS), torch.zeros(1, N_OUTPUTS)
    start = COLUMNS["sentiment"].start
    one[0, start], other[0, start + 1] = 9.0, 9.0
    targets = targets_of("sentiment", 1, 1, 0, 0, 0)
    torch.testing.assert_close(loss_of(one, targets), loss_of(other, targets))
    assert loss_of(one, targets) < 0.01


def test_a_single_known_column_of_a_group_counts_by_itself() -> None:
    logits, targets = random_logits(), unknown()
    column = COLUMNS["intent"].start + 2
    targets[0, column] = 1.0
    torch.testing.assert_close(loss_of(logits, targets), -WEIGHTS["intent"] * torch.sigmoid(logits[0, column]).log())


def test_a_choice_that_is_half_known_does_not_count() -> None:
    targets = targets_of("primary", 0, 0, 1, 0, 0)
    targets[0, COLUMNS["primary"].start] = float("nan")
    assert loss_of(random_logits(), targets).item() == 0.0


@pytest.mark.parametrize("group", ["primary", "risk"])
def test_messages_without_the_label_do_not_thin_out_the_others(group: str) -> None:
    logits = random_logits(3)
    values = (1, 0, 0, 0, 0) if group == "primary" else (1, 1, 0)
    alone = loss_of(logits[:1], targets_of(group, *values))
    together = loss_of(logits, torch.cat((targets_of(group, *values), unknown(2))))
    torch.testing.assert_close(together, alone)


def test_groups_weigh_what_they_are_given() -> None:
    logits, targets = random_logits(), targets_of("abuse", 1)
    loss = loss_of(logits, targets)
    torch.testing.assert_close(loss_of(logits, targets, WEIGHTS | {"abuse": 2 * WEIGHTS["abuse"]}), 2 * loss)


def test_sure_and_wrong_logits_still_give_a_finite_loss() -> None:
    logits = torch.full((1, N_OUTPUTS), 1e4).requires_grad_()
    targets = torch.zeros(1, N_OUTPUTS)
    targets[0, [COLUMNS["primary"].start, COLUMNS["sentiment"].start]] = 1.0
    loss = loss_of(logits, targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def one(text: str, spans: list[tuple[int, int, str]] | None = None, longest: int = 100) -> Tokens:
    return tokenise([Example(text, "street", spans=spans)], LOOKUP, longest)


def test_a_text_becomes_the_ids_of_its_units() -> None:
    tokens = tokenise([Example("台灯", "street"), Example("", "street"), Example("灯龘", "street")], LOOKUP)
    lamp = FIRST_UNIT + LOOKUP.units.tolist().index(ord("灯"))
    assert tokens.ids[0][1] == lamp
    assert tokens.ids[1].tolist() == [EMPTY]
    assert tokens.ids[2].tolist() == [lamp, UNKNOWN]


def names(tokens: Tokens) -> list[str]:
    assert tokens.tags[0] is not None
    assert (tokens.tags[0].sum(1) == 1).all()
    return [TAGS[tag] for tag in tokens.tags[0].argmax(1)]


def test_spans_become_tags() -> None:
    assert names(one("那台灯坏了", [(1, 3, "台灯"), (3, 4, "质量")])) == [
        "outside",
        "begin",
        "inside",
        "begin",
        "outside",
    ]


def test_spans_are_of_the_text_as_sent_and_tags_of_its_units() -> None:
    # The emoticon is four code points and one unit; of five equal marks three units are left.
    assert names(one("[微笑]！！！！！台灯", [(9, 11, "台灯")])) == ["outside"] * 4 + ["begin", "inside"]


def test_where_nobody_looked_for_spans_there_are_no_tags() -> None:
    assert one("台灯坏了").tags == [None]
    assert names(one("台灯", [])) == ["outside", "outside"]
    assert names(one("", [])) == ["outside"]


def test_a_long_text_is_cut_with_its_tags() -> None:
    tokens = one("台灯坏了", [(0, 2, "台灯")], longest=3)
    assert len(tokens.ids[0]) == 3
    assert names(tokens) == ["begin", "inside", "outside"]
    assert names(one("坏了的台灯", [(3, 5, "台灯")], longest=4)) == ["outside"] * 4


def test_spans_carry_the_name_of_their_target() -> None:
    (found,) = one("客服不理人", [(0, 2, "客服态度")]).spans
    assert [(start, end, TARGETS[target].name) for start, end, target in found] == [(0, 2, "客服态度")]


def test_nothing_to_tokenise_gives_nothing() -> None:
    assert tokenise([], LOOKUP).ids == []


def test_rows_are_padded_to_the_longest() -> None:
    assert pad([np.array([5]), np.array([6, 7])]).tolist() == [[5, 0], [6, 7]]
    assert pad([np.array([5]), np.array([6, 7])], -100).tolist() == [[5, -100], [6, 7]]


def test_predictions_come_in_order_and_do_not_depend_on_one_another() -> None:
    model = classifier(LOOKUP)
    tokens = tokenise([*EXAMPLES[:30], Example("", "street"), Example("灯", "street")], LOOKUP)
    found = predict(model, LOOKUP, tokens, batch=7)
    assert [len(tags) for tags in found["tags"]] == [len(ids) for ids in tokens.ids]
    for i in range(len(tokens.ids)):
        alone = predict(model, LOOKUP, Tokens(tokens.examples[i : i + 1], [tokens.ids[i]], [None], [[]]))
        for name in ("logits", "vector", "tags"):
            np.testing.assert_allclose(found[name][i], alone[name][0], rtol=1e-4, atol=1e-5)


def trained(*, seed: int = 1, public: list[Example] | None = None, **plan: Any) -> Classifier:
    model = classifier(LOOKUP, auxiliary={"mood": 2})
    settings = {"epochs": QUICK.epochs, "batch": QUICK.batch, "averaged": QUICK.averaged} | plan
    return finetune(model, LOOKUP, EXAMPLES, public or [], FinetunePlan(seed=seed, **settings))


@pytest.fixture(scope="module")
def fitted() -> Classifier:
    return trained()


def loss_and_logits(model: Classifier) -> tuple[float, np.ndarray]:
    logits = np.stack(predict(model, LOOKUP, tokenise(EXAMPLES, LOOKUP))["logits"])
    targets = torch.from_numpy(np.stack([example.targets for example in EXAMPLES]))
    return loss_of(torch.from_numpy(logits), targets).item(), logits


def test_training_lowers_the_loss_and_finds_the_labels(fitted: Classifier) -> None:
    before, _ = loss_and_logits(classifier(LOOKUP))
    after, logits = loss_and_logits(fitted)
    assert after < 0.2 * before
    primary = COLUMNS["primary"]
    truth = np.array([example.targets[primary].argmax() for example in EXAMPLES])
    assert (logits[:, primary].argmax(1) == truth).mean() > 0.95


def test_training_finds_the_pains(fitted: Classifier) -> None:
    tokens = tokenise(EXAMPLES, LOOKUP)
    tags = predict(fitted, LOOKUP, tokens)["tags"]
    right = [(said.argmax(1) == true.argmax(1)).mean() for said, true in zip(tags, tokens.tags, strict=True)]
    complaints = [i for i, example in enumerate(EXAMPLES) if example.spans]
    assert np.mean(right) > 0.95
    assert np.mean([right[i] for i in complaints]) > 0.9


def test_training_ends_ready_to_read(fitted: Classifier) -> None:
    assert not any(module.training for module in fitted.modules())
    assert all(torch.isfinite(p).all() for p in fitted.parameters())
    assert not fitted.encoder.units.weight[0].any()  # padding


def weights(model: Classifier) -> list[Tensor]:
    return [parameter.detach() for parameter in model.parameters()]


def test_the_same_seed_gives_the_same_weights() -> None:
    one, again, other = (weights(trained(seed=seed, epochs=2)) for seed in (3, 3, 4))
    assert all(map(torch.equal, one, again))
    assert not all(map(torch.equal, one, other))


MOODS = [
    example
    for n in range(20)
    for example in (
        Example(f"今天第{n}次笑出声，真开心", "mood", auxiliary=("mood", 1)),
        Example(f"今天第{n}次叹气，真难过", "mood", auxiliary=("mood", 0)),
    )
]


def test_what_teachers_say_of_units_is_learnt() -> None:
    texts = [f"第{n}只{thing}坏了" for n in range(12) for thing in ("台灯", "背包")]
    told = []
    for text in texts:
        (ids,) = tokenise([Example(text, "teachers")], LOOKUP).ids
        tags = np.tile(np.array([0.9, 0.05, 0.05], np.float16), (len(ids), 1))
        tags[-2:] = (0.1, 0.1, 0.8)
        told.append(Example(text, "teachers", tags=tags))
    tokens = tokenise(told, LOOKUP)
    tags = predict(trained(public=told), LOOKUP, tokens)["tags"]
    right = [(said.argmax(1) == true.argmax(1)).mean() for said, true in zip(tags, tokens.tags, strict=True)]
    assert np.mean(right) > 0.95


def test_tags_of_teachers_are_cut_with_their_text() -> None:
    tags = np.full((4, 3), 1 / 3, np.float16)
    (cut,) = tokenise([Example("台灯坏了", "teachers", tags=tags)], LOOKUP, 3).tags
    assert cut is not None
    assert cut.shape == (3, 3)
    assert cut.dtype == np.float32


def test_pairs_bring_embeddings_together_beside_the_labels() -> None:
    texts = [f"{thing}怎么{verb}" for thing in ("台灯", "背包", "键盘") for verb in ("退", "用", "修")]
    ids = tokenise([Example(text, "pairs") for text in texts], LOOKUP).ids
    same = np.array([(i, i, -1) for i in range(len(texts))])
    settings = {"epochs": QUICK.epochs, "batch": QUICK.batch, "averaged": QUICK.averaged}
    plan = FinetunePlan(**settings, pair_share=1.0, pairs=9)
    model = finetune(classifier(LOOKUP), LOOKUP, EXAMPLES, [], plan, [PairSet(ids=ids, same=same)])
    assert loss_and_logits(model)[0] < 0.3 * loss_and_logits(classifier(LOOKUP))[0]
    with torch.no_grad():
        before, after = (
            torch.nn.functional.normalize(
                each.embed(torch.from_numpy(pad(ids)), torch.from_numpy(LOOKUP.pair_ids(pad(ids))))
            )
            for each in (classifier(LOOKUP), model)
        )
    apart = ~torch.eye(len(texts), dtype=torch.bool)
    assert (after @ after.T)[apart].mean() < (before @ before.T)[apart].mean() - 0.1


def test_a_public_set_teaches_its_own_head() -> None:
    model = trained(public=MOODS)
    vectors = torch.from_numpy(np.stack(predict(model, LOOKUP, tokenise(MOODS, LOOKUP))["vector"]))
    said = model.auxiliary["mood"](vectors).argmax(1).tolist()
    assert said == [example.auxiliary[1] for example in MOODS if example.auxiliary]


def test_a_public_set_does_not_move_heads_that_it_says_nothing_of(fitted: Classifier) -> None:
    loss, _ = loss_and_logits(trained(public=MOODS))
    assert loss < 3 * loss_and_logits(fitted)[0] + 0.2


@pytest.mark.timeout(20)
@pytest.mark.parametrize("n_public", [0, 3])
def test_fewer_messages_than_a_batch_are_one_batch(n_public: int) -> None:
    # 240 messages in steps of 500 is less than one step an epoch, but some over all of them.
    plan = FinetunePlan(epochs=10, batch=500, averaged=0.5)
    before = classifier(LOOKUP, auxiliary={"mood": 2})
    after = finetune(classifier(LOOKUP, auxiliary={"mood": 2}), LOOKUP, EXAMPLES, MOODS[:n_public], plan)
    assert not all(map(torch.equal, weights(before), weights(after)))


def test_every_message_is_read_about_as_often_whatever_its_length() -> None:
    n, size = 30, 8
    tokens = Tokens([], [np.zeros(1 + i, np.int64) for i in range(n)], [None] * n, [[]] * n)
    batches = list(itertools.islice(_endless(tokens, size, np.random.default_rng(0)), 300))
    assert all(len(batch) == size for batch in batches)
    count = np.bincount(np.concatenate(batches), minlength=n)
    assert count.min() > 0.8 * count.mean()


def test_batches_are_of_about_the_same_length() -> None:
    lengths = np.arange(400)
    tokens = Tokens([], [np.zeros(1 + i, np.int64) for i in lengths], [None] * 400, [[]] * 400)
    batches = itertools.islice(_endless(tokens, 8, np.random.default_rng(0)), 50)
    # A pool of 160 messages and more has twenty batches, so one spans about a twentieth of all lengths.
    assert np.mean([np.ptp(lengths[batch]) for batch in batches]) < 400 / 10
