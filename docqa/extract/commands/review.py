"""The commands around a table that is there: `docqa export`, `correct`, `corrections` and `calibrate`."""

from __future__ import annotations

import argparse
import getpass
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from docqa.commands import Commands, emit, settings_of
from docqa.errors import UnknownDocument, UsageError
from docqa.evaluate import Fit
from docqa.extract.commands.extract import document_named
from docqa.extract.export.output import add_output, check_output, told, write_run
from docqa.extract.fields import load_fields
from docqa.extract.review import accept, correct, newest_cells, refit, withdraw
from docqa.extract.run import run_fields
from docqa.extract.table import RunTable, with_currency
from docqa.store import Store
from docqa.store.ledger import Run
from docqa.types import Cell, Correction, FieldSpec

#: A negative amount as it is typed in any language.
_NEGATIVE = re.compile(r"-[\d.,'’ \u00a0]*\d.*")


def register(commands: Commands) -> None:
    """Add the commands to the command line."""
    export = commands.add("export", _export, "write the table of an earlier extraction again, with what was corrected")
    export.add_argument("extraction", type=int, metavar="RUN", help="its number, as `docqa extract` told it")
    add_output(export)
    said = commands.add(
        "correct", _correct, "say what a field of a document holds; the machine's value stays beside it"
    )
    said.add_argument("document", metavar="DOCUMENT", help="its label or the beginning of its id")
    said.add_argument("field", metavar="FIELD")
    said._negative_number_matcher = _NEGATIVE  # else "-12,50" were an option
    said.add_argument(
        "value", metavar="VALUE", nargs="?", help='as printed, a negative amount as -1250.00; "" for none'
    )
    said.add_argument("--accept", action="store_true", help="the machine's value was looked at and is right")
    said.add_argument("--withdraw", action="store_true", help="take back what was said; the machine's value counts")
    said.add_argument("--row", type=int, default=0, help="of a table, from 1; without --column the row is struck out")
    said.add_argument("--column", default="", help="of a table")
    said.add_argument("--who", help="who looked (default: the login name)")
    said.add_argument("--note", default="", help="a remark")
    whence = said.add_mutually_exclusive_group()
    whence.add_argument("--run", type=int, dest="extraction", metavar="N", help="the field as this extraction has it")
    whence.add_argument("--fields", type=Path, help="the field as this fields file has it (default: the newest)")
    listed = commands.add("corrections", _corrections, "list what people said of cells, the oldest first")
    listed.add_argument(
        "document", nargs="?", metavar="DOCUMENT", help="only of this document; one that was withdrawn by its id"
    )
    commands.add("calibrate", _calibrate, "fit confidence anew to the cells that somebody looked at")


def run_named(store: Store, number: int) -> Run:
    """An extraction by its number. Raises UsageError."""
    found = store.catalog.ledger.runs(number)
    if not found:
        last = next((record.run for record in store.catalog.ledger.runs()), None)
        hint = "There is none yet: docqa extract." if last is None else f"The newest one is {last}."
        raise UsageError(f"There is no extraction {number}.", hint)
    return found[0]


def _export(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    check_output(arguments)
    store = Store.existing(settings.store)
    summary = write_run(arguments, settings, store, run_named(store, arguments.extraction))
    emit(summary) if arguments.json else print(told(summary))
    return 0


# ── corrections ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _correct(arguments: argparse.Namespace) -> int:
    store = Store.existing(settings_of(arguments).store)
    asked = [arguments.accept, arguments.withdraw, arguments.value is not None]
    if sum(asked) != 1:
        raise UsageError("What is to be said of the cell?", "Give a value, or --accept, or --withdraw.")
    document = document_named(store, arguments.document)
    who = getpass.getuser() if arguments.who is None else arguments.who
    place = {"row": arguments.row, "column": arguments.column}
    if arguments.withdraw:
        kept = withdraw(store, document.doc, arguments.field, who, arguments.note, **place)
    else:
        spec, cell = _field_of(store, arguments, document.doc)
        if not arguments.accept:
            kept = correct(store, spec, document.doc, arguments.value, who, arguments.note, beside=cell, **place)
        elif cell is None:
            hint = "Extract it first, or give the value."
            raise UsageError(f"{document.label} has no cell {arguments.field} to accept.", hint)
        else:
            kept = accept(store, cell, who, arguments.note, **place)
    emit(asdict(kept)) if arguments.json else print(_in_words(kept, document.label))
    return 0


def _field_of(store: Store, arguments: argparse.Namespace, doc: str) -> tuple[FieldSpec, Cell | None]:
    """The field that is meant, and its cell as the machine read it; of several readings that of the newest run."""
    if arguments.extraction is not None:
        record = run_named(store, arguments.extraction)
        spec = _named(run_fields(record), arguments.field, f"Extraction {record.run}")
        rows = RunTable(store, record.run).rows([doc])
        return spec, rows[0].cells.get(spec.name) if rows else None
    known = {spec.name: (spec, cell) for spec, cell in reversed(newest_cells(store, [doc])[doc])}
    if arguments.fields is not None:
        spec = _named(load_fields(arguments.fields), arguments.field, str(arguments.fields))
        return spec, known[spec.name][1] if spec.name in known else None
    if arguments.field not in known:
        hint = "Name the extraction with --run or the fields file with --fields."
        raise UsageError(f"No extraction has read a field {arguments.field} in this document.", hint)
    return known[arguments.field]


def _named(fields: Sequence[FieldSpec], name: str, origin: str) -> FieldSpec:
    found = next((field for field in fields if field.name == name), None)
    if found is None:
        raise UsageError(f"{origin} has no field {name}.", f"It has {', '.join(field.name for field in fields)}.")
    return found


def _corrections(arguments: argparse.Namespace) -> int:
    store = Store.existing(settings_of(arguments).store)
    doc = None if arguments.document is None else _once_known(store, arguments.document)
    labels = {document.doc: document.label for document in store.catalog.documents()}
    for said in store.catalog.ledger.corrections(doc):
        label = labels.get(said.doc, f"{said.doc[:12]} (withdrawn)")
        emit({"document": label, **asdict(said)}) if arguments.json else print(_in_words(said, label))
    return 0


def _once_known(store: Store, name: str) -> str:
    """The id of the document that is meant, or of a withdrawn one that begins so: it has no label any more.

    Raises UnknownDocument.
    """
    try:
        return document_named(store, name).doc
    except UnknownDocument:
        withdrawn = [doc for doc in store.catalog.watched.unlabelled() if doc.startswith(name)]
        if len(withdrawn) > 1:
            said = f"Several documents that were withdrawn begin with {name!r}."
            raise UnknownDocument(said, "Give more of the id.") from None
        if not withdrawn:
            raise
        return withdrawn[0]


def _in_words(said: Correction, label: str) -> str:
    where = f"{label}, {said.field}"
    if said.row:
        where += f", row {said.row}{f', {said.column}' if said.column else ''}"
    if said.withdrawn:
        what = "what was said is withdrawn"
    elif said.value is None:
        what = "no row of the table" if said.row and not said.column else "not in the document"
    else:
        what = f"“{with_currency(said.value, said.currency)}”"
    read = "" if said.withdrawn or said.read in (None, said.value) else f" (the machine read “{said.read}”)"
    same = not said.withdrawn and said.read == said.value and said.currency is None
    accepted = " (as the machine read it)" if same else ""
    note = f" — {said.note}" if said.note else ""
    return f"{said.at[:16].replace('T', ' ')}  {said.who}: {where}: {what}{read}{accepted}{note}"


# ── confidence ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _calibrate(arguments: argparse.Namespace) -> int:
    store = Store.existing(settings_of(arguments).store)
    fit = refit(store)
    if arguments.json:
        emit(
            {
                "saved": fit.refused is None,
                "refused": fit.refused,
                "cells": fit.cells,
                "fitted_on": fit.calibration.fitted_on,
                "before": fit.before,
                "after": fit.after,
                "in_words": fit.sentence,
            }
        )
    else:
        print(_fit_in_words(fit))
    return 0 if fit.refused is None else UsageError.exit_code


def _fit_in_words(fit: Fit) -> str:
    if not fit.before["cells"] or not fit.cells:
        return f"Not saved. {fit.refused}."
    names = ("calibration_error", "brier", "accuracy_at_0.6", "accuracy_at_0.8")
    lines = [f"Fitted to {fit.cells} cells that somebody looked at; {fit.before['cells']:.0f} others were held back."]
    lines += ["On those that were held back:   before   after"]
    lines += [f"  {name.replace('_', ' '):<28}{fit.before[name]:>8.4f}{fit.after[name]:>8.4f}" for name in names]
    if fit.refused is None:
        lines += [f"Saved: {fit.sentence}"]
    else:
        lines += [f"Not saved. {fit.refused}.", f"As it is: {fit.sentence}"]
    return "\n".join(lines)
