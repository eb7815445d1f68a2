"""Which cells of an extraction somebody should look at, and in which order. No Streamlit here."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from docqa.extract.table import Row, State, with_currency
from docqa.types import Cell, Correction, FieldSpec, FieldType

SURE_ENOUGH = 0.9  #: confidence from which a cell needs no look, unless a person chooses another


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of an extraction: document, field and, within a table, its row (from 1) and column.

    Without a field the whole document is meant, without a row the whole table, without a column the whole row.
    """

    doc: str
    field: str = ""
    row: int = 0
    column: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A cell with everything there is to say of it."""

    place: Place
    row: Row
    field: FieldSpec | None

    @property
    def spec(self) -> FieldSpec | None:
        """The field whose type the value has: that of the column, within a table."""
        if self.field is None or not self.place.column:
            return self.field
        return next((one for one in self.field.columns if one.name == self.place.column), None)

    @property
    def cell(self) -> Cell | None:
        """What the machine read here."""
        return self.row.cell(self.place.field, self.place.row, self.place.column)

    @property
    def said(self) -> Correction | None:
        """What a person said of it, if it is in force."""
        return self.row.said(self.place.field, self.place.row, self.place.column)

    @property
    def state(self) -> State:
        """How far the cell can be relied on."""
        return self.row.state(self.place.field, self.place.row, self.place.column)

    @property
    def value(self) -> str:
        """What stands in the box to be accepted or changed: the value, else what was read and could not be used."""
        place = (self.place.field, self.place.row, self.place.column)
        value = self.row.value(*place)
        if value is not None:
            return with_currency(value, self.row.currency(*place))
        return "" if self.said is not None or self.cell is None else self.cell.text or ""

    @property
    def read(self) -> str:
        """The value the machine read, as it would stand in the box."""
        cell = self.cell
        return "" if cell is None or cell.value is None else with_currency(cell.value, cell.currency)


def look_at(place: Place, fields: Sequence[FieldSpec], rows: Sequence[Row]) -> Look | None:
    """The cell at a place; None if the extraction has no such document, field, or row and column of a table.

    The row behind the last one is there, to be added.
    """
    row = next((row for row in rows if row.document.doc == place.doc), None)
    field = next((one for one in fields if one.name == place.field), None)
    if row is None or (place.field and field is None):
        return None
    if place.row or place.column:
        columns = () if field is None else field.columns
        there = field is not None and place.row in (*row.rows(field), row.next_row(field))
        if not there or all(one.name != place.column for one in columns):
            return None
    return Look(place, row, field)


def needs_look(row: Row, name: str, sure: float, number: int = 0, column: str = "") -> bool:
    """Whether somebody should look at a cell: a check failed, or the machine is not sure enough, and nobody did."""
    state = row.state(name, number, column)
    if state is State.DOUBTFUL:
        return True
    cell = row.cell(name, number, column)
    if state is not State.UNSEEN or cell is None or (number and cell.confidence is None):
        return False  # an earlier docqa did not rate the cells of a table by themselves
    return (cell.confidence or 0.0) < sure


def to_look(fields: Sequence[FieldSpec], rows: Sequence[Row], sure: float) -> list[Place]:
    """The cells that need a look, in the order of the table."""
    return [place for row in rows for place in _in_row(fields, row, sure)]


def _in_row(fields: Sequence[FieldSpec], row: Row, sure: float) -> Iterator[Place]:
    for field in fields:
        if needs_look(row, field.name, sure):
            yield Place(row.document.doc, field.name)
        if field.type is FieldType.TABLE:
            for number in row.rows(field):
                for column in field.columns:
                    if needs_look(row, field.name, sure, number, column.name):
                        yield Place(row.document.doc, field.name, number, column.name)


def next_place(after: Place | None, fields: Sequence[FieldSpec], rows: Sequence[Row], sure: float) -> Place | None:
    """The next cell that needs a look behind a place, else the first one; None if none does."""
    left = [place for place in to_look(fields, rows, sure) if place != after]
    if after is None or not left:
        return left[0] if left else None
    order = {row.document.doc: number for number, row in enumerate(rows)}
    names = {field.name: number for number, field in enumerate(fields)}
    columns = {(f.name, c.name): number for f in fields for number, c in enumerate(f.columns)}

    def rank(place: Place) -> tuple[int, int, int, int]:
        column = columns.get((place.field, place.column), -1)
        return order.get(place.doc, -1), names.get(place.field, -1), place.row, column

    return next((place for place in left if rank(place) > rank(after)), left[0])


@dataclass(frozen=True, slots=True)
class Standing:
    """What one document adds to the counts of an extraction, whatever confidence is sure enough."""

    values: int  #: cells that hold something, or should
    seen: int  #: of them, those that a person looked at
    doubtful: int  #: cells that need a look however sure the machine is
    confidences: tuple[float, ...]  #: of the values that need a look below some confidence

    def looks(self, sure: float) -> int:
        """How many cells need a look."""
        return self.doubtful + sum(confidence < sure for confidence in self.confidences)


def standing(fields: Sequence[FieldSpec], row: Row) -> Standing:
    """How the cells of one document stand."""
    there, doubtful = list(_values(fields, row)), set(_in_row(fields, row, 0.0))
    unseen = [place for place in _in_row(fields, row, math.inf) if place not in doubtful]
    cells = [row.cell(place.field, place.row, place.column) for place in unseen]
    return Standing(
        values=len(there),
        seen=sum(row.state(place.field, place.row, place.column).checked for place in there),
        doubtful=len(doubtful),
        confidences=tuple(0.0 if cell is None else cell.confidence or 0.0 for cell in cells),
    )


def sure_sentence(fields: Sequence[FieldSpec], rows: Sequence[Row], sure: float) -> str:
    """How many of the values need no look; those within tables count, too."""
    return sentence_of([standing(fields, row) for row in rows], sure)


def sentence_of(standings: Collection[Standing], sure: float) -> str:
    """The same of documents whose standings are known."""
    there, seen = sum(one.values for one in standings), sum(one.seen for one in standings)
    looks = sum(one.looks(sure) for one in standings)
    if not there:
        return "No values yet."
    words = f"{there - looks:,} of {there:,} values are sure enough at {sure:.0%}"
    words += f" or were looked at ({seen:,})" if seen else ""
    return words + ("; the rest needs a look." if looks else ".")


def _values(fields: Sequence[FieldSpec], row: Row) -> Iterator[Place]:
    """The cells of a document that hold something, or should."""
    nothing = (State.EMPTY, State.NOT_READ)
    for field in fields:
        if row.state(field.name) not in nothing:
            yield Place(row.document.doc, field.name)
        for number in row.rows(field) if field.type is FieldType.TABLE else ():
            for column in field.columns:
                if row.state(field.name, number, column.name) not in nothing:
                    yield Place(row.document.doc, field.name, number, column.name)
