"""The only place that constructs the parts of the service."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_service.errors import BadInput

if TYPE_CHECKING:
    from nlp_service.insight.aspects import Taxonomy
    from nlp_service.insight.engine.reading import Tools
    from nlp_service.insight.facts import Floats
    from nlp_service.insight.mining import Parts
    from nlp_service.insight.topics import Embed
    from nlp_service.intake import Reader
    from nlp_service.knowledge.generation import Generator
    from nlp_service.knowledge.search.model import SearchModel
    from nlp_service.notify.sealing import Vault

MODELS = Path(__file__).resolve().parent.parent / "models"
TIERS = {"fast": MODELS / "fast"}
SEARCH = MODELS / "search"
ASPECTS = MODELS / "aspects"

_BLOCK = 16_384  # texts whose words are in memory at a time

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


def build_vault(keys: str, data: str) -> Vault:
    """What seals the secrets of channels.

    Args:
        keys: Keys joined by commas, the newest first; empty for the one that lies in `data`, made at the first start.
        data: Folder for what the service keeps.

    Raises:
        BadInput: A key is none.
        ServiceError: The key in the folder can be neither read nor made.
    """
    from nlp_service.notify.sealing import Vault, key_of_folder

    given = [key.strip() for key in keys.split(",") if key.strip()]
    return Vault(given or [key_of_folder(Path(data))])


def build_tools(model: str, encoder: str, taxonomy: Path | None, is_stored: bool) -> Tools:
    """Make what a worker reads with. The imports are in here, so that a parent never loads the libraries of the model.

    Args:
        model: A tier or the folder of a model.
        encoder: Hub id or folder of the checkpoint of its heads; empty for what it names itself.
        taxonomy: TOML of categories and targets; ours if None.
        is_stored: Whether messages come from the store, where the model has read them.

    Raises:
        ArtifactError: A file of a model is missing, damaged or of another version.
        BadInput: The taxonomy cannot be read.
    """
    from nlp_service.inference.analyser import Analyser
    from nlp_service.insight.aspects import AspectReader, Taxonomy
    from nlp_service.insight.engine.reading import Tools

    analyser = None if is_stored else Analyser.load(TIERS.get(model, Path(model)), encoder=encoder, threads=1)
    names = Taxonomy.load(taxonomy)
    opinions = AspectReader.load(ASPECTS, names) if (ASPECTS / "manifest.json").is_file() else None
    return Tools(analyser, opinions, partial(_target, names))


def build_embed() -> Embed:
    """Vectors of texts as the model that searches knowledge bases makes them of the vectors of words.

    Raises:
        ArtifactError: A file of that model is missing, damaged or of another version.
    """
    import numpy as np

    from nlp_service.knowledge.search.fields import normalised
    from nlp_service.knowledge.search.words import WordField
    from nlp_service.text.normalise import normalise_batch

    model = build_search_model()

    def embed(texts: Sequence[str]) -> Floats:
        vectors = np.zeros((len(texts), model.projector.n_columns), np.float32)
        for begin in range(0, len(texts), _BLOCK):
            words = model.words(normalised(normalise_batch(texts[begin : begin + _BLOCK])))
            vectors[begin : begin + _BLOCK] = model.projector.project(WordField(words).means(model.table))
        return vectors

    return embed


def build_mining(taxonomy: Path | None = None) -> tuple[Parts, Tools]:
    """What stored messages are mined with, in the process of a job.

    Args:
        taxonomy: TOML of categories and targets; ours if None.

    Raises:
        ArtifactError: A file of a model is missing, damaged or of another version.
        BadInput: The taxonomy cannot be read.
    """
    from nlp_service.insight.mining import Parts

    return Parts(build_embed()), build_tools("fast", "", taxonomy, True)


def _target(taxonomy: Taxonomy, term: str) -> str:
    """What a pain is counted by: a name of the taxonomy where it knows one."""
    known = taxonomy.known(term)
    return known[0] if known else term
