"""A stream of messages as a busy community sends them, made up: for measuring, not for judging quality.

Of a hundred messages ten are short reactions that everybody sends, five are one of 300 adverts that accounts send again
and again that last for twenty of them, and the others are new. Authors and channels are as uneven as people are.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from nlp_service.store.incoming import Incoming, Judgement, Known, ReviewWanted
from nlp_service.types import (
    Abuse,
    Action,
    Analysis,
    Evidence,
    Intent,
    Label,
    Pain,
    Risk,
    Sentiment,
    Span,
    Verdict,
)

N_AUTHORS, N_CHANNELS, N_ADVERTS, N_REACTIONS, N_WORDINGS = 100_000, 400, 300, 200, 2_000

WHAT = "耳机 跑鞋 保温杯 面霜 猫粮 键盘 奶茶 行李箱 台灯 投影仪 雨伞 背包".split()
SAYS = (
    "用了{n}天，{what}的做工比想的好",
    "{what}到货晚了{n}天，客服一直不回",
    "想问下{what}有没有{n}号",
    "{what}第{n}次坏了，申请退款被拒绝",
    "今天收到{what}，打{n}分，会再来",
    "群友推荐的{what}，排队{n}分钟终于买到",
)
MORE = ("包装很用心", "颜色和图片不一样", "有人一起拼单吗", "晒个图给大家参考", "希望下次能改进", "周末一起去门店看看")


def stream(seed: int, begin: datetime, per_second: float, batch: int) -> Iterator[list[Incoming]]:
    """Batches without end, each received at one moment; ids are unique for different seeds."""
    rng = random.Random(seed)
    wordings = [_wording(rng) for _ in range(N_WORDINGS)]
    adverts = [(text, analysis, _keys(rng)) for text, analysis in (_wording(rng, is_ad=True) for _ in range(N_ADVERTS))]
    reactions = [_wording(rng)[1] for _ in range(N_REACTIONS)]
    vectors = rng.randbytes(1 << 20)
    authors = list(itertools.accumulate((rank + 30) ** -0.9 for rank in range(N_AUTHORS)))
    channels = list(itertools.accumulate((rank + 3) ** -0.9 for rank in range(N_CHANNELS)))
    sent = itertools.count()
    for number in itertools.count():
        at = begin + timedelta(seconds=number * batch / per_second)
        people = rng.choices(range(N_AUTHORS), cum_weights=authors, k=batch)
        places = rng.choices(range(N_CHANNELS), cum_weights=channels, k=batch)
        delivery = []
        for person, place in zip(people, places, strict=True):
            kind, author = rng.random(), f"user-{person:06}"
            if kind < 0.10:
                reaction = rng.randrange(N_REACTIONS)
                text, analysis, keys = f"哈哈{reaction}", reactions[reaction], ()
            elif kind < 0.15:
                text, analysis, keys = rng.choice(adverts)
                author = f"spam-{seed}-{next(sent) // 20}"
            else:
                text, analysis = rng.choice(wordings)
                text, keys = f"{text} {rng.randrange(10**6)}", _keys(rng)
            id_ = rng.randbytes(10).hex()
            start = rng.randrange(len(vectors) - 256)
            delivery.append(
                Incoming(
                    platform="wechat",
                    channel=f"group-{place}",
                    external_id=id_,
                    author=author,
                    sent_at=at - timedelta(seconds=rng.uniform(0.2, 5)),
                    received_at=at,
                    edited_at=None,
                    text=text,
                    meta={"likes": rng.randrange(50)},
                    keys=keys,
                    analysis=msgspec.structs.replace(analysis, id=id_),
                    vector=vectors[start : start + 256],
                    model_version="fast-1",
                )
            )
        yield delivery


def judge(message: Incoming, known: Known) -> Judgement:
    """Warn, remove and block adverts as a default policy does; a person looks at what is risky."""
    analysis = message.analysis
    is_ad = analysis.intent is not None and analysis.intent.primary == "ad"
    n_earlier = sum(offence.offence == "ad" for offence in known.offences)
    action = (Action.WARN, Action.REMOVE, Action.BLOCK)[min(n_earlier, 2)] if is_ad else Action.PASS
    review = ReviewWanted(0.7, ("risk>=2",)) if analysis.risk.level >= 2 else None
    verdict = Verdict(action, (f"ad>=0.60:{n_earlier}",) if is_ad else ())
    decided = msgspec.structs.replace(analysis, verdict=verdict)
    return Judgement(decided, "default-1", "ad" if is_ad else None, review)


def _wording(rng: random.Random, *, is_ad: bool = False) -> tuple[str, Analysis]:
    text = rng.choice(SAYS).format(n=rng.randrange(2, 60), what=rng.choice(WHAT))
    text = "，".join((text, *rng.sample(MORE, rng.randrange(4))))
    intent = "ad" if is_ad else rng.choice(("question", "ugc", "complaint", "chat", "chat"))
    names = ("question", "ugc", "ad", "complaint", "chat")
    spans = sorted(rng.sample(range(len(text)), min(len(text), 2 * rng.randrange(2, 7))))
    pieces = [Span(a, b, text[a:b]) for a, b in zip(spans[::2], spans[1::2], strict=False)]
    level = 2 if rng.random() < 0.02 else 0
    return text, Analysis(
        id=None,
        intent=Intent(intent, (intent,), {name: _probability(rng, name == intent) for name in names}),
        sentiment=Sentiment(
            "neutral",
            round(rng.uniform(-1, 1), 5),
            {name: _probability(rng, name == "neutral") for name in ("negative", "neutral", "positive")},
        ),
        risk=Risk(level, round(level / 2.5, 5), round(level / 2.2, 5), (Label("other", 0.5),) if level else ()),
        abuse=Abuse(_probability(rng, False), False),
        unsafe=(Label("contact_spam", _probability(rng, True)),) if is_ad else (),
        pain=tuple(Pain(span.text, span, "product_quality") for span in pieces[:1]),
        evidence=tuple(Evidence(f"intent.{intent}", "model", span) for span in pieces),
    )


def _probability(rng: random.Random, is_likely: bool) -> float:
    return round(1 - rng.random() / 5 if is_likely else rng.random() / 10, 5)


def _keys(rng: random.Random) -> tuple[int, ...]:
    return tuple(rng.randrange(-(2**63), 2**63) for _ in range(4))
