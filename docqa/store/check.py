"""`docqa check`: is everything there, once, and as it was written?

Finds what the catalog knows and the disk does not, and the other way round. Pages and passages can be made again from
the original: `repair` queues their documents, and removes a library that cannot be opened so that all of it is made
again. Vectors are made again without reading anything. An original that is gone or altered cannot be made again: it has
to be taken in again. Not looked into: the indices that searching uses.
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
from docqa.store.rowsums import digest_of
from docqa.types import Document, Status

_READ_AGAIN = "`docqa check --repair` has the document read again."
_VECTORS_AGAIN = "`docqa check --repair` has the vectors made again at the next ingest."
_PICTURES_AGAIN = (
    "`docqa check --repair` removes them; the next ingest with the model for page images makes them again."
)
_MAKE_AGAIN = "`docqa check --repair` removes the library, and the next ingest makes it again from the originals."
_OF_VECTORS = {"vectors_wrong", "vectors_damaged"}  #: codes: what they are of is sound
_OF_PICTURES = {"pictures_damaged"}
#: Tables of the library whose rows have one digest a document, and what is said if it is another one now.
_TABLES = (
    ("chunks", "the passages changed since they were stored.", _READ_AGAIN),
    ("vectors", "the vectors of the passages changed since they were made.", _VECTORS_AGAIN),
    ("pictures", "the vectors of the page images changed since they were made.", _PICTURES_AGAIN),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `repairable` says that reading the document again mends it."""

    code: str
    doc: str | None
    message: str
    hint: str
    repairable: bool


def check(store: Store, *, read_data: bool) -> Iterator[Finding]:
    """Everything that is wrong with a store; with `read_data` everything is read and hashed."""
    for message in store.catalog.damage():
        yield Finding("catalog_damaged", None, f"The catalog: {message}.", "Restore it from a backup.", False)
    yield from _corrections(store)
    documents = store.catalog.documents()
    yield from _originals(store, documents, read_data)
    try:
        yield from _pages(store, documents)
        miscounted = list(_search_rows(store, documents))
        yield from miscounted
        if read_data:
            yield from _contents(store, documents)
            yield from _rows(store, documents, {(finding.code, finding.doc) for finding in miscounted})
    except StoreDamaged as error:
        yield Finding("library_damaged", None, error.message, _MAKE_AGAIN, True)


def repair(store: Store, findings: list[Finding]) -> int:
    """Queue the documents that reading again would mend; returns how many. The caller holds the writer's lock.

    Where only vectors are wrong, they are made again without that.
    """
    if any(finding.code == "library_damaged" for finding in findings):
        known = {document.doc for document in store.catalog.documents() if document.pages_done}
        store.catalog.requeue(known)  # first: cut off between the two, the next check still finds the damage
        shutil.rmtree(store.folder / "lance")
        return len(known)
    mended = [(finding.code, finding.doc) for finding in findings if finding.repairable and finding.doc is not None]
    store.catalog.forget_vectors({doc for code, doc in mended if code in _OF_VECTORS})
    store.library.remove_pictures({doc for code, doc in mended if code in _OF_PICTURES})
    docs = {doc for code, doc in mended if code not in _OF_VECTORS | _OF_PICTURES}
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
            yield Finding("vectors_wrong", doc, message, _VECTORS_AGAIN, True)


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


def _rows(store: Store, documents: list[Document], miscounted: set[tuple[str, str | None]]) -> Iterator[Finding]:
    """Passages and vectors that are not what was stored, where they are as many: `miscounted` is (code, document)."""
    for table, what, hint in _TABLES:
        before = store.catalog.row_digests(table)
        sums = store.library.row_sums(table)
        standing = dict(before.items() & store.catalog.row_digests(table).items())  # not read again meanwhile
        for document in documents:
            doc = document.doc
            if doc not in standing or not miscounted.isdisjoint({("chunks_wrong", doc), (f"{table}_wrong", doc)}):
                continue
            if table == "pictures" and doc not in sums:
                continue  # read again since, without that model
            if digest_of(sums[doc]) != standing[doc]:
                yield Finding(f"{table}_damaged", doc, f"{document.label}: {what}", hint, True)
