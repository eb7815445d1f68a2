"""The worker: documents that were taken in become pages that can be found, first by their words, then by meaning.

What is to be done is a set difference, originals without pages and documents without vectors, so that running again is
the only resume there is. Some threads read documents, each through children of its own; one thread writes. A document
is complete once the catalog says so, which happens after its last page is in the library: whatever was written before
that by a run that died is removed and written again. Vectors (`ingest.vectors`) wait until everything is read.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from docqa.embed import Embedder
from docqa.errors import RendererDied
from docqa.settings import IngestSettings
from docqa.store import Store
from docqa.store.catalog import PageRecord
from docqa.store.library import StoredPage, page_digest
from docqa.store.rowsums import digest_of
from docqa.types import Document, Notice, Status
from ingest.chunks.chunk import DocumentChunks
from ingest.reading import PART, DocumentReading, Ocr, Outcome
from ingest.sandbox import process, walls
from ingest.textsource import ReadPage
from ingest.vectors import make_vectors

#: Changes whenever the same bytes would give other pages, words or chunks: everything is read again, then.
PIPELINE = "2"

_BATCH = 64  #: pages written in one commit
_IDLE = 0.5  #: seconds without a new page after which what is there is written
_TIDY_EVERY = 4_000  #: pages: small commits are folded and the search indices brought up to date


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run has done so far, in one of its two stages: "reading" (documents) or "vectors" (passages)."""

    stage: str
    done: int
    total: int
    pages: int  #: read so far
    seconds: float  #: since the stage began


@dataclass(slots=True)
class _Pending:
    """What the writer knows of a document whose end it has not seen yet."""

    chunks: DocumentChunks
    chunk_count: int = 0
    chunk_sum: int = 0  #: see `docqa.store.rowsums`
    records: list[PageRecord] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


_Event = tuple[str, ReadPage | Outcome]
OnProgress = Callable[[Progress], None]


def ingest_pending(
    store: Store,
    embedder: Callable[[], Embedder],
    settings: IngestSettings,
    on_progress: OnProgress = lambda progress: None,
    *,
    with_vectors: bool = True,
    held_up: Callable[[], bool] = lambda: False,
) -> int:
    """Read every document that needs it, then make the vectors, if wanted; returns how many were read.

    Documents that come in meanwhile are read before more vectors are made, and once `held_up` says that something goes
    before them the rest of the vectors stays for another time. The caller holds the writer's lock. Raises
    StoreError if the store cannot be written, SandboxMissing if nothing here confines what reads the files; a
    document's own failure becomes its problem instead.
    """
    walls.require(settings.unsafe_parser)
    with ThreadPoolExecutor(1, "embedder") as beside:
        if with_vectors and store.catalog.pending(PIPELINE) and not held_up():
            # It takes ten seconds, nine of them on one processor: reading leaves enough of the others idle.
            embedder = beside.submit(embedder).result
        read = _read_pending(store, settings, on_progress)

        def read_newcomers() -> list[str]:
            newcomers = _read_pending(store, settings, on_progress)
            read.extend(newcomers)
            return newcomers

        while with_vectors and not held_up() and (docs := store.catalog.without_vectors()):
            make_vectors(store, embedder(), docs, read_newcomers, _stage("vectors", on_progress), held_up)
    return len(read)


def _read_pending(store: Store, settings: IngestSettings, on_progress: OnProgress) -> list[str]:
    """Read every document that needs it; returns which those were."""
    _set_aside_exhausted(store)
    documents = store.catalog.documents(docs=store.catalog.pending(PIPELINE))
    if not documents:
        return []
    # A run that was stopped may have left pages of any pending document, whether its attempt was counted or not.
    store.library.remove(document.doc for document in documents)
    reading = _Reading(store, settings, documents)
    try:
        _write(store, reading, documents, _stage("reading", on_progress))
    finally:
        store.catalog.give_back_attempts(reading.stop())
    store.library.tidy()
    return [document.doc for document in documents]


def _stage(name: str, on_progress: OnProgress) -> Callable[[int, int, int], None]:
    """Tell of one stage: done, total, pages."""
    started = time.monotonic()
    return lambda done, total, pages: on_progress(Progress(name, done, total, pages, time.monotonic() - started))


def _set_aside_exhausted(store: Store) -> None:
    """Documents whose every attempt was cut off, by a power failure or a kill, must not be tried for ever."""
    problem = RendererDied("Reading this file was cut off three times.").problem
    for doc in store.catalog.exhausted():
        store.library.remove([doc])
        store.catalog.finish_document(doc, Status.FAILED, pipeline=PIPELINE, problem=problem, seconds=0)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(
    store: Store, reading: _Reading, documents: Sequence[Document], tell: Callable[[int, int, int], None]
) -> None:
    """Write what the readers send, in batches, until every document has ended."""
    labels = {document.doc: document.label for document in documents}
    pending: dict[str, _Pending] = {}
    ended, pages, tidied = 0, 0, 0
    for batch in reading.batches():
        read = [event for _, event in batch if isinstance(event, ReadPage)]
        for page in read:
            doc = page.stored.page.doc
            _remember(pending.setdefault(doc, _Pending(DocumentChunks(labels[doc]))), page)
        _add(store, [page.stored for page in read], pending)
        for doc, event in batch:
            if isinstance(event, Outcome):
                _finish(store, doc, event, pending.pop(doc, _Pending(DocumentChunks(labels[doc]))))
                reading.finished(doc)
                ended += 1
        pages += len(read)
        if pages - tidied >= _TIDY_EVERY:
            store.library.tidy()
            tidied = pages
        tell(ended, len(documents), pages)


def _remember(pending: _Pending, read: ReadPage) -> None:
    page = read.stored.page
    image = hashlib.sha256(read.stored.image).hexdigest()
    pending.notices.extend(read.notices)
    pending.records.append(PageRecord(page.number, page.text_source.value, page.quality, image, page_digest(page)))


def _add(store: Store, stored: Sequence[StoredPage], pending: dict[str, _Pending]) -> None:
    chunks = []
    for page in (one.page for one in stored):
        begins_part = page.number % PART == 1  # what stands before it may not be known yet: parts are read side by side
        made = pending[page.doc].chunks.of_page(page, goes_on=not begins_part)
        pending[page.doc].chunk_count += len(made)
        chunks += made
    for doc, total in store.library.add(stored, chunks).items():
        pending[doc].chunk_sum += total


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
        chunks=pending.chunk_count,
        chunks_digest=digest_of(pending.chunk_sum),
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
        #: (place of the document, first page, document): what is left of a document that was begun comes first
        self._todo = queue.PriorityQueue[tuple[int, int, DocumentReading | None]]()
        for place, document in enumerate(documents):
            self._todo.put((place, 1, DocumentReading(store, settings, document.doc, self._stopping)))
        self._events = queue.Queue[_Event](maxsize=_BATCH)
        self._left = len(documents)
        self._unfinished: set[str] = set()
        self._broken: list[BaseException] = []
        names = [f"reader-{number}" for number in range(settings.jobs)]
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def batches(self) -> Iterator[list[_Event]]:
        """Pages and outcomes in the order in which they were sent, until all documents have ended."""
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
        for _ in self._threads:
            self._todo.put((-1, 0, None))
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
                    place, first, reading = self._todo.get()
                    if reading is not None:
                        self._read(place, first, reading, ocr)
        except process.Stopped:
            return
        except BaseException as error:  # a bug or a broken store: the writer's thread has to hear of it
            self._broken.append(error)

    def _read(self, place: int, first: int, reading: DocumentReading, ocr: Ocr) -> None:
        """Read one part of a document; the others are shared out as soon as the first page has been sent."""
        if first == 1:
            self._store.catalog.start_document(reading.doc)
            self._unfinished.add(reading.doc)
        for page in reading.pages(first, ocr):
            self._events.put((reading.doc, page))
            self._share_out(place, reading)
        self._share_out(place, reading)
        if reading.part_ended():
            self._events.put((reading.doc, reading.outcome()))

    def _share_out(self, place: int, reading: DocumentReading) -> None:
        for first in reading.further_parts():
            self._todo.put((place, first, reading))
