"""The worker: documents that were taken in become pages and chunks that can be found.

What is to be done is a set difference, originals without pages, so that running again is the only resume there is.
Some threads read documents, each through a child of its own; one thread writes. A document is complete once the catalog
says so, which happens after its last page is in the library: whatever was written before that by a run that died is
removed and written again.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from docqa.embed import Embedder
from docqa.errors import EmbedderUnusable, RendererDied
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.store.catalog import PageRecord
from docqa.store.library import StoredPage
from docqa.types import Document, Notice, Status
from ingest import sandbox
from ingest.chunk import DocumentChunks
from ingest.reading import DocumentReading, Ocr, Outcome
from ingest.textsource import ReadPage

#: Changes whenever the same bytes would give other pages, words or chunks: everything is read again, then.
PIPELINE = "1"

_BATCH = 64  #: pages written in one commit
_REMOVED_AT_ONCE = 1_000  #: documents in one filter: 10,000 take a second (measured)
_IDLE = 0.5  #: seconds without a new page after which what is there is written
_TIDY_EVERY = 4_000  #: pages: small commits are folded and the search indices brought up to date


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run has done so far."""

    documents: int
    documents_done: int
    pages_done: int
    seconds: float


@dataclass(slots=True)
class _Pending:
    """What the writer knows of a document whose end it has not seen yet."""

    chunks: DocumentChunks
    records: list[PageRecord] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


_Event = tuple[str, ReadPage | Outcome]


def ingest_pending(
    store: Store,
    embedder: Callable[[], Embedder],
    settings: IngestSettings,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> int:
    """Read every document that needs it; returns how many there were. The caller holds the writer's lock.

    Raises StoreError if the store cannot be written; a document's own failure becomes its problem instead.
    """
    _set_aside_exhausted(store)
    documents = store.catalog.documents(docs=store.catalog.pending(PIPELINE))
    if not documents:
        return 0
    _remove_leftovers(store, [document.doc for document in documents])
    reading = _Reading(store, settings, documents)
    try:
        _write(store, embedder(), reading, documents, on_progress)
    finally:
        store.catalog.give_back_attempts(reading.stop())
    store.library.tidy()
    return len(documents)


def _set_aside_exhausted(store: Store) -> None:
    """Documents whose every attempt was cut off, by a power failure or a kill, must not be tried for ever."""
    problem = RendererDied("Reading this file was cut off three times.").problem
    for doc in store.catalog.exhausted():
        store.library.remove([doc])
        store.catalog.finish_document(doc, Status.FAILED, pipeline=PIPELINE, problem=problem, seconds=0)


def _remove_leftovers(store: Store, docs: Sequence[str]) -> None:
    """A run that was stopped may have left pages of any pending document, whether its attempt was counted or not."""
    for start in range(0, len(docs), _REMOVED_AT_ONCE):
        store.library.remove(docs[start : start + _REMOVED_AT_ONCE])


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(
    store: Store,
    embedder: Embedder,
    reading: _Reading,
    documents: Sequence[Document],
    on_progress: Callable[[Progress], None],
) -> None:
    """Write what the readers send, in batches, until every document has ended."""
    _same_embedder(store, embedder)
    labels = {document.doc: document.label for document in documents}
    pending: dict[str, _Pending] = {}
    started, ended, pages, tidied = time.monotonic(), 0, 0, 0
    for batch in reading.batches():
        read = [event for _, event in batch if isinstance(event, ReadPage)]
        for page in read:
            doc = page.stored.page.doc
            _remember(pending.setdefault(doc, _Pending(DocumentChunks(labels[doc]))), page)
        stored = [page.stored for page in read]
        if stored:
            _add(store, embedder, stored, pending)
        for doc, event in batch:
            if isinstance(event, Outcome):
                _finish(store, doc, event, pending.pop(doc, _Pending(DocumentChunks(labels[doc]))))
                reading.finished(doc)
                ended += 1
        pages += len(stored)
        if pages - tidied >= _TIDY_EVERY:
            store.library.tidy()
            tidied = pages
        on_progress(Progress(len(documents), ended, pages, time.monotonic() - started))


def _same_embedder(store: Store, embedder: Embedder) -> None:
    """Vectors of two models cannot be compared, so a store keeps to one."""
    known = store.catalog.fact("embedder")
    if known is None:
        store.catalog.set_fact("embedder", embedder.identity)
    elif known != embedder.identity:
        raise EmbedderUnusable("This store was made with another embedding model.")


def _remember(pending: _Pending, read: ReadPage) -> None:
    page = read.stored.page
    digest = hashlib.sha256(read.stored.image).hexdigest()
    pending.notices.extend(read.notices)
    pending.records.append(PageRecord(page.number, page.text_source.value, page.quality, digest))


def _add(
    store: Store,
    embedder: Embedder,
    stored: Sequence[StoredPage],
    pending: dict[str, _Pending],
) -> None:
    chunks = [chunk for page in (one.page for one in stored) for chunk in pending[page.doc].chunks.of_page(page)]
    texts = [f"{chunk.context}\n{chunk.text}" for chunk in chunks]
    vectors = embedder.embed_documents(texts) if texts else np.empty((0, 0), np.float32)  # blank pages have no chunks
    store.library.add(stored, chunks, vectors)


def _finish(store: Store, doc: str, outcome: Outcome, pending: _Pending) -> None:
    store.catalog.finish_document(
        doc,
        outcome.status,
        pipeline=PIPELINE,
        media_type=outcome.media_type,
        pages=outcome.pages,
        page_records=pending.records,
        notices=pending.notices,
        problem=outcome.problem,
        transient=outcome.transient,
        title=pending.chunks.title,
        seconds=outcome.seconds,
    )


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reading:
    """Threads that read documents and put pages and outcomes into one bounded queue."""

    def __init__(self, store: Store, settings: IngestSettings, documents: Sequence[Document]) -> None:
        self._store = store
        self._settings = settings
        self._stopping = threading.Event()
        self._todo = queue.SimpleQueue[str]()
        for document in documents:
            self._todo.put(document.doc)
        self._events = queue.Queue[_Event](maxsize=_BATCH)
        self._left = len(documents)
        self._unfinished: set[str] = set()
        self._broken: list[BaseException] = []
        count = min(settings.jobs, len(documents))
        self._threads = [threading.Thread(target=self._run, name=f"reader-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def batches(self) -> Iterator[list[_Event]]:
        """Pages and outcomes in the order in which each document sent them, until all documents have ended."""
        batch: list[_Event] = []
        while self._left or batch:
            try:
                event = self._events.get(timeout=_IDLE) if self._left else None
            except queue.Empty:
                event = None
            if self._broken:
                raise self._broken[0]
            if event is not None:
                batch.append(event)
                self._left -= isinstance(event[1], Outcome)
            if batch and (event is None or len(batch) >= _BATCH):
                yield batch
                batch = []

    def finished(self, doc: str) -> None:
        """The writer tells that a document's end is in the catalog."""
        self._unfinished.discard(doc)

    def stop(self) -> set[str]:
        """End the threads and their children; returns the documents that were started and not finished."""
        self._stopping.set()
        for thread in self._threads:
            while thread.is_alive():
                self._drain()
                thread.join(0.05)
        return self._unfinished

    def _drain(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()

    def _run(self) -> None:
        try:
            with Ocr(self._settings, self._stopping) as ocr:
                while not self._stopping.is_set():
                    self._read(self._todo.get_nowait(), ocr)
        except (queue.Empty, sandbox.Stopped):
            return
        except BaseException as error:  # a bug or a broken store: the writer's thread has to hear of it
            self._broken.append(error)

    def _read(self, doc: str, ocr: Ocr) -> None:
        self._store.catalog.start_document(doc)
        self._unfinished.add(doc)
        started = time.monotonic()
        reading = DocumentReading(self._store, self._settings, doc, ocr, self._stopping)
        for page in reading.pages():
            self._events.put((doc, page))
        self._events.put((doc, reading.outcome(time.monotonic() - started)))
