from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.text.normalise import normalise_batch
from nlp_service.text.ordinary import LENGTHS, neighbours, rarity
from nlp_service.text.rereading import How
from nlp_service.text.shapes import characters_of_parts, folds
from nlp_service.text.sounds import N_CODE_POINTS, NO_SYMBOL, sounds, syllables, values
from nlp_service.text.variants import Readings, encode, read, read_words

TRICKY = st.text(st.sampled_from("微信薇芯加vVx➕❤🧧📞讠平论女子1一壹oO0wei xin\n\r\u200b，*[微笑]"), max_size=30)
ANY = st.text(st.characters(codec=None), max_size=30)


def readings_of(text: str) -> list[str]:
    """Each reading of a text: what its places are read as, a syllable by its spelling."""
    return spoken(read([text], normalise_batch([text])))


def spoken(readings: Readings) -> list[str]:
    spelling = {symbol: sound for sound, symbol in sounds().spelt.items()}
    starts = [0, *(readings.ends[:-1] + 1).tolist()]
    return [
        " ".join(
            chr(base) if base else spelling[symbol]
            for base, symbol in zip(readings.bases[a:b].tolist(), readings.symbols[a:b].tolist(), strict=True)
        )
        for a, b in zip(starts, readings.ends.tolist(), strict=True)
    ]


def units(text: str) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array([ord(char) for char in text], np.int32)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("加微信", "加 微 信"),
        ("加 微*信！", "加 微 信"),
        ("加微微微信", "加 微 信"),
        ("➕薇❤", "加 薇 心"),
        ("📞多少", "电 话 多 少"),
        ("🅥🅧", "v x"),
        ("❼③", "7 3"),
        ("1122", "1 1 2 2"),  # digits are amounts and numbers, whatever repeats in them
        ("[微笑]好", "好"),
        ("", ""),
        ("！？", ""),
    ],
)
def test_the_first_reading_skips_separators_and_reads_pictures(text: str, first: str) -> None:
    assert readings_of(text)[0] == first


@pytest.mark.parametrize(
    ("text", "further"),
    [
        ("jiaweixin", ["jia wei xin"]),
        ("加wei xin", ["加 wei xin"]),
        ("w e i x i n", ["wei xin"]),
        ("vxin", ["v xin"]),
        ("weixing", ["wei xing"]),
        ("hello", ["he l o"]),  # a letter that is repeated is there once
        ("vx", []),
        ("734o21985", ["7 3 4 0 2 1 9 8 5", "7 e a o 2 1 9 8 5"]),
        ("t1e", ["t i e", "t l e"]),
        ("讠平讠仑", ["评 论"]),
        ("微💰信", ["微 信"]),
        ("伐开", ["代 开"]),
        ("加你\n微好\n信友", ["加 微 信", "你 好 友"]),
        ("加你好吗吃饭了\n微信", []),  # a line that is read along
        ("加你\n微好吗\n信友", []),  # lines of different length
        ("加你\n微好\n信", ["加 微 信", "你 好"]),
        ("薇\n❤", ["薇"]),  # without the picture; one place a line is upright already
        ("加微信", []),
        ("", []),
    ],
)
def test_further_readings_stand_only_where_they_say_something(text: str, further: list[str]) -> None:
    assert [row for row in readings_of(text)[1:] if row] == further


def test_a_place_tells_what_stands_there() -> None:
    texts = ["哦", "加，薇薇weixin"]
    readings = read(texts, normalise_batch(texts))
    spelt = readings.how == How.SPELT
    assert readings.first[spelt].tolist() == [5, 8]  # units of the batch, of which the first is 哦
    assert readings.last[spelt].tolist() == [7, 10]
    assert readings.chars[spelt].tolist() == readings.bases[spelt].tolist() == [0, 0]
    twice = readings.counts == 2
    assert readings.chars[twice].tolist() == [ord("薇")] * 2  # in both readings
    assert readings.first[twice].tolist() == [3, 3]
    assert readings.last[twice].tolist() == [4, 4]
    assert readings.message[readings.ends].tolist() == [0, 1, 1]


@given(st.lists(st.one_of(TRICKY, ANY), max_size=5))
def test_readings_fit_their_messages(texts: list[str]) -> None:
    batch = normalise_batch(texts)
    readings = read(texts, batch)
    ends = np.zeros(len(readings.symbols), np.bool_)
    ends[readings.ends] = True
    assert ((readings.symbols == NO_SYMBOL) == ends).all()
    assert (readings.counts[~ends] > 0).all()
    assert readings.message[readings.ends][: len(texts)].tolist() == list(range(len(texts)))
    low, high = batch.offsets[readings.message], batch.offsets[readings.message + 1]
    assert ((readings.first >= low) & (readings.last < high) & (readings.first <= readings.last))[~ends].all()


@given(st.lists(TRICKY, min_size=1, max_size=5))
def test_a_batch_reads_each_message_as_if_it_were_alone(texts: list[str]) -> None:
    together = read(texts, normalise_batch(texts))
    spoken_of: dict[int, list[str]] = {index: [] for index in range(len(texts))}
    for message, row in zip(together.message[together.ends].tolist(), spoken(together), strict=True):
        spoken_of[message].append(row)
    for index, text in enumerate(texts):
        assert sorted(spoken_of[index]) == sorted(readings_of(text))


def test_words_have_the_first_reading_alone() -> None:
    readings = read_words(normalise_batch(["weixin", "讠平"]))
    assert spoken(readings) == ["w e i x i n", "讠 平"]


def test_no_match_can_begin_between_two_symbols() -> None:
    data = encode(np.arange(1 << 14, dtype=np.uint16))
    assert len({data[i : i + 2] for i in range(0, len(data), 2)}) == 1 << 14
    assert min(data[::2]) >= 128 > max(data[1::2])


def test_symbols_fit_into_fourteen_bits_and_leave_zero_free() -> None:
    symbols = sounds().symbols
    assert symbols.shape == (N_CODE_POINTS,)
    assert 0 < symbols.min() <= symbols.max() < 1 << 14


@pytest.mark.parametrize("same", ["微薇威", "信芯", "1一壹", "6六陆", "0零〇", "赌堵"])
def test_what_sounds_the_same_has_one_symbol(same: str) -> None:
    assert len({int(sounds().symbols[ord(char)]) for char in same}) == 1


@pytest.mark.parametrize("different", ["微信", "vw", "12", "あい", "徽微"])
def test_what_sounds_different_has_not(different: str) -> None:
    assert len({int(sounds().symbols[ord(char)]) for char in different}) == 2


def test_characters_with_several_readings_have_the_others_too() -> None:
    found = sounds()
    both = {int(found.symbols[ord("行")]), *found.others[ord("行")]}
    assert {found.spelt["hang"], found.spelt["xing"]} <= both


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("weixin", ("wei", "xin")),
        ("jiav", ("jia", "v")),
        ("xian", ("xian",)),  # few pieces
        ("fangan", ("fang", "an")),  # then the longest first
        ("abc", ("a", "b", "c")),
        ("", ()),
    ],
)
def test_letters_are_cut_into_syllables(letters: str, expected: tuple[str, ...]) -> None:
    assert syllables(letters) == expected


def test_a_wall_of_letters_is_cut_in_linear_time_and_not_remembered() -> None:
    wall = "weixin" * 2_000
    assert syllables(wall) == ("wei", "xin") * 2_000
    assert syllables(wall) is not syllables(wall)


def test_numerals_have_values() -> None:
    table = values()
    assert [int(table[ord(char)]) for char in "0零〇9九玖五"] == [0, 0, 0, 9, 9, 9, 5]
    assert table[ord("十")] == table[ord("a")] == -1


def test_common_look_alikes_are_first_of_all_themselves() -> None:
    table = folds()
    assert table.plain[ord("伐")] == ord("伐")
    assert table.loose[ord("伐")] == ord("代")
    assert table.plain[ord("❤")] == ord("心")
    assert table.loose[ord("❤")] == 0


def test_parts_make_characters_and_no_part_is_a_whole_by_itself() -> None:
    table = characters_of_parts()
    assert table[ord("讠"), ord("平")] == ord("评")
    assert all(whole not in parts for parts, whole in table.items())


@pytest.mark.parametrize(
    ("text", "tied"),
    [("路口交通", [0, 1, 0, 1]), ("薇芯", [0, 0]), ("口香糖", [0, 1, 1]), ("", []), ("a", [0]), ("信号v", [0, 1, 0])],
)
def test_neighbours_in_a_common_word_are_tied(text: str, tied: list[int]) -> None:
    assert neighbours(units(text))[0].tolist() == [bool(tie) for tie in tied]


def test_usual_neighbours_need_be_no_word() -> None:
    tied, usual = neighbours(units("饭里"))
    assert (tied.tolist(), usual.tolist()) == ([False, False], [False, True])


def test_few_pairs_are_taken_for_words_by_chance() -> None:
    # Rare characters one behind the other, of which no word is made.
    rare = np.random.default_rng(1).permutation(np.flatnonzero(rarity()[0x4E00:0x9FFF] >= 15) + 0x4E00).astype(np.int32)
    tied, usual = neighbours(rare)
    assert len(rare) > 10_000
    assert tied.mean() < 0.001
    assert usual.mean() < 0.001


def test_rarity_orders_characters_as_people_use_them() -> None:
    table = rarity()
    assert table[ord("的")] < table[ord("信")] < table[ord("薇")] < table[ord("葳")]


def test_the_packaged_table_of_sounds_is_what_the_script_makes(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pypinyin")
    monkeypatch.syspath_prepend(str(repository / "scripts"))
    make = __import__("make_word_tables")
    made = make.sounds().encode()
    packaged = (repository / "nlp_service" / "text" / "sounds.tsv").read_bytes()
    assert hashlib.sha256(made).digest() == hashlib.sha256(packaged).digest()
    sys.modules.pop("make_word_tables")


def test_words_of_the_table_have_the_lengths_that_are_looked_up(repository: Path) -> None:
    lines = (repository / "nlp_service" / "text" / "ordinary.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    assert {kind for kind, *_ in rows} == {"rarity", "words", "pairs"}
    assert {int(name) for kind, name, _ in rows if kind == "words"} == set(LENGTHS)
    assert all(len(text) % int(name) == 0 for kind, name, text in rows if kind == "words")
