"""The ledger of extractions: which were asked for, every cell that was filled, and what people said of cells.

A part of the catalog (`Catalog.ledger`). Every method that writes is one transaction. Not here: how cells are filled
(`docqa.extract`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from docqa.store.database import Database, Row, now, problem_columns, problem_of
from docqa.types import MAX_ATTEMPTS, Box, Cell, Correction, Document, Problem

_FORGOTTEN = timedelta(days=30)  #: no measurement takes as long
NOT_READ = "not_read"  #: code of the problem of a document that has no pages yet


_ADD_CELL = "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


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
    finished_at: str | None = None  #: when nothing was left to be done


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document of an extraction that lacks cells: how often it was tried, and whether the last try was cut off."""

    doc: str
    attempts: int
    cut_off: bool


class Ledger:
    """Reads and writes runs and cells; `documents` is `Catalog.documents`."""

    def __init__(self, database: Database, documents: Callable[..., list[Document]]) -> None:
        self._database = database
        self._documents = documents

    def start_run(self, fields: str, reader: str, version: str, docs: Iterable[str]) -> int:
        """Record an extraction and its work list; returns its number."""
        with self._database.write() as sql:
            run = sql.execute(
                "INSERT INTO runs (fields, reader, version, started_at) VALUES (?, ?, ?, ?)",
                (fields, reader, version, now()),
            ).lastrowid
            sql.executemany("INSERT INTO run_documents (run, doc) VALUES (?, ?)", [(run, doc) for doc in set(docs)])
        return int(run or 0)

    def start_measurement(self, fields: str, reader: str, version: str, docs: Iterable[str]) -> int:
        """Record an extraction that only measures; its number is below zero, and it is known by that alone."""
        with self._database.write() as sql:
            [(run,)] = sql.execute("SELECT min(0, coalesce(min(run), 0)) - 1 FROM runs").fetchall()
            sql.execute(
                "INSERT INTO runs (run, fields, reader, version, started_at) VALUES (?, ?, ?, ?, ?)",
                (run, fields, reader, version, now()),
            )
            sql.executemany("INSERT INTO run_documents (run, doc) VALUES (?, ?)", [(run, doc) for doc in set(docs)])
        return int(run)

    def drop_measurement(self, run: int) -> None:
        """Forget a measurement, and those that were killed so long ago that nobody is at them any more.

        Their cells stay: the same fields read again by the same reader have them already.
        """
        done = "run < 0 AND (run = ? OR run IN (SELECT run FROM runs WHERE started_at < ?))"
        long_ago = (datetime.now(UTC) - _FORGOTTEN).isoformat(timespec="seconds")
        with self._database.write() as sql:
            sql.execute(f"DELETE FROM run_documents WHERE {done}", (run, long_ago))
            sql.execute(f"DELETE FROM runs WHERE {done}", (run, long_ago))

    def runs(self, run: int | None = None) -> list[Run]:
        """All extractions with their progress, the newest first; or the one asked for, which may be a measurement."""
        rows = self._database.read(
            f"""SELECT r.*, count(d.doc) AS documents, coalesce(sum(d.done), 0) AS done,
                      coalesce(sum(NOT d.done AND d.problem_code IS NOT NULL AND d.attempts >= ?), 0) AS failed
               FROM runs r LEFT JOIN run_documents d USING (run)
               WHERE {"run > 0" if run is None else "run = ?"} GROUP BY run ORDER BY run DESC""",
            (MAX_ATTEMPTS, *(() if run is None else (run,))),
        )
        columns = ("run", "fields", "reader", "version", "started_at", "documents", "done", "failed", "finished_at")
        return [Run(cancelled=bool(row["cancelled"]), **{name: row[name] for name in columns}) for row in rows]

    def newest_runs(self, count: int) -> list[tuple[int, str, str, str | None]]:
        """Number, fields (as they were started with), begin and end of the newest extractions that have documents."""
        rows = self._database.read(
            """SELECT run, fields, started_at, finished_at FROM runs r
               WHERE run > 0 AND EXISTS (SELECT 1 FROM run_documents d WHERE d.run = r.run)
               ORDER BY run DESC LIMIT ?""",
            (count,),
        )
        return [(row["run"], row["fields"], row["started_at"], row["finished_at"]) for row in rows]

    def run_size(self, run: int) -> int:
        """How many documents an extraction has."""
        return int(self._database.read("SELECT count(*) FROM run_documents WHERE run = ?", (run,))[0][0])

    def run_documents(self, run: int, docs: Iterable[str] | None = None) -> list[tuple[Document, Problem | None]]:
        """The documents of an extraction, or some of them, by label, each with the problem it was left with."""
        some = "" if docs is None else "AND doc IN (SELECT value FROM json_each(?))"
        values = (run,) if docs is None else (run, json.dumps(list(docs)))
        rows = self._database.read(f"SELECT * FROM run_documents WHERE run = ? {some}", values)
        problems = {row["doc"]: problem_of(row) for row in rows}
        return [(document, problems[document.doc]) for document in self._documents(docs=problems)]

    def run_docs(self, run: int) -> set[str]:
        """The documents of an extraction, withdrawn ones too."""
        return {row["doc"] for row in self._database.read("SELECT doc FROM run_documents WHERE run = ?", (run,))}

    def run_pending(self, run: int) -> list[str]:
        """Documents of an extraction that still lack cells and were not set aside; none once it was cancelled."""
        return [waiting.doc for waiting in self.run_waiting(run)]

    def run_waiting(self, run: int) -> list[Waiting]:
        """The same documents with what is known of the attempts at them."""
        rows = self._database.read(
            """SELECT d.doc, d.attempts, d.problem_code FROM run_documents d JOIN runs r USING (run)
               WHERE run = ? AND NOT d.done AND d.attempts < ? AND NOT r.cancelled ORDER BY d.doc""",
            (run, MAX_ATTEMPTS),
        )
        return [
            Waiting(row["doc"], row["attempts"], row["attempts"] > 0 and row["problem_code"] is None) for row in rows
        ]

    def runs_left(self, run: int | None = None) -> list[int]:
        """The extractions with documents that lack cells and wait for somebody, the newest first; or the one asked for.

        A measurement is somebody's own, and is only told to who asks for it.
        """
        rows = self._database.read(
            f"""SELECT DISTINCT run FROM run_documents d JOIN runs r USING (run)
               WHERE NOT d.done AND {"run > 0" if run is None else "run = ?"}
               AND (d.attempts < ? AND NOT r.cancelled OR d.attempts >= ? AND d.problem_code IS NULL)
               ORDER BY run DESC""",
            (*(() if run is None else (run,)), MAX_ATTEMPTS, MAX_ATTEMPTS),
        )
        return [row["run"] for row in rows]

    def run_cancelled(self, run: int) -> bool:
        """Whether somebody cancelled an extraction, or it is not there."""
        return not self._database.read("SELECT 1 FROM runs WHERE run = ? AND NOT cancelled", (run,))

    def run_exhausted(self, run: int) -> list[str]:
        """Documents of an extraction whose attempts were all cut off (power, kill -9): none left, and no problem."""
        rows = self._database.read(
            "SELECT doc FROM run_documents WHERE run = ? AND NOT done AND attempts >= ? AND problem_code IS NULL",
            (run, MAX_ATTEMPTS),
        )
        return [row["doc"] for row in rows]

    def renew_run(self, run: int, version: str) -> None:
        """The reader changed: everything in this extraction is to be done again, under the new version."""
        with self._database.write() as sql:
            sql.execute("UPDATE runs SET version = ?, finished_at = NULL WHERE run = ?", (version, run))
            sql.execute("UPDATE run_documents SET done = 0, attempts = 0 WHERE run = ?", (run,))

    def cancel_run(self, run: int) -> None:
        """Stop an extraction after the document it is at; its finished cells stay."""
        with self._database.write() as sql:
            sql.execute("UPDATE runs SET cancelled = 1 WHERE run = ?", (run,))

    def reopen_run(self, run: int, field_keys: Sequence[str], docs: Iterable[str], *, retry: bool) -> int:
        """Have an extraction take in more documents, and whatever it lacks cells of; returns how many those are.

        A document that could not be read yet when it was its turn counts as lacking cells; one that was set aside for
        another reason only with `retry`.
        """
        lacks = """(SELECT count(*) FROM cells c WHERE c.doc = run_documents.doc
                    AND c.field_key IN (SELECT value FROM json_each(?))) < ?"""
        with self._database.write() as sql:
            sql.executemany(
                "INSERT INTO run_documents (run, doc) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(run, doc) for doc in set(docs)],
            )
            sql.execute(
                f"""UPDATE run_documents SET done = 0, attempts = 0 WHERE run = ? AND (done AND {lacks}
                    OR NOT done AND attempts >= ? AND problem_code IS NOT NULL AND (? OR problem_code = ?))""",
                (run, json.dumps(list(field_keys)), len(field_keys), MAX_ATTEMPTS, retry, NOT_READ),
            )
            sql.execute("UPDATE runs SET cancelled = 0, finished_at = NULL WHERE run = ?", (run,))
        return len(self.run_pending(run))

    def start_run_document(self, run: int, doc: str) -> None:
        """Count an attempt before it begins."""
        self.start_run_documents(run, [doc])

    def start_run_documents(self, run: int, docs: Iterable[str]) -> None:
        """Count an attempt at each of several documents that are begun together."""
        with self._database.write() as sql:
            sql.executemany(
                "UPDATE run_documents SET attempts = attempts + 1 WHERE run = ? AND doc = ?",
                [(run, doc) for doc in docs],
            )

    def release_run_documents(self, run: int, docs: Iterable[str]) -> None:
        """Take back the attempts at documents that were begun and left in good order."""
        with self._database.write() as sql:
            sql.executemany(
                "UPDATE run_documents SET attempts = attempts - 1 WHERE run = ? AND doc = ? AND NOT done",
                [(run, doc) for doc in docs],
            )

    def finish_run_document(self, run: int, doc: str, cells: Sequence[tuple[str, Cell]]) -> None:
        """Commit the new cells of one document, each with its field key, and that the run is done with it."""
        self.finish_run_documents(run, [(doc, cells)])

    def finish_run_documents(self, run: int, filled: Iterable[tuple[str, Sequence[tuple[str, Cell]]]]) -> None:
        """Commit the new cells of documents that are whole, and that the run is done with them."""
        with self._database.write() as sql:
            for doc, cells in filled:
                sql.executemany(_ADD_CELL, [_cell_columns(key, cell) for key, cell in cells])
                sql.execute(
                    """UPDATE run_documents SET done = 1, problem_code = NULL, problem_message = NULL,
                       problem_hint = NULL WHERE run = ? AND doc = ?""",
                    (run, doc),
                )

    def finish_run(self, run: int) -> None:
        """Record when nothing was left to be done."""
        with self._database.write() as sql:
            sql.execute("UPDATE runs SET finished_at = ? WHERE run = ?", (now(), run))

    def fail_run_document(
        self, run: int, doc: str, problem: Problem, cells: Sequence[tuple[str, Cell]] = (), *, final: bool
    ) -> None:
        """Record why a document got no cells, or not those it lacks besides `cells`; `final` sets it aside at once."""
        with self._database.write() as sql:
            sql.executemany(_ADD_CELL, [_cell_columns(key, cell) for key, cell in cells])
            sql.execute(
                """UPDATE run_documents SET problem_code = ?, problem_message = ?, problem_hint = ?,
                   attempts = CASE WHEN ? THEN ? ELSE attempts END WHERE run = ? AND doc = ?""",
                (*problem_columns(problem), final, MAX_ATTEMPTS, run, doc),
            )

    def postpone_run_document(self, run: int, doc: str, problem: Problem) -> None:
        """Record what stopped the run at this document, without counting it as an attempt at the document."""
        with self._database.write() as sql:
            sql.execute(
                """UPDATE run_documents SET problem_code = ?, problem_message = ?, problem_hint = ?,
                   attempts = attempts - 1 WHERE run = ? AND doc = ?""",
                (*problem_columns(problem), run, doc),
            )

    def cells(self, doc: str, field_keys: Sequence[str]) -> dict[str, Cell]:
        """The finished cells of one document, by field key."""
        return self.cells_of([doc], field_keys)[doc]

    def cells_of(self, docs: Sequence[str], field_keys: Sequence[str]) -> dict[str, dict[str, Cell]]:
        """The finished cells of several documents, by document and field key; in one query."""
        found: dict[str, dict[str, Cell]] = {doc: {} for doc in docs}
        rows = self._database.read(
            """SELECT * FROM cells WHERE doc IN (SELECT value FROM json_each(?))
               AND field_key IN (SELECT value FROM json_each(?))""",
            (json.dumps(list(docs)), json.dumps(list(field_keys))),
        )
        for row in rows:
            found[row["doc"]][row["field_key"]] = _cell(row)
        return found

    def run_values(self, run: int, field_keys: Sequence[str]) -> dict[str, dict[str, str]]:
        """The values of some fields of all documents of an extraction, by document and field key: no evidence."""
        found: dict[str, dict[str, str]] = {}
        for row in self._database.read(
            """SELECT c.doc, c.field_key, c.value FROM run_documents d JOIN cells c USING (doc)
               WHERE d.run = ? AND c.field_key IN (SELECT value FROM json_each(?)) AND c.value IS NOT NULL""",
            (run, json.dumps(list(field_keys))),
        ):
            found.setdefault(row["doc"], {})[row["field_key"]] = row["value"]
        return found

    def run_readers(self, run: int, field_keys: Sequence[str]) -> set[str]:
        """Who read the cells of an extraction."""
        rows = self._database.read(
            """SELECT DISTINCT c.reader FROM run_documents d JOIN cells c USING (doc)
               WHERE d.run = ? AND c.field_key IN (SELECT value FROM json_each(?))""",
            (run, json.dumps(list(field_keys))),
        )
        return {row["reader"] for row in rows}

    def run_state(self, run: int) -> tuple[object, ...]:
        """Changes whenever `run_stamps` does: read ten times as fast, to be compared."""
        [row] = self._database.read(
            """SELECT count(*), total((8 * r.attempts + 2 * r.done + (r.problem_code IS NOT NULL)) * d.rowid),
                      total(length(r.problem_code) * d.rowid), total(d.seconds * d.rowid), total(d.pages_done * d.rowid)
               FROM run_documents r JOIN documents d USING (doc) WHERE r.run = ?""",
            (run,),
        )
        return tuple(row)

    def run_stamps(self, run: int) -> dict[str, tuple[object, ...]]:
        """For each document of an extraction something that changes when its cells or its problem do."""
        rows = self._database.read(
            """SELECT r.doc, r.done, r.attempts, r.problem_code, d.seconds, d.pages_done
               FROM run_documents r JOIN documents d USING (doc) WHERE r.run = ?""",
            (run,),
        )
        return {row["doc"]: tuple(row)[1:] for row in rows}

    def run_labels(self, run: int) -> tuple[object, ...]:
        """Changes whenever a document of an extraction is called otherwise, or is withdrawn; to be compared."""
        [row] = self._database.read(
            """SELECT count(*), max(added_at), count(DISTINCT doc) FROM labels
               WHERE doc IN (SELECT doc FROM run_documents WHERE run = ?)""",
            (run,),
        )
        return tuple(row)

    # ── what people said of cells ────────────────────────────────────────────────────────────────────────────────

    def correct(self, said: Correction) -> None:
        """Add what a person said of a cell; nothing that was said before is lost."""
        place = (said.doc, said.field, said.row, said.column)
        with self._database.write() as sql:
            sql.execute(
                """INSERT INTO corrections
                   (doc, field, in_row, in_column, value, read, who, at, note, withdrawn, currency)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (*place, said.value, said.read, said.who, said.at, said.note, said.withdrawn, said.currency),
            )

    def corrections(self, doc: str | None = None) -> list[Correction]:
        """Everything people said of cells, the oldest first, withdrawn documents included; or of one document."""
        return self._corrections(None if doc is None else [doc])

    def _corrections(self, docs: Sequence[str] | None) -> list[Correction]:
        same = ("doc", "field", "value", "who", "at", "note", "read", "currency")
        some = "true" if docs is None else "doc IN (SELECT value FROM json_each(?))"
        values = () if docs is None else (json.dumps(list(docs)),)
        return [
            Correction(
                row=row["in_row"],
                column=row["in_column"],
                withdrawn=bool(row["withdrawn"]),
                **{name: row[name] for name in same},
            )
            for row in self._database.read(f"SELECT * FROM corrections WHERE {some} ORDER BY number", values)
        ]

    def corrections_since(self, number: int) -> tuple[int, set[str]]:
        """The number of the newest correction, and the documents of those that came after the one of that number."""
        rows = self._database.read("SELECT number, doc FROM corrections WHERE number > ?", (number,))
        return max((row["number"] for row in rows), default=number), {row["doc"] for row in rows}

    def corrections_in_force(self, docs: Sequence[str] | None = None) -> dict[str, list[Correction]]:
        """The newest word on every cell, or on those of some documents, by document; without what was withdrawn."""
        newest = {(one.doc, one.field, one.row, one.column): one for one in self._corrections(docs)}
        by_doc: dict[str, list[Correction]] = {}
        for one in newest.values():
            if not one.withdrawn:
                by_doc.setdefault(one.doc, []).append(one)
        return by_doc

    def corrections_lost(self) -> int:
        """How many corrections were written and are not there any more; 0 in a sound store."""
        [row] = self._database.read(
            """SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'corrections'), 0)
                      - (SELECT count(*) FROM corrections) AS lost"""
        )
        return int(row["lost"])


def _cell_columns(field_key: str, cell: Cell) -> tuple[object, ...]:
    evidence = (cell.value, cell.text, cell.page, cell.quote, json.dumps(cell.boxes), cell.score, cell.reader)
    return (cell.doc, field_key, cell.field, *evidence, *problem_columns(cell.problem), now(), _details(cell))


#: What of a cell is in the column of its details; the cells of a table's rows are in there.
_DETAILS = ("currency", "confidence", "doubts", "rows", "signs", "version", "attempt")
#: What is kept of a cell in a row of a table, but for what is as in an empty cell; its document is the table's.
_INSIDE = ("value", "text", "page", "quote", "boxes", "score", "reader", "problem", *_DETAILS)


_EMPTY = Cell("", "", None, None, None, None)


def _details(cell: Cell) -> str:
    known = _said(cell, _DETAILS)
    if cell.rows:
        known["rows"] = [[_inside(one) for one in row] for row in cell.rows]
    return json.dumps(known, ensure_ascii=False, default=asdict)


def _inside(cell: Cell) -> dict[str, object]:
    return {"field": cell.field, **_said(cell, _INSIDE)}


def _said(cell: Cell, names: Iterable[str]) -> dict[str, object]:
    return {name: value for name in names if (value := getattr(cell, name)) != getattr(_EMPTY, name)}


def _boxes(stored: Iterable[Sequence[float]]) -> tuple[Box, ...]:
    return tuple([(x0, y0, x1, y1) for x0, y0, x1, y1 in stored])


def _cell(row: Row) -> Cell:
    known = json.loads(row["details"])
    boxes = row["boxes"]
    known["boxes"] = json.loads(boxes) if boxes != "[]" else ()
    for name in ("field", "value", "text", "page", "quote", "score", "reader", "filled_at"):
        known[name] = row[name]
    return _whole(row["doc"], known, problem_of(row))


def _whole(doc: str, known: dict[str, Any], problem: Problem | None) -> Cell:
    """A cell from what was kept of it."""
    take = known.get
    doubts, signs, rows = take("doubts"), take("signs"), take("rows")
    return Cell(
        doc,
        known["field"],
        take("value"),
        take("text"),
        take("page"),
        take("quote"),
        _boxes(take("boxes", ())),
        take("score", 0.0),
        take("reader", ""),
        problem,
        take("currency"),
        take("confidence"),
        tuple([Problem(**doubt) for doubt in doubts]) if doubts else (),
        tuple([tuple([_of_row(doc, cell) for cell in row]) for row in rows]) if rows else (),
        tuple([(str(name), float(value)) for name, value in signs]) if signs else (),
        take("version", ""),
        take("attempt", 0),
        take("filled_at", ""),
    )


def _of_row(doc: str, kept: dict[str, Any]) -> Cell:
    """A cell of a table's row; an earlier docqa kept its document, too, and what is empty."""
    problem = kept.get("problem")
    return _whole(doc, kept, None if problem is None else Problem(**problem))
