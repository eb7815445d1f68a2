"""The commands `docqa ingest`, `docqa watch` and `docqa worker`."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import functools
import getpass
import importlib.util
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from docqa.archive import Entry, take_archive
from docqa.cli import Commands, emit, settings_of
from docqa.doctor import Check
from docqa.embed import Embedder
from docqa.errors import DocumentError, ModelError, NeedsPassword, PathMissing, StoreBusy, UsageError
from docqa.extract.run import carry_on, is_waited_for
from docqa.notices import sentences
from docqa.pages.vectors import open_pictures
from docqa.settings import IngestSettings, Settings
from docqa.store import FIRST_COLLECTION, Store, Taken, check_collection, clean_label
from docqa.types import NoticeCode, Problem, Status
from ingest import sandbox, watch
from ingest.intake import Offered, offered
from ingest.vectors import make_picture_vectors
from ingest.worker import PIPELINE, Progress, ingest_pending

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  #: from malloc.h
#: What needs somebody's attention, in a terminal's colours: red, and yellow for what a password opens.
_COLOURS = {"partial": "31", "failed": "31", "needs_password": "33"}
_POLL = 1.0  #: seconds between two looks of the worker for something to do
_SERVER_AWAY = 10.0  #: seconds after which the worker tries the model server again


def register(commands: Commands) -> None:
    """Add the commands, and what `docqa doctor` should look at."""
    commands.add_probe("sandbox", sandbox.examine)
    commands.add_probe("ocr model", _ocr_model)
    ingest = commands.add("ingest", _ingest, "take files and folders in and read them")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    ingest.add_argument("--collection", default=FIRST_COLLECTION, type=_collection, help="where the documents belong")
    ingest.add_argument("--jobs", type=_jobs, help="documents read at a time (default: one per processor)")
    ingest.add_argument("--retry", action="store_true", help="try failed documents among PATH again")
    ingest.add_argument("--no-vectors", action="store_true", help="found by words only; a later run makes the vectors")
    secret = ingest.add_mutually_exclusive_group()  # never as an argument: those are seen by everybody on the machine
    secret.add_argument("--password", action="store_true", help="ask for what opens the encrypted files among PATH")
    secret.add_argument(
        "--password-file", metavar="FILE", help="read passwords from a file, one a line (-: from a pipe)"
    )
    commands.add(
        "worker", _work, "read what is uploaded or lies in watched folders, carry on extractions, until stopped"
    )
    _register_watch(commands.group("watch", "folders that the worker looks through again and again"))


def _register_watch(group: Commands) -> None:
    add = group.add("add", _watch, "have the worker take in what is and will be in a folder")
    add.add_argument("folder", type=Path, metavar="FOLDER")
    add.add_argument("--collection", default=FIRST_COLLECTION, type=_collection, help="where the documents belong")
    group.add("list", _list_watched, "show the watched folders, their last scan and their problems")
    confirm = group.add("confirm", _confirm_deleted, "say that the files missing from a folder were deleted on purpose")
    confirm.add_argument("folder", type=Path, metavar="FOLDER")
    remove = group.add("remove", _unwatch, "watch a folder no more")
    remove.add_argument("folder", type=Path, metavar="FOLDER")
    remove.add_argument("--withdraw", action="store_true", help="withdraw its documents, too (default: they stay)")


def _ocr_model(_: Settings) -> Check:
    """The files are there; whether they can be loaded shows when the first picture is read."""
    spec = importlib.util.find_spec("rapidocr")
    folders = spec.submodule_search_locations if spec is not None else None
    models = [file.name for folder in folders or () for file in Path(folder).glob("models/*.onnx")]
    if any("det" in name for name in models) and any("rec" in name for name in models):
        return Check("ocr model", True, "The models that read text in pictures are there.")
    return Check("ocr model", False, "The models of rapidocr are missing.", "Install docqa's packages again.")


def keep_memory_flat() -> None:
    """Have glibc give memory back that embedding and writing in turns would leave it with in pieces.

    Smaller thresholds keep less, but have every batch of vectors ask the kernel for its memory anew: 33 vectors a
    second instead of 50 (measured).
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library than glibc
            for name, value in ((_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, 32 << 20), (_M_TRIM_THRESHOLD, 64 << 20)):
                ctypes.CDLL(None).mallopt(name, value)


def _jobs(text: str) -> int:
    """A number that the setting of this name allows."""
    return IngestSettings(jobs=int(text)).jobs  # pydantic's ValidationError is a ValueError: argparse reports it


def _collection(text: str) -> str:
    """A name that the browser interface takes, too."""
    try:
        check_collection(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from error
    return text


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report. `status` is a document's status, or "duplicate" for bytes that were known before."""

    doc: str | None
    label: str
    status: str
    pages: int | None
    pages_done: int
    problem: Problem | None
    notices: tuple[NoticeCode, ...]
    seconds: float


def _ingest(arguments: argparse.Namespace) -> int:
    keep_memory_flat()
    settings = settings_of(arguments)
    files, passed_over = offered(arguments.paths)
    passwords = _passwords(arguments)
    store = Store(settings.store)
    for password in passwords:
        store.catalog.add_password(arguments.collection, password)
    limits = settings.ingest if arguments.jobs is None else settings.ingest.model_copy(update={"jobs": arguments.jobs})
    started = time.monotonic()
    taken, left_in_archives = _take_all(store, files, arguments.collection, limits)
    _try_again(store, taken, everything=arguments.retry, locked=bool(passwords))
    with _writing(store):
        embedder = functools.partial(Embedder, settings.embedder)
        ingest_pending(store, embedder, limits, _show_progress, with_vectors=not arguments.no_vectors)
        if settings.find.pictures is not None and not arguments.no_vectors:
            make_picture_vectors(store, open_pictures(settings.find.pictures))
    lines = _report(store, taken)
    seconds = time.monotonic() - started
    print_report = _print_json if arguments.json else functools.partial(_print_words, store, arguments.paths)
    print_report(lines, passed_over + left_in_archives, seconds)
    return 0 if all(line.status in (Status.READY, "duplicate") for line in lines) else 3


def _passwords(arguments: argparse.Namespace) -> list[str]:
    """What was typed in or stands in the file. Raises UsageError, which names the source and nothing of the content."""
    if arguments.password:
        if not sys.stdin.isatty():
            raise UsageError("There is no terminal to ask for a password.", "Use --password-file, or - for a pipe.")
        try:
            return [getpass.getpass("Password: ")]
        except EOFError:
            return [""]  # no password, and refused as one
    if arguments.password_file is None:
        return []
    piped = arguments.password_file == "-"
    source = "standard input" if piped else clean_label(arguments.password_file)
    try:
        content = sys.stdin.buffer.read() if piped else Path(arguments.password_file).read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise PathMissing(f"The passwords cannot be read from {source}: {error.strerror}.") from error
    except UnicodeDecodeError:  # without the cause: it carries the content
        raise UsageError(f"The passwords in {source} are not UTF-8 text.", "Save the file as UTF-8.") from None
    return [line for line in lines if line]


def _take_all(
    store: Store, files: Sequence[Offered], collection: str, limits: IngestSettings
) -> tuple[list[Line], int]:
    """Keep every file, and every file of an archive; and how many of those in archives were passed over."""
    lines: list[Line] = []
    passed_over = 0
    for file in files:
        try:
            with file.path.open("rb") as stream:
                passwords = store.catalog.passwords(collection)
                unpacked = take_archive(store, stream, file.label, collection, limits, passwords)
                if unpacked is None:
                    taken = store.take(stream, file.label, collection, limits.max_file_mb << 20)
                    lines.append(_taken(file.label, taken))
                    continue
            lines += [_entry(entry) for entry in unpacked.entries]
            passed_over += unpacked.passed_over
        except DocumentError as error:
            lines.append(_refused(file.label, error.problem))
        except OSError as error:
            hint = "Check its permissions."
            lines.append(
                _refused(file.label, Problem("unreadable_file", f"The file cannot be read: {error.strerror}.", hint))
            )
    return lines, passed_over


def _entry(entry: Entry) -> Line:
    if entry.taken is not None:
        return _taken(entry.label, entry.taken)
    assert entry.problem is not None  # an entry has one or the other
    return _refused(entry.label, entry.problem)


def _taken(label: str, taken: Taken) -> Line:
    known = taken.duplicate and taken.document.status == Status.READY
    status = "duplicate" if known else taken.document.status.value
    return Line(taken.document.doc, clean_label(label), status, None, 0, None, (), 0)


def _refused(label: str, problem: Problem) -> Line:
    """A file that could not be kept is reported, not raised."""
    status = Status.NEEDS_PASSWORD if problem.code == NeedsPassword.code else Status.FAILED
    return Line(None, clean_label(label), status, None, 0, problem, (), 0)


def _try_again(store: Store, taken: Sequence[Line], *, everything: bool, locked: bool) -> None:
    """Give new attempts to what failed before, or to what needed a password if there is one now."""
    wanted = set(Status) if everything else {Status.NEEDS_PASSWORD} if locked else set()
    store.catalog.retry(line.doc for line in taken if line.doc and line.status in wanted)


def _report(store: Store, taken: Sequence[Line]) -> list[Line]:
    """What became of every file: the first of several with the same bytes tells the document's story."""
    documents = {d.doc: d for d in store.catalog.documents(docs=[line.doc for line in taken if line.doc])}
    lines, seen = [], set[str]()
    for line in taken:
        if line.doc is None or line.doc not in documents:  # it was not kept, or its last label is withdrawn by now
            lines.append(line)
            continue
        document = documents[line.doc]
        repeated = line.status == "duplicate" or (line.doc in seen and document.status == Status.READY)
        status = "duplicate" if repeated else document.status.value
        story = (document.pages, document.pages_done, document.problem, document.notices)
        lines.append(Line(line.doc, line.label, status, *story, 0 if repeated else document.seconds or 0))
        seen.add(line.doc)
    return lines


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _print_json(lines: Sequence[Line], passed_over: int, seconds: float) -> None:
    for line in lines:
        emit(asdict(line) | {"seconds": round(line.seconds, 2)})
    pages = _pages_read(lines)
    summary = {"documents": len(lines), **_counts(lines), "passed_over": passed_over, "pages": pages}
    emit({"summary": summary | {"seconds": round(seconds, 2), "pages_per_second": round(pages / seconds, 2)}})


def _print_words(store: Store, paths: Sequence[Path], lines: Sequence[Line], passed_over: int, seconds: float) -> None:
    if not lines:
        where = ", ".join(clean_label(str(path)) for path in paths)
        others = f"; {_others(passed_over)} passed over" if passed_over else ""
        print(f"No file in {where} that docqa can read{others}.")
        return
    told = set[str]()
    for line in lines:
        print(_sentence(line))
        if line.notices and line.doc is not None and line.doc not in told:
            told.add(line.doc)
            for sentence in sentences(store.catalog.notices(line.doc)):
                print(f"    {sentence}")
    said = [f"{count} {status.replace('_', ' ')}" for status, count in _counts(lines).items() if count]
    print(f"{len(lines)} documents: {', '.join(said)}; {_pages_read(lines)} pages in {seconds:.1f} s.")
    if passed_over:
        print(f"{_others(passed_over)} passed over: docqa reads PDF, PNG, JPEG, TIFF, WebP and zips of them.")


def _others(number: int) -> str:
    return "1 other file was" if number == 1 else f"{number:,} other files were"


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    return {status: sum(line.status == status for line in lines) for status in [*Status, "duplicate"]}


def _pages_read(lines: Sequence[Line]) -> int:
    return sum(line.pages_done for line in lines if line.status != "duplicate")


def _sentence(line: Line) -> str:
    pages = "" if line.pages is None else f", {line.pages_done} of {line.pages} pages"
    problem = "" if line.problem is None else f": {line.problem.message} {line.problem.hint}"
    status = f"{line.status.replace('_', ' ')}{pages}"
    if line.status in _COLOURS and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        status = f"\x1b[{_COLOURS[line.status]}m{status}\x1b[0m"
    return f"{line.label}: {status}{problem}"


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
    keep_memory_flat()
    settings = settings_of(arguments)
    store = Store(settings.store)
    embedder = functools.cache(lambda: Embedder(settings.embedder))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopping a service is no failed attempt, either
    put_off = -math.inf  # when extractions were last left for later because the server is away

    def waited_for() -> bool:  # somebody's extraction goes before vectors, which may take hours
        return time.monotonic() - put_off >= _SERVER_AWAY and is_waited_for(store)

    while True:
        try:
            pause = 0 if _work_once(store, settings, embedder, waited_for) else _POLL
        except ModelError as error:  # extractions wait for the server; documents are still read, and vectors made
            print(f"docqa: {error.message} {error.hint}", file=sys.stderr)
            put_off = time.monotonic()
            pause = _POLL if store.catalog.without_vectors() else _SERVER_AWAY
        time.sleep(pause)


def _work_once(
    store: Store, settings: Settings, embedder: Callable[[], Embedder], waited_for: Callable[[], bool] = lambda: False
) -> bool:
    """Look into watched folders, read what is pending, then carry on extractions; False if there was nothing to do.

    Vectors are made unless an extraction is waited for.
    """
    _look_into_folders(store, settings)
    watch.remove_withdrawn(store)
    read, held = 0, True
    if store.catalog.pending(PIPELINE) or store.catalog.without_vectors():
        held = False
        with contextlib.suppress(StoreBusy), store.writing():  # whoever holds the lock reads what is pending
            held = True
            # folders are watched meanwhile: reading what is pending may take hours
            look = functools.partial(_look_into_folders, store, settings)
            read = ingest_pending(store, embedder, settings.ingest, lambda _: look(), held_up=waited_for)
            if settings.find.pictures is not None and not waited_for():
                make_picture_vectors(store, open_pictures(settings.find.pictures))

    def nothing_to_read() -> bool:  # documents go before extractions, which may take hours; between two of theirs
        _look_into_folders(store, settings)
        return not (held and store.catalog.pending(PIPELINE))

    return carry_on(store, settings, only_if=nothing_to_read) or read > 0


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
