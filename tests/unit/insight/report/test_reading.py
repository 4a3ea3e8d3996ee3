"""Data that was written to a file is read again, whichever command wrote it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from nlp_service.errors import BadInput
from nlp_service.insight import mined
from nlp_service.insight.report.reading import MEMBERSHIPS, decode_mining, read_mining
from nlp_service.insight.report.writing import write_report
from nlp_service.insight.results import Mining
from tests.unit.insight.report.made import MINING, OPTIONS


def test_a_mining_as_it_is() -> None:
    assert decode_mining(msgspec.json.encode(MINING)) == MINING


def test_the_mining_within_a_report() -> None:
    assert decode_mining(write_report(MINING, OPTIONS, ("json",))["json"]) == MINING


def test_the_document_of_mine_with_its_memberships_is_whole(tmp_path: Path) -> None:
    (tmp_path / "mining.json").write_bytes(mined.to_json(MINING))
    pq.write_table(mined.memberships(MINING), tmp_path / MEMBERSHIPS)
    assert read_mining(tmp_path / "mining.json") == MINING


def test_the_document_alone_has_every_figure_and_every_id() -> None:
    found = decode_mining(mined.to_json(MINING))
    assert without_keys(found) == without_keys(MINING)
    for one, whole in zip(found.pain_points, MINING.pain_points, strict=True):
        assert [key.id for key in one.keys] == [key.id for key in whole.keys]
        assert one.quotes == whole.quotes


def test_a_report_of_the_document_says_what_that_of_the_data_says() -> None:
    found = decode_mining(mined.to_json(MINING))
    first, second = (write_report(each, OPTIONS, ("markdown",))["markdown"] for each in (found, MINING))
    assert first.split(b"#### A1\n")[0] == second.split(b"#### A1\n")[0]


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"\xff\xfe", b"[]", b"{}", b'{"period": 1, "pain_points": 2}', b'{"mining": {"period": {}}}'],
)
def test_what_is_no_data_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(BadInput) as error:
        decode_mining(content)
    assert error.value.param == "file"


def test_a_damaged_field_is_refused() -> None:
    damaged = msgspec.json.encode(MINING).replace(b'"messages":12845', b'"messages":"geheim"', 1)
    with pytest.raises(BadInput) as error:
        decode_mining(damaged)
    assert "geheim" not in error.value.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        read_mining(tmp_path / "none.json")


def test_memberships_of_another_kind_are_told(tmp_path: Path) -> None:
    (tmp_path / "mining.json").write_bytes(mined.to_json(MINING))
    (tmp_path / MEMBERSHIPS).write_bytes(b"no parquet")
    with pytest.raises(BadInput):
        read_mining(tmp_path / "mining.json")


def without_keys(mining: Mining) -> object:
    def bare(value: object) -> object:
        if isinstance(value, dict):
            return {name: bare(field) for name, field in value.items() if name not in ("keys", "key")}
        return [bare(part) for part in value] if isinstance(value, (list, tuple)) else value

    return bare(msgspec.to_builtins(mining))
