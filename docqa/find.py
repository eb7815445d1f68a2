"""Question to ranked pages.

Two searches over the same chunks, by words (BM25) and by meaning (vectors), each over-fetched; their scores are brought
to one scale, added by weight, and a page counts as much as its best chunk. A document whose vectors are not there yet
is ranked by its words alone. Filters go into both searches, never after them. Not here: reading the pages
(`docqa.readers`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from docqa.embed import Embedder, check_embedder
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.store.library import ChunkKey, Found
from docqa.types import Hit

PageKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: everywhere, in one collection, or in one document (its full id); and where not."""

    collection: str | None = None
    doc: str | None = None
    without: str | None = None  #: a document that is left out


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What `docqa search` prints."""

    question: str
    hits: tuple[Hit, ...]
    seconds: float


class Finder:
    """Finds pages in one store. Building it is cheap, the embedder it is given is not."""

    def __init__(self, store: Store, embedder: Embedder, settings: FindSettings) -> None:
        self._store = store
        self._embedder = embedder
        self._settings = settings

    def search(self, question: str, k: int, scope: Scope) -> SearchResult:
        """`find`, timed. Raises UnknownCollection, UnknownDocument."""
        started = time.monotonic()
        hits = self.find(question, k, scope)
        return SearchResult(question, tuple(hits), round(time.monotonic() - started, 3))

    def find(self, question: str, k: int, scope: Scope) -> list[Hit]:
        """The k best pages for a question, the best first.

        Raises UnknownCollection, UnknownDocument, and EmbedderUnusable if the store's vectors are of another model.
        """
        check_embedder(self._store.catalog.fact("embedder"), self._embedder)
        docs = self._docs(scope)
        limit = self._settings.candidates
        worded = _best_chunks(self._store.library.search_words(question, limit, docs))
        vector = self._embedder.embed_question(question)
        meant = _best_chunks(self._store.library.search_vectors(vector, limit, docs))
        scores = _fuse(worded, meant, self._settings.dense_weight, self._store.catalog.found_by_words_only())
        best = sorted(scores, key=lambda key: (-scores[key], key))[:k]
        labels = {d.doc: d.label for d in self._store.catalog.documents(scope.collection, {doc for doc, _ in best})}
        shown = {key: meant.get(key) or worded[key] for key in best if key[0] in labels}
        texts = self._store.library.passages(_key(chunk) for chunk in shown.values())
        return [
            Hit(key[0], labels[key[0]], key[1], round(scores[key], 4), texts[_key(chunk)], _why(key, worded, meant))
            for key, chunk in shown.items()
            if _key(chunk) in texts  # else its document is being read again at this moment
        ]

    def _docs(self, scope: Scope) -> list[str] | None:
        """The documents a filter leaves, or None for all."""
        if scope.doc is not None:
            return [self._store.catalog.document(scope.doc).doc]
        if scope.collection is not None or scope.without is not None:
            documents = self._store.catalog.documents(scope.collection)
            return [document.doc for document in documents if document.doc != scope.without]
        return None


def _best_chunks(found: Sequence[Found]) -> dict[PageKey, Found]:
    """The best chunk of each page."""
    best: dict[PageKey, Found] = {}
    for chunk in found:
        key = (chunk.doc, chunk.page)
        if key not in best or chunk.score > best[key].score:
            best[key] = chunk
    return best


def _fuse(
    worded: dict[PageKey, Found], meant: dict[PageKey, Found], weight: float, without_vectors: set[str]
) -> dict[PageKey, float]:
    """A weighted sum of both scores, each scaled to 0..1; a page that one search did not return gets its lowest.

    A page that cannot have been found by meaning yet is taken to mean as much as its words say.
    """
    words, meaning = _scaled(worded), _scaled(meant)
    scores = {}
    for key in words.keys() | meaning.keys():
        by_words = words.get(key, 0.0)
        by_meaning = meaning.get(key, by_words if key[0] in without_vectors else 0.0)
        scores[key] = (1 - weight) * by_words + weight * by_meaning
    return scores


def _scaled(found: dict[PageKey, Found]) -> dict[PageKey, float]:
    if not found:
        return {}
    scores = [chunk.score for chunk in found.values()]
    low, high = min(scores), max(scores)
    return {key: (chunk.score - low) / (high - low) if high > low else 1.0 for key, chunk in found.items()}


def _why(key: PageKey, worded: dict[PageKey, Found], meant: dict[PageKey, Found]) -> str:
    return " and ".join(name for name, found in (("words", worded), ("meaning", meant)) if key in found)


def _key(chunk: Found) -> ChunkKey:
    return chunk.doc, chunk.page, chunk.number
