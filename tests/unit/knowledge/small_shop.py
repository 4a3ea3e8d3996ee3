"""A small base to evaluate, and a search model that is sure of what it finds word for word."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np

from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.search.model import COVER, FEATURES, Ranker, SearchModel
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.wiring import build_search_model

SHOP = [
    make_entry("refund", ["怎么退款", "钱什么时候退回来"], "在订单页点申请退款，三天内到账。"),
    make_entry("hours", ["几点开门", "营业时间是什么"], "每天早上九点到晚上九点。"),
    make_entry("parking", ["停车收费吗", "附近哪里能停车"], "地库前两小时免费。"),
    make_entry("powder", ["奶粉保质期多久", "奶粉开罐后能放几天"], "开罐后请在四周内喝完。"),
    make_entry("invoice", ["怎么开发票"], "付款后在订单页填写抬头。"),
    make_entry("delivery", ["快递几天能到"], "下单后两天内发货。"),
]
"""Four entries of two wordings and two of one."""


@cache
def shipped() -> SearchModel:
    """The shipped model."""
    return build_search_model()


@cache
def by_words() -> SearchModel:
    """The shipped model, but it ranks by the share of a question's terms that a wording holds.

    It is sure that the base answers where the best entry as a whole holds more than two fifths of them.
    """
    n, nothing = len(FEATURES), np.zeros(0, np.float32)
    direct = np.array([20.0 * (name == "terms.wording.share") for name in FEATURES], np.float32)
    cover = np.array([*(20.0 * (name == "share") for name in COVER), -8.0], np.float32)
    model = copy.copy(shipped())
    model.version = "planted-1"
    model.thresholds = Thresholds(margin=0.0)
    zero, one = np.zeros(n, np.float32), np.ones(n, np.float32)
    model.ranker = Ranker(zero, one, direct, np.zeros((n, 0), np.float32), nothing, nothing, cover)
    return model
