"""The commands `docqa ingest` and `docqa worker`."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import functools
import importlib.util
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from docqa.cli import Commands, emit, settings_of
from docqa.doctor import Check
from docqa.embed import Embedder
from docqa.errors import DocumentError, ModelError, StoreBusy
from docqa.extract.run import carry_on
from docqa.settings import IngestSettings, Settings
from docqa.store import FIRST_COLLECTION, Store, clean_label
from docqa.types import Problem, Status
from ingest import sandbox
from ingest.intake import Offered, offered
from ingest.worker import PIPELINE, Progress, ingest_pending

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8  #: from malloc.h
_POLL = 1.0  #: seconds between two looks of the worker for something to do
_SERVER_AWAY = 10.0  #: seconds after which the worker tries the model server again


def register(commands: Commands) -> None:
    """Add the two commands, and what `docqa doctor` should look at."""
    commands.add_probe("sandbox", sandbox.examine)
    commands.add_probe("ocr model", _ocr_model)
    ingest = commands.add("ingest", _ingest, "take files and folders in and read them")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.add_argument("--collection", default=FIRST_COLLECTION, help="where the documents belong")
    ingest.add_argument("--jobs", type=_jobs, help="documents read at a time (default: one per processor)")
    ingest.add_argument("--retry", action="store_true", help="try failed documents among PATH again")
    commands.add("worker", _work, "read what is uploaded and carry on extractions, until stopped")


def _ocr_model(_: Settings) -> Check:
    """The files are there; whether they can be loaded shows when the first picture is read."""
    spec = importlib.util.find_spec("rapidocr")
    folders = spec.submodule_search_locations if spec is not None else None
    models = [file.name for folder in folders or () for file in Path(folder).glob("models/*.onnx")]
    if any("det" in name for name in models) and any("rec" in name for name in models):
        return Check("ocr model", True, "The models that read text in pictures are there.")
    return Check("ocr model", False, "The models of rapidocr are missing.", "Install docqa's packages again.")


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
        ingest_pending(store, lambda: Embedder(settings.embedder), limits, _show_progress)
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
    rate = progress.pages_done / max(progress.seconds, 0.001)
    left = progress.seconds * (progress.documents / max(progress.documents_done, 1) - 1)
    text = f"{progress.documents_done}/{progress.documents} documents, {progress.pages_done} pages, "
    text += f"{rate:.1f} pages/s, about {left:.0f} s left"
    last = progress.documents_done == progress.documents
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
    """Read pending documents, then carry on extractions; False if there was nothing to do."""
    read = 0
    if store.catalog.pending(PIPELINE):
        with contextlib.suppress(StoreBusy), store.writing():  # whoever holds the lock reads what is pending
            read = ingest_pending(store, embedder, settings.ingest)
    return carry_on(store, settings) or read > 0
