"""Watched folders in the catalog: which they are, and what was in each of them the last time.

A part of the catalog (`Catalog.watched`), which lends it its connection; not here: looking into a folder
(`ingest.watch`). A document belongs to those who put labels on it. Where the last label goes, the document is
withdrawn: it is not listed, found or read any more, its pages leave the library, and its original, its cells and the
chats about it stay.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from docqa.errors import PathMissing, UsageError
from docqa.store.database import Database, Row, Sql
from docqa.types import Status


@dataclass(frozen=True, slots=True)
class WatchedFolder:
    """A folder that is watched, with what its last scan said."""

    folder: str  #: absolute
    collection: str
    added_at: str
    scanned_at: str | None  #: when it was last looked into, whether that worked or not; None before the first time
    files: int  #: in the folder that docqa reads
    waiting: int  #: of these: changed lately, taken once they stay the same
    problem: str | None  #: a sentence that says why the folder could not be followed, or which files not
    confirmed: bool  #: somebody said that the missing files were deleted on purpose


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file of a watched folder as it was last seen, and what became of it."""

    path: str  #: relative to the folder, as `os.fsdecode` gives it
    size: int  #: bytes
    modified: int  #: ns, by the clock of whoever wrote it
    seen_at: float  #: seconds since 1970 by our clock: since when it looks like this
    settled: bool  #: whether it was taken, or passed over, as it looks now
    missing_at: float | None  #: seconds since 1970: since when it is not there
    doc: str | None  #: the document it is, or was before it changed
    problem: str | None  #: why it could not be taken


class Watched:
    """Reads and writes what the catalog knows of watched folders. Every method that writes is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, folder: str, collection: str) -> None:
        """Watch a folder. Raises UsageError if it is watched already."""
        with self._database.write() as sql:
            new = sql.execute(
                "INSERT INTO watched (folder, collection, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (folder, collection, datetime.now(UTC).isoformat(timespec="milliseconds")),
            ).rowcount
        if not new:
            raise UsageError(f"{folder} is watched already.", "See `docqa watch list`.")

    def folders(self) -> list[WatchedFolder]:
        """All watched folders, in order of name."""
        columns = ("folder", "collection", "added_at", "scanned_at", "files", "waiting", "problem")
        return [
            WatchedFolder(confirmed=bool(row["confirmed"]), **{name: row[name] for name in columns})
            for row in self._database.read("SELECT * FROM watched ORDER BY folder", ())
        ]

    def folder(self, folder: str) -> WatchedFolder:
        """One watched folder. Raises PathMissing if it is not watched."""
        for watched in self.folders():
            if watched.folder == folder:
                return watched
        raise PathMissing(f"{folder} is not watched.", "`docqa watch list` names those that are.")

    def remove(self, folder: str, *, withdraw: bool) -> None:
        """Watch a folder no more; its documents stay, unless they are to be withdrawn. Raises PathMissing."""
        self.folder(folder)
        with self._database.write() as sql:
            if withdraw:
                _remove_files(sql, folder, [row["path"] for row in _rows(sql, folder)])
            sql.execute("DELETE FROM watched_files WHERE folder = ?", (folder,))
            sql.execute("DELETE FROM watched WHERE folder = ?", (folder,))

    def confirm(self, folder: str) -> None:
        """What is missing was deleted on purpose: the next scan may withdraw it. Raises PathMissing."""
        self.folder(folder)
        with self._database.write() as sql:
            sql.execute("UPDATE watched SET confirmed = 1 WHERE folder = ?", (folder,))

    def finish_scan(self, folder: str, now: float, files: int, waiting: int, problem: str | None) -> None:
        """Record how a scan ended. A confirmation was meant for this scan."""
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        with self._database.write() as sql:
            sql.execute(
                """UPDATE watched SET scanned_at = ?, files = ?, waiting = ?, problem = ?, confirmed = 0
                   WHERE folder = ?""",
                (at, files, waiting, problem, folder),
            )

    def fail_scan(self, folder: str, now: float, problem: str) -> None:
        """Record that a folder could not be looked through; what was known of it stands."""
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        with self._database.write() as sql:
            sql.execute("UPDATE watched SET scanned_at = ?, problem = ? WHERE folder = ?", (at, problem, folder))

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

    def files(self, folder: str) -> list[WatchedFile]:
        """What is known of the files of a folder, in order of name."""
        rows = self._database.read("SELECT * FROM watched_files WHERE folder = ? ORDER BY path", (folder,))
        columns = ("size", "modified", "seen_at", "missing_at", "doc", "problem")
        return [
            WatchedFile(os.fsdecode(row["path"]), settled=bool(row["settled"]), **{name: row[name] for name in columns})
            for row in rows
        ]

    def waiting_sizes(self) -> set[int]:
        """The sizes of all files, of any folder, that wait to be taken."""
        rows = self._database.read("SELECT DISTINCT size FROM watched_files WHERE NOT settled AND missing_at IS NULL")
        return {row["size"] for row in rows}

    def see(self, folder: str, seen: Iterable[tuple[str, str, int, int]], now: float) -> None:
        """Files that are new or look otherwise than before: (path, label, size, modified) of each."""
        with self._database.write() as sql:
            sql.executemany(
                """INSERT INTO watched_files (folder, path, label, size, modified, seen_at)
                   SELECT folder, ?, ?, ?, ?, ? FROM watched WHERE folder = ?
                   ON CONFLICT DO UPDATE SET size = excluded.size, modified = excluded.modified,
                     seen_at = excluded.seen_at, settled = 0, missing_at = NULL, problem = NULL""",
                [(os.fsencode(path), label, size, modified, now, folder) for path, label, size, modified in seen],
            )

    def miss(self, folder: str, gone: Iterable[str], back: Iterable[str], now: float) -> None:
        """Files that are not there any more, and files that are there again as they were."""
        rows = [(now, folder, os.fsencode(path)) for path in gone] + [(None, folder, os.fsencode(p)) for p in back]
        with self._database.write() as sql:
            sql.executemany("UPDATE watched_files SET missing_at = ? WHERE folder = ? AND path = ?", rows)

    def take(self, folder: str, path: str, doc: str, size: int) -> None:
        """The bytes of a file are kept as a document: it gets the file's label, and the one it was before loses it."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._database.write() as sql:
            watched = sql.execute("SELECT collection FROM watched WHERE folder = ?", (folder,)).fetchone()
            row = _row(sql, folder, os.fsencode(path))
            if watched is None or row is None:
                return  # somebody ended the watch meanwhile
            sql.execute(
                "INSERT INTO documents (doc, bytes, status, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (doc, size, Status.QUEUED, now),
            )
            sql.execute(
                "INSERT INTO labels (doc, collection, label, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (doc, watched["collection"], row["label"], now),
            )
            _settle(sql, folder, path, doc, None)
            if row["doc"] not in (None, doc):
                _remove_label(sql, watched["collection"], row["label"], row["doc"])

    def pass_over(self, folder: str, path: str, problem: str | None, now: float) -> None:
        """A file is not taken as it looks now: it is of no kind docqa reads, or there is a problem with it.

        The document that it was before it changed is withdrawn in the first case; in the second it stays.
        """
        with self._database.write() as sql:
            row = _row(sql, folder, os.fsencode(path))
            if row is None:
                return
            watched = sql.execute("SELECT collection FROM watched WHERE folder = ?", (folder,)).fetchone()
            _settle(sql, folder, path, row["doc"] if problem else None, problem, now)
            if row["doc"] is not None and not problem:
                _remove_label(sql, watched["collection"], row["label"], row["doc"])

    def remove_files(self, folder: str, paths: Iterable[str]) -> None:
        """Files were deleted: their labels go."""
        with self._database.write() as sql:
            _remove_files(sql, folder, [os.fsencode(path) for path in paths])

    # ── documents that lost their last label ─────────────────────────────────────────────────────────────────────

    def unlabelled(self) -> list[str]:
        """Documents that were withdrawn: no label, but the original is kept."""
        return [row["doc"] for row in self._database.read("SELECT doc FROM documents EXCEPT SELECT doc FROM labels")]

    def leaving(self) -> list[str]:
        """Documents that were withdrawn and whose pages are still to leave the library."""
        return [row["doc"] for row in self._database.read("SELECT doc FROM withdrawn", ())]

    def start_leaving(self) -> list[str]:
        """Have withdrawn documents count as unread, and return them: their pages are to be removed next.

        Those that have a label again stay as they are. The caller holds the writer's lock.
        """
        with self._database.write() as sql:
            sql.execute("DELETE FROM withdrawn WHERE doc IN (SELECT doc FROM labels)")
            docs = [row["doc"] for row in sql.execute("SELECT doc FROM withdrawn").fetchall()]
            for table in ("pages", "notices"):
                sql.execute(f"DELETE FROM {table} WHERE doc IN (SELECT doc FROM withdrawn)")
            sql.execute(
                """UPDATE documents SET status = 'queued', attempts = 0, transient = 0, pages_done = 0, embedder = NULL,
                   problem_code = NULL, problem_message = NULL, problem_hint = NULL
                   WHERE doc IN (SELECT doc FROM withdrawn)"""
            )
        return docs

    def finish_leaving(self, docs: Iterable[str]) -> None:
        """The pages of these documents are out of the library."""
        with self._database.write() as sql:
            sql.executemany("DELETE FROM withdrawn WHERE doc = ?", [(doc,) for doc in docs])


def _rows(sql: Sql, folder: str) -> Sequence[Row]:
    rows: Sequence[Row] = sql.execute("SELECT path FROM watched_files WHERE folder = ?", (folder,)).fetchall()
    return rows


def _row(sql: Sql, folder: str, path: bytes) -> Row | None:
    row: Row | None = sql.execute(
        "SELECT * FROM watched_files WHERE folder = ? AND path = ?", (folder, path)
    ).fetchone()
    return row


def _settle(sql: Sql, folder: str, path: str, doc: str | None, problem: str | None, now: float | None = None) -> None:
    sql.execute(
        """UPDATE watched_files SET settled = 1, doc = ?, problem = ?, seen_at = coalesce(?, seen_at)
           WHERE folder = ? AND path = ?""",
        (doc, problem, now, folder, os.fsencode(path)),
    )


def _remove_files(sql: Sql, folder: str, paths: Iterable[bytes]) -> None:
    watched = sql.execute("SELECT collection FROM watched WHERE folder = ?", (folder,)).fetchone()
    for path in paths:
        row = _row(sql, folder, path)
        sql.execute("DELETE FROM watched_files WHERE folder = ? AND path = ?", (folder, path))
        if row is not None and row["doc"] is not None:
            _remove_label(sql, watched["collection"], row["label"], row["doc"])


def _remove_label(sql: Sql, collection: str, label: str, doc: str) -> None:
    """Take a label off a document and note if it was its last one; it stays if another watched file goes by it."""
    sql.execute(
        """DELETE FROM labels WHERE collection = ? AND label = ? AND doc = ? AND NOT EXISTS (
             SELECT 1 FROM watched_files f JOIN watched w USING (folder)
             WHERE f.doc = labels.doc AND f.label = labels.label AND w.collection = labels.collection)""",
        (collection, label, doc),
    )
    sql.execute(
        "INSERT INTO withdrawn SELECT ? WHERE NOT EXISTS (SELECT 1 FROM labels WHERE doc = ?) ON CONFLICT DO NOTHING",
        (doc, doc),
    )
