from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nlp_service.knowledge.search.words import WordTable
from tests.training.made_up import write, write_data
from training import words

NAMES = ["</s>", "的", *(f"退{chr(0x5200 + i)}" for i in range(150)), *(f"停{chr(0x5200 + i)}" for i in range(150))]
COUNTS = np.array([900, 5000, *[40] * 150, *[4] * 150])


class Learnt:
    """What fastText gives of a model: two groups of words around two directions, all of them pushed to one side."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.vectors = rng.normal(size=(len(NAMES) + 7, 128)).astype(np.float32)  # behind the words stand n-grams
        self.vectors[2:152, 0] += 12
        self.vectors[152:302, 1] += 12
        self.vectors += 3

    def get_words(self, *, include_freq: bool) -> tuple[list[str], np.ndarray]:
        assert include_freq
        return NAMES, COUNTS

    def get_input_matrix(self) -> np.ndarray:
        return self.vectors


@pytest.fixture
def arrays(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """The table of words that were learnt. A stand-in, since of so little text fastText now and then learns NaN."""
    monkeypatch.setitem(sys.modules, "fasttext", SimpleNamespace(load_model=lambda path: Learnt()))
    return words.table(Path("words.bin"))


def test_the_table_is_what_the_service_reads(arrays: dict[str, np.ndarray]) -> None:
    assert (arrays["vectors"].dtype, arrays["weights"].dtype) == (np.int8, np.float32)
    assert arrays["words"].tobytes().decode().split("\n") == NAMES[1:]  # not fastText's own </s>
    assert arrays["vectors"].shape == (301, words.DIM)
    assert np.abs(arrays["vectors"].astype(int)).max(1).tolist() == [127] * 301  # each uses its eight bits
    table = WordTable(**arrays)
    assert table.rows(NAMES[1:]) == list(range(301))


def test_words_of_one_group_lie_close(arrays: dict[str, np.ndarray]) -> None:
    vectors = WordTable(**arrays).vectors(np.arange(1, 301))
    cosines = vectors @ vectors.T
    # Without taking away what all share, all would lie close.
    assert cosines[:150, :150].mean() > 0.25 > 0 > cosines[:150, 150:].mean()


def test_eight_bits_keep_the_directions(arrays: dict[str, np.ndarray]) -> None:
    centred = Learnt().vectors[: len(NAMES)]
    centred = centred - centred.mean(0)
    plain = (centred / np.linalg.norm(centred, axis=1, keepdims=True))[1:]
    kept = WordTable(**arrays).vectors(np.arange(301))
    differences = np.abs(kept @ kept.T - plain @ plain.T)
    assert differences.mean() < 0.05  # 96 of 128 columns are kept
    assert differences.max() < 0.3


def test_a_rare_word_weighs_more(arrays: dict[str, np.ndarray]) -> None:
    weights = arrays["weights"]
    share = COUNTS / COUNTS.sum()
    assert weights == pytest.approx(words.COMMON / (words.COMMON + share[1:]), rel=1e-6)
    assert weights[0] < weights[1] < weights[-1] < 1


def test_learns_by_fasttext(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext")
    rng = np.random.default_rng(0)
    text = tmp_path / "words.txt"
    text.write_text("\n".join(" ".join(rng.choice(NAMES[2:302], 20)) for _ in range(2000)) + "\n", "utf-8")
    try:
        words.learn(text, tmp_path / "words.bin", threads=1)
    except RuntimeError as error:
        pytest.skip(f"fastText: {error}")  # it meets NaN now and then in so little text
    assert set(fasttext.load_model(str(tmp_path / "words.bin")).words) == {"</s>", *NAMES[2:302]}
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["words.bin", "words.txt"]


def test_what_is_there_is_not_learnt_again(tmp_path: Path) -> None:
    (tmp_path / "words.bin").write_bytes(b"there")
    words.learn(tmp_path / "none.txt", tmp_path / "words.bin")
    assert (tmp_path / "words.bin").read_bytes() == b"there"


def write_world(data: Path) -> Path:
    """A data folder with a text of each kind."""
    write_data(
        data, train=[{"text": "ＶＩＰ卡怎麼退款"}], dev=[{"text": "不读这句"}], corpus={"street": ["客服一直不回复"]}
    )
    for name in words._PAIRS:
        write(data / "pairs" / name / "train.jsonl.gz", [{"text1": f"{name}甲在哪里", "text2": "怎么停车"}])
    write(data / "pairs" / "beke_reply" / "train.jsonl.gz", [{"query": "房租多少", "reply": "一千元"}])
    base = data / "faq" / "train" / "shop"
    base.mkdir(parents=True)
    rows = {
        "entries": [{"id": "a", "question": "几点开门", "answer": "早上九点"}],
        "queries": [{"id": "q", "text": "营业时间是", "entry_id": "a"}],
        "unanswerable": [{"text": "也不读这句"}],
    }
    for name, lines in rows.items():
        (base / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return data


def test_texts_are_written_as_the_service_cuts_them(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    words.write_text(write_world(tmp_path / "data"), path)
    lines = path.read_text("utf-8").splitlines()
    assert "vip 卡 怎么 退款" in lines  # normalised, then cut
    assert "客服 一直 不 回复" in lines
    for text in ("几点开门早上九点", "营业时间是", "房租多少一千元", "怎么停车"):
        assert text in {line.replace(" ", "") for line in lines}
    assert "不读" not in path.read_text("utf-8").replace(" ", "")
    assert not path.with_suffix(".part").exists()


def test_a_text_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("there")
    words.write_text(tmp_path / "no data", tmp_path / "words.txt")
    assert (tmp_path / "words.txt").read_text() == "there"
