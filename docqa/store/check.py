"""`docqa check`: is everything there, once, and as it was written?

Finds what the catalog knows and the disk does not, and the other way round. Pages can be made again from the original:
`repair` queues their documents, and removes a library that cannot be opened so that all of it is made again. An
original that is gone or altered cannot be made again: it has to be taken in again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from docqa.errors import StoreDamaged
from docqa.store import Store
from docqa.store.library import page_digest
from docqa.types import Document, Status

VECTORS_WRONG = "vectors_wrong"
_READ_AGAIN = "`docqa check --repair` has the document read again."
_MAKE_AGAIN = "`docqa check --repair` removes the library, and the next ingest makes it again from the originals."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `repairable` says that reading the document again mends it."""

    code: str
    doc: str | None
    message: str
    hint: str
    repairable: bool


def check(store: Store, *, read_data: bool) -> Iterator[Finding]:
    """Everything that is wrong with a store; with `read_data` every original and image is read and hashed."""
    for message in store.catalog.damage():
        yield Finding("catalog_damaged", None, f"The catalog: {message}.", "Restore it from a backup.", False)
    yield from _corrections(store)
    documents = store.catalog.documents()
    yield from _originals(store, documents, read_data)
    try:
        yield from _pages(store, documents)
        yield from _search_rows(store, documents)
        if read_data:
            yield from _contents(store, documents)
    except StoreDamaged as error:
        yield Finding("library_damaged", None, error.message, _MAKE_AGAIN, True)


def repair(store: Store, findings: list[Finding]) -> int:
    """Queue the documents that reading again would mend; returns how many. The caller holds the writer's lock.

    Vectors that are wrong are made again without that.
    """
    if any(finding.code == "library_damaged" for finding in findings):
        known = {document.doc for document in store.catalog.documents() if document.pages_done}
        store.catalog.requeue(known)  # first: cut off between the two, the next check still finds the damage
        shutil.rmtree(store.folder / "lance")
        return len(known)
    mended = {finding.doc: finding.code for finding in findings if finding.repairable and finding.doc is not None}
    store.catalog.forget_vectors(doc for doc, code in mended.items() if code == VECTORS_WRONG)
    docs = {doc for doc, code in mended.items() if code != VECTORS_WRONG}
    known = {document.doc for document in store.catalog.documents(docs=docs)}
    store.library.remove(docs)
    store.catalog.requeue(known)
    return len(known)


def _corrections(store: Store) -> Iterator[Finding]:
    """Corrections are numbered and never removed: fewer than there are numbers means that some are gone."""
    if lost := store.catalog.ledger.corrections_lost():
        message = f"The catalog: {lost} of what people said of cells is gone."
        yield Finding("corrections_lost", None, message, "Restore it from a backup.", False)


def _originals(store: Store, documents: list[Document], read_data: bool) -> Iterator[Finding]:
    known = {document.doc: document for document in documents}
    withdrawn = set(store.catalog.watched.unlabelled())
    for doc in store.originals:
        if doc not in known and doc not in withdrawn:
            hint = "It was taken in and cut off; ingest the file again, which adopts it."
            yield Finding("original_unknown", doc, f"The original {doc[:12]} is in no list of documents.", hint, False)
    for doc, document in known.items():
        try:
            if read_data:
                store.originals.check(doc)
            elif not store.originals.path(doc).exists():
                raise StoreDamaged(f"The original of document {doc[:12]} is missing from the store.")
        except StoreDamaged as error:
            hint = "Ingest the file again from where it came from, or restore a backup."
            yield Finding("original_damaged", doc, f"{document.label}: {error.message}", hint, False)


def _pages(store: Store, documents: list[Document]) -> Iterator[Finding]:
    leaving = set(store.catalog.watched.leaving())
    stored = Counter(key for key in store.library.page_keys() if key[0] not in leaving)
    expected = {
        (document.doc, record.number) for document in documents for record in store.catalog.page_records(document.doc)
    }
    labels = {document.doc: document.label for document in documents}
    unfinished = {document.doc for document in documents if document.status is Status.QUEUED}
    for doc, number in sorted(expected - stored.keys()):
        yield Finding("page_missing", doc, f"{labels[doc]}: page {number} is not in the library.", _READ_AGAIN, True)
    for (doc, number), count in sorted(stored.items()):
        if (doc, number) not in expected and doc not in unfinished:
            label = labels.get(doc, doc[:12])
            yield Finding("page_unknown", doc, f"{label}: page {number} should not be there.", _READ_AGAIN, True)
        elif count > 1:
            yield Finding(
                "page_doubled", doc, f"{labels[doc]}: page {number} is there {count} times.", _READ_AGAIN, True
            )


def _search_rows(store: Store, documents: list[Document]) -> Iterator[Finding]:
    """Chunks that belong to no document or are not as many as there were, and vectors that are not one a chunk."""
    chunks, vectors = store.library.rows_by_document("chunks"), store.library.rows_by_document("vectors")
    known = {document.doc: document for document in documents}
    leaving = set(store.catalog.watched.leaving())
    for doc in sorted((chunks.keys() | vectors.keys()) - known.keys() - leaving):
        message = f"{chunks[doc]} chunks and {vectors[doc]} vectors belong to the unknown document {doc[:12]}."
        yield Finding("chunks_unknown", doc, message, "`docqa check --repair` removes them.", True)
    for doc, document in known.items():
        if document.pages_done and document.chunks not in (None, chunks[doc]):
            message = f"{document.label}: {chunks[doc]} chunks instead of {document.chunks}."
            yield Finding("chunks_wrong", doc, message, _READ_AGAIN, True)
        elif document.embedded and vectors[doc] != chunks[doc]:
            message = f"{document.label}: {vectors[doc]} vectors for {chunks[doc]} chunks."
            hint = "`docqa check --repair` has the vectors made again at the next ingest."
            yield Finding(VECTORS_WRONG, doc, message, hint, True)


def _contents(store: Store, documents: list[Document]) -> Iterator[Finding]:
    """Words and images that are not what was stored."""
    there = frozenset(store.library.page_keys())
    for document in documents:
        words = {page.number: page_digest(page) for page in store.library.pages(document.doc)}
        for record in store.catalog.page_records(document.doc):
            if (document.doc, record.number) not in there:
                continue  # already reported as missing
            image = hashlib.sha256(store.library.image(document.doc, record.number)).hexdigest()
            for what, found, stored in (
                ("image", image, record.image_sha256),
                ("words", words.get(record.number), record.words_sha256),
            ):
                if stored and found != stored:
                    message = f"{document.label}: the {what} of page {record.number} changed since it was stored."
                    yield Finding(f"{what}_damaged", document.doc, message, _READ_AGAIN, True)
