from __future__ import annotations

from pathlib import Path

import pytest

from nlp_service.insight.engine.zones import DEFAULT, zone_of


@pytest.mark.parametrize(
    ("lines", "zone"),
    [
        ('{"sent_at": "2026-03-01T16:00:00+00:00"}\n{"sent_at": "2026-03-02T16:00:00Z"}', "UTC"),
        ('{"sent_at": "2026-03-01T16:00:00.123+0000"}', "UTC"),
        ('{"sent_at": "2026-03-01T16:00:00+08:00"}', DEFAULT),
        ('{"sent_at": "2026-03-01T16:00:00+08:00"}\n{"sent_at": "2026-03-01T16:00:00Z"}', DEFAULT),
        ('{"sent_at": "2026-03-01T16:00:00+09:00"}', DEFAULT),
        ('{"sent_at": "2026-03-01 16:00:00"}', DEFAULT),
        ('{"sent_at": 1772352000}', DEFAULT),
        ("", DEFAULT),
    ],
)
def test_the_zone_of_a_file_is_that_of_its_times(tmp_path: Path, lines: str, zone: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines, "utf-8")
    assert zone_of(path) == zone
    assert zone_of(tmp_path) == zone


def test_what_holds_no_text_has_the_default(tmp_path: Path) -> None:
    assert zone_of(tmp_path) == DEFAULT
    assert zone_of(tmp_path / "missing.jsonl") == DEFAULT
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert zone_of(tmp_path) == DEFAULT
