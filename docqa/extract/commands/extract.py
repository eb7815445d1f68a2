"""The commands of extraction: `docqa extract`, and which documents its arguments mean."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from docqa.commands import Commands, add_reader, emit, settings_of
from docqa.errors import DocqaError, UnknownDocument
from docqa.extract.commands.progress import ProgressLine
from docqa.extract.export.output import add_output, check_output, told, write_run
from docqa.extract.fields import load_fields
from docqa.extract.run import carry_on, chosen_run
from docqa.settings import Settings
from docqa.store import MAX_LABEL, Store
from docqa.types import Document

MOST_NAMED = 5  #: documents of one name whose ids are told


def register(commands: Commands) -> None:
    """Add the commands to the command line."""
    extract = commands.add("extract", _extract, "fill fields from documents into a CSV, XLSX or JSON file")
    extract.add_argument("paths", nargs="*", metavar="DOCUMENT", help="labels or ids of documents (default: all)")
    extract.add_argument(
        "--fields", type=Path, required=True, help="the fields file (TOML), or contract, form, invoice, letter, receipt"
    )
    add_output(extract)
    extract.add_argument("--collection", help="only this collection")
    extract.add_argument(
        "--only-missing", action="store_true", help="carry on the newest extraction of these fields; add new documents"
    )
    extract.add_argument(
        "--retry", action="store_true", help="the same, and try again what was set aside after three attempts"
    )
    extract.add_argument(
        "--limit", type=_number, metavar="N", help="at most N documents; with --only-missing N new ones"
    )
    add_reader(extract)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of documents")
    return int(text)


def _extract(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    fields = load_fields(arguments.fields)
    check_output(arguments)
    store = Store.existing(settings.store)
    documents = documents_in(store, arguments.collection, arguments.paths)
    run = chosen_run(
        store,
        settings,
        fields,
        arguments.reader,
        [document.doc for document in documents],
        again=arguments.only_missing or arguments.retry,
        retry=arguments.retry,
        limit=arguments.limit,
    )
    if arguments.json:
        carry_on(store, settings, run=run)
    else:
        with ProgressLine(sys.stderr) as progress:
            carry_on(store, settings, run=run, on_progress=progress)
    summary = _written(arguments, settings, store, run)
    emit(summary) if arguments.json else print(told(summary))
    return 3 if summary["failed"] else 0


def _written(arguments: argparse.Namespace, settings: Settings, store: Store, run: int) -> dict[str, object]:
    """Write the table; where that fails, say that nothing has to be read again."""
    try:
        return write_run(arguments, settings, store, store.catalog.ledger.runs(run)[0])
    except DocqaError:
        print(f"docqa: extraction {run} is kept: docqa export {run} --out FILE", file=sys.stderr)
        raise


def documents_in(store: Store, collection: str | None, names: Sequence[str]) -> list[Document]:
    """The documents meant by file paths, labels or beginnings of ids; all of the collection if none is named.

    A label means every document that is called so, by any of its labels. Raises UnknownDocument, UnknownCollection.
    """
    documents = store.catalog.documents(collection)
    if not names:
        return documents
    by_label: dict[str, list[Document]] = {}
    called = store.catalog.names()
    for document in documents:
        for label in {document.label, *(label for label, _ in called.get(document.doc, ()))}:
            by_label.setdefault(label, []).append(document)
    by_doc = {document.doc: document for document in documents}
    chosen: dict[str, Document] = {}
    for name in names:
        for document in _named(store, name, by_label, by_doc):
            chosen[document.doc] = document
    return list(chosen.values())


def document_named(store: Store, name: str) -> Document:
    """The one document that is meant. Raises UnknownDocument."""
    found = documents_in(store, None, [name])
    if len(found) > 1:
        ids = ", ".join(f"{one.doc[:12]} ({one.collection})" for one in found[:MOST_NAMED])
        hint = f"Give the beginning of an id: {ids}{', …' if len(found) > MOST_NAMED else ''}."
        raise UnknownDocument(f"{name} is {len(found)} documents.", hint)
    return found[0]


def _named(store: Store, name: str, by_label: dict[str, list[Document]], by_doc: dict[str, Document]) -> list[Document]:
    if name in by_label:
        return by_label[name]
    path = Path(name)
    if len(name) > MAX_LABEL:
        raise UnknownDocument(f"There is no document {name[:40]!r}….")
    if path.is_dir():
        hashes = {_sha256(file) for file in path.rglob("*") if file.is_file()}
        if not hashes & by_doc.keys():
            raise UnknownDocument(f"No file of {name} is in the store.", f"Ingest it first: docqa ingest {name}")
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
