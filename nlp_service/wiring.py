"""The only place that constructs the parts of the service."""

from __future__ import annotations

from pathlib import Path

from nlp_service.inference.analyser import Analyser
from nlp_service.intake import Reader

MODELS = Path(__file__).resolve().parent.parent / "models"
TIERS = {"fast": MODELS / "fast"}


def build_reader(model: str = "fast", *, encoder: str = "", threads: int = 1) -> Reader:
    """Load a model and put the reader together.

    Args:
        model: A tier of `TIERS` or the folder of an artefact.
        encoder: Hub id or folder of the checkpoint that the heads in `model` were fitted on; the one that their
            manifest names unless given.
        threads: Threads of the one inference session.

    Raises:
        ArtifactError: A file of the model is missing, damaged or of another version, or the encoder is not there or
            not the one of the heads.
    """
    return Reader(Analyser.load(TIERS.get(model, Path(model)), encoder=encoder, threads=threads))
