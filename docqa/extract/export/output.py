"""Where a table goes and in which form, for the commands that write one.

Not here: the forms themselves (`docqa.extract.export.files`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from docqa.extract.export.files import DECIMALS, DELIMITERS, CsvStyle, check_target, checked_address, write_table
from docqa.extract.table import Row, RunTable, run_sheet
from docqa.settings import Settings
from docqa.store import Store
from docqa.store.ledger import Run


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where a table goes and how, for commands that write one."""
    parser.add_argument("--out", type=Path, required=True, help="the file to write: .csv, .xlsx or .json")
    parser.add_argument("--delimiter", choices=DELIMITERS, default="comma", help="of a CSV (default: comma)")
    parser.add_argument("--decimal", choices=DECIMALS, default="point", help="of a CSV (default: point)")
    parser.add_argument("--bom", action="store_true", help="begin a CSV with a byte order mark, for Excel")
    parser.add_argument(
        "--address", help="of the browser interface, for a workbook's links (default: as set up; empty: no links)"
    )


def check_output(arguments: argparse.Namespace) -> None:
    """Whether a table can be written so: better known before an extraction than after.

    Raises UsageError, PathMissing.
    """
    check_target(arguments.out)
    if arguments.address:
        checked_address(arguments.address)


def write_run(arguments: argparse.Namespace, settings: Settings, store: Store, record: Run) -> dict[str, object]:
    """Write the table of an extraction as the arguments of `add_output` say; returns what there is to tell of it."""
    style = CsvStyle(arguments.bom, DELIMITERS[arguments.delimiter], DECIMALS[arguments.decimal])
    rows = RunTable(store, record.run)
    counted = _Counted(rows)
    address = f"http://{_host(settings)}:{settings.ui.port}" if arguments.address is None else arguments.address
    write_table(arguments.out, rows.fields, counted, run_sheet(record, rows), style, address or None)
    failed = [(document, problem) for document, problem in rows.documents if problem is not None]
    for document, problem in failed:
        print(f"{document.label}: {problem.message} {problem.hint}", file=sys.stderr)
    return {
        "run": record.run,
        "documents": len(rows),
        "failed": len(failed),
        "withdrawn": record.documents - len(rows),
        "cells": counted.cells,
        "corrections": counted.corrections,
        "out": str(arguments.out),
    }


class _Counted:
    """Rows that are counted while they are written, so that they are not read once more for that."""

    def __init__(self, table: RunTable) -> None:
        self._table = table
        self.cells = self.corrections = 0

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Row]:
        self.cells = self.corrections = 0
        for row in self._table:
            self.cells += sum(row.value(field.name) is not None for field in self._table.fields)
            self.corrections += len(row.corrections) + len(row.in_tables)
            yield row


def told(summary: Mapping[str, object]) -> str:
    """What was written, as a line."""
    corrected = f", {_counted(summary['corrections'], 'correction')}" if summary["corrections"] else ""
    filled = f"{_counted(summary['documents'], 'document')}, {_counted(summary['cells'], 'cell')} filled"
    cells = f"Extraction {summary['run']}: {filled}{corrected}"
    withdrawn = f", {summary['withdrawn']} withdrawn since" if summary["withdrawn"] else ""
    return f"{cells}, {_counted(summary['failed'], 'document')} failed{withdrawn}: {summary['out']}"


def _counted(number: object, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _host(settings: Settings) -> str:
    """Where a browser on this machine finds the interface."""
    host = settings.ui.host
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
