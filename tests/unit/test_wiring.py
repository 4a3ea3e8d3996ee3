from __future__ import annotations

import os
from pathlib import Path

import pytest

from nlp_service.errors import ArtifactError, BadInput
from nlp_service.inference import artifact
from nlp_service.inference.artifact import FILES
from nlp_service.moderation.policy import DEFAULT_POLICY
from nlp_service.types import Message
from nlp_service.wiring import TIERS, build_generator, build_reader

MESSAGES = [Message("a", "快递一周没到，怎么回事？"), Message("b", ""), Message(None, "加ＶＸ[微笑]")]


@pytest.mark.parametrize("tier", list(TIERS))
def test_every_tier_is_shipped_and_complete(tier: str) -> None:
    assert {path.name for path in TIERS[tier].iterdir()} >= {*FILES, "manifest.json"}
    assert build_reader(tier).model_version == artifact.load(TIERS[tier]).version


def test_the_reader_answers_with_a_verdict() -> None:
    answers = build_reader().read(MESSAGES)
    assert [answer.id for answer in answers] == ["a", "b", None]
    assert all(answer.verdict is not None for answer in answers)


def test_a_folder_is_taken_like_a_tier(tmp_path: Path) -> None:
    folder = tmp_path / "of one's own"
    folder.symlink_to(TIERS["fast"])
    assert build_reader(str(folder)).read(MESSAGES) == build_reader("fast").read(MESSAGES)


def test_a_tier_does_not_depend_on_where_the_service_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast").mkdir()  # a folder that happens to have the name of a tier
    monkeypatch.chdir(tmp_path)
    assert build_reader("fast").model_version == artifact.load(TIERS["fast"]).version


def test_more_threads_say_the_same() -> None:
    one, two = (build_reader("fast", threads=threads).read(MESSAGES) for threads in (1, 2))
    assert [(a.intent and a.intent.labels, a.risk.level) for a in one] == [
        (a.intent and a.intent.labels, a.risk.level) for a in two
    ]


def test_the_policy_is_the_default_one() -> None:
    assert build_reader().policy_version == DEFAULT_POLICY.version


@pytest.mark.parametrize("model", ["nothing", "", "fast "])
def test_a_model_that_is_not_there_stops_the_start(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        build_reader(model)


@pytest.mark.parametrize("name", FILES)
def test_a_model_without_one_of_its_files_stops_the_start(tmp_path: Path, name: str) -> None:
    for path in TIERS["fast"].iterdir():
        if path.name != name:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(ArtifactError) as caught:
        build_reader(os.fspath(tmp_path))
    assert str(tmp_path / name) in str(caught.value)


def test_without_an_address_nothing_phrases() -> None:
    assert build_generator("", "") is None
    assert build_generator("http://127.0.0.1:1/v1", "small", key="sk-1") is not None


@pytest.mark.parametrize(
    ("url", "key"),
    [("ftp://hunter2/v1", ""), ("hunter2", ""), ("http://me:hunter2@host/v1", ""), ("http://host/v1", "hunter2\n")],
)
def test_a_language_model_that_cannot_be_asked_stops_the_start(url: str, key: str) -> None:
    with pytest.raises(BadInput, match=r"^NLP_LLM_URL ") as caught:
        build_generator(url, "small", key=key)
    assert "hunter2" not in str(caught.value)
