"""Tables to files: CSV, XLSX and JSON by the file's suffix, each there whole or not at all.

In a CSV (RFC 4180) values come first, one column a field, as people left them; behind them, per field, `NAME.state`
says how far the value can be relied on, `NAME.machine` what the machine had read where a person looked, with `NAME.by`
and `NAME.at`. `NAME.page`, `NAME.quote`, `NAME.confidence` and `NAME.problem`, which also says which checks a value
failed, are those of the machine's value. Of an amount there is `NAME.currency`, as people left it, and of a table,
whose value is the number of its rows, `NAME.rows` with their values as JSON; `NAME.rows.state` and
`NAME.rows.confidence` say the same of each of these.

A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP ASVS 5.0, 1.2.10), and so does one
that it would spoil as a number: 0012, +4930123456, 12E5, more than 15 digits. Amounts and numbers stay numbers.

Not here: how a workbook looks (`docqa.extract.export.workbook`), and what a table is (`docqa.extract.table`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from docqa.errors import PathMissing, UsageError
from docqa.extract.table import Row, Rows, RunSheet
from docqa.types import Cell, Correction, FieldSpec, FieldType, Problem
from docqa.wholefile import check_folder, whole_file

SUFFIXES = (".csv", ".xlsx", ".json")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DECIMALS = {"point": ".", "comma": ","}
NUMERIC = (FieldType.AMOUNT, FieldType.NUMBER, FieldType.INTEGER)
_MOST_ADDRESS = 500  #: characters; Excel takes links of 2,079
DIGITS = 15  #: a spreadsheet's numbers hold no more (IEEE 754 double; Excel's specifications and limits)

_FORMULA = re.compile(r"[=+\-@\t\r\n\0＝＋－＠]")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
#: What a spreadsheet takes for a number and thereby changes: leading zeros, a phone number's plus, an exponent.
_SPOILED = re.compile(r"[+-]?0\d+(\.\d+)?|\+\d{7,}|[+-]?\d+(\.\d+)?[eE][+-]?\d+")


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How a CSV is written. Raises UsageError for what no reader of CSV knows."""

    bom: bool = False  #: a byte order mark, by which Excel knows UTF-8
    delimiter: str = ","
    decimal: str = "."  #: the sign before the decimals of amounts and numbers

    def __post_init__(self) -> None:
        if self.delimiter not in DELIMITERS.values():
            raise UsageError(f"{self.delimiter!r} cannot part columns.", f"Choose one of {', '.join(DELIMITERS)}.")
        if self.decimal not in DECIMALS.values():
            raise UsageError(f"{self.decimal!r} is no decimal sign.", f"Choose one of {', '.join(DECIMALS)}.")

    @property
    def encoding(self) -> str:
        """The name of the encoding, with its mark or without."""
        return "utf-8-sig" if self.bom else "utf-8"


PLAIN = CsvStyle()


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_table(
    file: Path,
    fields: Sequence[FieldSpec],
    rows: Rows,
    sheet: RunSheet,
    style: CsvStyle = PLAIN,
    address: str | None = None,
) -> None:
    """Write the table in the form that the suffix names; an older file of that name is replaced in one step.

    `address` is where the browser interface is found, for the links of a workbook; None leaves them out. Raises
    UsageError, PathMissing, DiskFull.
    """
    check_target(file)
    with whole_file(file) as out:
        write_into(out, file.suffix.lower(), fields, rows, sheet, style, address, file.parent)


def write_into(
    out: BinaryIO,
    suffix: str,
    fields: Sequence[FieldSpec],
    rows: Rows,
    sheet: RunSheet,
    style: CsvStyle = PLAIN,
    address: str | None = None,
    beside: Path | None = None,
) -> None:
    """Write the content of a file with that suffix, ".csv", ".xlsx" or ".json", a row at a time.

    `beside` is a folder for what of a workbook does not belong into memory; None keeps it there. Raises UsageError.
    """
    if suffix == ".xlsx":
        from docqa.extract.export.workbook import write_xlsx  # XlsxWriter is loaded where a workbook is wanted

        write_xlsx(out, fields, rows, sheet, address, beside)
        return
    text = io.TextIOWrapper(out, style.encoding if suffix == ".csv" else "utf-8", newline="")
    text.writelines(csv_pieces(fields, rows, style) if suffix == ".csv" else json_pieces(fields, rows, sheet))
    text.detach()  # writes the rest and leaves the file open


def table_bytes(
    suffix: str,
    fields: Sequence[FieldSpec],
    rows: Rows,
    sheet: RunSheet,
    style: CsvStyle = PLAIN,
    address: str | None = None,
) -> bytes:
    """The same as bytes, for a table that fits into memory. Raises UsageError."""
    out = io.BytesIO()
    write_into(out, suffix, fields, rows, sheet, style, address)
    return out.getvalue()


def check_target(file: Path) -> None:
    """Whether a table can go there: better known before an extraction than after. Raises UsageError, PathMissing."""
    if file.suffix.lower() not in SUFFIXES:
        names = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise UsageError(f"{file.name} cannot be written.", f"Give the output a name that ends in {names}.")
    if not file.parent.is_dir():
        raise PathMissing(f"There is no folder {file.parent}.")
    if file.is_dir():
        raise UsageError(f"{file} cannot be written: it is a folder.", "Choose another name.")
    check_folder(file.parent)


def checked_address(address: str) -> str:
    """The address of the browser interface without a slash at its end. Raises UsageError."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s\x00-\x1f#?]", address):
        raise UsageError(f"{address!r} is no address.", "It looks like http://docqa.example:8501.")
    if len(address) > _MOST_ADDRESS:
        raise UsageError(f"The address has more than {_MOST_ADDRESS} characters.", "A link cannot be that long.")
    return address.rstrip("/")


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def csv_text(fields: Sequence[FieldSpec], rows: Rows, style: CsvStyle = PLAIN) -> str:
    """The whole table as text, without the byte order mark."""
    return "".join(csv_pieces(fields, rows, style))


def csv_pieces(fields: Sequence[FieldSpec], rows: Rows, style: CsvStyle = PLAIN) -> Iterator[str]:
    """The same text, a line at a time."""
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer, delimiter=style.delimiter)

    def written(line: Sequence[str]) -> str:
        buffer.seek(0)
        buffer.truncate()
        table.writerow(line)
        return buffer.getvalue()

    names = [field.name for field in fields]
    evidence = [f"{field.name}.{part}" for field in fields for part in _parts(field)]
    yield written(["document", "doc", *names, "problem", *evidence])
    for row in rows:
        yield written(_line(fields, row, style))


def safe(text: str) -> str:
    """A text as a spreadsheet may open it: not run, and not spoiled as a number."""
    if NUMBER.fullmatch(text) and not _SPOILED.fullmatch(text) and sum(map(str.isdigit, text)) <= DIGITS:
        return text
    if _FORMULA.match(text) or _SPOILED.fullmatch(text) or NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _parts(field: FieldSpec) -> tuple[str, ...]:
    """What is said of a field's cells beside their value."""
    more = {FieldType.AMOUNT: ("currency",), FieldType.TABLE: ("rows", "rows.state", "rows.confidence")}
    said = ("state", "machine", "by", "at", "page", "quote", "confidence", "problem")
    return (*more.get(field.type, ()), *said)


def _line(fields: Sequence[FieldSpec], row: Row, style: CsvStyle) -> list[str]:
    values = [_shown(shown_value(field, row), field.type, style) for field in fields]
    evidence = []
    for field in fields:
        said = _said(field, row, style)
        evidence += [said.get(part, "") for part in _parts(field)]
    problem = "" if row.problem is None else f"{row.problem.code}: {row.problem.message}"
    return [safe(row.document.label), row.document.doc, *values, safe(problem), *evidence]


def shown_value(field: FieldSpec, row: Row) -> str | None:
    """What stands under a field's name: of a table the number of its rows as people left them."""
    value = row.value(field.name)
    if field.type is not FieldType.TABLE or row.said(field.name) is not None:
        return value
    rows = row.rows(field)
    return str(len(rows)) if rows else value


def _shown(value: str | None, type: FieldType, style: CsvStyle) -> str:
    if value is None:
        return ""
    text = safe(value)
    return text.replace(".", style.decimal) if type in NUMERIC and text == value else text


def _said(field: FieldSpec, row: Row, style: CsvStyle) -> dict[str, str]:
    cell, said, state = row.cells.get(field.name), row.newest_said(field.name), row.state(field.name)
    machine = None if cell is None or not state.checked else cell.value
    told = {
        "state": state.value,
        "machine": _shown(machine, field.type, style),
        "by": "" if said is None else safe(said.who),
        "at": "" if said is None else said.at,
        "problem": safe("; ".join(f"{one.code}: {one.message}" for one in problems_of(field, row))),
    }
    if field.type is FieldType.AMOUNT:
        told["currency"] = row.currency(field.name) or ""
    if rows := row.rows(field) if field.type is FieldType.TABLE else []:
        for part, said_of in (("rows", Row.value), ("rows.state", Row.state), ("rows.confidence", _confidence)):
            told[part] = json.dumps([_of_row(field, row, number, said_of) for number in rows], ensure_ascii=False)
    if cell is None:
        return told
    return told | {
        "page": "" if cell.page is None else str(cell.page),
        "quote": safe(" ".join((cell.quote or "").split())),
        "confidence": "" if cell.confidence is None else f"{cell.confidence:.2f}".replace(".", style.decimal),
    }


def _of_row(
    table: FieldSpec, row: Row, number: int, said_of: Callable[[Row, str, int, str], object]
) -> dict[str, object]:
    """Something of each cell of a table's row, by column."""
    return {column.name: said_of(row, table.name, number, column.name) for column in table.columns}


def _confidence(row: Row, name: str, number: int, column: str) -> float | None:
    cell = row.cell(name, number, column)
    return None if cell is None or cell.confidence is None else round(cell.confidence, 2)


def problems_of(field: FieldSpec, row: Row) -> list[Problem]:
    """Why there is no value, the checks it failed, and corrections of a table that fit none of its rows any more."""
    return problems_in(row.cells.get(field.name)) + [_displaced(one) for one in row.displaced_in(field.name)]


def problems_in(cell: Cell | None) -> list[Problem]:
    """Why a cell has no value, and the checks it failed."""
    return [] if cell is None else [*([cell.problem] if cell.problem is not None else []), *cell.doubts]


def _displaced(said: Correction) -> Problem:
    what = f"“{said.value}”" if said.value is not None else "not in the document"
    where = f"row {said.row}, {said.column}" if said.column else f"row {said.row}"
    message = f"{said.who} said of {where}: {what}; that row was read differently since."
    return Problem("correction_displaced", message, "Look at the table and correct it again.")


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def json_text(fields: Sequence[FieldSpec], rows: Rows, sheet: RunSheet) -> str:
    """Everything there is: the run, the fields, and of each cell its value, what was read where, and what people said.

    Boxes are fractions of the page, x0 y0 x1 y1; pages are 1-based. A document is a line.
    """
    return "".join(json_pieces(fields, rows, sheet))


def json_pieces(fields: Sequence[FieldSpec], rows: Rows, sheet: RunSheet) -> Iterator[str]:
    """The same text, a document at a time."""
    run = asdict(sheet) | {"failed": [{"label": label, "problem": asdict(why)} for label, why in sheet.failed]}
    yield f'{{"run": {_json(run)},\n"fields": {_json([asdict(field) for field in fields])},\n"documents": ['
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{_json(_document_json(fields, row))}"
    yield "\n]}\n"


def _json(known: object) -> str:
    return json.dumps(known, ensure_ascii=False)


def _document_json(fields: Sequence[FieldSpec], row: Row) -> dict[str, object]:
    known = row.document
    return {
        "document": known.label,
        "doc": known.doc,
        "collection": known.collection,
        "status": known.status.value,
        "pages": known.pages,
        "problem": None if row.problem is None else asdict(row.problem),
        "cells": {field.name: _field_json(field, row) for field in fields},
    }


def _field_json(field: FieldSpec, row: Row) -> dict[str, object]:
    told = _cell_json(row, field.name) | {"value": shown_value(field, row)}
    if field.type is FieldType.TABLE:
        told["rows"] = [
            {"row": number, "cells": {one.name: _cell_json(row, field.name, number, one.name) for one in field.columns}}
            for number in row.rows(field)
        ]
        told["struck_out"] = [asdict(one) for place, one in row.in_tables.items() if place[::2] == (field.name, "")]
        told["displaced"] = [asdict(one) for one in row.displaced_in(field.name)]
    return told


def _cell_json(row: Row, name: str, number: int = 0, column: str = "") -> dict[str, object]:
    cell, said = row.cell(name, number, column), row.said(name, number, column)
    return {
        "value": row.value(name, number, column),
        "currency": row.currency(name, number, column),
        "state": row.state(name, number, column).value,
        "machine": None if cell is None else _machine_json(cell),
        "correction": None if said is None else asdict(said),
    }


#: What is told of a cell; the rows of a table are told one by one.
_MACHINE = tuple(one.name for one in dataclass_fields(Cell) if one.name not in ("doc", "field", "rows"))


def _machine_json(cell: Cell) -> dict[str, object]:
    known = {name: getattr(cell, name) for name in _MACHINE}
    problem = None if cell.problem is None else asdict(cell.problem)
    return known | {"problem": problem, "doubts": [asdict(one) for one in cell.doubts], "signs": dict(cell.signs)}
