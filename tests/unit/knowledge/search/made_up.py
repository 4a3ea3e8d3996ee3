"""The shipped words and sounds with rankers of known weights, so that no test hangs on what was fitted; a base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from nlp_service.knowledge.entries import Entry, make_entry
from nlp_service.knowledge.search.features import read
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.model import COVER, FEATURES, Ranker, SearchModel
from nlp_service.knowledge.search.searching import Found, search
from nlp_service.knowledge.search.words import Projector, WordTable
from nlp_service.knowledge.thresholds import Thresholds
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "models" / "search"

ASKS = {"question": 0.9, "chat": 0.05, "ad": 0.01}
"""Intents of somebody who asks."""

SHOP = [
    make_entry("refund", ["怎么退款", "钱什么时候退回来"], "在订单页点申请退款，三天内到账。", tags=["售后"]),
    make_entry("hours", ["几点开门", "营业时间是什么"], "每天早上九点到晚上九点。", category="门店"),
    make_entry("parking", ["停车收费吗", "附近哪里能停车"], "地下车库前两小时免费。", category="门店", tags=["停车"]),
    make_entry("powder", ["奶粉保质期多久", "奶粉开罐后能放几天"], "开罐后请在四周内喝完。"),
    make_entry("invoice", ["怎么开发票"], "付款后在订单页填写抬头。"),
    make_entry("delivery", ["快递几天能到", "什么时候发货"], "下单后两天内发货。"),
]
"""A small shop; the third entry alone has both kinds of labels."""


@cache
def sensible() -> SearchModel:
    """A model that weighs everything by hand."""
    weights = {"terms.wording.share": 6, "terms.entry.share": 3, "aligned.wording": 4, "aligned.entry": 3}
    more = {"terms.labels": 2, "sounds.wording.share": 3, "words.wording": 2}
    return with_ranker(planted(weights | more, {"score": 0.5}, constant=-3.0))


@cache
def _parts() -> tuple[WordTable, Projector, npt.NDArray[np.uint16]]:
    """The shipped word vectors and sounds, with a projector that leaves means as they are."""
    with np.load(FOLDER / "words.npz") as words, np.load(FOLDER / "sounds.npz") as sounds:
        table, syllables = WordTable(**words), sounds["syllables"]
    n = table.dim
    identity, nothing = np.eye(n, dtype=np.float32), np.zeros((n, 0), np.float32)
    return table, Projector(identity, nothing, nothing[0], nothing.T, np.zeros(n, np.float32)), syllables


def planted(weights: Mapping[str, float], cover: Mapping[str, float] | None = None, *, constant: float = 0.0) -> Ranker:
    """A ranker that adds up features by weights, with the logit of whether anything answers likewise."""
    assert weights.keys() <= {*FEATURES}
    n = len(FEATURES)
    direct = np.array([weights.get(name, 0.0) for name in FEATURES], np.float32)
    signs = np.array([*((cover or {}).get(name, 0.0) for name in COVER), constant], np.float32)
    empty = np.zeros(0, np.float32)
    zero, one = np.zeros(n, np.float32), np.ones(n, np.float32)
    return Ranker(zero, one, direct, np.zeros((n, 0), np.float32), empty, empty, signs)


def with_ranker(ranker: Ranker, thresholds: Thresholds | None = None) -> SearchModel:
    """The shipped word vectors and sounds with another ranker."""
    return SearchModel("planted-1", *_parts(), ranker, thresholds or Thresholds())


def ask(
    index: Index, text: str, *, allowed: Sequence[bool] | None = None, without: int | None = None, n: int = 10
) -> Found:
    """Search for the answer to a text."""
    (question,) = read(index.model, [text], index.synonyms)
    mask = None if allowed is None else np.array(allowed, np.bool_)
    return search(index, question, ASKS, allowed=mask, n=n)


def ids(index: Index, found: Found) -> list[str]:
    """Ids of the entries that were found, best first."""
    return [index.entries[hit.entry].id for hit in found.hits]


def entry(id: str, *questions: str, answer: str = "请联系店员。") -> Entry:
    """An entry with an answer that says nothing."""
    return make_entry(id, questions, answer)
