"""One document's readings to cells: proven, normalised, checked against each other, and rated.

Not here: which documents, when, and where cells are kept (`docqa.extract.run`), reading (`docqa.readers`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from docqa.extract.checks import check_document, compare_tables, doubt
from docqa.extract.confidence import Calibration, signs_of
from docqa.extract.evidence import day_first_evidence, likely_day_first, shared_signs
from docqa.extract.proof import prove
from docqa.extract.rowsigns import rated_table, with_second_reading
from docqa.extract.values import currency_of, normalise
from docqa.types import Cell, FieldSpec, FieldType, Page, Problem, Reading

_SURE = 0.7  #: score from which a label stands beside the value, so that the built-in reader need not guess
BUILT_IN = "quote"  #: the name of `docqa.readers.quote.QuoteReader`


@dataclass(frozen=True, slots=True)
class Readings:
    """What a reader read in one document and, if it was a model, what the built-in reader read independently."""

    reader: str
    first: Sequence[Reading]
    second: Sequence[Reading] = ()


def fill_cells(
    doc: str,
    fields: Sequence[FieldSpec],
    pages: Mapping[int, Page],
    readings: Readings,
    others: Mapping[str, Cell],
    calibration: Calibration,
) -> dict[str, Cell]:
    """The whole way of one document's readings: proven, normalised, checked against each other, and rated.

    `others` are cells of the document that are there already; they take part in the checks.
    """
    text = "\n".join(page.text for page in pages.values())
    priced = any(one.type is FieldType.AMOUNT for field in fields for one in (field, *field.columns))
    signs = shared_signs(text)
    view = View(doc, pages, likely_day_first(text), currency_of(text, signs=signs) if priced else None, signs)
    cells: dict[str, Cell] = {}
    for field in fields:
        first = [one for one in readings.first if one.field == field.name]
        second = [one for one in readings.second if one.field == field.name]
        reader = readings.reader
        if not first and second and second[0].score >= _SURE:  # the model saw nothing where the rules surely did
            first, second, reader = second, [], BUILT_IN
        cells[field.name] = _rated(field, check(view, field, first, reader), first, second, view)
    everything = {**others, **cells}
    known = [field for field in fields if field.name in everything]
    checked, confirmed = check_document(known, everything, pages, day_first_evidence(text))
    return {
        field.name: _finished(field, checked[field.name], pages, calibration, confirmed=field.name in confirmed)
        for field in fields
    }


def _rated(field: FieldSpec, cell: Cell, first: Sequence[Reading], second: Sequence[Reading], view: View) -> Cell:
    """A cell with its signs, and a doubt if two readings of it differ."""
    if cell.value is None:
        return cell
    if field.type is FieldType.TABLE:
        return _compared_table(field, cell, second, view)
    other = second[0] if len(second) == 1 else None
    cell = replace(cell, signs=signs_of(field, cell, first[0].margin, view.pages, other))
    if other is not None and ("second reading differs", 1.0) in cell.signs:
        return replace(cell, doubts=(*cell.doubts, doubt("disagreement", f"The built-in reader read “{other.text}”.")))
    return cell


def _compared_table(field: FieldSpec, cell: Cell, second: Sequence[Reading], view: View) -> Cell:
    """A table that says how far a second reading of its rows and cells agrees."""
    other = check(view, field, second, BUILT_IN)
    if not other.rows:
        return cell
    share, differing = compare_tables(field, cell, other)
    agreement = (("second reading agrees", round(share, 4)), ("second reading differs", round(1 - share, 4)))
    signs = tuple((name, value) for name, value in agreement if value)
    doubts = (*cell.doubts, *([differing] if differing else ()))
    return with_second_reading(field, replace(cell, signs=signs, doubts=doubts), other)


def _finished(
    field: FieldSpec, cell: Cell, pages: Mapping[int, Page], calibration: Calibration, *, confirmed: bool
) -> Cell:
    if field.type is FieldType.TABLE and cell.rows:
        return rated_table(field, cell, pages, calibration, confirmed=confirmed)
    if confirmed and cell.value is not None:
        cell = replace(cell, signs=(*cell.signs, ("confirmed by arithmetic", 1.0)))
    return replace(cell, confidence=calibration.confidence(cell))


@dataclass(frozen=True, slots=True)
class View:
    """One document as its values are checked: its pages, how it probably writes dates (None: unknown), its currency.

    `signs` says what it means by signs that several currencies share.
    """

    doc: str
    pages: Mapping[int, Page]
    day_first: bool | None
    currency: str | None
    signs: Mapping[str, str] = dataclasses.field(default_factory=dict)


def check(view: View, field: FieldSpec, readings: Sequence[Reading], reader: str) -> Cell:
    """Turn what a reader read into a cell: a value that stands on its page and fits its field, or a problem.

    A field has one reading at most; a list may have one for each item, and a table has one for each cell of a row.
    """
    if not readings:
        problem = _problem("missing", f"{field.name} was not found, and it is required.") if field.required else None
        return Cell(view.doc, field.name, None, None, None, None, reader=reader, problem=problem)
    if field.type is FieldType.TABLE:
        return _check_table(view, field, readings, reader)
    first, text = readings[0], "; ".join(reading.text for reading in readings)
    proofs = [prove(field, reading, view.pages, view.day_first) for reading in readings]
    page = first.page if proofs[0] is None else proofs[0].page
    boxes = tuple(box for proof in proofs if proof is not None and proof.page == page for box in proof.boxes)
    value, problem = None, None
    if None in proofs:
        problem = _problem("unproven", f"“{text}” does not stand on the pages.")
    else:
        try:
            value = normalise(text, field, view.day_first, view.signs)
        except ValueError as error:
            problem = _problem("bad_value", str(error))
    score = min(reading.score for reading in readings)
    cell = Cell(view.doc, field.name, value, text, page, first.quote, boxes, score, reader, problem)
    if field.type is FieldType.AMOUNT and value is not None:
        return replace(cell, currency=currency_of(text, first.quote, signs=view.signs) or view.currency)
    return cell


def _check_table(view: View, field: FieldSpec, readings: Sequence[Reading], reader: str) -> Cell:
    """A table's cells, row by row; a row of which nothing can be proven is left out."""
    by_row: dict[int, dict[str, list[Reading]]] = {}
    for reading in readings:
        by_row.setdefault(reading.row, {}).setdefault(reading.column, []).append(reading)
    rows = tuple(
        tuple(check(view, column, by_row[row].get(column.name, ()), reader) for column in field.columns)
        for row in sorted(by_row)
    )
    rows = tuple(row for row in rows if any(cell.value is not None for cell in row))
    first, score = readings[0], min(reading.score for reading in readings)
    boxes = tuple(box for row in rows for cell in row if cell.page == first.page for box in cell.boxes)
    if not rows:
        problem = _problem("unproven", f"No row of {field.name} stands on the pages.")
        return Cell(view.doc, field.name, None, None, first.page, first.quote, (), score, reader, problem)
    count = str(len(rows))
    return Cell(view.doc, field.name, count, count, first.page, first.quote, boxes, score, reader, rows=rows)


_HINTS = {
    "missing": "Look at the document; if the value is there, say in the field's description what stands beside it.",
    "unproven": "Look at the page before you use this value.",
    "bad_value": "Look at the page, or change the field's type, choices or pattern.",
}


def _problem(code: str, message: str) -> Problem:
    return Problem(code, message, _HINTS[code])
