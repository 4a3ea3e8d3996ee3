"""How a worker comes to its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlp_service.intake import Reader


def load(model: str, encoder: str = "") -> Reader:
    """Build a reader with one thread. The import is in here, so that a parent never loads the libraries of the model.

    Raises:
        ArtifactError: A file of the model is missing, damaged or of another version, or its encoder is not there or
            another one than that of its heads.
    """
    from nlp_service.wiring import build_reader

    return build_reader(model, encoder=encoder, threads=1)
