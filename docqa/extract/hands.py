"""Who fills the documents of an extraction: this process, processes beside it, or threads that wait for a server.

All are used alike: `take` gives them documents, `done` waits until at least one of those is done, `close` ends them.
They read the store and write nothing; what becomes of a document is decided by who asked (`docqa.extract.run`).

A process is begun by name (no fork: LanceDB does not survive one), has no terminal, gets pages over a pipe and ends
with that pipe, however this process ends. One that dies, or does not end in time, costs the document it was at.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from docqa.errors import FillerDied, StoreDamaged
from docqa.extract.confidence import Calibration
from docqa.extract.filling import Reply, Work, fill
from docqa.store import Store
from docqa.types import Cell, Document, FieldSpec

BATCH = 32  #: documents whose pages are loaded together: a query takes 10 ms, and 2 ms more for each of 16 (measured)
PAGES = 400  #: of a batch, a document more than that excepted: 6 to 20 kB each
_WAITING = 3  #: documents in the pipe of a process, the one it is at included
_SECONDS, _PAGE_SECONDS = 120.0, 2.0  #: that a process may take for a document; a page takes about 0.006
_STILLBORN = 8  #: processes in a row that may end before they are ready
_LONGEST_REPLY = 256 << 20  #: bytes: a table of every row of a document of 10,000 pages stays below
_END_SECONDS = 2.0  #: that a process has to end after its input did


@dataclass(frozen=True, slots=True)
class Task:
    """A document and the fields it lacks; `known` are its other cells, by name of field."""

    document: Document
    fields: tuple[FieldSpec, ...]
    known: Mapping[str, Cell]
    attempt: int


@dataclass(frozen=True, slots=True)
class Done:
    """A task with its cells by name of field, or why there are none; both if it lacks some."""

    task: Task
    cells: Mapping[str, Cell] | None = None
    error: BaseException | None = None


class Hands(Protocol):
    """Somebody who fills documents."""

    def room(self) -> int:
        """How many documents may be given now."""
        ...

    def take(self, tasks: Sequence[Task]) -> None:
        """Begin some documents."""
        ...

    def done(self) -> list[Done]:
        """Wait for at least one of the documents that were begun; all that are done by then."""
        ...

    def close(self) -> None:
        """End, whatever was begun."""
        ...


class OneByOne:
    """This process with any reader, a document at a time."""

    def __init__(self, filled: Callable[[Task], Done]) -> None:
        self._filled = filled
        self._tasks: deque[Task] = deque()

    def room(self) -> int:
        """One."""
        return 1 - len(self._tasks)

    def take(self, tasks: Sequence[Task]) -> None:
        """Keep them until somebody wants to know."""
        self._tasks.extend(tasks)

    def done(self) -> list[Done]:
        """Fill the next one. What it raises is passed on in the reply, but for what ends the process."""
        task = self._tasks.popleft()
        return [_attempted(self._filled, task)]

    def close(self) -> None:
        """There is nothing to end."""


def _attempted(filled: Callable[[Task], Done], task: Task) -> Done:
    try:
        return filled(task)
    except Exception as error:  # whoever asked raises again what is no document's fault
        return Done(task, error=error)


# ── threads that wait for a server ───────────────────────────────────────────────────────────────────────────────────


class Threads:
    """So many documents at once, each in a thread: they spend their time waiting for a model server."""

    def __init__(self, filled: Callable[[Task], Done], count: int) -> None:
        self._filled = filled
        self._todo: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._begun, self._count = 0, count
        # Not waited for at the end of the process: an answer may take minutes, and whoever stops does not want it.
        self._threads = [threading.Thread(target=self._work, daemon=True, name=f"extract {n}") for n in range(count)]
        for thread in self._threads:
            thread.start()

    def room(self) -> int:
        """As many as there are idle threads."""
        return self._count - self._begun

    def take(self, tasks: Sequence[Task]) -> None:
        """Give each to a thread."""
        for task in tasks:
            self._begun += 1
            self._todo.put(task)

    def done(self) -> list[Done]:
        """Wait for one, and take what else is there."""
        found = [self._replies.get()]
        while not self._replies.empty():
            found.append(self._replies.get())
        self._begun -= len(found)
        return found

    def close(self) -> None:
        """Have the threads end after what they are at."""
        for _ in self._threads:
            self._todo.put(None)

    def _work(self) -> None:
        while (task := self._todo.get()) is not None:
            self._replies.put(_attempted(self._filled, task))


# ── processes for the built-in reader ────────────────────────────────────────────────────────────────────────────────


def loaded(store: Store, tasks: Sequence[Task]) -> list[Work]:
    """Tasks with the pages of their documents, all in one query; one by one if some cannot be read.

    Raises StoreError.
    """
    damaged = ""
    try:
        pages = store.library.packed_pages(task.document.doc for task in tasks)
    except StoreDamaged as error:
        if len(tasks) > 1:
            return [work for task in tasks for work in loaded(store, [task])]
        pages, damaged = {}, error.message
    return [
        Work(
            task.document.doc,
            task.fields,
            task.known,
            pages.get(task.document.doc, []),
            store.words_known(task.document.doc),
            damaged,
        )
        for task in tasks
    ]


class Here:
    """This process with the built-in reader: a document at a time, their pages loaded by the batch."""

    def __init__(self, store: Store, calibration: Calibration) -> None:
        self._store, self._calibration = store, calibration
        self._waiting: deque[tuple[Task, Work]] = deque()

    def room(self) -> int:
        """A whole batch, after the last one."""
        return 0 if self._waiting else BATCH

    def take(self, tasks: Sequence[Task]) -> None:
        """Load their pages."""
        self._waiting.extend(zip(tasks, loaded(self._store, tasks), strict=True))

    def done(self) -> list[Done]:
        """Fill the next one."""
        task, work = self._waiting.popleft()
        return [_attempted(lambda task: Done(task, fill(work, self._calibration)), task)]

    def close(self) -> None:
        """There is nothing to end."""


class Processes:
    """So many processes beside this one; `done` loads pages ahead for them."""

    def __init__(self, store: Store, calibration: Calibration, count: int) -> None:
        self._store, self._calibration = store, calibration
        self._replies: queue.SimpleQueue[tuple[_Process, bytes | None]] = queue.SimpleQueue()
        self._processes = [_Process(calibration, self._replies) for _ in range(count)]
        self._waiting: deque[tuple[Task, Work]] = deque()
        self._stillborn = 0  # processes that ended before they were ready, in a row

    def room(self) -> int:
        """A whole batch, once there is work for less than that."""
        waiting = len(self._waiting)
        pages = sum(task.document.pages_done for task, _ in self._waiting)
        return BATCH if waiting < _WAITING * len(self._processes) and pages < PAGES else 0

    def take(self, tasks: Sequence[Task]) -> None:
        """Load their pages and give each to a process that has little to do."""
        self._waiting.extend(zip(tasks, loaded(self._store, tasks), strict=True))
        self._hand_out()

    def done(self) -> list[Done]:
        """Wait for a process; one that died is replaced."""
        found: list[Done] = []
        while not found:
            self._hand_out()  # what was taken back from one that died
            try:
                found += self._received(*self._replies.get(timeout=1.0))
            except queue.Empty:
                for process in self._processes:
                    process.end_if_late()
        while not self._replies.empty():
            found += self._received(*self._replies.get())
        self._hand_out()
        return found

    def close(self) -> None:
        """End the processes: at once those that are at a document."""
        for process in self._processes:
            process.close()

    def _received(self, process: _Process, untrusted_reply: bytes | None) -> list[Done]:
        if process not in self._processes:
            return []  # the end of one that was replaced
        if untrusted_reply is None or not process.begun:
            return self._replaced(process)
        task, work = process.finished()
        try:
            reply = checked(untrusted_reply, work)
        except ValueError as error:
            return [Done(task, error=FillerDied(f"The process that read its fields said nothing usable: {error}."))]
        if reply.cells is None:
            return [Done(task, error=StoreDamaged(reply.damaged))]
        return [Done(task, reply.cells)]

    def _replaced(self, process: _Process) -> list[Done]:
        """Another process in place of one that died: the document it was at failed, the others wait again.

        Raises FillerDied if one after the other does not even begin: that is no document's fault.
        """
        process.close()
        found = []
        if process.begun and process.was_at_work():
            task, _ = process.finished()
            found.append(Done(task, error=FillerDied(f"The process that read its fields {process.end()}.")))
        self._waiting.extendleft(reversed(process.begun))
        self._stillborn = 0 if process.was_at_work() else self._stillborn + 1
        if self._stillborn > _STILLBORN:
            hint = "Look at what they said; extract.jobs = 1 does without them."
            raise FillerDied(f"Processes that read fields cannot be started: the last one {process.end()}.", hint)
        self._processes[self._processes.index(process)] = _Process(self._calibration, self._replies)
        return found

    def _hand_out(self) -> None:
        """Give documents to the processes, to each in turn, as long as one has little to do."""
        for length in range(_WAITING):
            for process in self._processes:
                if self._waiting and len(process.begun) == length:
                    process.give(*self._waiting.popleft())


_REPLY = TypeAdapter(Reply)


def checked(untrusted_reply: bytes, work: Work) -> Reply:
    """A process's reply to some work. Raises ValueError if it is none."""
    try:
        reply: Reply = _REPLY.validate_json(untrusted_reply, strict=True)
    except ValidationError as error:
        raise ValueError("not a reply") from error
    asked = {field.name for field in work.fields}
    if reply.doc != work.doc or (reply.cells is not None and set(reply.cells) != asked):
        raise ValueError("the reply to something else")
    if any(cell.doc != work.doc or cell.field != name for name, cell in (reply.cells or {}).items()):
        raise ValueError("cells of something else")
    return reply


class _Process:
    """A process that reads fields, the documents that were given to it, and the thread that listens to it."""

    def __init__(self, calibration: Calibration, replies: queue.SimpleQueue[tuple[_Process, bytes | None]]) -> None:
        code = "import sys; sys.path[:] = sys.argv[1:]; from docqa.extract.filling import serve; serve()"
        self._child = subprocess.Popen(
            [sys.executable, "-c", code, *map(os.path.abspath, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for this process, which ends that one
        )
        self.begun: deque[tuple[Task, Work]] = deque()
        self._since = 0.0
        self._late = False
        self._ready = threading.Event()
        self._replies = replies
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._outbox.put(calibration)
        for task in (self._feed, self._listen):
            threading.Thread(target=task, daemon=True, name="extract pipe").start()

    def give(self, task: Task, work: Work) -> None:
        """Have some work go into its pipe."""
        if not self.begun:
            self._since = time.monotonic()
        self.begun.append((task, work))
        self._outbox.put(work)

    def finished(self) -> tuple[Task, Work]:
        """What it was at; from now on it is at the next."""
        self._since = time.monotonic()
        return self.begun.popleft()

    def was_at_work(self) -> bool:
        """Whether it was ready for work, or had the time to be."""
        return self._ready.is_set() or self._late

    def end_if_late(self) -> None:
        """Kill it if it has been at a document for too long."""
        if self.begun:
            allowed = _SECONDS + _PAGE_SECONDS * self.begun[0][0].document.pages_done
            if time.monotonic() - self._since > allowed:
                self._late = True
                self._child.kill()

    def end(self) -> str:
        """How it ended."""
        if self._late:
            return "did not end in time"
        code = self._child.wait()
        return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"

    def close(self) -> None:
        """End it: by the end of its input if it is idle, else at once."""
        self._outbox.put(None)
        if self.begun:
            self._child.kill()
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _feed(self) -> None:
        """Write what is to be written, in a thread of its own: a process that hangs does not read."""
        assert self._child.stdin is not None  # it was asked for
        with suppress(OSError), self._child.stdin as pipe:  # if it died, the other thread says so
            while (work := self._outbox.get()) is not None:
                pickle.dump(work, pipe, pickle.HIGHEST_PROTOCOL)
                pipe.flush()

    def _listen(self) -> None:
        """Pass on its replies, and None when there will be no more."""
        assert self._child.stdout is not None  # it was asked for
        with self._child.stdout as source:
            while len(head := source.read(8)) == 8 and (size := int.from_bytes(head)) <= _LONGEST_REPLY:
                content = source.read(size)
                if len(content) < size:
                    break
                if content:
                    self._replies.put((self, content))
                else:
                    self._ready.set()
        self._replies.put((self, None))


def pages_in(documents: Iterable[Document]) -> int:
    """How much there is to read."""
    return sum(document.pages_done for document in documents)
