"""Cells to files: CSV after RFC 4180, one row a document, every value with its page and quote.

Values come first, one column a field; behind them, per field, `NAME.page`, `NAME.quote`, `NAME.confidence` and
`NAME.problem`, which also says which checks a value failed; of an amount there is `NAME.currency`, and of a table,
whose value is the number of its rows, `NAME.rows` with their values as JSON. A text that a spreadsheet would run as
a formula gets an apostrophe before it (OWASP ASVS 5.0, 1.2.10); numbers stay numbers. The file appears under its
name only when it is whole.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from docqa.errors import DiskFull, PathMissing, UsageError
from docqa.extract.table import Row
from docqa.types import Cell, FieldSpec, FieldType

_FORMULA = re.compile(r"[=+\-@\t\r\n\0＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def csv_text(fields: Sequence[FieldSpec], rows: Sequence[Row]) -> str:
    """The whole table as text."""
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer)
    names = [field.name for field in fields]
    evidence = [f"{field.name}.{part}" for field in fields for part in _parts(field)]
    table.writerow(["document", "doc", *names, "problem", *evidence])
    for row in rows:
        table.writerow([safe(text) for text in _line(fields, row)])
    return buffer.getvalue()


def write_csv(file: Path, fields: Sequence[FieldSpec], rows: Sequence[Row]) -> None:
    """Write the table; an older file of that name is replaced in one step. Raises UsageError, PathMissing, DiskFull."""
    check_target(file)
    text = csv_text(fields, rows)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no space left for {file}.") from error
        raise UsageError(f"{file} cannot be written: {error.strerror}.", "Choose another place for it.") from error
    finally:
        Path(name).unlink(missing_ok=True)


def check_target(file: Path) -> None:
    """Whether a table can go there: better known before an extraction than after. Raises UsageError, PathMissing."""
    if file.suffix.lower() != ".csv":
        raise UsageError(f"{file.name} cannot be written.", "Give the output a name that ends in .csv.")
    if not file.parent.is_dir():
        raise PathMissing(f"There is no folder {file.parent}.")


def safe(text: str) -> str:
    """A text as a spreadsheet may open it."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _parts(field: FieldSpec) -> tuple[str, ...]:
    """What is said of a field's cells beside their value."""
    more = {FieldType.AMOUNT: ("currency",), FieldType.TABLE: ("rows",)}
    return (*more.get(field.type, ()), "page", "quote", "confidence", "problem")


def _line(fields: Sequence[FieldSpec], row: Row) -> list[str]:
    cells = [row.cells.get(field.name) for field in fields]
    values = ["" if cell is None or cell.value is None else cell.value for cell in cells]
    evidence: list[str] = []
    for field, cell in zip(fields, cells, strict=True):
        said = {} if cell is None else _said(field, cell)
        evidence += [said.get(part, "") for part in _parts(field)]
    problem = "" if row.problem is None else f"{row.problem.code}: {row.problem.message}"
    return [row.document.label, row.document.doc, *values, problem, *evidence]


def _said(field: FieldSpec, cell: Cell) -> dict[str, str]:
    problems = [*([cell.problem] if cell.problem is not None else []), *cell.doubts]
    names = [column.name for column in field.columns]
    rows = [{name: one.value for name, one in zip(names, row, strict=True)} for row in cell.rows]
    return {
        "page": "" if cell.page is None else str(cell.page),
        "quote": " ".join((cell.quote or "").split()),
        "confidence": "" if cell.confidence is None else f"{cell.confidence:.2f}",
        "currency": cell.currency or "",
        "rows": json.dumps(rows, ensure_ascii=False) if rows else "",
        "problem": "; ".join(f"{problem.code}: {problem.message}" for problem in problems),
    }
