"""Topics of labelled sets, beside k-means."""

import gzip
import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from tests.unit.insight.topics.talks import THEMES, embed, statements
from training import topic_figures


def test_a_set_whose_labels_are_its_themes(tmp_path, monkeypatch):
    folder = tmp_path / "public" / "toy"
    folder.mkdir(parents=True)
    rows = [
        {"text": text, "label": name}
        for name, words in THEMES.items()
        for text in statements(words, 120, seed=len(name))
    ]
    with gzip.open(folder / "dev.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    monkeypatch.setattr(topic_figures, "SETS", (("toy", "dev"),))
    monkeypatch.setattr(topic_figures.SearchModel, "load", lambda folder: None)
    monkeypatch.setattr(topic_figures, "embedding", lambda model: embed)

    found = topic_figures.measure(tmp_path, tmp_path)
    assert [row.way for row in found] == ["topics", "k-means, the same messages", "read again", "k-means"]
    topics, same, _, plain = found
    assert topics.covered > 0.5
    assert topics.nmi > 0.7
    assert (same.covered, plain.covered) == (topics.covered, 1.0)
    assert topic_figures.markdown(found).count("\n") == 5


def test_what_is_in_no_group_is_one_more():
    truth, groups = np.array([0, 0, 1, 1]), np.array([5, 5, -1, -1])
    row = topic_figures._row("toy", "topics", truth, groups, groups >= 0)
    assert (row.groups, row.covered, row.nmi_all) == (1, 0.5, pytest.approx(1.0))
