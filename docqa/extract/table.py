"""An extraction as a table: a row a document, with the cells that are there and what only the whole table shows.

Not here: filling cells (`docqa.extract.run`), and files (`docqa.extract.export`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from docqa.extract.checks import doubt, duplicates
from docqa.extract.confidence import DOUBTED
from docqa.extract.fields import field_key
from docqa.extract.run import run_fields
from docqa.store import Store
from docqa.types import Cell, Document, FieldSpec, Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One document of an extraction: its cells by name of field, and why there are none."""

    document: Document
    cells: dict[str, Cell]
    problem: Problem | None


def run_table(store: Store, run: int) -> list[Row]:
    """The documents of an extraction in order of label, with the cells that are there."""
    record = store.catalog.ledger.runs(run)[0]
    keys = {field_key(field, record.version): field.name for field in run_fields(record)}
    rows = []
    for document, problem in store.catalog.ledger.run_documents(run):
        found = store.catalog.ledger.cells(document.doc, list(keys))
        rows.append(Row(document, {keys[key]: cell for key, cell in found.items()}, problem))
    return _with_duplicates(run_fields(record), rows)


def _with_duplicates(fields: Sequence[FieldSpec], rows: list[Row]) -> list[Row]:
    """Say of a document that an earlier one in the table says the same."""
    found = duplicates(fields, {row.document.label: row.cells for row in rows})
    for place, row in enumerate(rows):
        if row.document.label in found:
            name, other = found[row.document.label]
            said = doubt("duplicate", f"{other} has the same {name} and the same amounts.")
            cell = row.cells[name]
            lowered = min(cell.confidence or 0.0, DOUBTED)
            marked = replace(cell, doubts=(*cell.doubts, said), confidence=lowered)
            rows[place] = replace(row, cells={**row.cells, name: marked})
    return rows
