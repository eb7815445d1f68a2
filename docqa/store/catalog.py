"""The catalog: SQLite, the truth about documents, pages, runs, cells and chats.

WAL with synchronous=FULL: what a method returned from is on the disk. Every write is one BEGIN IMMEDIATE transaction.
The only module that imports sqlite3. Not here: the files themselves (`originals`) and what is searched (`library`).
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from docqa.errors import DiskFull, StoreBusy, StoreDamaged, StoreTooNew, UnknownCollection, UnknownDocument
from docqa.store.schema import MIGRATIONS
from docqa.types import Answer, Box, Cell, Citation, Document, Notice, NoticeCode, Problem, Status, Verdict

MAX_ATTEMPTS = 3  #: after so many starts that ended badly, a document is set aside until somebody asks for it again
_BUSY_SECONDS = 30.0
_ROOM = 1 << 16  #: bytes: the shared-memory file of SQLite's WAL begins with 32 kB


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What the catalog keeps of a page: enough to check what LanceDB holds."""

    number: int
    text_source: str
    quality: float
    image_sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """One extraction as it was asked for; `fields` is the JSON the caller gave."""

    run: int
    fields: str
    reader: str  #: which one was wanted: quote, vision or auto
    version: str  #: of the reader: its cells carry it in their key
    started_at: str
    cancelled: bool
    documents: int
    done: int  #: documents whose cells are all there
    failed: int  #: documents that were set aside with a problem


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a chat with its checked answer."""

    question: str
    answer: Answer
    asked_at: str


class Catalog:
    """Reads and writes the catalog; may be used from several threads and processes at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._migrate()

    # ── documents ────────────────────────────────────────────────────────────────────────────────────────────────

    def add_document(self, doc: str, size: int, label: str, collection: str) -> bool:
        """Record that these bytes were taken in under a label; False if the same bytes were known before."""
        now = _now()
        with self._write() as sql:
            new = sql.execute(
                "INSERT INTO documents (doc, bytes, status, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (doc, size, Status.QUEUED, now),
            ).rowcount
            sql.execute(
                "INSERT INTO labels (doc, collection, label, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (doc, collection, label, now),
            )
        return bool(new)

    def documents(self, collection: str | None = None, docs: Iterable[str] | None = None) -> list[Document]:
        """All documents, or those of a collection, or those named; each once, in order of label.

        Raises UnknownCollection.
        """
        if collection is not None and collection not in self.collections():
            raise UnknownCollection(f"There is no collection called {collection!r}.")
        # of several labels the first counts: min() over (added_at, label) picks its row in SQLite's bare-column rule
        rows = self._read(
            """SELECT d.*, l.label, l.collection, min(l.added_at || l.label),
                 (SELECT group_concat(DISTINCT n.code) FROM notices n WHERE n.doc = d.doc) AS notices
               FROM documents d JOIN labels l USING (doc)
               WHERE (:collection IS NULL OR l.collection = :collection)
                 AND (:docs IS NULL OR d.doc IN (SELECT value FROM json_each(:docs)))
               GROUP BY d.doc ORDER BY l.label, d.doc""",
            {"collection": collection, "docs": None if docs is None else json.dumps(list(docs))},
        )
        return [_document(row) for row in rows]

    def document(self, beginning: str) -> Document:
        """The one document whose id begins so. Raises UnknownDocument."""
        ids = self._read("SELECT doc FROM documents WHERE substr(doc, 1, ?) = ? LIMIT 2", (len(beginning), beginning))
        if not beginning or not ids:
            raise UnknownDocument(f"There is no document {beginning!r}.")
        if len(ids) > 1:
            raise UnknownDocument(f"Several documents begin with {beginning!r}.", "Give more of the id.")
        return self.documents(docs=[ids[0]["doc"]])[0]

    def collections(self) -> list[str]:
        """The names of all collections."""
        return [row["collection"] for row in self._read("SELECT DISTINCT collection FROM labels ORDER BY 1")]

    def pending(self, pipeline: str) -> list[str]:
        """Documents still to be read: not read yet, read by another pipeline version, or failed by chance.

        Those that used up their attempts are not among them.
        """
        rows = self._read(
            """SELECT doc FROM documents WHERE attempts < ?
                 AND (status = 'queued' OR transient OR (status IN ('ready', 'partial') AND pipeline IS NOT ?))
               ORDER BY added_at, rowid""",
            (MAX_ATTEMPTS, pipeline),
        )
        return [row["doc"] for row in rows]

    def exhausted(self) -> list[str]:
        """Documents whose last attempt was cut off (power, kill -9) and that have none left."""
        rows = self._read("SELECT doc FROM documents WHERE attempts >= ? AND status = 'queued'", (MAX_ATTEMPTS,))
        return [row["doc"] for row in rows]

    def retry(self, docs: Iterable[str]) -> None:
        """Give documents that failed three new attempts."""
        with self._write() as sql:
            sql.executemany(
                """UPDATE documents SET status = 'queued', attempts = 0, transient = 0, problem_code = NULL,
                   problem_message = NULL, problem_hint = NULL WHERE doc = ? AND status <> 'ready'""",
                [(doc,) for doc in docs],
            )

    def requeue(self, docs: Iterable[str]) -> None:
        """Have documents read again, whatever their state; their pages are no longer counted on."""
        with self._write() as sql:
            for doc in docs:
                sql.execute("DELETE FROM pages WHERE doc = ?", (doc,))
                sql.execute(
                    "UPDATE documents SET status = 'queued', attempts = 0, pages_done = 0 WHERE doc = ?", (doc,)
                )

    def start_document(self, doc: str) -> int:
        """Count an attempt before it begins; returns which one it is. What was read before no longer counts."""
        with self._write() as sql:
            sql.execute("DELETE FROM pages WHERE doc = ?", (doc,))
            row = sql.execute(
                """UPDATE documents SET attempts = attempts + 1, status = 'queued', pages_done = 0 WHERE doc = ?
                   RETURNING attempts""",
                (doc,),
            )
            return int(row.fetchone()["attempts"])

    def give_back_attempts(self, docs: Iterable[str]) -> None:
        """An attempt that was broken off for a reason outside of the document does not count."""
        with self._write() as sql:
            sql.executemany("UPDATE documents SET attempts = attempts - 1 WHERE doc = ?", [(doc,) for doc in docs])

    def finish_document(
        self,
        doc: str,
        status: Status,
        *,
        pipeline: str,
        media_type: str | None = None,
        pages: int | None = None,
        page_records: Sequence[PageRecord] = (),
        notices: Sequence[Notice] = (),
        problem: Problem | None = None,
        transient: bool = False,
        title: str | None = None,
        seconds: float,
    ) -> None:
        """Record how reading a document ended, its pages with it, in one transaction.

        `transient` says that the problem may not come up at another attempt. What was extracted from an earlier
        reading is void, so its cells go.
        """
        with self._write() as sql:
            sql.execute(
                """UPDATE documents SET status = ?, pipeline = ?, media_type = ?, pages = ?, pages_done = ?, title = ?,
                   problem_code = ?, problem_message = ?, problem_hint = ?, transient = ?, seconds = ?,
                   attempts = CASE WHEN ? THEN 0 ELSE attempts END WHERE doc = ?""",
                (status, pipeline, media_type, pages, len(page_records), title, *_problem_columns(problem))
                + (transient, seconds, status == Status.READY, doc),
            )
            for table in ("cells", "pages", "notices"):
                sql.execute(f"DELETE FROM {table} WHERE doc = ?", (doc,))
            sql.executemany(
                "INSERT INTO pages (doc, number, text_source, quality, image_sha256) VALUES (?, ?, ?, ?, ?)",
                [(doc, p.number, p.text_source, p.quality, p.image_sha256) for p in page_records],
            )
            sql.executemany(
                "INSERT INTO notices (doc, page, code, detail) VALUES (?, ?, ?, ?)",
                [(doc, notice.page, notice.code, notice.detail) for notice in notices],
            )

    def page_records(self, doc: str) -> list[PageRecord]:
        """What the pages of a document must look like in LanceDB."""
        rows = self._read("SELECT * FROM pages WHERE doc = ? ORDER BY number", (doc,))
        return [PageRecord(row["number"], row["text_source"], row["quality"], row["image_sha256"]) for row in rows]

    def notices(self, doc: str) -> list[Notice]:
        """What people should know about the pages of a document, in order of page."""
        rows = self._read("SELECT page, code, detail FROM notices WHERE doc = ? ORDER BY page, code", (doc,))
        return [Notice(NoticeCode(row["code"]), row["page"], row["detail"]) for row in rows]

    # ── extraction ───────────────────────────────────────────────────────────────────────────────────────────────

    def start_run(self, fields: str, reader: str, version: str, docs: Iterable[str]) -> int:
        """Record an extraction and its work list; returns its number."""
        with self._write() as sql:
            run = sql.execute(
                "INSERT INTO runs (fields, reader, version, started_at) VALUES (?, ?, ?, ?)",
                (fields, reader, version, _now()),
            ).lastrowid
            sql.executemany("INSERT INTO run_documents (run, doc) VALUES (?, ?)", [(run, doc) for doc in set(docs)])
        return int(run or 0)

    def runs(self, run: int | None = None) -> list[Run]:
        """All extractions with their progress, the newest first, or the one asked for."""
        rows = self._read(
            """SELECT r.*, count(d.doc) AS documents, coalesce(sum(d.done), 0) AS done,
                      coalesce(sum(NOT d.done AND d.problem_code IS NOT NULL AND d.attempts >= ?), 0) AS failed
               FROM runs r LEFT JOIN run_documents d USING (run)
               WHERE ? IS NULL OR run = ? GROUP BY run ORDER BY run DESC""",
            (MAX_ATTEMPTS, run, run),
        )
        columns = ("run", "fields", "reader", "version", "started_at", "documents", "done", "failed")
        return [Run(cancelled=bool(row["cancelled"]), **{name: row[name] for name in columns}) for row in rows]

    def run_documents(self, run: int) -> list[tuple[Document, Problem | None]]:
        """The documents of an extraction in order of label, each with the problem it was left with."""
        rows = self._read("SELECT * FROM run_documents WHERE run = ?", (run,))
        problems = {row["doc"]: _problem(row) for row in rows}
        return [(document, problems[document.doc]) for document in self.documents(docs=problems)]

    def run_pending(self, run: int) -> list[str]:
        """Documents of an extraction that still lack cells and were not set aside; none once it was cancelled."""
        rows = self._read(
            """SELECT d.doc FROM run_documents d JOIN runs r USING (run)
               WHERE run = ? AND NOT d.done AND d.attempts < ? AND NOT r.cancelled ORDER BY d.doc""",
            (run, MAX_ATTEMPTS),
        )
        return [row["doc"] for row in rows]

    def run_exhausted(self, run: int) -> list[str]:
        """Documents of an extraction whose attempts were all cut off (power, kill -9): none left, and no problem."""
        rows = self._read(
            "SELECT doc FROM run_documents WHERE run = ? AND NOT done AND attempts >= ? AND problem_code IS NULL",
            (run, MAX_ATTEMPTS),
        )
        return [row["doc"] for row in rows]

    def renew_run(self, run: int, version: str) -> None:
        """The reader changed: everything in this extraction is to be done again, under the new version."""
        with self._write() as sql:
            sql.execute("UPDATE runs SET version = ? WHERE run = ?", (version, run))
            sql.execute("UPDATE run_documents SET done = 0, attempts = 0 WHERE run = ?", (run,))

    def cancel_run(self, run: int) -> None:
        """Stop an extraction after the document it is at; its finished cells stay."""
        with self._write() as sql:
            sql.execute("UPDATE runs SET cancelled = 1 WHERE run = ?", (run,))

    def start_run_document(self, run: int, doc: str) -> None:
        """Count an attempt before it begins."""
        with self._write() as sql:
            sql.execute("UPDATE run_documents SET attempts = attempts + 1 WHERE run = ? AND doc = ?", (run, doc))

    def finish_run_document(self, run: int, doc: str, cells: Sequence[tuple[str, Cell]]) -> None:
        """Commit the new cells of one document, each with its field key, and that the run is done with it."""
        with self._write() as sql:
            sql.executemany(
                "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [_cell_columns(key, cell) for key, cell in cells],
            )
            sql.execute(
                """UPDATE run_documents SET done = 1, problem_code = NULL, problem_message = NULL, problem_hint = NULL
                   WHERE run = ? AND doc = ?""",
                (run, doc),
            )

    def fail_run_document(self, run: int, doc: str, problem: Problem, *, final: bool) -> None:
        """Record why a document got no cells; `final` sets it aside at once."""
        with self._write() as sql:
            sql.execute(
                """UPDATE run_documents SET problem_code = ?, problem_message = ?, problem_hint = ?,
                   attempts = CASE WHEN ? THEN ? ELSE attempts END WHERE run = ? AND doc = ?""",
                (*_problem_columns(problem), final, MAX_ATTEMPTS, run, doc),
            )

    def postpone_run_document(self, run: int, doc: str, problem: Problem) -> None:
        """Record what stopped the run at this document, without counting it as an attempt at the document."""
        with self._write() as sql:
            sql.execute(
                """UPDATE run_documents SET problem_code = ?, problem_message = ?, problem_hint = ?,
                   attempts = attempts - 1 WHERE run = ? AND doc = ?""",
                (*_problem_columns(problem), run, doc),
            )

    def cells(self, doc: str, field_keys: Sequence[str]) -> dict[str, Cell]:
        """The finished cells of one document, by field key."""
        rows = self._read(
            "SELECT * FROM cells WHERE doc = ? AND field_key IN (SELECT value FROM json_each(?))",
            (doc, json.dumps(list(field_keys))),
        )
        return {row["field_key"]: _cell(row) for row in rows}

    # ── chats ────────────────────────────────────────────────────────────────────────────────────────────────────

    def start_chat(self, title: str) -> int:
        """Open a chat; returns its number."""
        with self._write() as sql:
            return int(
                sql.execute("INSERT INTO chats (title, started_at) VALUES (?, ?)", (title, _now())).lastrowid or 0
            )

    def chats(self) -> list[tuple[int, str]]:
        """Number and title of every chat, the newest first."""
        return [(row["chat"], row["title"]) for row in self._read("SELECT chat, title FROM chats ORDER BY chat DESC")]

    def add_turn(self, chat: int, answer: Answer) -> None:
        """Keep an answer with its citations, so that nothing has to be derived again when the chat is reopened."""
        with self._write() as sql:
            sql.execute(
                """INSERT INTO turns (chat, number, question, answer, asked_at)
                   SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ? FROM turns WHERE chat = ?""",
                (chat, answer.question, json.dumps(asdict(answer)), _now(), chat),
            )

    def turns(self, chat: int) -> list[Turn]:
        """The questions and answers of a chat, in order."""
        rows = self._read("SELECT * FROM turns WHERE chat = ? ORDER BY number", (chat,))
        return [Turn(row["question"], _answer(row["answer"]), row["asked_at"]) for row in rows]

    # ── facts about the store ────────────────────────────────────────────────────────────────────────────────────

    def fact(self, name: str) -> str | None:
        """A fact that was recorded once, such as the embedder the vectors were made with."""
        rows = self._read("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    def set_fact(self, name: str, value: str) -> None:
        """Record a fact, replacing an earlier one."""
        with self._write() as sql:
            sql.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when nothing is."""
        found = [row[0] for row in self._read("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    # ── connection ───────────────────────────────────────────────────────────────────────────────────────────────

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            _switch_to_wal(connection)
            for pragma in ("synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
        return connection

    def _read(self, statement: str, values: Sequence[object] | dict[str, object] = ()) -> list[sqlite3.Row]:
        with _converted(self._file):
            return self._connection().execute(statement, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with _converted(self._file):
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:  # whatever happened, the transaction must not stay open in this thread
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _migrate(self) -> None:
        version = int(self._read("PRAGMA user_version")[0][0])
        if version > len(MIGRATIONS):
            raise StoreTooNew(f"{self._file} was written by a newer docqa (schema {version}).")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            with self._write() as sql:  # a migration and the record of it commit together
                if int(sql.execute("PRAGMA user_version").fetchone()[0]) >= number:
                    continue  # another process was faster
                for statement in _statements(script):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version = {number}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Use WAL. Of two that switch a new file at once, SQLite tells one that it is busy without making it wait."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


@contextmanager
def _converted(file: Path) -> Iterator[None]:
    """Turn what sqlite3 raises into this program's errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL or (_no_file_made(error) and _is_full(file.parent)):
            raise DiskFull(f"There is no space left for {file}.") from error
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusy(f"{file} is held by another process.") from error
        raise StoreDamaged(f"{file} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise StoreDamaged(f"{file} cannot be used: {error}.") from error


def _no_file_made(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def _is_full(folder: Path) -> bool:
    """Whether a file system has no room for another file: where SQLite cannot make its own, it does not say why."""
    try:
        space = os.statvfs(folder)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < _ROOM or not space.f_favail


def _statements(script: str) -> Iterator[str]:
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines = []


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _problem(row: sqlite3.Row) -> Problem | None:
    code = row["problem_code"]
    return None if code is None else Problem(code, row["problem_message"], row["problem_hint"])


def _problem_columns(problem: Problem | None) -> tuple[str | None, str | None, str | None]:
    return (None, None, None) if problem is None else (problem.code, problem.message, problem.hint)


def _document(row: sqlite3.Row) -> Document:
    same = ("doc", "label", "collection", "bytes", "media_type", "pages", "pages_done", "attempts", "title", "added_at")
    return Document(
        status=Status(row["status"]),
        problem=_problem(row),
        seconds=row["seconds"],
        notices=tuple(NoticeCode(code) for code in sorted((row["notices"] or "").split(",")) if code),
        **{name: row[name] for name in same},
    )


def _cell_columns(field_key: str, cell: Cell) -> tuple[object, ...]:
    evidence = (cell.value, cell.text, cell.page, cell.quote, json.dumps(cell.boxes), cell.score, cell.reader)
    return (cell.doc, field_key, cell.field, *evidence, *_problem_columns(cell.problem), _now())


def _boxes(stored: Iterable[Sequence[float]]) -> tuple[Box, ...]:
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in stored)


def _cell(row: sqlite3.Row) -> Cell:
    same = ("doc", "field", "value", "text", "page", "quote", "score", "reader")
    return Cell(boxes=_boxes(json.loads(row["boxes"])), problem=_problem(row), **{name: row[name] for name in same})


def _answer(stored: str) -> Answer:
    values = json.loads(stored)
    citations = tuple(Citation(**{**c, "boxes": _boxes(c["boxes"])}) for c in values["citations"])
    pages_read = tuple((doc, page) for doc, page in values["pages_read"])
    return Answer(**{**values, "verdict": Verdict(values["verdict"]), "citations": citations, "pages_read": pages_read})
