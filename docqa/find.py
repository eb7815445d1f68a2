"""Question to ranked pages.

Two searches over the same chunks, by words (BM25) and by meaning (vectors), each over-fetched. They are made twice:
once everywhere with the question as it is, once inside the few documents that it most likely means (`docqa.subjects`,
and where the best passages are) with the words that name them taken out: inside a report every page is about the
company. A page counts as much as its best chunk. What both searches say, whether its document is named, and how much of
it is figures is added by weight, so a wrong guess of the document costs a page some places and never the ranking.

A document whose vectors are not there yet is ranked by its words alone. Filters go into the searches, never after them.
Not here: reading the pages (`docqa.readers`).
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from docqa.embed import Embedder, check_embedder
from docqa.rerank import open_reranker
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.store.library import ChunkKey, Found, PageKey, Passage
from docqa.subjects import Named, subjects_of
from docqa.types import Hit
from docqa.wording import STOP_WORDS, plain_words, spellings, stem, without

_LEADING = 5  #: documents looked into: the right one is among the first five for 99 % of the questions (measured)
_NAMED = 20  #: documents whose names are compared further
_LOOKED_AT = 40  #: pages whose passages are read to rank them finally
_RERANKED = 30  #: pages that a cross-encoder reads, where there is one
_VOTE = 0.5  #: what the best passage of a document counts against its being named, when documents are chosen
_FIGURES_AT_MOST = 0.5  #: share of words with figures from which a page is as much of a table as can be
_NAMED_FROM = 0.25  #: score of a name from which a hit says that its document was named

_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: everywhere, in one collection, or in one document (its full id)."""

    collection: str | None = None
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What `docqa search` prints."""

    question: str
    hits: tuple[Hit, ...]
    seconds: float


@dataclass(slots=True)
class _Scores:
    """What is known of the pages that either search came back with, every score 0..1 (a few below)."""

    question: str
    everywhere: dict[PageKey, float]  #: by the words of the whole question
    inside: dict[PageKey, float]  #: by what it asks of the documents that it means
    meaning: dict[PageKey, float]
    nearest: Collection[PageKey]  #: found by meaning, however far
    best: dict[PageKey, ChunkKey]  #: the chunk to be shown


class Finder:
    """Finds pages in one store. Building it is cheap, the embedder it is given is not."""

    def __init__(self, store: Store, embedder: Embedder, settings: FindSettings) -> None:
        self._store = store
        self._embedder = embedder
        self._settings = settings
        self._subjects = subjects_of(store.catalog)

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
        named = self._subjects.named(question, _NAMED, None if docs is None else set(docs))
        scores = self._searched(question, named, docs)
        ranked = self._ranked(scores, named)
        looked_at = sorted(ranked, key=lambda key: (-ranked[key], key))[: max(_LOOKED_AT, k)]
        passages = self._store.library.page_passages(looked_at)
        final = {key: ranked[key] + self._settings.figures_weight * _figures(passages[key]) for key in passages}
        if self._settings.reranker is not None:
            self._rerank(question, final, passages, scores)
        return self._hits(sorted(final, key=lambda key: (-final[key], key))[:k], final, passages, scores, named, scope)

    def _docs(self, scope: Scope) -> list[str] | None:
        """The documents a filter leaves, or None for all."""
        if scope.doc is not None:
            return [self._store.catalog.document(scope.doc).doc]
        if scope.collection is not None:
            return [document.doc for document in self._store.catalog.documents(scope.collection)]
        return None

    def _searched(self, question: str, named: Named, docs: Sequence[str] | None) -> _Scores:
        """Both searches, everywhere and inside the documents that are meant."""
        library, limit = self._store.library, self._settings.candidates
        vector = self._embedder.embed_question(question)
        worded = library.search_words(_with_spellings(question), limit, docs)
        meant = library.search_vectors(vector, limit, docs)
        leading = _leading(named, meant, worded)
        bare = _with_spellings(without(question, named.words)) if named.words else question
        inside = library.search_words(bare, limit, leading)
        near = [*meant, *library.search_vectors(vector, limit, leading)]
        best = _best_chunks([*near, *worded, *inside])
        meaning = _from_lowest(near, meant)
        words = _to_best(inside)
        for doc in self._store.catalog.found_by_words_only().intersection(doc for doc, _ in best):
            meaning |= {key: words.get(key, 0.0) for key in best if key[0] == doc}
        nearest = {(chunk.doc, chunk.page) for chunk in near}
        return _Scores(question, _to_best(worded), words, meaning, nearest, best)

    def _ranked(self, scores: _Scores, named: Named) -> dict[PageKey, float]:
        """Everything known of each page before it is looked at, added by weight."""
        meaning, words = self._settings.dense_weight, 1 - self._settings.dense_weight
        return {
            key: meaning * scores.meaning.get(key, 0.0)
            + words * (scores.inside.get(key, 0.0) + scores.everywhere.get(key, 0.0)) / 2
            + self._settings.named_weight * named.scores.get(key[0], 0.0)
            for key in scores.best
        }

    def _rerank(
        self,
        question: str,
        final: dict[PageKey, float],
        passages: Mapping[PageKey, Sequence[Passage]],
        scores: _Scores,
    ) -> None:
        """Have a cross-encoder read the best pages where they were found; its score is blended with theirs."""
        first = sorted(final, key=lambda key: (-final[key], key))[:_RERANKED]
        low, high = (final[first[-1]], final[first[0]]) if first else (0.0, 0.0)
        read = open_reranker(self._settings.reranker or "").scores(
            question, [_surroundings(passages[key], scores.best[key]) for key in first]
        )
        weight = self._settings.reranker_weight
        for key, score in zip(first, read, strict=True):
            final[key] = (1 - weight) * final[key] + weight * (low + score * (high - low))

    def _hits(
        self,
        keys: Sequence[PageKey],
        final: Mapping[PageKey, float],
        passages: Mapping[PageKey, Sequence[Passage]],
        scores: _Scores,
        named: Named,
        scope: Scope,
    ) -> list[Hit]:
        labels = {d.doc: d.label for d in self._store.catalog.documents(scope.collection, {doc for doc, _ in keys})}
        return [
            Hit(key[0], labels[key[0]], key[1], round(final[key], 4), shown.text, _why(key, shown, scores, named))
            for key in keys
            if key[0] in labels
            for shown in _shown(passages[key], scores.best[key])
        ]


def _leading(named: Named, meant: Sequence[Found], worded: Sequence[Found]) -> list[str]:
    """The documents that a question most likely means: those it names, and those with the nearest passages."""
    votes: dict[str, float] = defaultdict(float, named.scores)
    for found in (_from_lowest(meant, meant), _to_best(worded)):
        best: dict[str, float] = {}
        for (doc, _), score in found.items():
            best[doc] = max(score, best.get(doc, 0.0))
        for doc, score in best.items():
            votes[doc] += _VOTE * score
    return sorted(votes, key=lambda doc: (-votes[doc], doc))[:_LEADING]


def _with_spellings(question: str) -> str:
    return " ".join([question, *spellings(question)])


def _best_chunks(found: Iterable[Found]) -> dict[PageKey, ChunkKey]:
    """The chunk of each page that was found first: those come first that are nearest in meaning."""
    best: dict[PageKey, ChunkKey] = {}
    for chunk in found:
        best.setdefault((chunk.doc, chunk.page), (chunk.doc, chunk.page, chunk.number))
    return best


def _to_best(found: Sequence[Found]) -> dict[PageKey, float]:
    """Each page's best score against the best of all."""
    most = max((chunk.score for chunk in found), default=0.0)
    pages: dict[PageKey, float] = {}
    for chunk in found if most > 0 else ():
        key = (chunk.doc, chunk.page)
        pages[key] = max(chunk.score / most, pages.get(key, 0.0))
    return pages


def _from_lowest(found: Sequence[Found], measure: Sequence[Found]) -> dict[PageKey, float]:
    """The mean of each page's two best similarities, on a scale from the lowest (0) to the highest (1) of `measure`.

    The best counts three times the second: a page that says it twice is about it. What lies below the lowest counts
    less than nothing; a similarity that is not known is taken for the lowest.
    """
    if not measure:
        return {}
    low, high = min(chunk.score for chunk in measure), max(chunk.score for chunk in measure)
    spread = high - low
    scores: dict[PageKey, dict[int, float]] = defaultdict(dict)
    for chunk in found:
        scores[chunk.doc, chunk.page][chunk.number] = (chunk.score - low) / spread if spread > 0 else 1.0
    pages = {}
    for key, chunks in scores.items():
        best, second = sorted([*chunks.values(), 0.0], reverse=True)[:2]
        pages[key] = (3 * best + second) / 4
    return pages


def _figures(passages: Sequence[Passage]) -> float:
    """How much of a table a page is, 0..1, by the share of words with figures in them.

    Where two pages say much the same, people ask for the one with the figures.
    """
    words = [word for passage in passages for word in passage.text.split()]
    figures = sum(_DIGIT.search(word) is not None for word in words)
    return min(1.0, figures / (_FIGURES_AT_MOST * len(words))) if words else 0.0


def _shown(passages: Sequence[Passage], best: ChunkKey) -> list[Passage]:
    """The passage that made the page be found; none if its document is being read again at this moment."""
    return [passage for passage in passages if passage.number == best[2]]


def _surroundings(passages: Sequence[Passage], best: ChunkKey) -> str:
    """The passage that made a page be found, under its heading, with the ones before and after it."""
    near = [passage for passage in passages if abs(passage.number - best[2]) <= 1]
    return "\n".join([*dict.fromkeys(passage.heading for passage in near), *(passage.text for passage in near)])


def _why(key: PageKey, shown: Passage, scores: _Scores, named: Named) -> str:
    """In plain words what made the page be found, "document named, heading, words and meaning"."""
    asked = {stem(word.text) for word in plain_words(scores.question)} - STOP_WORDS - named.words
    heading = {stem(word.text) for word in plain_words(shown.heading)}
    reasons = {
        "document named": named.scores.get(key[0], 0.0) >= _NAMED_FROM,
        "heading": not asked.isdisjoint(heading),
        "words": key in scores.everywhere or key in scores.inside,
        "meaning": key in scores.nearest,
    }
    said = [reason for reason, holds in reasons.items() if holds]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
