"""The commands `docqa ingest`, `docqa watch` and `docqa worker`."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import functools
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from docqa.cli import Commands, emit, settings_of
from docqa.embed import Embedder
from docqa.errors import DocumentError, ModelError, StoreBusy
from docqa.extract.run import carry_on
from docqa.settings import IngestSettings, Settings
from docqa.store import FIRST_COLLECTION, Store, clean_label
from docqa.types import Problem, Status
from ingest import watch
from ingest.intake import Offered, offered
from ingest.worker import PIPELINE, Progress, ingest_pending

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8  #: from malloc.h
_POLL = 1.0  #: seconds between two looks of the worker for something to do
_SERVER_AWAY = 10.0  #: seconds after which the worker tries the model server again


def register(commands: Commands) -> None:
    """Add the commands."""
    ingest = commands.add("ingest", _ingest, "take files and folders in and read them")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.add_argument("--collection", default=FIRST_COLLECTION, help="where the documents belong")
    ingest.add_argument("--jobs", type=_jobs, help="documents read at a time (default: one per processor)")
    ingest.add_argument("--retry", action="store_true", help="try failed documents among PATH again")
    ingest.add_argument("--no-vectors", action="store_true", help="found by words only; a later run makes the vectors")
    commands.add(
        "worker", _work, "read what is uploaded or lies in watched folders, carry on extractions, until stopped"
    )
    _register_watch(commands.group("watch", "folders that the worker looks through again and again"))


def _register_watch(group: Commands) -> None:
    add = group.add("add", _watch, "have the worker take in what is and will be in a folder")
    add.add_argument("folder", type=Path, metavar="FOLDER")
    add.add_argument("--collection", default=FIRST_COLLECTION, help="where the documents belong")
    group.add("list", _list_watched, "show the watched folders, their last scan and their problems")
    confirm = group.add("confirm", _confirm_deleted, "say that the files missing from a folder were deleted on purpose")
    confirm.add_argument("folder", type=Path, metavar="FOLDER")
    remove = group.add("remove", _unwatch, "watch a folder no more")
    remove.add_argument("folder", type=Path, metavar="FOLDER")
    remove.add_argument("--withdraw", action="store_true", help="withdraw its documents, too (default: they stay)")


def _keep_memory_flat() -> None:
    """Have glibc give memory back that embedding and writing in turns would leave it with in pieces.

    After 1,600 embedded chunks the process is at 0.75 GB with this and at 1.15 GB without, and growing (measured).
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library than glibc
            for name, value in ((_M_ARENA_MAX, 2), (_M_TRIM_THRESHOLD, 1 << 16)):
                ctypes.CDLL(None).mallopt(name, value)


def _jobs(text: str) -> int:
    """A number that the setting of this name allows."""
    return IngestSettings(jobs=int(text)).jobs  # pydantic's ValidationError is a ValueError: argparse reports it


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report. `status` is a document's status, or "duplicate" for bytes that were known before."""

    doc: str | None
    label: str
    status: str
    pages: int | None
    pages_done: int
    problem: Problem | None
    seconds: float


def _ingest(arguments: argparse.Namespace) -> int:
    _keep_memory_flat()
    settings = settings_of(arguments)
    files, passed_over = offered(arguments.paths)
    store = Store(settings.store)
    limits = settings.ingest if arguments.jobs is None else settings.ingest.model_copy(update={"jobs": arguments.jobs})
    started = time.monotonic()
    taken = [_take(store, file, arguments.collection, limits.max_file_mb << 20) for file in files]
    if arguments.retry:
        store.catalog.retry(line.doc for line in taken if line.doc)
    with _writing(store):
        embedder = functools.partial(Embedder, settings.embedder)
        ingest_pending(store, embedder, limits, _show_progress, with_vectors=not arguments.no_vectors)
    lines = _report(store, taken)
    _print_report(lines, passed_over, time.monotonic() - started, as_json=arguments.json)
    return 0 if all(line.status in (Status.READY, "duplicate") for line in lines) else 3


def _take(store: Store, file: Offered, collection: str, max_bytes: int) -> Line:
    """Keep one file; a file that cannot be kept is reported, not raised."""
    try:
        with file.path.open("rb") as stream:
            taken = store.take(stream, file.label, collection, max_bytes)
    except DocumentError as error:
        return Line(None, clean_label(file.label), Status.FAILED, None, 0, error.problem, 0)
    except OSError as error:
        problem = Problem("unreadable_file", f"The file cannot be read: {error.strerror}.", "Check its permissions.")
        return Line(None, clean_label(file.label), Status.FAILED, None, 0, problem, 0)
    known = taken.duplicate and taken.document.status == Status.READY
    status = "duplicate" if known else taken.document.status.value
    return Line(taken.document.doc, clean_label(file.label), status, None, 0, None, 0)


def _report(store: Store, taken: Sequence[Line]) -> list[Line]:
    """What became of every file: the first of several with the same bytes tells the document's story."""
    documents = {d.doc: d for d in store.catalog.documents(docs=[line.doc for line in taken if line.doc])}
    lines, seen = [], set[str]()
    for line in taken:
        if line.doc is None:
            lines.append(line)
            continue
        document = documents[line.doc]
        repeated = line.status == "duplicate" or (line.doc in seen and document.status == Status.READY)
        status = "duplicate" if repeated else document.status.value
        counts = (document.pages, document.pages_done, document.problem)
        lines.append(Line(line.doc, line.label, status, *counts, 0 if repeated else document.seconds or 0))
        seen.add(line.doc)
    return lines


def _print_report(lines: Sequence[Line], passed_over: int, seconds: float, *, as_json: bool) -> None:
    counts = {status: sum(line.status == status for line in lines) for status in [*Status, "duplicate"]}
    pages = sum(line.pages_done for line in lines if line.status != "duplicate")
    summary = {"documents": len(lines), **counts, "passed_over": passed_over, "pages": pages}
    summary |= {"seconds": round(seconds, 2), "pages_per_second": round(pages / seconds, 2)}
    for line in lines:
        if as_json:
            emit(asdict(line) | {"seconds": round(line.seconds, 2)})
        else:
            print(_sentence(line))
    if as_json:
        emit({"summary": summary})
        return
    said = [f"{count} {status.replace('_', ' ')}" for status, count in counts.items() if count]
    print(f"{len(lines)} documents: {', '.join(said)}; {pages} pages in {seconds:.1f} s.")
    if passed_over:
        print(f"{passed_over} other files in the folders were passed over: docqa reads PDF, PNG, JPEG, TIFF and WebP.")


def _sentence(line: Line) -> str:
    pages = "" if line.pages is None else f", {line.pages_done} of {line.pages} pages"
    problem = "" if line.problem is None else f": {line.problem.message} {line.problem.hint}"
    return f"{line.label}: {line.status.replace('_', ' ')}{pages}{problem}"


def _show_progress(progress: Progress) -> None:
    """One line that overwrites itself on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return
    left = progress.seconds * (progress.total / max(progress.done, 1) - 1)
    if progress.stage == "reading":
        rate = progress.pages / max(progress.seconds, 0.001)
        text = f"{progress.done}/{progress.total} documents, {progress.pages} pages, {rate:.1f} pages/s"
    else:
        text = f"Found by words; by meaning: {progress.done}/{progress.total} passages"
    text += f", about {left:.0f} s left"
    last = progress.done == progress.total
    print(f"\r{text:<78}", end="\n" if last else "", file=sys.stderr, flush=True)


@contextmanager
def _writing(store: Store) -> Iterator[None]:
    """The writer's lock, waited for: a worker that holds it may be reading these very files."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(store.writing())
        except StoreBusy:
            print("Another process is ingesting into this store; waiting for it.", file=sys.stderr)
            stack.enter_context(store.writing(wait=True))
        yield


def _work(arguments: argparse.Namespace) -> int:
    _keep_memory_flat()
    settings = settings_of(arguments)
    store = Store(settings.store)
    embedder = functools.cache(lambda: Embedder(settings.embedder))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopping a service is no failed attempt, either
    while True:
        try:
            pause = 0 if _work_once(store, settings, embedder) else _POLL
        except ModelError as error:  # extractions wait for the server; documents are still read
            print(f"docqa: {error.message} {error.hint}", file=sys.stderr)
            pause = _SERVER_AWAY
        time.sleep(pause)


def _work_once(store: Store, settings: Settings, embedder: Callable[[], Embedder]) -> bool:
    """Look into watched folders, read what is pending, then carry on extractions; False if there was nothing to do."""
    _look_into_folders(store, settings)
    watch.remove_withdrawn(store)
    read = 0
    if store.catalog.pending(PIPELINE) or store.catalog.without_vectors():
        with contextlib.suppress(StoreBusy), store.writing():  # whoever holds the lock reads what is pending
            # folders are watched meanwhile: reading what is pending may take hours
            read = ingest_pending(store, embedder, settings.ingest, lambda _: _look_into_folders(store, settings))
    return carry_on(store, settings) or read > 0


def _look_into_folders(store: Store, settings: Settings) -> None:
    watch.scan_due(store, settings.ingest, time.time())


# ── watched folders ──────────────────────────────────────────────────────────────────────────────────────────────────


def _watch(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    folder = watch.add(Store(settings.store), arguments.folder, arguments.collection)
    said = f"{folder} is watched from now on, by `docqa worker`, every {settings.ingest.watch_seconds:g} s."
    return _said(arguments, {"folder": folder, "collection": arguments.collection}, said)


def _list_watched(arguments: argparse.Namespace) -> int:
    for folder in Store.existing(settings_of(arguments).store).catalog.watched.folders():
        last = f"last scan {folder.scanned_at}" if folder.scanned_at else "not scanned yet: is `docqa worker` running?"
        counts = f"{folder.files} files, {folder.waiting} waiting"
        problem = f"\n  {folder.problem}" if folder.problem else ""
        _said(arguments, asdict(folder), f"{folder.folder} ({folder.collection}): {counts}, {last}{problem}")
    return 0


def _confirm_deleted(arguments: argparse.Namespace) -> int:
    folder = watch.name_of(arguments.folder)
    Store.existing(settings_of(arguments).store).catalog.watched.confirm(folder)
    return _said(arguments, {"folder": folder}, "The next scan withdraws the documents whose files are missing.")


def _unwatch(arguments: argparse.Namespace) -> int:
    store, folder = Store.existing(settings_of(arguments).store), watch.name_of(arguments.folder)
    store.catalog.watched.remove(folder, withdraw=arguments.withdraw)
    watch.remove_withdrawn(store)
    became = "were withdrawn" if arguments.withdraw else "stay"
    return _said(arguments, {"folder": folder}, f"{folder} is not watched any more; its documents {became}.")


def _said(arguments: argparse.Namespace, value: object, sentence: str) -> int:
    if arguments.json:
        emit(value)
    else:
        print(sentence)
    return 0
