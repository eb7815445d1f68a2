"""Watched folders: what lies in them becomes documents, and follows when files are edited, renamed or deleted.

They are looked through again and again, because a network share tells nobody what changes on it. A look costs one stat
a file; only a file that is new or changed is opened. Nothing is believed at once: a file is taken when it looked the
same in two scans, a file is missed when two scans did not find it, and a folder that suddenly has nothing, or not half
of what it had, is taken for a share that is not mounted. What a scan does is the difference between the folder and the
catalog, one transaction a step, so that the next scan goes on wherever one was cut off.

Not here: reading the documents (`ingest.worker`), and archives: a ZIP in a watched folder is passed over.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath

from docqa.errors import DiskFull, DocumentError, PathMissing, StoreBusy, UsageError
from docqa.mediatype import ENDINGS
from docqa.settings import IngestSettings
from docqa.store import Store, clean_label
from docqa.store.watched import WatchedFile, WatchedFolder
from ingest.intake import media_type

#: Seconds that a file must look the same, or be missing, by our own clock. More than the coarsest modification time
#: (2 s, FAT), so that no later edit can hide behind the same one.
SETTLE_SECONDS = 3.0
RETRY_SECONDS = 600.0  #: after which a file that could not be taken is tried again though it looks the same
MANY = 10  #: files that may vanish at once, or half of those known if that is more, before somebody has to confirm it
_NAMED = 3  #: files or folders whose problem is told in the folder's
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".download")  #: names of what is still being written
_LOCKS = "~$"  #: how Office begins the name of the file that says who has another one open

Seen = tuple[int, int]  #: size in bytes, modification time in ns


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one scan found and did."""

    files: int  #: that docqa reads, taken or not
    waiting: int  #: of these: changed lately, taken once they stay the same
    taken: int
    withdrawn: int  #: labels of deleted files that were taken away
    problem: str | None  #: a sentence for people


@dataclass(slots=True)
class _Listing:
    """What lies in a folder: files by their path relative to it, and folders or files nobody could look at."""

    files: dict[str, Seen] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)  #: "" is the folder itself

    def hides(self, path: str) -> bool:
        """Whether a file may be there although it is not among the files."""
        return any(not lost or path == lost or path.startswith(f"{lost}/") for lost in self.unseen)


class _Changed(Exception):
    """A file is not what the scan saw any more."""


# ── what the worker and the commands call ────────────────────────────────────────────────────────────────────────────


def add(store: Store, folder: Path, collection: str) -> str:
    """Watch a folder from now on; returns its name in the catalog. Raises PathMissing, UsageError."""
    if not folder.is_dir():
        raise PathMissing(f"There is no folder {clean_label(str(folder))}.")
    name = name_of(folder)
    if PurePath(name).is_relative_to(store.folder.resolve()):
        raise UsageError("A store cannot be watched by itself.", "Watch the folder that people put documents into.")
    store.catalog.watched.add(name, collection)
    return name


def name_of(folder: Path) -> str:
    """What a folder is called in the catalog, whether it can be reached now or not. Raises UsageError."""
    name = str(folder.resolve())
    if not name.isprintable():
        raise UsageError(f"The name of the folder {clean_label(name)} cannot be kept.", "Rename it, or watch another.")
    return name


def scan_due(store: Store, settings: IngestSettings, now: float) -> bool:
    """Scan all watched folders if it is time to; returns whether that brought documents to read or took some away.

    They are scanned together, so that a file moved from one to another is found before it is given up.
    """
    folders = store.catalog.watched.folders()
    if not any(_is_due(folder, settings.watch_seconds, now) for folder in folders):
        return False
    results = [scan(store, folder, now, settings.max_file_mb << 20) for folder in folders]
    return any(result.taken or result.withdrawn for result in results)


def remove_withdrawn(store: Store) -> int:
    """Take the pages of withdrawn documents out of the library; returns how many documents that were.

    Somebody else may hold the writer's lock: then it is left for the next time.
    """
    if not store.catalog.watched.leaving():
        return 0
    with contextlib.suppress(StoreBusy), store.writing():
        docs = store.catalog.watched.start_leaving()  # first, so that whatever comes back is read again
        store.library.remove(docs)
        store.catalog.watched.finish_leaving(docs)
        return len(docs)
    return 0


def _is_due(folder: WatchedFolder, every: float, now: float) -> bool:
    if folder.scanned_at is None:
        return True
    passed = now - datetime.fromisoformat(folder.scanned_at).timestamp()
    return not 0 <= passed < every  # a clock that was set back must not stop the watch


# ── one scan ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def scan(store: Store, watch: WatchedFolder, now: float, max_bytes: int) -> ScanResult:
    """Look through a folder once and do what follows; `now` is in seconds since 1970. Raises StoreError."""
    watched = store.catalog.watched
    listing = _look_through(watch.folder, except_for=str(store.folder.resolve()))
    known = _known(store, watch.folder)
    if problem := _unavailable(watch, listing, known):
        watched.fail_scan(watch.folder, now, problem)
        return ScanResult(watch.files, watch.waiting, 0, 0, problem)
    if _note(store, watch.folder, listing, known, now):
        known = _known(store, watch.folder)
    ready = [file for path, file in known.items() if path in listing.files and _is_ready(file, now)]
    stopped, taken = _take_all(store, watch.folder, ready, now, max_bytes)
    if ready:
        known = _known(store, watch.folder)
    deleted, doubt = ([], None) if stopped else _deleted(store, watch, listing, known, now)
    if deleted:
        watched.remove_files(watch.folder, deleted)
    there = [file for path, file in known.items() if path in listing.files]
    files = [file for file in there if file.doc or file.problem or not file.settled]
    waiting = sum(not file.settled for file in files)
    problem = " ".join(filter(None, [stopped, doubt, _unseen(listing), _not_taken(files)])) or None
    watched.finish_scan(watch.folder, now, len(files), waiting, problem)
    return ScanResult(len(files), waiting, taken, len(deleted), problem)


def _known(store: Store, folder: str) -> dict[str, WatchedFile]:
    return {file.path: file for file in store.catalog.watched.files(folder)}


def _unavailable(watch: WatchedFolder, listing: _Listing, known: dict[str, WatchedFile]) -> str | None:
    """Why nothing may be concluded from what the folder shows now; None if it can be believed."""
    if "" in listing.unseen:
        return f"The folder cannot be looked into; its {_documents(known)} stay as they are."
    if not listing.files and not listing.unseen and any(file.doc for file in known.values()) and not watch.confirmed:
        return (
            f"The folder is empty and had {_documents(known)}: is the share mounted? Nothing was withdrawn. {_SAY_SO}"
        )
    return None


_SAY_SO = "If the files were deleted on purpose, say so: docqa watch confirm FOLDER."


def _documents(known: dict[str, WatchedFile]) -> str:
    count = sum(file.doc is not None for file in known.values())
    return f"{count:,} document{'' if count == 1 else 's'}"


def _note(store: Store, folder: str, listing: _Listing, known: dict[str, WatchedFile], now: float) -> bool:
    """Write down what changed since the last scan; False if nothing did."""
    new = [
        (path, clean_label(path), *seen)
        for path, seen in listing.files.items()
        if (file := known.get(path)) is None or (file.size, file.modified) != seen or _in_future(file, now)
    ]
    gone = [
        path
        for path, file in known.items()
        if path not in listing.files and not listing.hides(path) and (file.missing_at is None or file.missing_at > now)
    ]
    back = [path for path, file in known.items() if path in listing.files and file.missing_at is not None]
    if new:
        store.catalog.watched.see(folder, new, now)
    if gone or back:
        store.catalog.watched.miss(folder, gone, back, now)
    return bool(new or gone or back)


def _in_future(file: WatchedFile, now: float) -> bool:
    """Our own clock was set back while this file waited: its time starts anew."""
    return not file.settled and file.seen_at > now


def _is_ready(file: WatchedFile, now: float) -> bool:
    """Whether a file that is there has not changed for long enough, or its problem may be over."""
    patience = SETTLE_SECONDS if not file.settled else RETRY_SECONDS if file.problem else None
    return patience is not None and now - file.seen_at >= patience


def _take_all(
    store: Store, folder: str, ready: Sequence[WatchedFile], now: float, max_bytes: int
) -> tuple[str | None, int]:
    """Take files; returns what stopped it, and how many were taken."""
    taken = 0
    for file in ready:
        try:
            taken += _take(store, folder, file, now, max_bytes)
        except DiskFull as error:
            return f"{error.message} {error.hint}", taken
    return None, taken


def _take(store: Store, folder: str, file: WatchedFile, now: float, max_bytes: int) -> bool:
    """Keep one file as a document; what prevents that is written down, not raised, but for a full disk."""
    path = Path(folder, file.path)
    try:
        with _SteadyFile(path, (file.size, file.modified)) as stream:
            if path.suffix.lower() not in ENDINGS and media_type(path) is None:
                store.catalog.watched.pass_over(folder, file.path, None, now)
                return False
            doc, size = store.originals.take(stream, max_bytes)
    except (_Changed, FileNotFoundError):
        return False  # the next scan sees it
    except DocumentError as error:
        problem = f"{error.message} {error.hint}"
    except OSError as error:
        problem = f"The file cannot be read: {error.strerror}. Check its permissions."
    else:
        store.catalog.watched.take(folder, file.path, doc, size)
        return True
    store.catalog.watched.pass_over(folder, file.path, problem, now)
    return False


def _deleted(
    store: Store, watch: WatchedFolder, listing: _Listing, known: dict[str, WatchedFile], now: float
) -> tuple[list[str], str | None]:
    """The files that are to be given up, and why those that should be are not.

    A missing file waits while one of its size is about to be taken: it may have been renamed, or moved to another
    watched folder.
    """
    missing = [file for file in known.values() if file.missing_at is not None and not listing.hides(file.path)]
    missing = [file for file in missing if file.path not in listing.files]
    elsewhere = {file.doc for path, file in known.items() if path in listing.files}
    lost = [file for file in missing if file.doc is not None and file.doc not in elsewhere]
    had = sum(file.doc is not None for file in known.values())
    if len(lost) > max(MANY, had / 2) and not watch.confirmed:
        return [], f"{len(lost):,} of {had:,} files are missing at once. Nothing was withdrawn. {_SAY_SO}"
    arriving = store.catalog.watched.waiting_sizes() if missing else set()
    return [
        file.path
        for file in missing
        if file.doc is None
        or (file.size not in arriving and (watch.confirmed or now - (file.missing_at or now) >= SETTLE_SECONDS))
    ], None


def _unseen(listing: _Listing) -> str | None:
    if not listing.unseen:
        return None
    named = ", ".join(clean_label(path) for path in listing.unseen[:_NAMED])
    return f"Could not look into {_and_more(named, listing.unseen)}; what is known of it stays."


def _not_taken(files: Sequence[WatchedFile]) -> str | None:
    bad = [file for file in files if file.problem]
    if not bad:
        return None
    return f"Not taken: {_and_more('; '.join(f'{clean_label(b.path)}: {b.problem}' for b in bad[:_NAMED]), bad)}"


def _and_more(named: str, everything: Sequence[object]) -> str:
    more = len(everything) - _NAMED
    return named if more <= 0 else f"{named} and {more:,} more"


# ── the folder ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _look_through(folder: str, except_for: str) -> _Listing:
    """Every file below a folder that could be a document, by a stat each. Links are not followed."""
    listing = _Listing()
    todo = [""]
    while todo:
        inside = todo.pop()
        try:
            entries = list(_entries(Path(folder, inside)))
        except OSError:
            listing.unseen.append(inside)
            continue
        for entry in entries:
            path = f"{inside}/{entry.name}" if inside else entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.path != except_for:
                        todo.append(path)
                elif entry.is_file(follow_symlinks=False) and not _is_unfinished(entry.name):
                    listing.files[path] = _seen(entry.stat(follow_symlinks=False))
            except OSError:
                listing.unseen.append(path)
    return listing


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _is_unfinished(name: str) -> bool:
    return name.startswith(_LOCKS) or name.lower().endswith(_UNFINISHED)


def _seen(status: os.stat_result) -> Seen:
    return status.st_size, status.st_mtime_ns % (1 << 63)  # a share may claim a year that SQLite cannot count to


class _SteadyFile(io.FileIO):
    """A regular file that is read to its end as it was seen, or not at all."""

    def __init__(self, path: Path, seen: Seen) -> None:
        super().__init__(path, opener=_open_without_following)
        self._expected = seen
        try:
            self._compare()
        except _Changed:
            self.close()
            raise

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file does. Raises _Changed at the end if the file changed meanwhile."""
        block = super().read(size)
        if not block:
            self._compare()
        return block or b""

    def _compare(self) -> None:
        status = os.fstat(self.fileno())
        if not stat.S_ISREG(status.st_mode) or _seen(status) != self._expected:
            raise _Changed


def _open_without_following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
