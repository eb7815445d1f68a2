"""An extraction as a table: a row a document, with its cells and what people said of them.

A table of 20,000 documents is gone through without being in memory: its rows are read a piece at a time. Also what only
the whole table shows, and the run it came from. Not here: filling cells (`docqa.extract.run`), saying
something of one (`docqa.extract.review`), and files (`docqa.extract.export`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from docqa.extract.calibration import calibration_in
from docqa.extract.checks import doubt, duplicate_fields, duplicates
from docqa.extract.confidence import DOUBTED, Calibration
from docqa.extract.fields import field_key
from docqa.extract.run import run_fields
from docqa.store import Store
from docqa.store.ledger import Run
from docqa.types import Cell, Correction, Document, FieldSpec, Problem

_PIECE = 256  #: documents whose cells are read together: 3 MB of invoices with their items

#: Names a cell of a row: the field, and within a table its row, from 1, and column.
Place = tuple[str, int, str]
_Known = tuple[Document, Problem | None]  # a document, and why it has no cells


class State(StrEnum):
    """How far a cell can be relied on, in the words that are shown."""

    CORRECTED = "corrected"  #: a person gave another value than the machine read
    ACCEPTED = "accepted"  #: a person looked, and the machine was right
    DOUBTFUL = "doubtful"  #: a check failed, or a value could not be used: somebody should look
    UNSEEN = "not looked at"  #: read by the machine, and nothing speaks against it
    EMPTY = "empty"  #: nothing was found
    NOT_READ = "not read"  #: the document has no such cell (yet)

    @property
    def checked(self) -> bool:
        """Whether a person said so."""
        return self in (State.CORRECTED, State.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Row:
    """One document of an extraction: its cells by name of field, what people said of them, and why there are none.

    `corrections` are those in force of whole fields, `in_tables` those of the cells of a table, and of whole rows of
    it, whose column is empty. A correction within a table stands for what was read in that row; where another reading
    has other rows it is `displaced`, counts nothing, and is shown for somebody to look at.
    """

    document: Document
    cells: dict[str, Cell]
    problem: Problem | None
    corrections: dict[str, Correction] = field(default_factory=dict)
    in_tables: dict[Place, Correction] = field(default_factory=dict)
    displaced: tuple[Correction, ...] = ()

    def said(self, name: str, row: int = 0, column: str = "") -> Correction | None:
        """What a person said of a cell, if it is in force."""
        return self.in_tables.get((name, row, column)) if row else self.corrections.get(name)

    def newest_said(self, name: str) -> Correction | None:
        """The last that a person said of a field, of the cells of a table, too."""
        inside = [one for one in self.in_tables.values() if one.field == name]
        return self.said(name) or max(inside, key=lambda one: one.at, default=None)

    def value(self, name: str, row: int = 0, column: str = "") -> str | None:
        """What a cell holds: the corrected value, else the machine's."""
        said = self.said(name, row, column)
        if said is not None:
            return said.value
        cell = self.cell(name, row, column)
        return None if cell is None else cell.value

    def currency(self, name: str, row: int = 0, column: str = "") -> str | None:
        """Of an amount: the currency a person named, else the one the machine read beside its value."""
        said, cell = self.said(name, row, column), self.cell(name, row, column)
        if said is not None and (said.currency is not None or said.value is None):
            return said.currency
        return None if cell is None else cell.currency

    def cell(self, name: str, row: int = 0, column: str = "") -> Cell | None:
        """What the machine read, whatever people said."""
        cell = self.cells.get(name)
        if not row or cell is None:
            return cell
        return next((one for line in cell.rows[row - 1 : row] for one in line if one.field == column), None)

    def state(self, name: str, row: int = 0, column: str = "") -> State:
        """How far a cell can be relied on; a table is as a person left any of its cells."""
        cell, said = self.cell(name, row, column), self.said(name, row, column)
        if said is not None:
            read = (None, None) if cell is None else (cell.value, cell.currency)
            same = (said.value, said.currency or read[1]) == read
            return State.ACCEPTED if same else State.CORRECTED
        if not row and any(one.field == name and one.value != one.read for one in self.in_tables.values()):
            return State.CORRECTED
        if cell is None:
            return State.NOT_READ
        if cell.doubts or cell.problem is not None or (not row and self.displaced_in(name)):
            return State.DOUBTFUL
        return State.EMPTY if cell.value is None else State.UNSEEN

    def rows(self, table: FieldSpec) -> list[int]:
        """The rows of a table by number, those people added included and those they struck out not."""
        cell = self.cells.get(table.name)
        added = [row for name, row, _ in self.in_tables if name == table.name]
        numbers = {*range(1, 1 + (0 if cell is None else len(cell.rows))), *added}
        return [number for number in sorted(numbers) if self.said(table.name, number) is None]

    def next_row(self, table: FieldSpec) -> int:
        """The number of the row that would be added to a table; numbers of rows that were struck out stay taken."""
        cell = self.cells.get(table.name)
        return 1 + max(
            [0 if cell is None else len(cell.rows), *(n for name, n, _ in self.in_tables if name == table.name)]
        )

    def struck_out(self, table: FieldSpec) -> list[int]:
        """The rows of a table that people said are none."""
        return sorted(number for name, number, column in self.in_tables if (name, column) == (table.name, ""))

    def displaced_in(self, name: str) -> list[Correction]:
        """Corrections of a table's cells that fit none of its rows any more."""
        return [one for one in self.displaced if one.field == name]


def with_currency(value: str, currency: str | None) -> str:
    """An amount as it is shown and may be typed again."""
    return value if currency is None else f"{value} {currency}"


class Rows(Protocol):
    """Rows that can be gone through, and again: a list of them, or a table of which only a piece is in memory."""

    def __iter__(self) -> Iterator[Row]:
        """One after the other."""
        ...

    def __len__(self) -> int:
        """How many there are."""
        ...


class RunTable:
    """The documents of an extraction in order of label; their cells are read when they are wanted.

    What is known of the documents is that of the moment it was made; cells and what people said are read anew.
    """

    def __init__(self, store: Store, run: int) -> None:
        self._store, self._run = store, run
        self._ledger = store.catalog.ledger
        self.record = self._ledger.runs(run)[0]
        self.fields = run_fields(self.record)
        self._keys = {field_key(field, self.record.version): field.name for field in self.fields}
        self.documents = self._ledger.run_documents(run)

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Row]:
        said = self._ledger.corrections_in_force()
        for piece in _pieces(self.documents):
            yield from self._read(piece, said)

    def rows(self, docs: Sequence[str], *, compared: bool = True) -> list[Row]:
        """The rows of some documents, in the order they are asked for; one that is not in the table is left out.

        Without being `compared` with all others a document is not said to be the double of another one.
        """
        there = [self._by_doc[doc] for doc in docs if doc in self._by_doc]
        said = self._ledger.corrections_in_force(docs)
        return [row for piece in _pieces(there) for row in self._read(piece, said, compared=compared)]

    def look_again(self, docs: Sequence[str]) -> None:
        """Take notice of what became of some documents."""
        newer = {document.doc: (document, problem) for document, problem in self._ledger.run_documents(self._run, docs)}
        self.documents = [newer.get(document.doc, (document, problem)) for document, problem in self.documents]
        for name in ("_by_doc", "_doubles"):
            self.__dict__.pop(name, None)

    def doubles(self) -> frozenset[str]:
        """The documents that say the same as an earlier one of the table."""
        return frozenset(self._doubles)

    def readers(self) -> set[str]:
        """Who read the cells."""
        return self._ledger.run_readers(self.record.run, list(self._keys))

    def _read(
        self,
        piece: Sequence[_Known],
        said: Mapping[str, Sequence[Correction]],
        *,
        compared: bool = True,
    ) -> Iterator[Row]:
        calibration = calibration_in(self._store.folder)
        found = self._ledger.cells_of([document.doc for document, _ in piece], list(self._keys))
        for document, problem in piece:
            cells = {self._keys[key]: _rated(cell, calibration) for key, cell in found[document.doc].items()}
            row = reviewed(self.fields, Row(document, cells, problem), said.get(document.doc, ()))
            yield self._marked(row) if compared else row

    @cached_property
    def _by_doc(self) -> dict[str, _Known]:
        return {document.doc: (document, problem) for document, problem in self.documents}

    @cached_property
    def _doubles(self) -> dict[str, tuple[str, str]]:
        """For each document that says the same as an earlier one of the table: the field and the earlier one."""
        keys, amounts = duplicate_fields(self.fields)
        names = {key: name for key, name in self._keys.items() if name in (*keys, *amounts)}
        values = self._ledger.run_values(self.record.run, list(names)) if keys and amounts else {}
        ordered = {
            document.doc: {names[key]: value for key, value in values[document.doc].items()}
            for document, _ in self.documents
            if document.doc in values
        }
        return duplicates(self.fields, ordered)

    def _marked(self, row: Row) -> Row:
        """Say of a document that an earlier one in the table says the same."""
        name, other = self._doubles.get(row.document.doc, ("", ""))
        if name not in row.cells:
            return row
        said = doubt("duplicate", f"{self._by_doc[other][0].label} has the same {name} and the same amounts.")
        cell = row.cells[name]
        marked = replace(cell, doubts=(*cell.doubts, said), confidence=min(cell.confidence or 0.0, DOUBTED))
        return replace(row, cells={**row.cells, name: marked})


def _pieces(known: Sequence[_Known]) -> Iterator[Sequence[_Known]]:
    return (known[start : start + _PIECE] for start in range(0, len(known), _PIECE))


def run_table(store: Store, run: int) -> list[Row]:
    """All rows of an extraction at once, in order of label."""
    return list(RunTable(store, run))


def _rated(cell: Cell, calibration: Calibration) -> Cell:
    """A cell as sure as the calibration that counts now says, which may be younger than the cell."""
    if cell.rows:
        cell = replace(cell, rows=tuple(tuple(_rated(one, calibration) for one in row) for row in cell.rows))
    if not cell.signs:
        return cell
    confidence = calibration.confidence(cell)
    return cell if confidence == cell.confidence else replace(cell, confidence=confidence)


def reviewed(fields: Sequence[FieldSpec], row: Row, said: Iterable[Correction]) -> Row:
    """A row with the corrections in force that are about its fields."""
    columns = {field.name: {column.name for column in field.columns} for field in fields}
    known = [one for one in said if one.field in columns]
    in_tables: dict[Place, Correction] = {}
    displaced = []
    for one in known:
        if not one.row or one.column not in columns[one.field] | {""}:
            continue
        if _fits(one, row):
            in_tables[one.field, one.row, one.column] = one
        else:
            displaced.append(one)
    whole = {one.field: one for one in known if not one.row}
    return replace(row, corrections=whole, in_tables=in_tables, displaced=tuple(displaced))


def _fits(said: Correction, row: Row) -> bool:
    """Whether a table's row still reads as it did when somebody corrected it, or as it was corrected."""
    if said.column:
        cell = row.cell(said.field, said.row, said.column)
        return (None if cell is None else cell.value) in (said.read, said.value)
    return row_text(row.cells.get(said.field), said.row) in (said.read, None)


def row_text(table: Cell | None, number: int) -> str | None:
    """A row of a table as one text, by which it is known again; None where there is no such row."""
    rows = () if table is None else table.rows[number - 1 : number]
    return next((" · ".join(cell.value or "" for cell in cells) for cells in rows), None)


# ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RunSheet:
    """What an extraction was: who read which documents when, and what came of it."""

    run: int
    started: str  #: ISO 8601, UTC
    finished: str | None  #: None while documents are left
    reader: str  #: "quote" or "vision", as it was asked for
    version: str  #: of the reader: prompts, model and image budget
    model: str | None  #: that read cells; None if it was the built-in reader alone
    collection: str  #: of the documents; several are joined
    documents: int
    failed: tuple[tuple[str, Problem], ...]  #: label → why it got no cells
    unfinished: int  #: documents that still lack cells without a problem
    withdrawn: int = 0  #: documents that were read and are not in the store any more


def run_sheet(record: Run, rows: Rows) -> RunSheet:
    """What there is to say of an extraction whose table is given."""
    if isinstance(rows, RunTable):
        return _sheet(record, rows.documents, rows.readers())
    known = [(row.document, row.problem) for row in rows]
    return _sheet(record, known, {cell.reader for row in rows for cell in row.cells.values()})


def _sheet(record: Run, documents: Sequence[_Known], readers: Iterable[str]) -> RunSheet:
    models = sorted({reader.partition(":")[2] for reader in readers if ":" in reader})
    return RunSheet(
        run=record.run,
        started=record.started_at,
        finished=record.finished_at,
        reader=record.reader,
        version=record.version,
        model=", ".join(models) or None,
        collection=", ".join(sorted({document.collection for document, _ in documents})),
        documents=len(documents),
        failed=tuple((document.label, problem) for document, problem in documents if problem is not None),
        unfinished=record.documents - record.done - record.failed,
        withdrawn=record.documents - len(documents),
    )
