"""Vectors for what was read: the second pass of an ingest, and of page images the third, where there is a model.

Until it has come to a document, that is found by its words only. Passages are embedded many at a time, whatever
documents they are of, because an embedding model is fastest on batches of texts of like length. Not here: the texts
(`ingest.chunks.chunk`) and the model (`docqa.embed`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from docqa.embed import Embedder, check_embedder
from docqa.pages.vectors import PictureEmbedder
from docqa.store import Store
from docqa.store.library import ChunkKey
from docqa.store.rowsums import digest_of
from docqa.types import Status

_SLICE = 2048  #: passages embedded and written at a time: half a minute on two cores, 3 MB of vectors
_PICTURES = 32  #: page images embedded and written at a time: 10 MB of JPEG


@dataclass(slots=True)
class _Slice:
    """Passages of one commit, and the documents whose last passages are among them."""

    keys: list[ChunkKey]
    texts: list[str]
    completed: list[str]


def make_vectors(
    store: Store,
    embedder: Embedder,
    docs: Sequence[str],
    between: Callable[[], Sequence[str]],
    tell: Callable[[int, int, int], None],
    held_up: Callable[[], bool] = lambda: False,
) -> None:
    """Make the vectors of documents; `tell` hears of passages done and in all, after a `held_up` no more are made.

    `between` is called after every commit and returns documents that were read meanwhile; if one of `docs` is among
    them, what is known of its passages is void, and the caller has to call again with what still lacks vectors. A
    document counts as done after its last passage, so one that was cut off begins anew. The caller holds the writer's
    lock. Raises EmbedderUnusable if the store's vectors are of another model, StoreError.
    """
    check_embedder(store.catalog.fact("embedder"), embedder)
    store.catalog.set_fact("embedder", embedder.identity)
    store.library.remove_vectors(docs)  # of a run that was cut off
    counts = store.library.rows_by_document("chunks")
    known = set(docs)
    done, total = 0, sum(counts[doc] for doc in docs)
    sums: Counter[str] = Counter()  # of documents that are not complete yet
    for piece in _slices(store, docs):
        if piece.texts:
            sums.update(store.library.add_vectors(piece.keys, embedder.embed_documents(piece.texts)))
        digests = {doc: digest_of(sums.pop(doc, 0)) for doc in piece.completed}
        store.catalog.set_vectors(piece.completed, embedder.identity, digests)
        done += len(piece.texts)
        tell(done, total, 0)
        if not known.isdisjoint(between()) or held_up():
            break
    store.library.tidy()


def make_picture_vectors(store: Store, pictures: PictureEmbedder) -> None:
    """Make the vectors of page images that are not there yet; those of another model are made again.

    A document counts as done when it has as many of them as pages, so one that was cut off begins anew. The caller
    holds the writer's lock. Raises StoreError.
    """
    if store.catalog.fact("picture_embedder") != pictures.identity:
        store.library.forget_pictures()
        store.catalog.set_fact("picture_embedder", pictures.identity)
    made = store.library.rows_by_document("pictures")
    for document in store.catalog.documents():
        if document.status not in (Status.READY, Status.PARTIAL) or made[document.doc] == document.pages_done:
            continue
        store.catalog.set_pictures(document.doc, None)  # first: cut off before the last of them, they have none
        store.library.remove_pictures([document.doc])
        total = 0
        numbers = [record.number for record in store.catalog.page_records(document.doc)]
        for start in range(0, len(numbers), _PICTURES):
            some = numbers[start : start + _PICTURES]
            vectors = pictures.embed_pages([store.image(document.doc, number) for number in some])
            total += store.library.add_pictures([(document.doc, number) for number in some], vectors)[document.doc]
        store.catalog.set_pictures(document.doc, digest_of(total))
    store.library.tidy()


def _slices(store: Store, docs: Sequence[str]) -> Iterator[_Slice]:
    piece = _Slice([], [], [])
    for doc in docs:
        for key, text in store.library.chunk_texts(doc):
            if len(piece.texts) == _SLICE:
                yield piece
                piece = _Slice([], [], [])
            piece.keys.append(key)
            piece.texts.append(text)
        piece.completed.append(doc)
    yield piece
