"""What people say of cells: this is right, this should be …, the document does not have it, I take that back.

What is said is added to the ledger with who and when, beside the machine's value, and is the truth that confidence is
fitted to anew and fields are measured against. Not here: the table in which machine and people meet
(`docqa.extract.table`), and the fit itself (`docqa.extract.confidence`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from docqa.errors import UsageError
from docqa.evaluate import FieldRecord, Fit, Judged, is_right, refitted
from docqa.extract.calibration import CALIBRATION, calibration_in, load_calibration, save_calibration
from docqa.extract.fields import field_key
from docqa.extract.run import run_fields
from docqa.extract.table import row_text
from docqa.extract.values import SHARED, currency_of, is_ambiguous_date, normalise, same_value
from docqa.store import Store
from docqa.store.database import now
from docqa.types import Cell, Correction, FieldSpec, FieldType

_HALF = re.compile("[\ud800-\udfff]")  # what is left of bytes that are no UTF-8; nothing can keep it
_PIECE = 256  #: documents whose cells are read together
MAX_WHO = 100  #: characters of a name
MAX_NOTE = 1_000  #: characters of a remark
MAX_VALUE = 10_000  #: characters of a value somebody types; the longest a preset has ever held was an address


# ── saying something ─────────────────────────────────────────────────────────────────────────────────────────────────


def correct(
    store: Store,
    field: FieldSpec,
    doc: str,
    text: str,
    who: str,
    note: str = "",
    *,
    row: int = 0,
    column: str = "",
    beside: Cell | None = None,
) -> Correction:
    """Say what a field of a document holds; an empty text says that the document does not have it.

    Of a table one cell is corrected, by its row (from 1; the one behind the last adds a row) and column; without a
    column an empty text says that it is no row. `beside` is the field's cell as the machine read it, a table's as a
    whole: by it a later reading is known to have the same rows. A currency beside an amount counts instead of the
    machine's. Raises UsageError if the text does not fit the field, or the table has no such row.
    """
    spec = _meant(field, row, column)
    value = currency = None
    if text.strip():
        if row and not column:
            raise UsageError("A whole row has no value.", "Name the column, or leave the value empty to strike it out.")
        value = _value(text, spec)
        currency = _named_currency(text) if spec.type is FieldType.AMOUNT else None
    read = _read(beside, row, column)
    _check_next_row(store, doc, field, row, beside)
    return _add(store, Correction(doc, field.name, value, who, "", note, row, column, read=read, currency=currency))


def accept(store: Store, cell: Cell, who: str, note: str = "", *, row: int = 0, column: str = "") -> Correction:
    """Say that the machine's value was looked at and is right: that there is none, too.

    `cell` is the field's, a table's as a whole with the row and column that are meant.
    """
    read = _read(cell, row, column)
    return _add(store, Correction(cell.doc, cell.field, read, who, "", note, row, column, read=read))


def withdraw(
    store: Store, doc: str, field: str, who: str, note: str = "", *, row: int = 0, column: str = ""
) -> Correction:
    """Take back what was said of a cell: the machine's value counts again. Raises UsageError if nothing was said."""
    standing = store.catalog.ledger.corrections_in_force([doc]).get(doc, [])
    if not any((one.field, one.row, one.column) == (field, row, column) for one in standing):
        raise UsageError(f"Nothing was said of {field} that could be withdrawn.", "`docqa corrections` lists them.")
    return _add(store, Correction(doc, field, None, who, "", note, row, column, withdrawn=True))


def _meant(field: FieldSpec, row: int, column: str) -> FieldSpec:
    """The field whose type the value has to fit."""
    if field.type is not FieldType.TABLE:
        if row or column:
            raise UsageError(f"{field.name} is no table.", "Leave out the row and the column.")
        return field
    if row < 1:
        raise UsageError(f"{field.name} is a table.", "Say which row (from 1) and which column.")
    found = next((one for one in field.columns if one.name == column), None)
    if column and found is None:
        names = ", ".join(one.name for one in field.columns)
        raise UsageError(f"{field.name} has no column {column!r}.", f"Its columns are {names}.")
    return found or field


def _check_next_row(store: Store, doc: str, table: FieldSpec, row: int, beside: Cell | None) -> None:
    """That a table has the row, or that it would be the next one: rows between would be there, and empty."""
    said = store.catalog.ledger.corrections_in_force([doc]).get(doc, [])
    there = max([0 if beside is None else len(beside.rows), *(one.row for one in said if one.field == table.name)])
    if row > there + 1:
        rows = "1 row" if there == 1 else f"{there or 'no'} rows"
        raise UsageError(f"{table.name} has {rows}.", f"Row {there + 1} adds one; row {row} would leave a gap.")


def _named_currency(text: str) -> str | None:
    """The currency a person typed with an amount; a sign that several share leaves it to the machine which is meant."""
    currency = currency_of(text)
    return None if currency in SHARED else currency


def _value(text: str, spec: FieldSpec) -> str:
    if len(text) > MAX_VALUE:
        raise UsageError(f"The value has more than {MAX_VALUE:,} characters.", "Keep to what stands in the document.")
    if spec.type is FieldType.DATE and is_ambiguous_date(text):
        raise UsageError(f"“{text.strip()}” may be two different dates.", "Write it as YYYY-MM-DD.")
    hint = f"{spec.name} is of type {spec.type.value}; an empty value says that the document does not have it."
    if spec.type is FieldType.CHOICE and not any(same_value(text, one, FieldType.TEXT) for one in spec.choices):
        raise UsageError(f"“{text.strip()}” is none of {', '.join(spec.choices)}.", hint)
    try:
        return normalise(text, spec)
    except ValueError as error:
        raise UsageError(str(error), hint) from error


def _read(cell: Cell | None, row: int, column: str) -> str | None:
    if not row:
        return None if cell is None else cell.value
    if not column:
        return row_text(cell, row)
    cells = () if cell is None else cell.rows[row - 1 : row]
    return next((one.value for each in cells for one in each if one.field == column), None)


def _add(store: Store, said: Correction) -> Correction:
    who, note = " ".join(said.who.split()), said.note.strip()
    if not who:
        raise UsageError("Nobody is named.", "Say who looked.")
    if len(who) > MAX_WHO or len(note) > MAX_NOTE:
        most = f"{MAX_WHO} characters for the name, {MAX_NOTE:,} for the remark"
        raise UsageError("The name or the remark is too long.", f"There are {most}.")
    if _HALF.search(f"{who}{note}{said.value}"):
        raise UsageError("What was typed holds half a character.", "Type it again in UTF-8.")
    kept = replace(said, who=who, note=note, at=now())
    store.catalog.ledger.correct(kept)
    return kept


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────────────────────────


def records_of(store: Store, fields: Sequence[FieldSpec]) -> list[FieldRecord]:
    """What people said of these fields, as the records that `docqa eval fields` measures against."""
    names = {field.name for field in fields if field.type is not FieldType.TABLE}
    records = []
    for doc, said in store.catalog.ledger.corrections_in_force().items():
        truths = {one.field: one.value or "" for one in said if one.field in names and not one.row}
        if truths:
            records.append(FieldRecord(doc=doc, fields=truths))
    return records


def looked_at(store: Store) -> list[Judged]:
    """Every cell in the ledger that somebody looked at, as each reader read it last: was it right?

    A table is right if it was accepted as a whole, and wrong if somebody corrected any of its cells; those of its cells
    that somebody looked at by themselves come by themselves, too.
    """
    said = store.catalog.ledger.corrections_in_force()
    judged = []
    for doc, cells in newest_cells(store, said).items():
        for spec, cell in cells:
            if (right := _is_right(spec, cell, said[doc])) is not None:
                judged.append(Judged(doc, cell.field, cell, right))
            judged += _inside(spec, cell, said[doc])
    return judged


def _inside(table: FieldSpec, cell: Cell, said: Iterable[Correction]) -> Iterator[Judged]:
    """The cells of a table that somebody looked at, where that row still reads as it did then."""
    for one in said:
        there = cell.rows[one.row - 1] if 0 < one.row <= len(cell.rows) else ()
        for column, read in zip(table.columns, there, strict=False):
            if (one.field, one.column) == (table.name, column.name) and read.value == one.read:
                yield Judged(
                    cell.doc, f"{table.name}.{column.name}", read, is_right(read, one.value or "", column.type)
                )


def _is_right(spec: FieldSpec, cell: Cell, said: Iterable[Correction]) -> bool | None:
    about = [one for one in said if one.field == cell.field]
    if any(one.row and one.value != one.read for one in about):
        return False
    whole = next((one for one in about if not one.row), None)
    return None if whole is None else is_right(cell, whole.value or "", spec.type)


def refit(store: Store, *, save: bool = True) -> Fit:
    """Fit confidence anew to the cells that somebody looked at, and keep it as the store's own if it is no worse.

    It starts from the shipped weights, uses one half of the documents and is measured on the other; what it would
    replace is measured there, too. Cells that are in the ledger are rated by it from then on. Raises StoreError,
    BadSettings if the store's calibration cannot be read.
    """
    judged = looked_at(store)
    people = sorted({one.who for said in store.catalog.ledger.corrections_in_force().values() for one in said})
    today = datetime.now(UTC).date().isoformat()
    documents = len({one.doc for one in judged})
    fitted_on = (
        f"cells of {documents} documents that {', '.join(people)} looked at until {today}, without the half held back; "
        f"the weights it started from were fitted on {load_calibration().fitted_on}"
    )
    fit = refitted(judged, load_calibration(), calibration_in(store.folder), fitted_on, today)
    if save and fit.refused is None:
        save_calibration(fit.calibration, store.folder / CALIBRATION)
    return fit


def newest_cells(store: Store, docs: Iterable[str]) -> Mapping[str, list[tuple[FieldSpec, Cell]]]:
    """For each document what every reader read last in each field, the newest extraction first."""
    runs = [(record, run_fields(record)) for record in store.catalog.ledger.runs()]
    specs: dict[str, FieldSpec] = {}
    for record, fields in runs:
        for spec in fields:
            specs.setdefault(field_key(spec, record.version), spec)
    found: dict[str, list[tuple[FieldSpec, Cell]]] = {}
    for doc, cells in _cells_of(store, list(docs), list(specs)):
        newest: dict[tuple[str, str], tuple[FieldSpec, Cell]] = {}
        for key, spec in specs.items():
            if key in cells:
                newest.setdefault((spec.name, cells[key].reader), (spec, cells[key]))
        found[doc] = list(newest.values())
    return found


def _cells_of(store: Store, docs: Sequence[str], keys: Sequence[str]) -> Iterator[tuple[str, dict[str, Cell]]]:
    for start in range(0, len(docs), _PIECE):
        yield from store.catalog.ledger.cells_of(docs[start : start + _PIECE], keys).items()
