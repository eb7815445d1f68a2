"""A second look at the best pages with a cross-encoder, which reads question and passage together. Off by default.

Any CrossEncoder of sentence-transformers will do, from a folder on this machine (`find.reranker`). Elsewhere such a
model is the largest single gain in finding pages; docqa ships none, and what one is worth here has not been measured:
measure it with `docqa eval qa` on your own questions before you rely on it. Not here: which pages are looked at and
how the two rankings are joined (`docqa.find.finder`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from docqa.embed import keep_offline
from docqa.errors import EmbedderUnusable

_TOKENS = 512  #: question and passage together: what most such models were trained on
_BATCH = 16  #: pairs computed at a time


class Reranker:
    """One loaded cross-encoder. Loading takes seconds; keep the object."""

    def __init__(self, folder: str) -> None:
        """Raises EmbedderUnusable if the folder holds no model that gives a pair of texts one score."""
        if not (Path(folder) / "config.json").is_file():
            raise EmbedderUnusable(
                f"There is no reranking model in {folder}.", "Set find.reranker to a model's folder."
            )
        keep_offline()
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(folder, local_files_only=True, max_length=_TOKENS)
        except (OSError, ValueError) as error:  # files missing, or not a model
            raise EmbedderUnusable(f"The reranking model {folder} cannot be loaded: {error}") from error
        if self._model.num_labels != 1:
            raise EmbedderUnusable(
                f"The reranking model {folder} does not give one score but {self._model.num_labels}."
            )

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """How well each passage answers the question, from 0 for the worst of them to 1 for the best."""
        if not passages:
            return []
        pairs = [(question, passage) for passage in passages]
        raw = np.asarray(self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False), dtype=np.float64)
        low, high = float(raw.min()), float(raw.max())
        return ((raw - low) / (high - low)).tolist() if high > low else [1.0] * len(passages)


_loading = threading.Lock()


def open_reranker(folder: str) -> Reranker:
    """The model of a folder, loaded at the first call. Raises EmbedderUnusable."""
    with _loading:  # two first questions at once must not load it twice
        return _loaded(folder)


@cache
def _loaded(folder: str) -> Reranker:
    return Reranker(folder)
