from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.knowledge.calibrate import Calibrated
from nlp_service.knowledge.entries import Entry, make_entry, to_record
from nlp_service.knowledge.evaluation import Errors, Figures, evaluate_own
from nlp_service.knowledge.gate import Fall, Published, compare, publish_checked
from nlp_service.knowledge.loading import load_index
from nlp_service.knowledge.probes import Query
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.store.knowledge import KnowledgeStore
from tests.unit.knowledge.small_shop import by_words

GOOD = [
    make_entry("refund", ["怎么退款给我", "怎么退款呢"], "三天内到账。"),
    make_entry("hours", ["几点开门营业", "几点开门呀"], "早上九点。"),
    make_entry("parking", ["停车要收费吗", "停车收费不"], "前两小时免费。"),
    make_entry("invoice", ["哪里开发票", "开发票在哪里"], "在订单页。"),
]
BAD = [make_entry(entry.id, [entry.questions[0], f"嘟噜{entry.id}"], entry.answer) for entry in GOOD]
"""The same entries, whose other wordings find nothing."""

FIGURES = Figures(
    n=100,
    n_answerable=50,
    n_answered=40,
    hit_at_1=0.9,
    hit_at_3=0.95,
    mrr_at_10=0.92,
    ndcg_at_10=0.93,
    abstention_f1=0.8,
    answer_precision=0.95,
    answer_coverage=0.7,
    false_answers=0.1,
    calibration_error=0.05,
    decisions={},
    errors=Errors(),
    thresholds=Thresholds(precision=0.9),
    model="m",
)


def put(store: KnowledgeStore, entries: list[Entry]) -> None:
    store.put("t", "店", [to_record(entry) for entry in entries], may_create=True)


def publish(store: KnowledgeStore, entries: list[Entry], **options: object) -> Published:
    put(store, entries)
    return publish_checked(store, by_words(), "t", "店", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "falls"),
    [
        ("hit_at_1", 0.88, False),  # the bound itself is allowed, whatever 0.9 - 0.88 is to a computer
        ("hit_at_1", 0.879, True),
        ("hit_at_1", 0.99, False),
        ("hit_at_1", None, False),  # nothing to compare
        ("hit_at_3", 0.9, True),
        ("mrr_at_10", 0.8, True),
        ("ndcg_at_10", 0.8, True),
        ("abstention_f1", 0.7, True),
        ("answer_coverage", 0.6, True),
        ("answer_precision", 0.9, False),  # as precise as was wanted
        ("answer_precision", 0.89, True),
        ("calibration_error", 0.5, False),
    ],
)
def test_a_figure_falls_by_more_than_is_allowed(name: str, value: float | None, falls: bool) -> None:
    new = msgspec.structs.replace(FIGURES, **{name: value})
    assert compare(FIGURES, new) == ([Fall(name, getattr(FIGURES, name), value)] if falls else [])  # type: ignore[arg-type]


def test_more_may_be_allowed() -> None:
    new = msgspec.structs.replace(FIGURES, hit_at_1=0.8, hit_at_3=0.5)
    assert [fall.figure for fall in compare(FIGURES, new, allowed=0.1)] == ["hit_at_3"]


def test_a_first_version_is_published_with_its_figures_and_calibration(store: KnowledgeStore) -> None:
    done = publish(store, GOOD, author="小李", note="开张")
    version = store.version("t", "店", 1)
    assert (done.version, version.author, version.note) == (1, "小李", "开张")
    assert msgspec.convert(version.figures, Figures) == done.figures
    assert msgspec.convert(version.calibration, Calibrated) == done.calibration
    assert (done.figures.n, done.figures.hit_at_1) == (16, 1.0)


def test_a_worse_draft_is_refused_and_nothing_is_written(store: KnowledgeStore) -> None:
    publish(store, GOOD)
    with pytest.raises(Conflict, match="worse than version 1: hit_at_1 on own"):
        publish(store, BAD)
    assert [version.number for version in store.versions("t", "店")] == [1]
    assert store.get("t", "店").published == 1
    assert len(store.compare("t", "店", 1, None)) == len(BAD)


def test_a_reason_publishes_it_all_the_same_and_is_kept(store: KnowledgeStore) -> None:
    publish(store, GOOD)
    done = publish(store, BAD, note="新说法", force_reason="照法务的要求")
    assert done.version == 2
    assert "hit_at_1" in [fall.figure for fall in done.falls]
    assert store.version("t", "店", 2).note.startswith("新说法 [forced: 照法务的要求; hit_at_1 on own 1.000 to")


def test_a_reason_that_was_not_needed_is_not_kept(store: KnowledgeStore) -> None:
    assert publish(store, GOOD, force_reason="以防万一").falls == ()
    assert store.version("t", "店", 1).note == ""


def test_a_fall_may_be_allowed(store: KnowledgeStore) -> None:
    publish(store, GOOD)
    assert publish(store, BAD, allowed=1.0).version == 2


def test_a_better_draft_is_published(store: KnowledgeStore) -> None:
    publish(store, BAD)
    done = publish(store, GOOD)
    assert (done.version, done.falls) == (2, ())


def test_a_version_without_figures_is_measured_first(store: KnowledgeStore) -> None:
    put(store, GOOD)
    store.publish("t", "店")
    with pytest.raises(Conflict, match="worse"):
        publish(store, BAD)


@pytest.mark.parametrize("stored", [{"hit_at_1": "high"}, {}])
def test_figures_of_another_form_are_measured_again(store: KnowledgeStore, stored: dict[str, object]) -> None:
    put(store, GOOD)
    store.publish("t", "店", figures=stored)
    with pytest.raises(Conflict, match="worse"):
        publish(store, BAD)


def test_figures_of_another_search_model_are_measured_again(store: KnowledgeStore) -> None:
    put(store, GOOD)
    index = load_index(store, by_words(), store.get("t", "店"))
    own = evaluate_own(index, by_words().thresholds)
    # Under that model nothing was found, so that any draft would be better.
    poor = msgspec.structs.replace(own, model="other-1", hit_at_1=0.0, hit_at_3=0.0, mrr_at_10=0.0, ndcg_at_10=0.0)
    store.publish("t", "店", figures=msgspec.to_builtins(poor))
    with pytest.raises(Conflict, match=r"hit_at_1 on own 1\.000"):
        publish(store, BAD)


def test_queries_that_are_given_are_asked_of_both(store: KnowledgeStore) -> None:
    queries = [Query("a", "哪里开发票", "invoice"), Query("b", "几点开门", "hours")]
    single = [make_entry(entry.id, entry.questions[:1], entry.answer) for entry in GOOD]
    done = publish(store, single, queries=queries)
    assert done.figures.n == 0  # an entry of one wording has none to ask
    assert done.queries is not None
    assert done.queries.hit_at_1 == 1.0
    store.remove("t", "店", ["invoice"])
    with pytest.raises(Conflict, match=r"hit_at_1 on queries 1\.000 to 0\.500"):
        publish_checked(store, by_words(), "t", "店", queries=queries)


def test_the_precision_that_was_wanted_before_is_wanted_again(store: KnowledgeStore) -> None:
    publish(store, GOOD)
    before = Calibrated(Thresholds(answer=0.5, precision=0.8), 0)
    store.calibrate("t", "店", 1, msgspec.to_builtins(before))
    assert publish(store, BAD, allowed=1.0).calibration.thresholds.precision == 0.8


def test_a_draft_that_changes_meanwhile_is_not_published(store: KnowledgeStore) -> None:
    class Meddling(list[Query]):
        """Somebody edits the draft while the queries are asked."""

        def __iter__(self) -> Iterator[Query]:
            put(store, BAD[:1])
            return super().__iter__()

    put(store, GOOD)
    with pytest.raises(Conflict, match="changed while it was measured"):
        publish_checked(store, by_words(), "t", "店", queries=Meddling([Query("a", "几点开门", "hours")]))
    assert store.get("t", "店").published == 0


def test_a_draft_without_a_change_is_refused(store: KnowledgeStore) -> None:
    publish(store, GOOD)
    with pytest.raises(Conflict, match="nothing was changed since version 1"):
        publish(store, GOOD)


def test_an_emptied_base_has_nothing_to_compare(store: KnowledgeStore) -> None:
    publish(store, GOOD)
    store.remove("t", "店", [entry.id for entry in GOOD])
    done = publish_checked(store, by_words(), "t", "店")
    assert (done.version, done.figures.n) == (2, 0)


@pytest.mark.parametrize(
    ("options", "param"),
    [({"force_reason": "  "}, "reason"), ({"allowed": -0.1}, "allowed"), ({"allowed": float("nan")}, "allowed")],
)
def test_what_cannot_be_taken_is_named(store: KnowledgeStore, options: dict[str, object], param: str) -> None:
    with pytest.raises(BadInput) as caught:
        publish(store, GOOD, **options)
    assert caught.value.param == param


def test_the_base_of_another_tenant_is_not_there(store: KnowledgeStore) -> None:
    put(store, GOOD)
    with pytest.raises(NotFound):
        publish_checked(store, by_words(), "other", "店")
