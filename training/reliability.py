"""Reliability of the probabilities as a picture: what was said against what was true, head by head."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from nlp_service.inference.heads import COLUMNS, GROUPS

Floats = npt.NDArray[np.floating]

N_BINS = 10


def bins(chance: Floats, true: Floats) -> tuple[Floats, Floats, npt.NDArray[np.integer]]:
    """Mean probability, share of true ones and their number in ten bins of equal width; empty bins are left out."""
    place = np.minimum((chance * N_BINS).astype(int), N_BINS - 1)
    n = np.bincount(place, minlength=N_BINS)
    kept = n > 0
    said = np.bincount(place, chance, N_BINS)[kept] / n[kept]
    was = np.bincount(place, true, N_BINS)[kept] / n[kept]
    return said, was, n[kept]


def draw(chances: Floats, targets: Floats, path: Path, *, title: str) -> None:
    """Write an SVG with one panel for each head.

    Of a head with one answer, a panel shows the answer that was given; of one with several labels, all labels together.

    Args:
        chances: Calibrated probabilities, (n, N_OUTPUTS).
        targets: 0 or 1, (n, N_OUTPUTS).
        path: The file; replaced.
        title: Of the whole.
    """
    # The same input, the same file; and text as paths, because fonts differ between machines.
    with mpl.rc_context({"svg.hashsalt": "reliability", "svg.fonttype": "path", "font.size": 8}):
        figure = Figure(figsize=(9, 5), layout="constrained")
        figure.suptitle(title)
        panels = figure.subplots(2, 4, sharex=True, sharey=True).ravel()
        for panel, group in zip(panels, GROUPS, strict=False):
            chance, true = chances[:, COLUMNS[group.name]], targets[:, COLUMNS[group.name]]
            if group.kind == "softmax":
                right = chance.argmax(1) == true.argmax(1)
                chance, true = chance.max(1), right.astype(float)
            said, was, n = bins(chance.ravel(), true.ravel())
            panel.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
            panel.scatter(said, was, s=4 + 60 * np.sqrt(n / n.max()), alpha=0.8)
            panel.set_title(group.name)
        for panel in panels[len(GROUPS) :]:
            panel.set_axis_off()
        figure.supxlabel("probability that was given")
        figure.supylabel("share that was true")
        figure.savefig(path, format="svg", metadata={"Date": None})
