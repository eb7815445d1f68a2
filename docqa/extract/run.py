"""Extraction: fields × documents → checked cells in the ledger.

A cell belongs to a document and a field as one version of a reader reads it. What is to be done is therefore a set
difference, and resuming is running again: cells that are there are never computed twice, whichever run wanted them.
Every document's cells are committed as soon as they are filled. A document that fails three times is set aside with its
problem; a server that is away stops the run, which costs no document an attempt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docqa.ask import open_reader
from docqa.embed import Embedder
from docqa.errors import ModelBadAnswer, ModelError, ModelTimeout, StoreDamaged, UnknownDocument
from docqa.extract.fields import field_key, fields_from_json, fields_json
from docqa.extract.values import day_first_evidence, normalise, split_list
from docqa.readers import Reader
from docqa.settings import Settings
from docqa.store import MAX_LABEL, Store
from docqa.store.ledger import Run
from docqa.store.library import Vectors
from docqa.types import Box, Cell, Document, FieldSpec, FieldType, Page, Problem, Reading
from docqa.verify import locate


@dataclass(frozen=True, slots=True)
class Row:
    """One document of an extraction: its cells by name of field, and why there are none."""

    document: Document
    cells: dict[str, Cell]
    problem: Problem | None


def start_run(store: Store, settings: Settings, fields: Sequence[FieldSpec], wanted: str, docs: Iterable[str]) -> int:
    """Record an extraction to be carried on, here or by the worker; returns its number.

    `wanted` is "quote", "vision" or "auto". Raises BadSettings if that reader cannot be had.
    """
    reader = _reader(settings, wanted)
    return store.catalog.ledger.start_run(fields_json(fields), wanted, reader.version, docs)


def run_fields(run: Run) -> tuple[FieldSpec, ...]:
    """The fields an extraction was started with."""
    return fields_from_json(run.fields)


def carry_on(
    store: Store,
    settings: Settings,
    run: int | None = None,
    on_progress: Callable[[Run], None] = lambda run: None,
) -> bool:
    """Fill what is missing in one extraction, or in all; False if nothing was. Raises ModelError, StoreError."""
    worked = False
    for each in store.catalog.ledger.runs(run):
        for doc in store.catalog.ledger.run_exhausted(each.run):
            store.catalog.ledger.fail_run_document(each.run, doc, _CUT_OFF, final=True)
        if not store.catalog.ledger.run_pending(each.run):
            continue
        worked = True
        reader = _reader(settings, each.reader)
        fields = run_fields(each)
        if each.version != reader.version:  # docqa or the model changed since: all of it is read anew
            store.catalog.ledger.renew_run(each.run, reader.version)
        while pending := store.catalog.ledger.run_pending(each.run):
            _fill_document(store, reader, each.run, fields, pending[0])
            on_progress(store.catalog.ledger.runs(each.run)[0])
    return worked


def run_table(store: Store, run: int) -> list[Row]:
    """The documents of an extraction in order of label, with the cells that are there."""
    record = store.catalog.ledger.runs(run)[0]
    keys = {field_key(field, record.version): field.name for field in run_fields(record)}
    rows = []
    for document, problem in store.catalog.ledger.run_documents(run):
        found = store.catalog.ledger.cells(document.doc, list(keys))
        rows.append(Row(document, {keys[key]: cell for key, cell in found.items()}, problem))
    return rows


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


def _reader(settings: Settings, wanted: str) -> Reader:
    def embed(texts: Sequence[str]) -> Vectors:  # only answers need it, so it is loaded only then
        return Embedder(settings.embedder).embed_documents(texts)

    return open_reader(settings, wanted, embed)


# ── one document ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _fill_document(store: Store, reader: Reader, run: int, fields: Sequence[FieldSpec], doc: str) -> None:
    """Fill the cells a document lacks and commit them, or record why that was not possible."""
    document = next(iter(store.catalog.documents(docs=[doc])), None)
    if document is None:
        store.catalog.ledger.fail_run_document(run, doc, _WITHDRAWN, final=True)
        return
    if not document.pages_done:
        store.catalog.ledger.fail_run_document(run, doc, document.problem or _NOT_READ, final=True)
        return
    store.catalog.ledger.start_run_document(run, doc)
    try:
        cells = _missing_cells(store, reader, fields, document)
    except (ModelBadAnswer, ModelTimeout, StoreDamaged) as error:  # may be about this document alone
        store.catalog.ledger.fail_run_document(run, doc, error.problem, final=False)
    except ModelError as error:  # the server is away or refuses everybody: no document's fault
        store.catalog.ledger.postpone_run_document(run, doc, error.problem)
        raise
    else:
        store.catalog.ledger.finish_run_document(run, doc, cells)


_NOT_READ = Problem(
    "not_read", "The document has not been read yet.", "Wait until its status is ready, then run again."
)
_WITHDRAWN = Problem(
    "withdrawn",
    "The document's file is not there any more.",
    "Put it back, wait until it is read, then start a new extraction.",
)
_CUT_OFF = Problem(
    "interrupted",
    "Filling its fields was cut off every time.",
    "Look at the document, then start a new extraction.",
)


def _missing_cells(
    store: Store, reader: Reader, fields: Sequence[FieldSpec], document: Document
) -> list[tuple[str, Cell]]:
    keys = {field.name: field_key(field, reader.version) for field in fields}
    known = store.catalog.ledger.cells(document.doc, list(keys.values()))
    missing = [field for field in fields if keys[field.name] not in known]
    if not missing:
        return []
    evidence = store.evidence(document)
    readings: dict[str, list[Reading]] = {}
    for reading in reader.fill(missing, evidence):
        readings.setdefault(reading.field, []).append(reading)
    day_first = day_first_evidence("\n".join(one.page.text for one in evidence))
    pages = {one.page.number: one.page for one in evidence}
    return [
        (keys[field.name], check(document.doc, field, readings.get(field.name, ()), pages, reader.name, day_first))
        for field in missing
    ]


def check(
    doc: str,
    field: FieldSpec,
    readings: Sequence[Reading],
    pages: dict[int, Page],
    reader: str,
    day_first: bool | None,
) -> Cell:
    """Turn what a reader read into a cell: a value that stands on its page and fits its field, or a problem.

    A field has one reading at most; a list may have one for each item.
    """
    if not readings:
        problem = _problem("missing", f"{field.name} was not found, and it is required.") if field.required else None
        return Cell(doc, field.name, None, None, None, None, reader=reader, problem=problem)
    first, text = readings[0], "; ".join(reading.text for reading in readings)
    proofs = [_proof(field, reading, pages) for reading in readings]
    on_page = tuple(box for one, proof in zip(readings, proofs, strict=True) if one.page == first.page for box in proof)
    value, problem = None, None
    if not all(proofs):
        problem = _problem("unproven", f"“{text}” does not stand on the page it was read from.")
    else:
        try:
            value = normalise(text, field, day_first)
        except ValueError as error:
            problem = _problem("bad_value", str(error))
    score = min(reading.score for reading in readings)
    return Cell(doc, field.name, value, text, first.page, first.quote, on_page, score, reader, problem)


def _proof(field: FieldSpec, reading: Reading, pages: dict[int, Page]) -> tuple[Box, ...]:
    """Boxes of the value, inside its quote if that is on the page; none if it does not stand there.

    A tick or a choice need not be printed as the value is spelled, so that its quote is the proof.
    """
    page = pages.get(reading.page)
    if page is None:
        return ()
    quote = locate(reading.quote, page)
    if quote is not None and field.type in (FieldType.BOOLEAN, FieldType.CHOICE):
        return quote.boxes
    items = split_list(reading.text) if field.type is FieldType.LIST else [reading.text]
    places = [page] if quote is None else [replace(page, words=page.words[quote.first : quote.last + 1]), page]
    found = [next((match for place in places if (match := locate(item, place))), None) for item in items]
    return tuple(box for match in found if match for box in match.boxes) if all(found) else ()


_HINTS = {
    "missing": "Look at the document; if the value is there, say in the field's description what stands beside it.",
    "unproven": "Look at the page before you use this value.",
    "bad_value": "Look at the page, or change the field's type, choices or pattern.",
}


def _problem(code: str, message: str) -> Problem:
    return Problem(code, message, _HINTS[code])
