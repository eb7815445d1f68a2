"""`docqa ingest`: files and folders are taken in, read, and reported one by one."""

from __future__ import annotations

import argparse
import contextlib
import functools
import getpass
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from docqa.archive import Entry, take_archive
from docqa.commands import Commands, settings_of
from docqa.embed import Embedder
from docqa.errors import DocumentError, NeedsPassword, PathMissing, StoreBusy, UsageError
from docqa.pages.vectors import open_pictures
from docqa.settings import IngestSettings
from docqa.store import FIRST_COLLECTION, Store, Taken, check_collection, clean_label
from docqa.types import Problem, Status
from ingest.commands.memory import keep_memory_flat
from ingest.commands.report import Line, print_json, print_words, show_progress
from ingest.intake import Offered, offered
from ingest.vectors import make_picture_vectors
from ingest.worker import ingest_pending


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add("ingest", _ingest, "take files and folders in and read them")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument(
        "--collection", default=FIRST_COLLECTION, type=collection_name, help="where the documents belong"
    )
    parser.add_argument("--jobs", type=_jobs, help="documents read at a time (default: one per processor)")
    parser.add_argument("--retry", action="store_true", help="try failed documents among PATH again")
    parser.add_argument("--no-vectors", action="store_true", help="found by words only; a later run makes the vectors")
    secret = parser.add_mutually_exclusive_group()  # never as an argument: those are seen by everybody on the machine
    secret.add_argument("--password", action="store_true", help="ask for what opens the encrypted files among PATH")
    secret.add_argument(
        "--password-file", metavar="FILE", help="read passwords from a file, one a line (-: from a pipe)"
    )


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
        ingest_pending(store, embedder, limits, show_progress, with_vectors=not arguments.no_vectors)
        if settings.find.pictures is not None and not arguments.no_vectors:
            make_picture_vectors(store, open_pictures(settings.find.pictures))
    lines = _report(store, taken)
    seconds = time.monotonic() - started
    print_report = print_json if arguments.json else functools.partial(print_words, store, arguments.paths)
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


def _jobs(text: str) -> int:
    """A number that the setting of this name allows."""
    return IngestSettings(jobs=int(text)).jobs  # pydantic's ValidationError is a ValueError: argparse reports it


def collection_name(text: str) -> str:
    """A name that the browser interface takes, too."""
    try:
        check_collection(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from error
    return text
