from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nlp_service.errors import ArtifactError

pytest.importorskip("torch", reason="the extra .[hub] is not installed")
pytest.importorskip("transformers", reason="the extra .[hub] is not installed")

from nlp_service.inference.hub.encoder import Checkpoint
from tests.unit.inference.hub.made_up import WIDTH, bert, dense, with_modules

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_modules(bert(tmp_path_factory.mktemp("whole")), {}, dense(WIDTH, 8, "Identity"))


@pytest.fixture
def folder(tmp_path: Path, whole: Path) -> Path:
    """A checkpoint to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "checkpoint"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, without a network."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


def refusal(name: str | Path, **options: Any) -> str:
    """What is said against a checkpoint."""
    with pytest.raises(ArtifactError) as caught:
        Checkpoint(str(name), **options)
    return str(caught.value)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_a_folder_says_what_it_is(whole: Path) -> None:
    identity = Checkpoint(str(whole)).identity
    assert (identity["name"], identity["width"], len(identity["sha256"])) == (str(whole), 8, 64)
    assert "revision" not in identity


def test_the_checksum_is_of_what_is_read_and_not_of_where_it_lies(whole: Path, folder: Path) -> None:
    expected = Checkpoint(str(whole)).identity["sha256"]
    (folder / "README.md").write_text("whatever")
    assert Checkpoint(str(folder)).identity["sha256"] == expected


@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "modules.json", "sentence_bert_config.json"])
def test_another_word_in_what_is_read_is_another_checkpoint(whole: Path, folder: Path, name: str) -> None:
    (folder / name).write_text((folder / name).read_text("utf-8") + "\n")
    assert Checkpoint(str(folder)).identity["sha256"] != Checkpoint(str(whole)).identity["sha256"]


def test_other_weights_are_another_checkpoint(whole: Path, tmp_path: Path) -> None:
    other = with_modules(bert(tmp_path, seed=5), {}, dense(WIDTH, 8, "Identity"))
    assert Checkpoint(str(other)).identity["sha256"] != Checkpoint(str(whole)).identity["sha256"]


@pytest.mark.parametrize("name", ["./nothing", "/nowhere/at/all", "a/b/c", "~/no such folder"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    said = refusal(name)
    assert said.startswith(f"{name}: no such folder")
    assert "hub" in said


@pytest.mark.parametrize("fetch", [False, True])
@pytest.mark.usefixtures("hub")
def test_what_the_cache_lacks_is_refused_at_once_when_offline(fetch: bool) -> None:
    begun = time.monotonic()
    said = refusal("somebody/no-such-checkpoint", fetch=fetch)
    assert "local cache" in said
    assert "hf download somebody/no-such-checkpoint" in said
    assert time.monotonic() - begun < 30  # nothing waits for a network


@pytest.mark.usefixtures("hub")
def test_a_name_that_no_hub_has_is_refused() -> None:
    assert "no such folder" in refusal("not a name!")


def test_a_checkpoint_of_the_cache_is_read_with_its_commit(hub: Path, whole: Path) -> None:
    place = hub / "models--somebody--small"
    shutil.copytree(whole, place / "snapshots" / COMMIT)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    identity = Checkpoint("somebody/small").identity
    assert (identity["name"], identity["revision"]) == ("somebody/small", COMMIT)
    assert identity["sha256"] == Checkpoint(str(whole)).identity["sha256"]
    assert "local cache" in refusal("somebody/small", revision="f" * 40)


def test_a_checkpoint_of_the_cache_without_weights_is_none(hub: Path, whole: Path) -> None:
    snapshot = hub / "models--somebody--small" / "snapshots" / COMMIT
    shutil.copytree(whole, snapshot, ignore=shutil.ignore_patterns("*.safetensors"))
    assert "local cache" in refusal("somebody/small", revision=COMMIT)


@pytest.mark.parametrize("library", ["torch", "transformers"])
def test_a_missing_library_is_named_with_the_extra(whole: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    said = refusal(whole)
    assert "torch and transformers" in said
    assert ".[hub]" in said


def test_a_slow_tokenizer_is_refused(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CanineTokenizer"}))
    said = refusal(folder)
    assert str(folder) in said
    assert "slow kind" in said


@pytest.mark.parametrize("name", ["model.safetensors", "2_Dense/model.safetensors"])
def test_missing_weights_are_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder) == f"{(folder / name).parent}: no weights, neither *.safetensors nor pytorch_model*.bin"


def test_weights_that_are_cut_short_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert f"{folder}: transformers cannot load its model" in refusal(folder)


def test_weights_that_are_not_all_there_are_refused(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=2)
    said = refusal(folder)
    assert "weights are not whole" in said
    assert "layer.1" in said


def test_code_that_comes_with_a_checkpoint_is_not_run(folder: Path) -> None:
    edit(folder / "config.json", auto_map={"AutoModel": "code.Model", "AutoConfig": "code.Config"}, model_type="own")
    (folder / "code.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()")
    assert f"{folder}: transformers cannot load" in refusal(folder)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json", "2_Dense/config.json"])
def test_json_that_is_damaged_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("{")
    assert refusal(folder) == f"{folder / name}: not valid JSON"


@pytest.mark.parametrize(
    "content", ["[]", "{}", '[{"path": ""}]', '["Transformer"]', '[{"type": "m.CLIP", "path": ""}]']
)
def test_a_list_of_modules_must_be_one(folder: Path, content: str) -> None:
    (folder / "modules.json").write_text(content)
    assert refusal(folder).startswith(f"{folder / 'modules.json'}: ")


def test_layers_that_are_not_read_are_named(tmp_path: Path) -> None:
    folder = with_modules(bert(tmp_path), {}, ("LSTM", {}))
    assert refusal(folder) == f"{folder / 'modules.json'}: layers of the kind LSTM are not read"


def test_a_pooling_that_is_not_known_is_named(tmp_path: Path) -> None:
    folder = with_modules(bert(tmp_path), {"pooling_mode": "median"})
    assert refusal(folder) == f"{folder / '1_Pooling/config.json'}: pooling 'median' is not known"


def test_an_activation_that_is_not_known_is_named(tmp_path: Path) -> None:
    folder = with_modules(bert(tmp_path), {}, dense(WIDTH, 4, "Softplus"))
    assert refusal(folder) == f"{folder / '2_Dense/config.json'}: a layer that ends with Softplus is not read"


def test_the_shortest_of_the_limits_holds(folder: Path) -> None:
    edit(folder / "sentence_bert_config.json", max_seq_length=4)  # two characters and two marks
    from nlp_service.text.normalise import normalise_batch

    batch = normalise_batch(["快递", "快递快递"])
    (run,) = Checkpoint(str(folder)).read(batch)
    # The second message is two windows of the first.
    assert run.pooled.vectors[1] == pytest.approx(run.pooled.vectors[0], abs=1e-5)
