"""Pages found by how they look: their images and the question as vectors of one multimodal model. Off by default.

Any sentence-transformers model that takes images and texts will do, from a folder on this machine (`find.pictures`);
docqa ships none. Pages without a word of text can be found so, drawings and photographs; what that is worth has not
been measured here, so measure it with `docqa eval qa` on your own questions before you rely on it. Not here: making the
vectors of all pages (`ingest.vectors`) and what they count against words (`docqa.find`).
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from docqa.embed import keep_offline
from docqa.errors import EmbedderUnusable
from docqa.store.library import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BATCH = 4  #: page images computed at a time: each may have two megapixels
_HINT = "Set find.pictures to the folder of a sentence-transformers model that takes images and texts."


class PictureEmbedder:
    """One loaded multimodal model. Loading takes seconds; keep the object."""

    def __init__(self, folder: str) -> None:
        """Raises EmbedderUnusable if the folder holds no model, or one that does not take both images and texts."""
        if not Path(folder).is_dir():
            raise EmbedderUnusable(f"There is no model for page images in {folder}.", _HINT)
        keep_offline()
        from sentence_transformers import SentenceTransformer

        try:
            self._model: SentenceTransformer = SentenceTransformer(folder, local_files_only=True)
        except (OSError, ValueError) as error:  # files missing, or not a model
            raise EmbedderUnusable(f"The model for page images {folder} cannot be loaded: {error}", _HINT) from error
        taken = set(self._model.modalities)
        if not {"image", "text"} <= taken:
            raise EmbedderUnusable(f"The model {folder} does not take images and texts.", _HINT)
        self.identity = _identity(Path(folder))

    def embed_pages(self, images: Sequence[bytes]) -> Vectors:
        """One unit vector a page image (as the store keeps it): shape (images, dimensions)."""
        opened = [Image.open(io.BytesIO(image)).convert("RGB") for image in images]
        vectors = self._model.encode_document(
            opened, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def embed_question(self, question: str) -> Vectors:
        """The unit vector of a question among those of pages: shape (dimensions,)."""
        vector = self._model.encode_query(question, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, dtype=np.float32)


_loading = threading.Lock()


def open_pictures(folder: str) -> PictureEmbedder:
    """The model of a folder, loaded at the first call. Raises EmbedderUnusable."""
    with _loading:  # two first questions at once must not load it twice
        return _loaded(folder)


@cache
def _loaded(folder: str) -> PictureEmbedder:
    return PictureEmbedder(folder)


def _identity(folder: Path) -> str:
    """Names the vectors a model makes, by its weights: those of two models cannot be compared."""
    digest = hashlib.sha256()
    for weights in sorted(folder.rglob("*.safetensors")):
        with weights.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"
