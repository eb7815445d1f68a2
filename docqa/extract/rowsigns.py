"""How sure the rows of a table are: the signs of each of their cells, and of the table as a whole.

A cell of a row is known by its column, and by what only a table shows: that the figures of its row multiply, that the
rows add up to what is printed below them, that a row is like the others. The table's own cell is right if it needs no
look: every row is there, no other, and no cell is wrong. Both have weights of their own in the calibration, apart from
those of fields. Not here: the checks (`docqa.extract.checks`), which say what does not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from docqa.extract.checks import row_multiplies
from docqa.extract.confidence import BADLY_READ, Calibration, Signs, oddly_printed
from docqa.extract.values import same_value
from docqa.readers.layout.labels import Guide, column_guides
from docqa.readers.layout.lexicon import Shape
from docqa.types import Cell, FieldSpec, FieldType, Page, TextSource

IN_A_ROW, OF_A_TABLE = "in a row", "of a table"
MARKS = (IN_A_ROW, OF_A_TABLE)  #: how the names of these signs begin
#: Weights from which a fit starts, as for fields (`docqa.extract.calibration.BELIEFS`).
BELIEFS_IN_ROWS: Mapping[str, float] = {
    f"{IN_A_ROW}: multiplies": 1.0,
    f"{IN_A_ROW}: rows add up": 1.0,
    f"{OF_A_TABLE}: rows add up": 1.0,
    "second reading agrees": 1.5,
    "second reading differs": -1.5,
}
_FIGURES = ("quantity", "unit_price", "line_total")
_A_WORD = 3  #: letters of the shortest description
_LONG = (2, 20)  #: times, and characters more than, the usual length of a column's texts
_MANY = 30  #: rows from which more say nothing


@dataclass(frozen=True, slots=True)
class _Seen:
    """A table as a whole, as each of its cells needs it."""

    guides: Sequence[Guide]
    table: Cell
    pages: Mapping[int, Page]
    confirmed: bool  #: the rows add up to a printed sum
    lengths: Sequence[float]  #: usual length of the texts of each column
    decimals: Sequence[int]  #: usual number of decimals of each column
    filled: Sequence[bool]  #: whether most rows have a value in a column
    multiplied: Sequence[bool]  #: whether quantity times price is the amount of a row

    def page(self, cell: Cell) -> Page | None:
        return self.pages.get(cell.page or 0)


def rated_table(
    field: FieldSpec, table: Cell, pages: Mapping[int, Page], calibration: Calibration, *, confirmed: bool
) -> Cell:
    """A table whose cells, and itself, have their signs and their confidence; `confirmed` if its rows add up."""
    guides = column_guides(field.columns)
    columns = list(zip(*table.rows, strict=True))
    seen = _Seen(
        guides,
        table,
        pages,
        confirmed,
        [median([len(cell.value) for cell in column if cell.value] or [0]) for column in columns],
        [Counter(_decimals(cell) for cell in column).most_common(1)[0][0] for column in columns],
        [sum(cell.value is not None for cell in column) * 2 > len(column) for column in columns],
        [row_multiplies(field, row, pages) is True for row in table.rows],
    )
    rows = tuple(
        tuple(_rated(seen, number, place, calibration) for place in range(len(row)))
        for number, row in enumerate(table.rows)
    )
    whole = replace(table, rows=rows, signs=(*table.signs, *_listed(_of_table(seen))))
    return replace(whole, confidence=calibration.confidence(whole))


def with_second_reading(field: FieldSpec, table: Cell, other: Cell) -> Cell:
    """A table whose cells say whether a second reading with as many rows agrees with them."""
    if len(table.rows) != len(other.rows):
        return table
    rows = tuple(
        tuple(_compared(column, one, two) for column, one, two in zip(field.columns, row, second, strict=True))
        for row, second in zip(table.rows, other.rows, strict=True)
    )
    return replace(table, rows=rows)


def _compared(column: FieldSpec, cell: Cell, other: Cell) -> Cell:
    if cell.value is None or other.value is None:
        return cell
    same = same_value(cell.value, other.value, column.type)
    within = column.type is FieldType.TEXT and (cell.value in other.value or other.value in cell.value)
    if column.type is FieldType.TEXT and not same and not within:
        return cell  # readers end texts differently
    return replace(cell, signs=((f"second reading {'agrees' if same or within else 'differs'}", 1.0),))


def _rated(seen: _Seen, number: int, place: int, calibration: Calibration) -> Cell:
    cell = seen.table.rows[number][place]
    if cell.value is None:
        return cell
    rated = replace(cell, signs=(*cell.signs, *_listed(_of_cell(seen, number, place))))
    return replace(rated, confidence=calibration.confidence(rated))


def _of_cell(seen: _Seen, number: int, place: int) -> dict[str, float]:
    """What speaks for and against a cell of a row, as numbers from 0 to 1."""
    row, guide = seen.table.rows[number], seen.guides[place]
    cell = row[place]
    page, text = seen.page(cell), cell.value or ""
    figure = guide.concept in _FIGURES
    kind = guide.concept if figure else "text" if guide.shape is Shape.TEXT else "other"
    own = "multiplies" if figure else "its figures multiply"
    ocr = page is not None and page.text_source is TextSource.OCR
    lacking = [one.value is None for one, full in zip(row, seen.filled, strict=True) if full]
    times, more = _LONG
    return {
        f": is {kind}": 1.0,
        f": {own}": float(seen.multiplied[number]),
        f": {'rows add up' if guide.concept == 'line_total' else 'its rows add up'}": float(seen.confirmed),
        ": unlike other rows": fmean(lacking) if lacking else 0.0,
        ": read by OCR": float(ocr),
        ": badly read": _badly_read(page),
        ": oddly printed": float(oddly_printed(guide.shape, cell, ocr=ocr)),
        ": no words": float(kind == "text" and sum(map(str.isalpha, text)) < _A_WORD),
        ": longer than others": float(kind == "text" and len(text) > times * seen.lengths[place] + more),
        ": other decimals": float(figure and _decimals(cell) != seen.decimals[place]),
        ": alone": float(len(seen.table.rows) == 1),
    }


def _of_table(seen: _Seen) -> dict[str, float]:
    """The same of the whole table."""
    rows = seen.table.rows
    page = seen.page(seen.table)
    lacking = [cell.value is None for row in rows for cell in row]
    return {
        "": 1.0,
        ": rows add up": float(seen.confirmed),
        ": rows multiply": fmean(seen.multiplied),
        ": lacks cells": fmean(lacking),
        ": read by OCR": float(page is not None and page.text_source is TextSource.OCR),
        ": badly read": _badly_read(page),
        ": many rows": min(len(rows) / _MANY, 1.0),
    }


def _listed(signs: Mapping[str, float]) -> Signs:
    """Signs by their whole names. They have a beginning of their own: what is "always" there is that of fields."""
    mark = OF_A_TABLE if "" in signs else IN_A_ROW
    return (("always", 0.0), *((f"{mark}{name}", round(value, 4)) for name, value in signs.items() if value))


def _badly_read(page: Page | None) -> float:
    if page is None or page.text_source is not TextSource.OCR:
        return 0.0
    return min((1.0 - page.quality) / BADLY_READ, 1.0)


def _decimals(cell: Cell) -> int:
    return len((cell.value or "").partition(".")[2])
