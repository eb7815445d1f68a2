"""The catalog: SQLite, the truth about documents and pages; its parts know of runs, cells, chats, watched folders.

Every method that writes is one transaction. Not here: the connection (`database`), the files themselves (`originals`)
and what is searched (`library`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from docqa.errors import UnknownCollection, UnknownDocument, UsageError
from docqa.store.chats import Chats
from docqa.store.database import Database, Row, now, problem_columns, problem_of
from docqa.store.ledger import Ledger
from docqa.store.watched import Watched
from docqa.types import MAX_ATTEMPTS, Document, Notice, NoticeCode, Problem, Status

MAX_PASSWORD = 127  #: characters: what PDF takes at most
_MOST_SECRET = 60_000  #: bytes of passwords, as JSON, tried on one document: a pipe of 64 kB brings them to the child

#: What is remembered of a document's rows in a table of the library; nothing while they are still to be made.
_ROW_DIGESTS = {
    "chunks": "SELECT doc, chunks_digest FROM documents WHERE pages_done AND chunks_digest IS NOT NULL",
    "vectors": "SELECT doc, vectors_digest FROM documents WHERE embedder IS NOT NULL AND vectors_digest IS NOT NULL",
    "pictures": "SELECT doc, pictures_digest FROM documents WHERE pictures_digest IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What the catalog keeps of a page: enough to check what LanceDB holds."""

    number: int
    text_source: str
    quality: float
    image_sha256: str
    words_sha256: str


class Catalog:
    """Reads and writes the catalog; may be used from several threads and processes at once."""

    def __init__(self, file: Path) -> None:
        self._database = Database(file)
        self.ledger = Ledger(self._database, self.documents)
        self.chats = Chats(self._database)
        self.watched = Watched(self._database)

    # ── documents ────────────────────────────────────────────────────────────────────────────────────────────────

    def add_document(self, doc: str, size: int, label: str, collection: str) -> bool:
        """Record that these bytes were taken in under a label; False if the same bytes were known before."""
        added_at = now()
        with self._database.write() as sql:
            new = sql.execute(
                "INSERT INTO documents (doc, bytes, status, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (doc, size, Status.QUEUED, added_at),
            ).rowcount
            sql.execute(
                "INSERT INTO labels (doc, collection, label, added_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (doc, collection, label, added_at),
            )
        return bool(new)

    def documents(self, collection: str | None = None, docs: Iterable[str] | None = None) -> list[Document]:
        """All documents, or those of a collection, or those named; each once, in order of label.

        Raises UnknownCollection.
        """
        if collection is not None and not self._is_collection(collection):
            raise UnknownCollection(f"There is no collection called {collection!r}.")
        # a condition that is not there cannot keep SQLite from using an index, as "? IS NULL OR ..." does
        conditions = ["l.collection = :collection"] if collection is not None else []
        conditions += ["d.doc IN (SELECT value FROM json_each(:docs))"] if docs is not None else []
        # of several labels the first counts: min() over (added_at, label) picks its row in SQLite's bare-column rule
        rows = self._database.read(
            f"""SELECT d.*, l.label, l.collection, min(l.added_at || l.label),
                 (SELECT group_concat(DISTINCT n.code) FROM notices n WHERE n.doc = d.doc) AS notices
               FROM documents d JOIN labels l USING (doc)
               WHERE {" AND ".join(conditions) or "true"}
               GROUP BY d.doc ORDER BY l.label, d.doc""",
            {"collection": collection, "docs": None if docs is None else json.dumps(list(docs))},
        )
        return [_document(row) for row in rows]

    def document(self, beginning: str) -> Document:
        """The one document whose id begins so. Raises UnknownDocument."""
        ids = self._database.read(
            "SELECT DISTINCT doc FROM labels WHERE substr(doc, 1, ?) = ? LIMIT 2", (len(beginning), beginning)
        )
        if not beginning or not ids:
            raise UnknownDocument(f"There is no document {beginning!r}.")
        if len(ids) > 1:
            raise UnknownDocument(f"Several documents begin with {beginning!r}.", "Give more of the id.")
        return self.documents(docs=[ids[0]["doc"]])[0]

    def names(self) -> dict[str, list[tuple[str, str | None]]]:
        """What documents are called: document → (label, title), one pair a label."""
        named: dict[str, list[tuple[str, str | None]]] = {}
        for row in self._database.read("SELECT l.doc, l.label, d.title FROM labels l JOIN documents d USING (doc)"):
            named.setdefault(row["doc"], []).append((row["label"], row["title"]))
        return named

    def names_state(self) -> tuple[object, ...]:
        """Changes whenever `names` may: cheap to read, to be compared."""
        [labels] = self._database.read("SELECT count(*), max(added_at) FROM labels")
        [titles] = self._database.read("SELECT count(title), total(length(title)), total(attempts) FROM documents")
        return (*labels, *titles)

    def collections(self) -> list[str]:
        """The names of all collections."""
        return [row["collection"] for row in self._database.read("SELECT DISTINCT collection FROM labels ORDER BY 1")]

    def _is_collection(self, name: str) -> bool:
        return bool(self._database.read("SELECT 1 FROM labels WHERE collection = ? LIMIT 1", (name,)))

    def pending(self, pipeline: str) -> list[str]:
        """Documents still to be read: not read yet, read by another pipeline version, or failed by chance.

        Those that used up their attempts are not among them, nor those that were withdrawn.
        """
        rows = self._database.read(
            """SELECT doc FROM documents WHERE attempts < ? AND doc IN (SELECT doc FROM labels)
                 AND (status = 'queued' OR transient OR (status IN ('ready', 'partial') AND pipeline IS NOT ?))
               ORDER BY added_at, rowid""",
            (MAX_ATTEMPTS, pipeline),
        )
        return [row["doc"] for row in rows]

    def is_reading(self) -> bool:
        """Whether a document that has a label is still to be read."""
        statement = "SELECT 1 FROM documents WHERE status = 'queued' AND doc IN (SELECT doc FROM labels) LIMIT 1"
        return bool(self._database.read(statement))

    def exhausted(self) -> list[str]:
        """Documents whose last attempt was cut off (power, kill -9) and that have none left."""
        rows = self._database.read(
            "SELECT doc FROM documents WHERE attempts >= ? AND status = 'queued'", (MAX_ATTEMPTS,)
        )
        return [row["doc"] for row in rows]

    def retry(self, docs: Iterable[str]) -> None:
        """Give documents that failed three new attempts."""
        with self._database.write() as sql:
            sql.executemany(
                """UPDATE documents SET status = 'queued', attempts = 0, transient = 0, problem_code = NULL,
                   problem_message = NULL, problem_hint = NULL WHERE doc = ? AND status <> 'ready'""",
                [(doc,) for doc in docs],
            )

    def requeue(self, docs: Iterable[str]) -> None:
        """Have documents read again, whatever their state; their pages are no longer counted on."""
        with self._database.write() as sql:
            for doc in docs:
                sql.execute("DELETE FROM pages WHERE doc = ?", (doc,))
                sql.execute(
                    """UPDATE documents SET status = 'queued', attempts = 0, pages_done = 0, embedder = NULL
                       WHERE doc = ?""",
                    (doc,),
                )

    def start_document(self, doc: str) -> int:
        """Count an attempt before it begins; returns which one it is. What was read before no longer counts."""
        with self._database.write() as sql:
            sql.execute("DELETE FROM pages WHERE doc = ?", (doc,))
            row = sql.execute(
                """UPDATE documents SET attempts = attempts + 1, status = 'queued', pages_done = 0, embedder = NULL
                   WHERE doc = ? RETURNING attempts""",
                (doc,),
            )
            return int(row.fetchone()["attempts"])

    def give_back_attempts(self, docs: Iterable[str]) -> None:
        """An attempt that was broken off for a reason outside of the document does not count."""
        with self._database.write() as sql:
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
        chunks: int = 0,
        chunks_digest: str | None = None,
        title: str | None = None,
        seconds: float,
    ) -> None:
        """Record how reading a document ended, its pages with it, in one transaction.

        `transient` says that the problem may not come up at another attempt. What was extracted from an earlier
        reading is void, so its cells go. Chunks without a digest are not compared with it later.
        """
        with self._database.write() as sql:
            sql.execute(
                """UPDATE documents SET status = ?, pipeline = ?, media_type = ?, pages = ?, pages_done = ?, chunks = ?,
                   chunks_digest = ?, title = ?, problem_code = ?, problem_message = ?, problem_hint = ?, transient = ?,
                   seconds = ?, embedder = NULL,
                   attempts = CASE WHEN ? THEN 0 ELSE attempts END WHERE doc = ?""",
                (status, pipeline, media_type, pages, len(page_records), chunks, chunks_digest, title)
                + (*problem_columns(problem), transient, seconds, status == Status.READY, doc),
            )
            for table in ("cells", "pages", "notices"):
                sql.execute(f"DELETE FROM {table} WHERE doc = ?", (doc,))
            sql.executemany(
                """INSERT INTO pages (doc, number, text_source, quality, image_sha256, words_sha256)
                   VALUES (?, ?, ?, ?, ?, ?)""",
                [(doc, p.number, p.text_source, p.quality, p.image_sha256, p.words_sha256) for p in page_records],
            )
            sql.executemany(
                "INSERT INTO notices (doc, page, code, detail) VALUES (?, ?, ?, ?)",
                [(doc, notice.page, notice.code, notice.detail) for notice in notices],
            )

    def page_records(self, doc: str) -> list[PageRecord]:
        """What the pages of a document must look like in LanceDB."""
        rows = self._database.read("SELECT * FROM pages WHERE doc = ? ORDER BY number", (doc,))
        columns = ("number", "text_source", "quality", "image_sha256", "words_sha256")
        return [PageRecord(*(row[name] for name in columns)) for row in rows]

    def without_vectors(self) -> list[str]:
        """Documents that were read and whose vectors are not there yet, in the order in which they came."""
        rows = self._database.read(
            """SELECT doc FROM documents WHERE embedder IS NULL AND status IN ('ready', 'partial')
               ORDER BY added_at, rowid"""
        )
        return [row["doc"] for row in rows]

    def found_by_words_only(self) -> set[str]:
        """Documents whose vectors are not there, whatever their state: they cannot be found by meaning."""
        return {row["doc"] for row in self._database.read("SELECT doc FROM documents WHERE embedder IS NULL")}

    def set_vectors(self, docs: Iterable[str], embedder: str, digests: Mapping[str, str] | None = None) -> None:
        """Record that the vectors of documents are in the library, which model they are of, and their digests.

        Vectors without a digest are not compared with it later.
        """
        known = digests or {}
        with self._database.write() as sql:
            sql.executemany(
                "UPDATE documents SET embedder = ?, vectors_digest = ? WHERE doc = ?",
                [(embedder, known.get(doc), doc) for doc in docs],
            )

    def forget_vectors(self, docs: Iterable[str]) -> None:
        """Have the vectors of documents made again."""
        with self._database.write() as sql:
            sql.executemany("UPDATE documents SET embedder = NULL WHERE doc = ?", [(doc,) for doc in docs])

    def set_pictures(self, doc: str, digest: str | None) -> None:
        """Record the digest of the vectors of a document's page images; None before they are touched."""
        with self._database.write() as sql:
            sql.execute("UPDATE documents SET pictures_digest = ? WHERE doc = ?", (digest, doc))

    def row_digests(self, table: str) -> dict[str, str]:
        """The digest of what a table of the library (chunks, vectors, pictures) must hold, by document.

        Documents whose rows are still to be made, or were made by an earlier docqa, are not among them.
        """
        return {row[0]: row[1] for row in self._database.read(_ROW_DIGESTS[table])}

    def notices(self, doc: str) -> list[Notice]:
        """What people should know about the pages of a document, in order of page."""
        rows = self._database.read("SELECT page, code, detail FROM notices WHERE doc = ? ORDER BY page, code", (doc,))
        return [Notice(NoticeCode(row["code"]), row["page"], row["detail"]) for row in rows]

    # ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────

    def add_password(self, collection: str, password: str) -> int:
        """Keep a password for the encrypted documents of a collection and queue them to be read again; how many.

        It is kept as it is, like the pages that it opens. Raises UsageError for one that cannot be a password.
        """
        if not 0 < len(password) <= MAX_PASSWORD or not password.isprintable():
            raise UsageError("That cannot be a password.", f"Use 1 to {MAX_PASSWORD} characters in one line.")
        with self._database.write() as sql:
            sql.execute("INSERT INTO passwords VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (collection, password, now()))
            return sql.execute(
                """UPDATE documents SET status = 'queued', attempts = 0, problem_code = NULL, problem_message = NULL,
                   problem_hint = NULL WHERE status = 'needs_password'
                   AND doc IN (SELECT doc FROM labels WHERE collection = ?)""",
                (collection,),
            ).rowcount

    def passwords(self, collection: str) -> list[str]:
        """What may open the encrypted files of a collection, the newest first."""
        statement = "SELECT password FROM passwords WHERE collection = ? ORDER BY added_at DESC, password"
        return [row["password"] for row in self._database.read(statement, (collection,))]

    def passwords_for(self, doc: str) -> list[str]:
        """What may open a document: the passwords of every collection that it is in, the newest first, bounded."""
        rows = self._database.read(
            """SELECT password FROM passwords WHERE collection IN (SELECT collection FROM labels WHERE doc = ?)
               GROUP BY password ORDER BY max(added_at) DESC, password""",
            (doc,),
        )
        sizes = accumulate(len(json.dumps([row["password"]])) for row in rows)
        return [row["password"] for row, size in zip(rows, sizes, strict=True) if size <= _MOST_SECRET]

    # ── facts about the store ────────────────────────────────────────────────────────────────────────────────────

    def fact(self, name: str) -> str | None:
        """A fact that was recorded once, such as the embedder the vectors were made with."""
        rows = self._database.read("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    def set_fact(self, name: str, value: str) -> None:
        """Record a fact, replacing an earlier one."""
        with self._database.write() as sql:
            sql.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when nothing is."""
        found = [row[0] for row in self._database.read("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found


def _document(row: Row) -> Document:
    notices = row["notices"]
    return Document(
        doc=row["doc"],
        label=row["label"],
        collection=row["collection"],
        status=Status(row["status"]),
        bytes=row["bytes"],
        media_type=row["media_type"],
        pages=row["pages"],
        pages_done=row["pages_done"],
        attempts=row["attempts"],
        problem=problem_of(row),
        title=row["title"],
        added_at=row["added_at"],
        seconds=row["seconds"],
        chunks=row["chunks"],
        embedded=row["embedder"] is not None,
        notices=tuple(NoticeCode(code) for code in sorted(notices.split(","))) if notices else (),
    )
