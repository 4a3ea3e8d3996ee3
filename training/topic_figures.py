"""Topics of labelled sets that are read as days, beside k-means over all of a set at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.insight.facts import FACTS, Floats
from nlp_service.insight.topics import Embed, TopicState, advance, assign
from nlp_service.knowledge.search.fields import normalised
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.knowledge.search.words import WordField
from nlp_service.text import segment
from nlp_service.text.normalise import normalise_batch
from training import corpora

SETS = (("smp2017_domain", "dev"), ("cic_dataclue", "dev"), ("car_complaints_2024", "train"))
"""The last has no dev split; its second half is measured, nothing was chosen on it."""

DAYS = 6
START = date(2026, 1, 1)

Ints = npt.NDArray[np.int64]


class Row(NamedTuple):
    """Figures of one way to group a set.

    Attributes:
        name: Of the set.
        way: ``topics``, ``read again`` (all of it with what is known at the end) or ``k-means``.
        groups: How many.
        covered: Part of the messages that are in one.
        nmi, ari: Of these messages, against the labels.
        nmi_all: Of all messages, those in no group being one more.
    """

    name: str
    way: str
    groups: int
    covered: float
    nmi: float
    ari: float
    nmi_all: float


def measure(data: Path, search_model: Path, *, seed: int = 0) -> list[Row]:
    """Every figure of docs/topics.md.

    Raises:
        FileNotFoundError: The data is not there.
    """
    embed = embedding(SearchModel.load(search_model))
    found: list[Row] = []
    for name, split in SETS:
        rows = list(corpora.read(data / "public" / name / f"{split}.jsonl.gz"))
        rows = rows[len(rows) // 2 :] if split == "train" else rows
        order = np.random.default_rng(seed).permutation(len(rows))
        texts = [str(rows[i]["text"]) for i in order]
        _, truth = np.unique([str(rows[i]["label"]) for i in order], return_inverse=True)
        told, again = _topics(texts, embed)
        n_groups = len(set(told[told >= 0].tolist()))
        plain = _k_means(texts, max(n_groups, 2), seed)
        found += [
            _row(name, "topics", truth, told, told >= 0),
            _row(name, "k-means, the same messages", truth, plain, told >= 0),
            _row(name, "read again", truth, again, again >= 0),
            _row(name, "k-means", truth, plain, plain >= 0),
        ]
    return found


def embedding(model: SearchModel) -> Embed:
    """What the wiring passes: the search model's vectors of texts."""

    def embed(texts: Sequence[str]) -> Floats:
        words = WordField(model.words(normalised(normalise_batch(texts))))
        return model.projector.project(words.means(model.table))

    return embed


def _topics(texts: list[str], embed: Embed) -> tuple[Ints, Ints]:
    """Topic of each text as it was told on its day, and by what is known after the last one."""
    state, told = TopicState(), []
    tables = [
        _day(day, [texts[i] for i in part]) for day, part in enumerate(np.array_split(np.arange(len(texts)), DAYS))
    ]
    for day, table in enumerate(tables):
        state, numbers, _ = advance(state, START + timedelta(days=day), table, embed)
        told.append(numbers)
    return state.resolve(np.concatenate(told)), assign(state, pa.concat_tables(tables), embed)


def _day(day: int, texts: list[str]) -> pa.Table:
    begin = datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)
    values = {
        "id": [f"{day}-{i}" for i in range(len(texts))],
        "at": [begin + timedelta(seconds=i) for i in range(len(texts))],
        "author": [""] * len(texts),
        "text": texts,
    }
    columns = [pa.array(values.get(field.name, [None] * len(texts)), _plain(field.type)) for field in FACTS]
    return pa.Table.from_arrays([c.cast(f.type) for c, f in zip(columns, FACTS, strict=True)], schema=FACTS)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _k_means(texts: list[str], n_groups: int, seed: int) -> Ints:
    """TF-IDF of words, 100 singular vectors of it, k-means: of all messages, known at once."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    words = segment.cut(normalised(normalise_batch(texts)))
    read = TfidfVectorizer(
        analyzer=lambda own: [word for word in own if word.isalnum()], min_df=2, max_df=0.5, sublinear_tf=True
    )
    matrix = read.fit_transform(words)
    size = min(100, matrix.shape[1] - 1)
    reduced = normalize(TruncatedSVD(size, random_state=seed).fit_transform(matrix))
    return np.asarray(KMeans(n_groups, n_init=1, random_state=seed).fit_predict(reduced), np.int64)


def _row(name: str, way: str, truth: Ints, groups: Ints, covered: npt.NDArray[np.bool_]) -> Row:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    own = groups[covered]
    return Row(
        name,
        way,
        len(set(own.tolist())),
        float(covered.mean()),
        float(normalized_mutual_info_score(truth[covered], own)) if len(own) else 0.0,
        float(adjusted_rand_score(truth[covered], own)) if len(own) else 0.0,
        float(normalized_mutual_info_score(truth, np.where(covered, groups, -1))),
    )


def markdown(rows: Sequence[Row]) -> str:
    """The figures as a table of a document."""
    lines = ["| set | way | groups | covered | NMI | ARI | NMI of all |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        figures = (f"{each:.3f}" for each in (row.covered, row.nmi, row.ari, row.nmi_all))
        lines.append(f"| {row.name} | {row.way} | {row.groups} | {' | '.join(figures)} |")
    return "\n".join(lines)
