"""The only place that constructs the parts of the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nlp_service.errors import BadInput

if TYPE_CHECKING:
    from nlp_service.intake import Reader
    from nlp_service.knowledge.generation import Generator
    from nlp_service.knowledge.search.model import SearchModel

MODELS = Path(__file__).resolve().parent.parent / "models"
TIERS = {"fast": MODELS / "fast"}
SEARCH = MODELS / "search"

# No process needs both of these, and each brings libraries of tens of megabytes, so they are imported when it is clear
# which one is wanted.


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
    from nlp_service.inference.analyser import Analyser
    from nlp_service.intake import Reader

    return Reader(Analyser.load(TIERS.get(model, Path(model)), encoder=encoder, threads=threads))


def build_search_model(folder: Path = SEARCH, *, reranker: str = "") -> SearchModel:
    """Load the model that searches knowledge bases.

    Args:
        folder: Of the model.
        reranker: Hub id or folder of a cross-encoder that ranks the first hits anew; empty for the model alone.

    Raises:
        ArtifactError: A file of the model is missing, damaged or of another version, or the cross-encoder cannot be
            loaded.
    """
    from nlp_service.knowledge.search.model import SearchModel

    model = SearchModel.load(folder)
    if not reranker:
        return model
    from nlp_service.inference.hub.crossing import CrossEncoder

    return model.with_crossing(CrossEncoder(reranker))


def build_generator(url: str, model: str, *, key: str = "", timeout_s: float = 8.0) -> Generator | None:
    """Prepare what phrases replies; nothing is sent.

    Args:
        url: Where the protocol begins at the endpoint; empty for no language model.
        model: Its name there.
        key: Bearer token; empty where none is needed.
        timeout_s: For a whole reply.

    Raises:
        BadInput: The address or the key cannot be used; the message quotes neither.
    """
    if not url:
        return None
    from nlp_service.knowledge.generation import Generator

    try:
        return Generator(url, model, key=key, timeout_s=timeout_s)
    except ValueError as error:
        raise BadInput(f"NLP_LLM_URL names no language model that can be asked: {error}") from error
