"""The engine of Ray against none. A cluster takes seconds to start, a minute on a busy machine: one test has one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.engine.flow import Job, read_facts
from nlp_service.insight.engine.mapping import Task
from nlp_service.insight.engine.parts import Part
from nlp_service.insight.engine.ray import run_ray
from tests.unit.insight.engine import readers
from tests.unit.insight.engine.inputs import message, write_lines

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra .[ray] is not installed")


@needs_ray
@pytest.mark.timeout(420)
@pytest.mark.filterwarnings("ignore")  # of Ray and what it imports
def test_two_actors_of_which_one_is_killed_write_the_same_bytes_as_none(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "messages.jsonl", [*(message(n) for n in range(400)), "{", message(3)])
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    job = Job(source, calm, readers.build, {}, zone="UTC", n_workers=2, part_bytes=20_000)
    expected = read_facts(job, readers.run_here, lambda *_: None)
    died = readers.dying_once(tmp_path, "第 200 条")
    found = read_facts(job._replace(folder=stormy, build=died), run_ray, lambda *_: None)
    assert (tmp_path / "died").exists()
    assert found.facts.equals(expected.facts)
    assert (found.notes, found.failed) == (expected.notes, 1)
    assert {path.name: path.read_bytes() for path in stormy.glob("part-*")} == {
        path.name: path.read_bytes() for path in calm.glob("part-*")
    }
    import ray

    assert not ray.is_initialized()  # it ends by itself


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match=r"extra .\[ray\]"):
        list(run_ray(Task(readers.build, tmp_path), [Part(0, "jsonl")], 1))


def test_nothing_to_do_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(run_ray(Task(readers.build, tmp_path), [], 1)) == []
