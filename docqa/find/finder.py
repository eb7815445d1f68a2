"""Question to ranked pages.

Two searches over the same chunks, by words (BM25) and by meaning (vectors), each over-fetched. They are made twice:
once everywhere with the question as it is, once inside the few documents that it most likely means
(`docqa.find.subjects`, and where the best passages are) with the words that name them taken out: inside a report every
page is about the company. A page counts as much as its best chunk. What both searches say, whether its document is
named, and how much of it is figures is added by weight, so a wrong guess of the document costs a page some places and
never the ranking.

A document whose vectors are not there yet is ranked by its words alone. Filters go into the searches, never after them.
Not here: reading the pages (`docqa.readers`).
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from docqa.embed import Embedder, check_embedder
from docqa.find.rerank import open_reranker
from docqa.find.subjects import Named, subjects_of
from docqa.find.wording import STOP_WORDS, plain_words, spellings, stem, without
from docqa.pages.vectors import open_pictures
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.store.library import ChunkKey, Found, PageKey, Passage
from docqa.types import Hit

_LEADING = 5  #: documents looked into: the right one is among the first five for 99 % of the questions (measured)
_NAMED = 20  #: documents whose names are compared further
_LOOKED_AT = 60  #: pages whose passages are read to rank them finally
#: The page that would be first had the question named no document is among the first six, which a reader is given
#: (`find.pages_read`), so that a wrong guess of the document cannot lose it: taken from the first three that look so
#: before figures have their say. The place counts from 0.
_PLACE_KEPT, _KEPT_FROM = 5, 3
_RERANKED = 30  #: pages that a cross-encoder reads, where there is one
_VOTE = 0.5  #: what the best passage of a document counts against its being named, when documents are chosen
_FIGURES_AT_MOST = 0.5  #: share of words with figures from which a page is as much of a table as can be
_NAMED_FROM = 0.25  #: score of a name from which a hit says that its document was named

_FIGURED = re.compile(r"[^\s\d]*\d\S*")  #: a word with a figure in it


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


@dataclass(slots=True)
class _Scores:
    """What is known of the pages that any search came back with, every score 0..1 (a few below)."""

    question: str
    named: Named
    words: dict[PageKey, float]
    meaning: dict[PageKey, float]
    looks: dict[PageKey, float]
    worded: Collection[PageKey]  #: found by words
    nearest: Collection[PageKey]  #: found by meaning, however far
    best: dict[PageKey, ChunkKey]  #: the chunk to be shown; number 0 where a page was found by its looks


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
        ranked = self._ranked(scores)
        unnamed = self._without_names(ranked, named)
        looked_at = {*_first(ranked, max(_LOOKED_AT, k)), *_first(unnamed, _KEPT_FROM)}
        passages = self._store.library.page_passages(looked_at)
        for key in looked_at:
            ranked[key] += self._settings.figures_weight * _figures(passages.get(key, ()))
        final = {key: ranked[key] for key in looked_at if key in passages or key in scores.looks}
        if self._settings.reranker is not None:
            self._rerank(final, passages, scores)
        order = _first(final, len(final))
        for key in _first(self._without_names(final, named), 1):
            if order.index(key) > _PLACE_KEPT:
                order.remove(key)
                order.insert(_PLACE_KEPT, key)
        return self._hits(order[:k], final, passages, scores, scope)

    def _docs(self, scope: Scope) -> list[str] | None:
        """The documents a filter leaves, or None for all."""
        if scope.doc is not None:
            return [self._store.catalog.document(scope.doc).doc]
        if scope.collection is not None or scope.without is not None:
            documents = self._store.catalog.documents(scope.collection)
            return [document.doc for document in documents if document.doc != scope.without]
        return None

    def _searched(self, question: str, named: Named, docs: Sequence[str] | None) -> _Scores:
        """Both searches, everywhere and inside the documents that are meant."""
        library, limit = self._store.library, self._settings.candidates
        vector = self._embedder.embed_question(question)
        with ThreadPoolExecutor(2) as side_by_side:  # LanceDB searches outside of Python's lock
            by_words = side_by_side.submit(library.search_words, _with_spellings(question), limit, docs)
            meant = library.search_vectors(vector, limit, docs)
            worded = by_words.result()
        leading = _leading(named, meant, worded)
        bare = _with_spellings(without(question, named.words))
        with ThreadPoolExecutor(2) as side_by_side:
            by_words = side_by_side.submit(library.search_words, bare, limit, leading)
            near = [*meant, *library.search_vectors(vector, limit, leading)]
            seen = self._seen(question, docs)
            inside = by_words.result()
        best = _best_chunks([*near, *inside, *worded, *seen])
        words = {key: score for key, score in _to_best(worded).items() if key[0] not in leading} | _to_best(inside)
        meaning = _from_lowest(near, meant)
        without_vectors = self._store.catalog.found_by_words_only()
        meaning |= {key: words.get(key, 0.0) for key in best if key[0] in without_vectors}
        return _Scores(
            question, named, words, meaning, _from_lowest(seen, seen), _pages([*worded, *inside]), _pages(near), best
        )

    def _seen(self, question: str, docs: Sequence[str] | None) -> list[Found]:
        """Pages whose images are near the question, where there is a model that says so."""
        if self._settings.pictures is None:
            return []
        pictures = open_pictures(self._settings.pictures)
        if self._store.catalog.fact("picture_embedder") != pictures.identity:
            return []  # the next ingest makes the vectors
        return self._store.library.search_pictures(pictures.embed_question(question), self._settings.candidates, docs)

    def _ranked(self, scores: _Scores) -> dict[PageKey, float]:
        """Everything known of each page before it is looked at, added by weight."""
        settings = self._settings
        return {
            key: settings.dense_weight * scores.meaning.get(key, 0.0)
            + (1 - settings.dense_weight) * scores.words.get(key, 0.0)
            + settings.pictures_weight * scores.looks.get(key, 0.0)
            + settings.named_weight * scores.named.scores.get(key[0], 0.0)
            for key in scores.best
        }

    def _without_names(self, ranked: Mapping[PageKey, float], named: Named) -> dict[PageKey, float]:
        """The same scores, had the question named no document."""
        weight = self._settings.named_weight
        return {key: score - weight * named.scores.get(key[0], 0.0) for key, score in ranked.items()}

    def _rerank(
        self, final: dict[PageKey, float], passages: Mapping[PageKey, Sequence[Passage]], scores: _Scores
    ) -> None:
        """Have a cross-encoder read the best pages where they were found; its score is blended with theirs."""
        first = [key for key in _first(final, _RERANKED) if key in passages]
        if not first or self._settings.reranker is None:
            return
        texts = [_surroundings(passages[key], scores.best[key]) for key in first]
        read = open_reranker(self._settings.reranker).scores(scores.question, texts)
        low, high, weight = final[first[-1]], final[first[0]], self._settings.reranker_weight
        for key, score in zip(first, read, strict=True):
            final[key] = (1 - weight) * final[key] + weight * (low + score * (high - low))

    def _hits(
        self,
        keys: Sequence[PageKey],
        final: Mapping[PageKey, float],
        passages: Mapping[PageKey, Sequence[Passage]],
        scores: _Scores,
        scope: Scope,
    ) -> list[Hit]:
        labels = {d.doc: d.label for d in self._store.catalog.documents(scope.collection, {doc for doc, _ in keys})}
        hits = []
        for key in keys:
            shown = _shown(passages.get(key, ()), scores.best[key])
            if key[0] in labels:
                why = _why(key, shown, scores)
                hits.append(Hit(key[0], labels[key[0]], key[1], round(final[key], 4), shown.text, why))
        return hits


def _first(scores: Mapping[PageKey, float], count: int) -> list[PageKey]:
    return sorted(scores, key=lambda key: (-scores[key], key))[:count]


def _pages(found: Iterable[Found]) -> set[PageKey]:
    return {(chunk.doc, chunk.page) for chunk in found}


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
    text = " ".join([passage.text for passage in passages])
    words = len(text.split())
    return min(1.0, len(_FIGURED.findall(text)) / (_FIGURES_AT_MOST * words)) if words else 0.0


def _shown(passages: Sequence[Passage], best: ChunkKey) -> Passage:
    """The passage that made the page be found; the first one, or nothing, of a page that was found by its looks."""
    first = passages[0] if passages else Passage(0, "", "")
    return next((passage for passage in passages if passage.number == best[2]), first)


def _surroundings(passages: Sequence[Passage], best: ChunkKey) -> str:
    """The passage that made a page be found, under its heading, with the ones before and after it."""
    near = [passage for passage in passages if abs(passage.number - best[2]) <= 1]
    return "\n".join([*dict.fromkeys(passage.heading for passage in near), *(passage.text for passage in near)])


def _why(key: PageKey, shown: Passage, scores: _Scores) -> str:
    """In plain words what made the page be found: "document named, heading, words and meaning"."""
    asked = {stem(word.text) for word in plain_words(scores.question)} - STOP_WORDS - scores.named.words
    heading = {stem(word.text) for word in plain_words(shown.heading)}
    reasons = {
        "document named": scores.named.scores.get(key[0], 0.0) >= _NAMED_FROM,
        "heading": not asked.isdisjoint(heading),
        "words": key in scores.worded,
        "meaning": key in scores.nearest,
        "looks": key in scores.looks,
    }
    said = [reason for reason, holds in reasons.items() if holds]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
