import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.errors import BadInput
from nlp_service.text.normalise import normalise
from nlp_service.text.segment import MAX_WORD, Segmenter, read_words

TEXT = "星穹云图的客服太慢"


@pytest.fixture(scope="module")
def plain() -> Segmenter:
    return Segmenter()


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("星穹云图 1000 nz\n", "utf-8")
    return path


def rewrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    status = path.stat()
    # Two writes may fall into one tick of the file system's clock.
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_cuts_chinese_into_words(plain: Segmenter) -> None:
    assert plain.words("客服一直不回复") == ["客服", "一直", "不", "回复"]


def test_white_space_is_no_word(plain: Segmenter) -> None:
    assert plain.words(" 客服\n\t不错 ") == ["客服", "不错"]
    assert plain.words("") == []
    assert plain.tokens(" \n") == []


@given(st.text())
@settings(max_examples=200)
def test_tokens_are_pieces_of_the_text_in_order(plain: Segmenter, text: str) -> None:
    tokens = plain.tokens(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    covered = [place for token in tokens for place in range(token.start, token.end)]
    assert covered == sorted(set(covered))
    assert "".join(token.text for token in tokens) == "".join(text.split())
    assert [token.text for token in tokens] == plain.words(text)


def test_tokens_of_a_normalised_text_point_into_the_original(plain: Segmenter) -> None:
    text = "客\u200b服ＯＫ[微笑]"
    tokens = plain.tokens_of(normalise(text))
    assert [(token.text, text[token.start : token.end]) for token in tokens] == [
        ("客服", "客\u200b服"),
        ("ok", "ＯＫ"),
        ("[微笑]", "[微笑]"),
    ]


def test_user_words_stay_in_one_piece(plain: Segmenter, dictionary: Path) -> None:
    assert "星穹云图" not in plain.words(TEXT)
    assert Segmenter(dictionary).words(TEXT)[0] == "星穹云图"


def test_user_words_are_known_as_the_normaliser_writes_them(dictionary: Path) -> None:
    rewrite(dictionary, "小鹿Plus旗艦款\n".encode())
    segmenter = Segmenter(dictionary)
    assert "小鹿Plus旗艦款" in segmenter.words("买了小鹿Plus旗艦款")
    assert "小鹿plus旗舰款" in segmenter.words("买了小鹿plus旗舰款")


def test_two_segmenters_do_not_share_words(plain: Segmenter, dictionary: Path) -> None:
    Segmenter(dictionary).words(TEXT)
    assert "星穹云图" not in plain.words(TEXT)


def test_a_changed_dictionary_is_used_at_the_next_text(dictionary: Path) -> None:
    segmenter = Segmenter(dictionary)
    assert segmenter.words(TEXT)[0] == "星穹云图"
    rewrite(dictionary, "云图的客服 1000\n".encode())
    words = segmenter.words(TEXT)
    assert "云图的客服" in words
    assert "星穹云图" not in words  # what is no longer listed is forgotten


def test_reload_says_whether_the_dictionary_had_changed(dictionary: Path) -> None:
    segmenter = Segmenter(dictionary)
    assert segmenter.reload()
    assert not segmenter.reload()
    rewrite(dictionary, "云图\n".encode())
    assert segmenter.reload()


def test_a_damaged_dictionary_is_refused_and_the_old_one_stays(
    dictionary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segmenter = Segmenter(dictionary)
    segmenter.reload()
    rewrite(dictionary, "云图\n机密词 -3\n".encode())
    with pytest.raises(BadInput, match=r"words\.txt, line 2"):
        segmenter.reload()
    with caplog.at_level(logging.WARNING):
        assert segmenter.words(TEXT)[0] == "星穹云图"
        segmenter.words(TEXT)
    assert len(caplog.records) == 1  # once for each state of the file, not once a text
    assert "line 2" in caplog.text
    assert "机密词" not in caplog.text


def test_a_repaired_dictionary_is_used_again(dictionary: Path) -> None:
    segmenter = Segmenter(dictionary)
    segmenter.reload()
    rewrite(dictionary, b"\xff\n")
    segmenter.words(TEXT)
    rewrite(dictionary, "穹云图的 1000 n\n".encode())
    assert "穹云图的" in segmenter.words(TEXT)


def test_a_dictionary_that_vanishes_leaves_its_words(dictionary: Path) -> None:
    segmenter = Segmenter(dictionary)
    segmenter.reload()
    dictionary.unlink()
    assert segmenter.words(TEXT)[0] == "星穹云图"
    with pytest.raises(BadInput, match=r"words\.txt"):
        segmenter.reload()


def test_the_first_text_fails_without_a_dictionary_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.txt"):
        Segmenter(tmp_path / "none.txt").words(TEXT)


def test_added_words_outlive_a_reload(dictionary: Path) -> None:
    segmenter = Segmenter(dictionary)
    segmenter.add(["客服太慢"])
    assert segmenter.words(TEXT) == ["星穹云图", "的", "客服太慢"]
    rewrite(dictionary, "云图\n".encode())
    assert "客服太慢" in segmenter.words(TEXT)


@pytest.mark.parametrize("word", ["", "两 个", "a\x00", "长" * (MAX_WORD + 1)])
def test_a_word_that_cannot_be_cut_out_is_refused(plain: Segmenter, word: str) -> None:
    with pytest.raises(BadInput, match="word 2") as caught:
        plain.add(["好", word])
    assert caught.value.param == "words"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"\xe4\xba\x91", [("云", None)]),
        ("云图 12".encode(), [("云图", 12)]),
        ("云图 12 nz".encode(), [("云图", 12)]),
        ("云图 nz".encode(), [("云图", None)]),
        ("\ufeff云图\r\n\r\n  \n星穹".encode(), [("云图", None), ("星穹", None)]),
        (b"", []),
    ],
)
def test_reads_the_lines_of_a_dictionary(tmp_path: Path, line: bytes, expected: list[tuple[str, int | None]]) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(line)
    assert list(read_words(path)) == expected


@pytest.mark.parametrize(
    "line",
    [b"\xff\xfe", "云图 0".encode(), "云图 -1".encode(), "云图 1 n x".encode(), "云图 1 2".encode(), b"a" * 65],
)
def test_a_damaged_line_is_named_and_not_quoted(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("星穹\n\n".encode() + line)
    with pytest.raises(BadInput, match=r"words\.txt, line 3") as caught:
        read_words(path)
    assert "云图" not in caught.value.message


def test_threads_see_the_old_words_or_the_new_ones(dictionary: Path) -> None:
    segmenter = Segmenter(dictionary)
    segmenter.reload()
    seen: list[tuple[str, ...]] = []

    def read() -> None:
        for _ in range(50):
            seen.append(tuple(segmenter.words("星穹云图")))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    rewrite(dictionary, "星穹 90000\n云图 90000\n".encode())
    for thread in threads:
        thread.join(timeout=60)
    assert len(seen) == 200
    assert set(seen) <= {("星穹云图",), ("星穹", "云图")}
    assert segmenter.words("星穹云图") == ["星穹", "云图"]


def test_loading_prints_nothing_and_writes_no_cache(tmp_path: Path) -> None:
    program = "from nlp_service.text.segment import Segmenter; Segmenter().words('客服不错')"
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert (result.stdout, result.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []
