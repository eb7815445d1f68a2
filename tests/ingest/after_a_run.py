"""What the tests of the worker share: what is true after every run of it, and the children that go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from docqa.store import Store
from docqa.store.rowsums import digest_of
from docqa.types import Document, Status, Word

A_WORD = Word("read", (0.1, 0.1, 0.2, 0.2), 0)
Take = Callable[..., str]
Letter = Callable[[int], bytes]


def whole_and_once(store: Store) -> None:
    """The invariant: the library holds exactly the pages that the catalog knows, each once, unaltered."""
    known = [(d.doc, p.number) for d in store.catalog.documents() for p in store.catalog.page_records(d.doc)]
    assert sorted(store.library.page_keys()) == sorted(known)
    for doc, number in known:
        store.image(doc, number)
    for document in store.catalog.documents():
        assert document.pages_done == len(store.catalog.page_records(document.doc))
        assert document.status is not Status.READY or document.pages_done == document.pages


def one_vector_a_chunk(store: Store) -> None:
    chunks = {document.doc: len(store.library.chunk_texts(document.doc)) for document in store.catalog.documents()}
    assert store.library.rows_by_document("vectors") == store.library.rows_by_document("chunks") == chunks
    assert {document.doc: document.chunks for document in store.catalog.documents() if document.embedded} == chunks
    for table in ("chunks", "vectors"):  # of every document that has any; others may have a digest of nothing
        sums = store.library.row_sums(table)
        assert store.catalog.row_digests(table) == {doc: digest_of(sums[doc]) for doc in chunks}


def by_label(store: Store) -> dict[str, Document]:
    return {document.label: document for document in store.catalog.documents()}


def stub(name: str) -> str:
    return f"tests.ingest.stubs.{name}"


def threads() -> int:
    return sum(thread.name.startswith("reader-") for thread in threading.enumerate())


def wait_until(happened: Callable[[], bool]) -> None:
    while not happened():  # the test's own time limit ends this
        time.sleep(0.1)
