"""The only place that constructs the parts of the service."""

from __future__ import annotations

from pathlib import Path

from nlp_service.inference.analyser import Analyser
from nlp_service.intake import Reader

MODELS = Path(__file__).resolve().parent.parent / "models"
TIERS = {"fast": MODELS / "fast"}


def build_reader(model: str = "fast", *, threads: int = 1) -> Reader:
    """Load a model and put the reader together.

    Args:
        model: A tier of `TIERS` or the folder of an artefact.
        threads: Threads of the one inference session.

    Raises:
        ArtifactError: A file of the model is missing, damaged or of another version.
    """
    return Reader(Analyser.load(TIERS.get(model, Path(model)), threads=threads))
