from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from nlp_service.inference.heads import N_OUTPUTS
from training.reliability import bins, draw


def test_bins_hold_what_was_said_and_what_was_true() -> None:
    said, was, n = bins(np.array([0.05, 0.07, 0.95, 1.0]), np.array([0.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(said, [0.06, 0.975])
    np.testing.assert_allclose(was, [0.5, 1.0])
    assert n.tolist() == [2, 2]


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    chances = rng.random((200, N_OUTPUTS))
    targets = (rng.random((200, N_OUTPUTS)) < chances).astype(float)
    for name in ("one.svg", "again.svg"):
        draw(chances, targets, tmp_path / name, title="made up")
    one = (tmp_path / "one.svg").read_bytes()
    assert one == (tmp_path / "again.svg").read_bytes()
    assert ET.fromstring(one).tag.endswith("svg")
    draw(chances, 1.0 - targets, tmp_path / "other.svg", title="made up")
    assert one != (tmp_path / "other.svg").read_bytes()
