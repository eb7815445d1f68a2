"""A table as a workbook: which sheets there are, and what of a cell is shown on them.

The first sheet has a row a document, every table field a sheet with a row for each of its rows. "Cells" lists every
value with its quote, to be sorted and filtered, and "Run" says which documents were read by what, which failed and why,
and what the colours mean. A value carries a comment with its page, its quote and what people said of it, and a link
that opens the page in the browser interface. Not here: how a cell is written (`docqa.extract.export.sheets`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote_plus

from docqa.errors import UsageError
from docqa.extract.confidence import DOUBTED
from docqa.extract.export.files import checked_address, problems_in, problems_of, shown_value
from docqa.extract.export.sheets import MOST_NAME, MOST_ROWS, Book, Sheet, folder_beside
from docqa.extract.table import Row, Rows, RunSheet, State, with_currency
from docqa.types import Cell, Correction, Document, FieldSpec, FieldType, Problem

SURE = 0.9  #: confidence from which a cell is shown as sure: where it can be believed, nine of ten such are right
_MOST_QUOTE = 600  #: characters of a quote in a comment; "Cells" has the whole of it
_HELD = 1_000  #: documents whose rows are kept in memory instead of being read for every sheet: 40 kB each
_MEANINGS = {
    "corrected": "corrected by a person; the comment says what the machine had read",
    "accepted": "looked at by a person, and right",
    "sure": f"read by the machine, with a confidence of {SURE} or more",
    "unsure": f"read by the machine, with a confidence between {DOUBTED} and {SURE}",
    "doubtful": f"to be looked at: a check failed, or the confidence is {DOUBTED} or less",
    "empty": "not found in the document",
    "plain": "read by the machine and not rated, such as rows of tables that an earlier docqa read",
}
_CELLS = {
    "document": 28, "field": 22, "row": 6, "value": 28, "state": 15, "machine": 20, "confidence": 13, "page": 8,
    "quote": 60, "problem": 48, "who": 14, "when (UTC)": 19, "remark": 30,
}  # fmt: skip
_Told = tuple[Document, Problem | None, int]  # a document, why it failed, and how many of its cells to look at
_FACTS = (34, 62, 11, 13, 60, 60)  # widths on the sheet of the run


def xlsx_bytes(fields: Sequence[FieldSpec], rows: Rows, run: RunSheet, address: str | None = None) -> bytes:
    """A workbook that fits into memory as the bytes of its file. Raises UsageError."""
    out = io.BytesIO()
    write_xlsx(out, fields, rows, run, address)
    return out.getvalue()


def write_xlsx(
    out: BinaryIO,
    fields: Sequence[FieldSpec],
    rows: Rows,
    run: RunSheet,
    address: str | None = None,
    beside: Path | None = None,
) -> None:
    """Write the workbook; the rows are gone through once for each sheet, and once before: few of them are held for it.

    `address` is where the browser interface is found; None leaves the links out. Lines that were written go into a
    folder of their own in `beside`; None keeps them in memory. Raises UsageError if the table does not fit or the
    address is none, OSError.
    """
    place = None if address is None else f"{checked_address(address)}/extract?run={run.run}"
    rows = list(rows) if len(rows) <= _HELD else rows
    extent = _Extent.of(fields, rows)
    _check_size(fields, extent)
    with ExitStack() as stack:
        folder = None if beside is None else stack.enter_context(folder_beside(beside))
        book = Book(out, f"docqa, extraction {run.run}", folder)
        tables = [one for one in fields if one.type is FieldType.TABLE]
        first, *others = [book.add(name) for name in _sheet_names(tables)]
        begins = {
            one.name: (sheet.name, _write_rows(sheet, one, rows, extent, place))
            for one, sheet in zip(tables, others, strict=True)
        }
        told = _write_documents(first, fields, rows, extent, begins, place)
        _write_cells(book, fields, rows, extent.cells, place)
        _write_run(book.add("Run"), fields, told, run)
        book.close()


@dataclass(slots=True)
class _Extent:
    """How much there is to write: what has to be known of all rows before the first is written."""

    documents: int = 0
    label: int = 0  #: characters of the longest
    longest: dict[tuple[str, str], int] = field(default_factory=dict)  #: of a field's or a column's values, characters
    sizes: dict[str, int] = field(default_factory=dict)  #: rows of all documents' tables
    cells: int = 0  #: lines of "Cells"
    failed: bool = False  #: whether any document did

    @classmethod
    def of(cls, fields: Sequence[FieldSpec], rows: Rows) -> _Extent:
        """Go through the rows."""
        found = cls(sizes={one.name: 0 for one in fields if one.type is FieldType.TABLE})
        for row in rows:
            found.documents += 1
            found.label = max(found.label, len(row.document.label))
            found.failed = found.failed or row.problem is not None
            for shown in _every_cell(fields, row):
                found.cells += 1
                if not shown.number:
                    continue
                found._see(shown.field.name, shown.spec.name, shown.value)
            for one in fields:
                found._see(one.name, "", row.value(one.name))
                if one.type is FieldType.TABLE:
                    found.sizes[one.name] += len(row.rows(one))
        return found

    def _see(self, name: str, column: str, value: str | None) -> None:
        self.longest[name, column] = max(self.longest.get((name, column), 0), len(value or ""))

    def width(self, spec: FieldSpec, name: str, column: str, most: int) -> int:
        """As wide as the longest value, the name with its filter button, and an amount with its currency."""
        room = 8 if spec.type is FieldType.AMOUNT else 2
        longest = self.longest.get((name, column))
        return min(most, max(len(spec.name) + 4, 8, 0 if longest is None else longest + room))

    def width_of_labels(self, least: int, most: int) -> int:
        """As wide as the longest label."""
        return min(most, max(least, self.label + 2))


def _check_size(fields: Sequence[FieldSpec], extent: _Extent) -> None:
    most = MOST_ROWS - 1_000 - sum(1 + len(field.columns) for field in fields)  # the sheet of the run has more above
    for name, size in {"documents": extent.documents, **extent.sizes}.items():
        if size > most:
            message = f"A sheet of a workbook cannot hold {size:,} rows ({name}): {most:,} at most."
            raise UsageError(message, "Write the table as .csv or .json, or extract from fewer documents at a time.")


def _sheet_names(tables: Sequence[FieldSpec]) -> list[str]:
    """Names that Excel takes: short, and different whatever the case of their letters."""
    names, taken = ["Documents"], {"documents", "cells", "run", "history"}
    for table in tables:
        name, number = table.name[:MOST_NAME], 1
        while name.casefold() in taken:
            number += 1
            name = f"{table.name[: MOST_NAME - 1 - len(str(number))]}_{number}"
        names.append(name)
        taken.add(name.casefold())
    return names


# ── one cell ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Shown:
    """A cell as it is shown: of a document, or of a row of one of its tables."""

    row: Row
    field: FieldSpec
    number: int = 0  #: the row of the table, 0 outside of tables
    column: FieldSpec | None = None

    @property
    def _place(self) -> tuple[str, int, str]:
        return self.field.name, self.number, "" if self.column is None else self.column.name

    @property
    def name(self) -> str:
        return self.field.name if self.column is None else f"{self.field.name}.{self.column.name}"

    @property
    def spec(self) -> FieldSpec:
        """What the value has to fit."""
        return self.column or self.field

    @property
    def value(self) -> str | None:
        return self.row.value(*self._place) if self.number else shown_value(self.field, self.row)

    @property
    def cell(self) -> Cell | None:
        return self.row.cell(*self._place)

    @property
    def currency(self) -> str | None:
        return self.row.currency(*self._place)

    @property
    def said(self) -> Correction | None:
        return self.row.said(*self._place)

    @property
    def state(self) -> State:
        return self.row.state(*self._place)

    @property
    def problems(self) -> list[str]:
        found = problems_in(self.cell) if self.number else problems_of(self.field, self.row)
        return [f"{one.message} {one.hint}".strip() for one in found]

    @property
    def fill(self) -> str:
        """The name of its colour."""
        state, cell = self.state, self.cell
        known = {State.CORRECTED: "corrected", State.ACCEPTED: "accepted", State.DOUBTFUL: "doubtful"}
        if state in known:
            return known[state]
        if state is State.EMPTY:
            return "empty"
        if cell is None or cell.confidence is None:
            return "plain"
        if cell.confidence <= DOUBTED:
            return "doubtful"
        return "sure" if cell.confidence >= SURE else "unsure"

    @property
    def to_look_at(self) -> bool:
        """Whether somebody should look at it."""
        return self.fill in ("doubtful", "unsure")

    @property
    def comment(self) -> str:
        """Where it stands, how sure it is, what failed, and who said what."""
        cell, said, lines = self.cell, self.said, []
        if cell is not None and cell.page is not None:
            quote = " ".join((cell.quote or "").split())
            quote = quote if len(quote) <= _MOST_QUOTE else f"{quote[:_MOST_QUOTE]} …"
            lines.append(f"Page {cell.page}: “{quote}”" if quote else f"Page {cell.page}")
        if cell is not None and cell.confidence is not None:
            lines.append(f"Confidence {cell.confidence:.2f}")
        if said is not None:
            lines.append(_said(said, self.state, cell))
        return "\n".join([*lines, *self.problems])

    def address(self, place: str | None) -> str | None:
        """Where its page is shown; None if there is no page or nobody knows where the interface is."""
        if place is None or self.cell is None or self.cell.page is None:
            return None
        inside = f"&row={self.number}&column={_quoted(self._place[2])}" if self.number else ""
        return f"{place}&doc={self.row.document.doc}&field={_quoted(self.field.name)}{inside}"

    def write(self, sheet: Sheet, line: int, column: int, link: str | None, *, comment: bool = True) -> None:
        """Put it on a sheet."""
        if link is not None:
            sheet.link(line, column, link)
        sheet.value(line, column, self.value, self.spec, self.currency, self.fill)
        if comment:
            sheet.comment(line, column, self.comment)


@lru_cache(maxsize=1_000)
def _quoted(name: str) -> str:
    return quote_plus(name)


def _said(said: Correction, state: State, cell: Cell | None) -> str:
    read = "nothing" if cell is None or cell.value is None else f"“{with_currency(cell.value, cell.currency)}”"
    what = "looked at and right" if state is State.ACCEPTED else f"corrected, the machine read {read}"
    return f"{said.who}, {_moment(said.at)} UTC: {what}{f' ({said.note})' if said.note else ''}"


def _moment(at: str) -> str:
    return at[:16].replace("T", " ")


# ── the sheets ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_documents(
    sheet: Sheet,
    fields: Sequence[FieldSpec],
    rows: Rows,
    extent: _Extent,
    begins: Mapping[str, tuple[str, Mapping[str, int]]],
    place: str | None,
) -> list[_Told]:
    """A row a document; a table is the number of its rows, which leads to the first of them.

    Returns what is told of each document on the sheet of the run.
    """
    names = ["document", "to look at", *(one.name for one in fields), "problem"]
    widths = [extent.width_of_labels(18, 44), 10, *(extent.width(one, one.name, "", 42) for one in fields)]
    sheet.table(names, [*widths, 50 if extent.failed else 14], len(rows))
    told = []
    for line, row in enumerate(rows, start=1):
        shown = [_Shown(row, one) for one in fields]
        looks = _to_look_at(fields, row)
        sheet.text(line, 0, row.document.label, bold=True)
        sheet.number(line, 1, looks)
        for column, one in enumerate(shown, start=2):
            name, first = begins.get(one.name, ("", {}))
            inside = f"internal:'{name}'!A{first[row.document.doc] + 1}" if row.document.doc in first else None
            one.write(sheet, line, column, inside or one.address(place))
        problem = "" if row.problem is None else f"{row.problem.message} {row.problem.hint}".strip()
        sheet.text(line, len(names) - 1, problem, "doubtful" if problem else "plain")
        told.append((row.document, row.problem, looks))
    return told


def _write_rows(sheet: Sheet, table: FieldSpec, rows: Rows, extent: _Extent, place: str | None) -> dict[str, int]:
    """The rows of a table of all documents; returns the line at which each document's begin."""
    widths = [extent.width(one, table.name, one.name, 50) for one in table.columns]
    names = ["document", "row", *(one.name for one in table.columns)]
    sheet.table(names, [extent.width_of_labels(18, 44), 6, *widths], extent.sizes[table.name])
    begins: dict[str, int] = {}
    lines = ((each, number) for each in rows for number in each.rows(table))
    for line, (row, number) in enumerate(lines, start=1):
        begins.setdefault(row.document.doc, line)
        sheet.text(line, 0, row.document.label, bold=True)
        sheet.number(line, 1, number)
        for column, one in enumerate(table.columns, start=2):
            shown = _Shown(row, table, number, one)
            shown.write(sheet, line, column, shown.address(place))
    return begins


def _write_cells(book: Book, fields: Sequence[FieldSpec], rows: Rows, count: int, place: str | None) -> None:
    """A line a cell, those of tables included, on as many sheets as that takes."""
    most = MOST_ROWS - 1
    shown = (one for row in rows for one in _every_cell(fields, row))
    for part in range(max(1, -(-count // most))):
        sheet = book.add(f"Cells {part + 1}" if part else "Cells")
        sheet.table(list(_CELLS), list(_CELLS.values()), min(most, count - part * most))
        for line, one in enumerate(islice(shown, most), start=1):
            _write_cell(sheet, line, one, place)


def _every_cell(fields: Sequence[FieldSpec], row: Row) -> Iterator[_Shown]:
    for one in fields:
        if row.state(one.name) is not State.NOT_READ:
            yield _Shown(row, one)
        if one.type is FieldType.TABLE:
            yield from (_Shown(row, one, number, column) for number in row.rows(one) for column in one.columns)


def _to_look_at(fields: Sequence[FieldSpec], row: Row) -> int:
    """How many cells of a document somebody should look at, those of its tables included."""
    return sum(one.to_look_at for one in _every_cell(fields, row))


def _write_cell(sheet: Sheet, line: int, one: _Shown, place: str | None) -> None:
    cell, said = one.cell, one.said
    sheet.text(line, 0, one.row.document.label, bold=True)
    sheet.text(line, 1, one.name)
    sheet.text(line, 2, "") if not one.number else sheet.number(line, 2, one.number)
    one.write(sheet, line, 3, one.address(place), comment=False)
    sheet.text(line, 4, one.state.value, one.fill)
    machine = cell if cell is not None and one.state.checked else None
    sheet.value(line, 5, machine.value if machine else None, one.spec, machine.currency if machine else None, "plain")
    for column, number, form in (
        (6, cell.confidence if cell else None, "0.00"),
        (7, cell.page if cell else None, "0"),
    ):
        sheet.text(line, column, "") if number is None else sheet.number(line, column, number, form)
    quote = "" if cell is None else " ".join((cell.quote or "").split())
    people = ("", "", "") if said is None else (said.who, _moment(said.at), said.note)
    for column, text in enumerate((quote, "; ".join(one.problems), *people), start=8):
        sheet.text(line, column, text)


def _write_run(sheet: Sheet, fields: Sequence[FieldSpec], told: Sequence[_Told], run: RunSheet) -> None:
    """What the extraction was, what the colours mean, the fields, and the documents with what came of them."""
    sheet.widths(_FACTS)
    sheet.title(f"docqa, extraction {run.run}")
    line = _write_lines(sheet, 2, ("about this extraction", ""), _facts(run))
    sheet.names(line + 1, ("colour", "what it says"))
    line += 1
    for fill, meaning in _MEANINGS.items():
        line += 1
        sheet.text(line, 0, "no colour" if fill == "plain" else fill, fill)
        sheet.text(line, 1, meaning)
    described = [
        (f"{one.name}.{each.name}" if depth else each.name, each.type.value, "yes" if each.required else "", "",
         each.description)
        for one in fields for depth, each in enumerate((one, *one.columns))
    ]  # fmt: skip
    line = _write_lines(sheet, line + 2, ("field", "type", "required", "", "description"), described)
    sheet.names(line + 1, ("document", "id", "pages", "to look at", "problem", "what to do"))
    line += 1
    for document, problem, looks in told:
        line += 1
        sheet.text(line, 0, document.label, "doubtful" if problem else "plain", bold=True)
        sheet.text(line, 1, document.doc[:12])
        sheet.text(line, 2, "") if document.pages is None else sheet.number(line, 2, document.pages)
        sheet.number(line, 3, looks)
        sheet.text(line, 4, "" if problem is None else problem.message)
        sheet.text(line, 5, "" if problem is None else problem.hint)


def _write_lines(sheet: Sheet, line: int, names: Sequence[str], lines: Sequence[Sequence[str]]) -> int:
    """Lines of text under their names; returns the one behind them."""
    sheet.names(line, names)
    for each in lines:
        line += 1
        for column, text in enumerate(each):
            sheet.text(line, column, text, bold=not column)
    return line + 1


def _facts(run: RunSheet) -> list[tuple[str, str]]:
    finished = f"{run.unfinished:,} documents are left" if run.unfinished else _moment(run.finished or "") or "yes"
    return [
        ("started (UTC)", _moment(run.started)),
        ("finished (UTC)" if run.finished else "finished", finished),
        ("read by", run.model or "the built-in reader, without a model"),
        ("reader and version", f"{run.reader}, {run.version}"),
        ("collection", run.collection),
        ("documents", f"{run.documents:,}"),
        *([("withdrawn since", f"{run.withdrawn:,}")] if run.withdrawn else []),
        ("failed", f"{len(run.failed):,}"),
    ]
