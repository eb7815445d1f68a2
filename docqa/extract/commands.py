"""The commands of extraction: `docqa extract`, and which documents its arguments mean."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from docqa.cli import Commands, add_reader, emit, settings_of
from docqa.errors import UnknownDocument
from docqa.extract.export import check_target, write_table
from docqa.extract.fields import load_fields
from docqa.extract.run import carry_on, start_run
from docqa.extract.table import run_sheet, run_table
from docqa.store import MAX_LABEL, Store
from docqa.types import Document


def register(commands: Commands) -> None:
    """Add the commands to the command line."""
    extract = commands.add("extract", _extract, "fill fields from documents into a CSV file")
    extract.add_argument("paths", nargs="*", metavar="DOCUMENT", help="labels or ids of documents (default: all)")
    extract.add_argument(
        "--fields", type=Path, required=True, help="the fields file (TOML), or contract, form, invoice, letter, receipt"
    )
    extract.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    extract.add_argument("--collection", help="only this collection")
    add_reader(extract)


def _extract(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    fields = load_fields(arguments.fields)
    check_target(arguments.out)
    store = Store.existing(settings.store)
    documents = documents_in(store, arguments.collection, arguments.paths)
    run = start_run(store, settings, fields, arguments.reader, [document.doc for document in documents])
    carry_on(store, settings, run=run)
    rows = run_table(store, run)
    sheet = run_sheet(store.catalog.ledger.runs(run)[0], rows)
    write_table(arguments.out, fields, rows, sheet)
    failed = [row for row in rows if row.problem is not None]
    for row in failed:
        print(f"{row.document.label}: {row.problem.message} {row.problem.hint}", file=sys.stderr)  # type: ignore[union-attr]
    filled = sum(cell.value is not None for row in rows for cell in row.cells.values())
    summary = {"run": run, "documents": len(rows), "failed": len(failed), "cells": filled, "out": str(arguments.out)}
    if arguments.json:
        emit(summary)
    else:
        print(f"{len(rows)} documents, {filled} cells filled, {len(failed)} documents failed: {arguments.out}")
    return 3 if failed else 0


def documents_in(store: Store, collection: str | None, names: Sequence[str]) -> list[Document]:
    """The documents meant by file paths, labels or beginnings of ids; all of the collection if none is named.

    Raises UnknownDocument, UnknownCollection.
    """
    documents = store.catalog.documents(collection)
    if not names:
        return documents
    by_label = {document.label: document for document in documents}
    by_doc = {document.doc: document for document in documents}
    chosen: dict[str, Document] = {}
    for name in names:
        for document in _named(store, name, by_label, by_doc):
            chosen[document.doc] = document
    return list(chosen.values())


def _named(store: Store, name: str, by_label: dict[str, Document], by_doc: dict[str, Document]) -> list[Document]:
    if name in by_label:
        return [by_label[name]]
    path = Path(name)
    if len(name) > MAX_LABEL:
        raise UnknownDocument(f"There is no document {name[:40]!r}….")
    if path.is_dir():
        hashes = {_sha256(file) for file in path.rglob("*") if file.is_file()}
        return [document for doc, document in by_doc.items() if doc in hashes]
    if path.is_file():
        doc = _sha256(path)
        if doc not in by_doc:
            raise UnknownDocument(f"{name} is not in the store.", f"Ingest it first: docqa ingest {name}")
        return [by_doc[doc]]
    return [store.catalog.document(name)]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
