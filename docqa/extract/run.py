"""Extraction: fields × documents → checked cells in the ledger.

A cell belongs to a document and a field as one version of a reader reads it. What is to be done is therefore a set
difference, and resuming is running again: cells that are there are never computed twice, whichever run wanted them.
Documents are filled by many hands (`docqa.extract.hands`) and committed here, each whole as soon as it is done, several
that are done together in one transaction. A document that fails three times is set aside with its problem; a server
that is away, a full disk and whoever stops the run cost no document an attempt.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from docqa.ask import open_reader
from docqa.embed import Embedder
from docqa.errors import (
    DocqaError,
    FillerDied,
    ModelBadAnswer,
    ModelError,
    ModelTimeout,
    StoreDamaged,
    StoreError,
)
from docqa.extract.calibration import calibration_in
from docqa.extract.fields import field_key, fields_from_json, fields_json
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.extract.hands import PAGES, Done, Hands, Here, OneByOne, Processes, Task, Threads, pages_in
from docqa.readers import FieldsUnread, Reader
from docqa.readers.layout import read_fields
from docqa.readers.vision import VisionReader
from docqa.settings import Settings
from docqa.store import Store
from docqa.store.ledger import NOT_READ, Run, Waiting
from docqa.store.library import Vectors
from docqa.types import MAX_ATTEMPTS, Cell, Document, FieldSpec, Problem, Reading

#: Pages from which processes beside this one pay: each takes 0.3 s to start, a page about 0.006 s (measured).
WORTH_PROCESSES = 100
#: Documents that are made ready for the server while it is busy with as many as it may be sent.
_AHEAD = 3
_LOOK_AGAIN = 0.5  #: seconds, while another process carries on the same extraction
_CHOOSE_AGAIN = 0.05  #: seconds, while another process chooses one
_NO_RUN = 0  #: the number of no extraction: its lock is held by who chooses one
#: What may be about one document alone.
_OF_ONE = (ModelBadAnswer, ModelTimeout, StoreDamaged, FillerDied)


def start_run(store: Store, settings: Settings, fields: Sequence[FieldSpec], wanted: str, docs: Iterable[str]) -> int:
    """Record an extraction to be carried on, here or by the worker; returns its number.

    `wanted` is "quote", "vision" or "auto". Raises BadSettings if that reader cannot be had.
    """
    reader = _reader(settings, wanted)
    return store.catalog.ledger.start_run(fields_json(fields), wanted, reader.version, docs)


@contextmanager
def measurement(
    store: Store, settings: Settings, fields: Sequence[FieldSpec], wanted: str, docs: Iterable[str]
) -> Iterator[int]:
    """An extraction that is in no list, is carried on by nobody else, and is forgotten at the end; its number.

    Cells that were filled stay, so that a measurement that was broken off goes on where it was. Raises BadSettings.
    """
    ledger = store.catalog.ledger
    run = ledger.start_measurement(fields_json(fields), wanted, _reader(settings, wanted).version, docs)
    try:
        yield run
    finally:
        ledger.drop_measurement(run)


def chosen_run(
    store: Store,
    settings: Settings,
    fields: Sequence[FieldSpec],
    wanted: str,
    docs: Sequence[str],
    *,
    again: bool = False,
    retry: bool = False,
    limit: int | None = None,
) -> int:
    """The extraction to carry on: one of the same that was broken off, else a new one; returns its number.

    With `again` it is the newest of these fields by this reader, finished or not, and documents are added to it that it
    does not have; with `retry` those that were set aside get new attempts. At most `limit` documents are taken, or
    added. Of two processes that ask at once the second one gets what the first one began. Raises BadSettings if the
    reader cannot be had.
    """
    with _choosing(store):
        return _chosen_run(store, settings, fields, wanted, docs, again=again, retry=retry, limit=limit)


@contextmanager
def _choosing(store: Store) -> Iterator[None]:
    """Wait until no other process chooses: else both would begin the same extraction, and read every document twice."""
    while True:
        with store.carrying(_NO_RUN) as mine:
            if mine:
                yield
                return
        time.sleep(_CHOOSE_AGAIN)


def _chosen_run(
    store: Store,
    settings: Settings,
    fields: Sequence[FieldSpec],
    wanted: str,
    docs: Sequence[str],
    *,
    again: bool,
    retry: bool,
    limit: int | None,
) -> int:
    ledger = store.catalog.ledger
    same = (run for run in ledger.runs() if (run.fields, run.reader) == (fields_json(fields), wanted))
    newest = next((run for run in same if again or not run.cancelled), None)
    if newest is None:
        return start_run(store, settings, fields, wanted, docs[:limit])
    there = ledger.run_docs(newest.run)
    if again:
        reopen_run(store, settings, newest, [doc for doc in docs if doc not in there][:limit], retry=retry)
    elif there != set(docs[:limit]) or not (ledger.run_pending(newest.run) or ledger.run_exhausted(newest.run)):
        return start_run(store, settings, fields, wanted, docs[:limit])
    return newest.run


def reopen_run(store: Store, settings: Settings, run: Run, docs: Sequence[str] = (), *, retry: bool = False) -> None:
    """Have an extraction take in more documents and what it lacks; with `retry` also what was set aside.

    Raises BadSettings if its reader cannot be had.
    """
    version = _reader(settings, run.reader).version
    keys = [field_key(field, version) for field in run_fields(run)]
    store.catalog.ledger.reopen_run(run.run, keys, docs, retry=retry)


def run_fields(run: Run) -> tuple[FieldSpec, ...]:
    """The fields an extraction was started with."""
    return fields_from_json(run.fields)


def carry_on(
    store: Store,
    settings: Settings,
    run: int | None = None,
    on_progress: Callable[[Run], None] = lambda run: None,
    only_if: Callable[[], bool] = lambda: True,
) -> bool:
    """Fill what is missing in one extraction, or in all; False if nothing was.

    `only_if` is asked before documents are begun; after a False those that were begun are finished, and the rest stays
    for another time. An extraction that another process carries on is waited for if it was named, else left to it.
    Raises ModelError, StoreError.
    """
    worked = False
    for number in store.catalog.ledger.runs_left(run):
        [each] = store.catalog.ledger.runs(number)
        with _held(store, each.run, on_progress if run is not None else None) as mine:
            worked = mine and _work_off(store, settings, each, on_progress, only_if) or worked
    return worked


def is_waited_for(store: Store) -> bool:
    """Whether an extraction has documents left and no process carries it on.

    Not to be asked by a process that carries one on: it would let go of it (POSIX locks are the process's).
    """
    for run in store.catalog.ledger.runs_left():
        with store.carrying(run) as free:
            if free:
                return True
    return False


@contextmanager
def _held(store: Store, run: int, on_progress: Callable[[Run], None] | None) -> Iterator[bool]:
    """Hold an extraction; with somebody to tell how far it is, wait until another process lets go of it."""
    while True:
        with store.carrying(run) as mine:
            if mine or on_progress is None:
                yield mine
                return
        on_progress(store.catalog.ledger.runs(run)[0])
        time.sleep(_LOOK_AGAIN)


def _work_off(
    store: Store,
    settings: Settings,
    run: Run,
    on_progress: Callable[[Run], None],
    only_if: Callable[[], bool],
) -> bool:
    """Fill what one extraction lacks; False if that is nothing."""
    ledger = store.catalog.ledger
    exhausted = ledger.run_exhausted(run.run)
    for doc in exhausted:
        ledger.fail_run_document(run.run, doc, _CUT_OFF, final=True)
    worked = bool(exhausted)
    while (waiting := ledger.run_waiting(run.run)) and only_if():
        worked = True
        reader = _reader(settings, run.reader)
        if run.version != reader.version:  # docqa or the model changed since: all of it is read anew
            ledger.renew_run(run.run, reader.version)
            run = ledger.runs(run.run)[0]
            continue
        desk = _Desk(store, settings, run, reader, on_progress, only_if)
        # The last attempt at a document that was cut off is made without others: they shall not be set aside for it.
        last = [one for one in waiting if one.cut_off and one.attempts == MAX_ATTEMPTS - 1]
        many = [one for one in waiting if one not in last]
        if many:
            desk.work(many, desk.many_hands(many))
        for one in last:
            if not desk.stopped():
                desk.work([one], desk.many_hands([one]))
        run = ledger.runs(run.run)[0]
    if not ledger.run_pending(run.run):
        ledger.finish_run(run.run)
    return worked


def _reader(settings: Settings, wanted: str) -> Reader:
    def embed(texts: Sequence[str]) -> Vectors:  # only answers need it, so it is loaded only then
        return Embedder(settings.embedder).embed_documents(texts)

    return open_reader(settings, wanted, embed)


# ── one extraction ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Desk:
    """Hands out the documents of one extraction and commits what comes back."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        run: Run,
        reader: Reader,
        on_progress: Callable[[Run], None],
        only_if: Callable[[], bool],
    ) -> None:
        self._store, self._settings, self._run, self._reader = store, settings, run, reader
        self._on_progress, self._only_if = on_progress, only_if
        self._ledger = store.catalog.ledger
        self._calibration = calibration_in(store.folder)
        self._keys = {field.name: field_key(field, reader.version) for field in run_fields(run)}
        self._fields = run_fields(run)
        self._todo: deque[Waiting] = deque()
        self._begun: set[str] = set()
        self._away: ModelError | None = None

    def many_hands(self, waiting: Sequence[Waiting]) -> Hands:
        """As many as pay for these documents."""
        if isinstance(self._reader, VisionReader):
            self._meet(self._reader, waiting[0].doc)
            model = self._settings.model
            ahead = min(_AHEAD, model.queue_length)
            return Threads(self._filled, min(len(waiting), model.requests_at_once + ahead))
        if self._reader.name != BUILT_IN:
            return OneByOne(self._filled)
        jobs = self._settings.extract.jobs
        if jobs > 1 and self._are_worth_processes(waiting):
            return Processes(self._store, self._calibration, min(jobs, len(waiting)))
        return Here(self._store, self._calibration)

    def _are_worth_processes(self, waiting: Sequence[Waiting]) -> bool:
        """Whether there is much to read, or something that ended who read it: that shall not be this process."""
        documents = self._store.catalog.documents(docs=[one.doc for one in waiting])
        return any(one.attempts for one in waiting) or pages_in(documents) >= WORTH_PROCESSES

    def _meet(self, reader: VisionReader, first: str) -> None:
        """Have one thread, not all at once, find out what the server can do. Raises ModelError."""
        try:
            reader.client.capabilities()
        except ModelError as error:
            self._ledger.start_run_document(self._run.run, first)
            self._ledger.postpone_run_document(self._run.run, first, error.problem)
            raise

    def stopped(self) -> bool:
        """Whether no document is to be begun any more."""
        return self._away is not None or not self._only_if() or self._ledger.run_cancelled(self._run.run)

    def work(self, waiting: Iterable[Waiting], hands: Hands) -> None:
        """Have documents filled, and commit them. Raises ModelError if the server is away, StoreError."""
        self._todo = deque(waiting)
        try:
            while True:
                while self._todo and (room := hands.room()) > 0 and not self.stopped():
                    if tasks := self._begin(room):
                        hands.take(tasks)
                if not self._begun:
                    break
                self._take_back(hands.done())
        except (DocqaError, KeyboardInterrupt):
            with suppress(StoreError):  # a full disk may be why
                self._ledger.release_run_documents(self._run.run, self._begun)
            raise
        finally:
            hands.close()
        if self._away is not None:
            raise self._away

    def _begin(self, room: int) -> list[Task]:
        """Count an attempt at the next documents that lack cells; those that need none, or cannot be read, are done."""
        chosen = [self._todo.popleft() for _ in range(min(room, len(self._todo)))]
        docs = [one.doc for one in chosen]
        documents = {one.doc: one for one in self._store.catalog.documents(docs=docs)}
        known = self._ledger.cells_of(docs, list(self._keys.values()))
        tasks: list[Task] = []
        ready: list[str] = []
        for place, one in enumerate(chosen):
            if tasks and pages_in(task.document for task in tasks) >= PAGES:
                self._todo.extendleft(reversed(chosen[place:]))
                break
            document = documents.get(one.doc)
            if document is None or not document.pages_done:
                self._set_aside(one.doc, _WITHDRAWN if document is None else document.problem or _NOT_READ)
            elif (task := self._task(document, one, known[one.doc])).fields:
                tasks.append(task)
            else:
                ready.append(one.doc)
        if tasks:
            self._ledger.start_run_documents(self._run.run, [task.document.doc for task in tasks])
            self._begun |= {task.document.doc for task in tasks}
        self._commit([(doc, []) for doc in ready])
        return tasks

    def _task(self, document: Document, waiting: Waiting, known: Mapping[str, Cell]) -> Task:
        missing = tuple(field for field in self._fields if self._keys[field.name] not in known)
        return Task(document, missing, known_cells(self._keys, known), waiting.attempts + 1)

    def _take_back(self, done: Sequence[Done]) -> None:
        """Commit the documents that are whole; record why others are not."""
        self._commit([(one.task.document.doc, self._cells(one)) for one in done if one.error is None])
        for one in done:
            if one.error is not None:
                self._failed(one, one.error)

    def _cells(self, done: Done) -> list[tuple[str, Cell]]:
        version, attempt = self._reader.version, done.task.attempt
        return [
            (self._keys[name], replace(cell, version=version, attempt=attempt))
            for name, cell in (done.cells or {}).items()
        ]

    def _commit(self, whole: Sequence[tuple[str, Sequence[tuple[str, Cell]]]]) -> None:
        if whole:
            self._ledger.finish_run_documents(self._run.run, whole)
            self._begun -= {doc for doc, _ in whole}
            self._tell(done=len(whole))

    def _failed(self, done: Done, error: BaseException) -> None:
        doc, attempt = done.task.document.doc, done.task.attempt
        if isinstance(error, _OF_ONE):
            self._ledger.fail_run_document(self._run.run, doc, error.problem, self._cells(done), final=False)
            self._begun.discard(doc)
            if attempt < MAX_ATTEMPTS:
                self._todo.append(Waiting(doc, attempt, cut_off=False))  # after the others
            self._tell(failed=int(attempt >= MAX_ATTEMPTS))
        elif isinstance(error, ModelError):  # the server is away or refuses everybody: no document's fault
            self._ledger.postpone_run_document(self._run.run, doc, error.problem)
            self._begun.discard(doc)
            self._away = self._away or error
        else:
            raise error

    def _set_aside(self, doc: str, problem: Problem) -> None:
        self._ledger.fail_run_document(self._run.run, doc, problem, final=True)
        self._tell(failed=1)

    def _tell(self, done: int = 0, failed: int = 0) -> None:
        self._run = replace(self._run, done=self._run.done + done, failed=self._run.failed + failed)
        self._on_progress(self._run)

    def _filled(self, task: Task) -> Done:
        """What the reader reads in a document and, if that is a model, the built-in reader independently of it."""
        evidence = self._store.evidence(task.document)
        pages = {one.page.number: one.page for one in evidence}
        fields, unread = task.fields, None
        try:
            read: Sequence[Reading] = self._reader.fill(fields, evidence)
        except FieldsUnread as error:
            read, unread = error.readings, error
            fields = tuple(field for field in fields if field.name not in error.fields)
        second = read_fields(fields, list(pages.values())) if self._reader.name != BUILT_IN else []
        readings = Readings(self._reader.name, read, second)
        cells = fill_cells(task.document.doc, fields, pages, readings, task.known, self._calibration)
        return Done(task, cells, unread)


_NOT_READ = Problem(NOT_READ, "The document has not been read yet.", "Wait until its status is ready, then run again.")
_WITHDRAWN = Problem(
    "withdrawn",
    "The document's file is not there any more.",
    "Put it back, wait until it is read, then start a new extraction.",
)
_CUT_OFF = Problem(
    "interrupted",
    "Filling its fields was cut off every time.",
    "Look at the document, then start a new extraction.",
)


def known_cells(keys: Mapping[str, str], known: Mapping[str, Cell]) -> dict[str, Cell]:
    """The cells that are there already, by name of field."""
    return {name: known[key] for name, key in keys.items() if key in known}
