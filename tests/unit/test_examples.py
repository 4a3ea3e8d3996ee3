from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from nlp_service.cli.batch.records import Record, parse
from nlp_service.text.normalise import normalise
from nlp_service.text.pii import find_pii

FIELDS = {"id", "text", "platform", "channel"}
SHORT = 6
"""Texts of fewer units ("嗯") are everybody's words, wherever else they were written."""


@pytest.fixture(scope="module")
def lines(repository: Path) -> list[bytes]:
    return (repository / "examples" / "messages.jsonl").read_bytes().splitlines()


@pytest.fixture(scope="module")
def texts(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["text"] for line in lines]


def test_every_line_is_a_message_that_analyze_takes(lines: list[bytes]) -> None:
    records = [parse(line, number) for number, line in enumerate(lines, 1)]
    assert [record for record in records if not isinstance(record, Record) or not record.text] == []


def test_ids_count_from_one_to_sixty(lines: list[bytes]) -> None:
    assert [json.loads(line)["id"] for line in lines] == [f"ex-{number:02}" for number in range(1, 61)]


def test_fields_are_known_strings(lines: list[bytes]) -> None:
    rows = [json.loads(line) for line in lines]
    assert [row for row in rows if not row.keys() <= FIELDS] == []
    assert [row for row in rows if not all(isinstance(value, str) for value in row.values())] == []


def test_no_two_texts_read_alike(texts: list[str]) -> None:
    assert len({normalise(text).normalised for text in texts}) == len(texts)


def test_lengths_reach_from_one_character_to_a_long_story(texts: list[str]) -> None:
    assert min(map(len, texts)) == 1
    assert max(map(len, texts)) > 300


def test_telephone_numbers_in_them_belong_to_nobody(texts: list[str]) -> None:
    found = {span.text for text in texts for span in find_pii(text)}
    telephones = {number for number in found if number.isdigit() and len(number) == 11}
    assert telephones == {"13800000000", "13900000000"}


@pytest.mark.parametrize("split", ["train", "dev"])
def test_none_is_taken_from_the_annotated_data(texts: list[str], shared_data: Path, split: str) -> None:
    with gzip.open(shared_data / "gold" / f"{split}.jsonl.gz", "rt", encoding="utf-8") as rows:
        annotated = {normalise(json.loads(row)["text"]).normalised for row in rows}
    assert annotated, "the split is empty"
    ours = [normalise(text) for text in texts]
    assert [text.original for text in ours if len(text) >= SHORT and text.normalised in annotated] == []
