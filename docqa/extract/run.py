"""Extraction: fields × documents → checked cells in the ledger.

A cell belongs to a document and a field as one version of a reader reads it. What is to be done is therefore a set
difference, and resuming is running again: cells that are there are never computed twice, whichever run wanted them.
Every document's cells are committed as soon as they are filled. A document that fails three times is set aside with its
problem; a server that is away stops the run, which costs no document an attempt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from docqa.ask import open_reader
from docqa.embed import Embedder
from docqa.errors import ModelBadAnswer, ModelError, ModelTimeout, StoreDamaged, UnknownDocument
from docqa.extract.checks import check_document, doubt, duplicates
from docqa.extract.confidence import DOUBTED, SHIPPED, Calibration, signs_of
from docqa.extract.fields import field_key, fields_from_json, fields_json
from docqa.extract.proof import prove
from docqa.extract.values import currency_of, day_first_evidence, normalise
from docqa.readers import Reader
from docqa.readers.layout import read_fields
from docqa.settings import Settings
from docqa.store import MAX_LABEL, Store
from docqa.store.ledger import Run
from docqa.store.library import Vectors
from docqa.types import Cell, Document, FieldSpec, FieldType, Page, Problem, Reading

_SURE = 0.7  #: score from which a label stands beside the value, so that the built-in reader need not guess
CALIBRATION = "calibration.json"  #: in the store's folder: what was fitted on the office's own corrections
BUILT_IN = "quote"  #: the name of `docqa.readers.quote.QuoteReader`


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
    pages = {one.page.number: one.page for one in evidence}
    readings = reader.fill(missing, evidence)
    second = read_fields(missing, list(pages.values())) if reader.name != BUILT_IN else []
    every = Readings(reader.name, readings, second)
    filled = fill_cells(document.doc, missing, pages, every, known_cells(keys, known), _calibration(store))
    return [(keys[field.name], filled[field.name]) for field in missing]


def known_cells(keys: Mapping[str, str], known: Mapping[str, Cell]) -> dict[str, Cell]:
    """The cells that are there already, by name of field."""
    return {name: known[key] for name, key in keys.items() if key in known}


@dataclass(frozen=True, slots=True)
class Readings:
    """What a reader read in one document and, if it was a model, what the built-in reader read independently."""

    reader: str
    first: Sequence[Reading]
    second: Sequence[Reading] = ()


def fill_cells(
    doc: str,
    fields: Sequence[FieldSpec],
    pages: Mapping[int, Page],
    readings: Readings,
    others: Mapping[str, Cell],
    calibration: Calibration,
) -> dict[str, Cell]:
    """The whole way of one document's readings: proven, normalised, checked against each other, and rated.

    `others` are cells of the document that are there already; they take part in the checks.
    """
    text = "\n".join(page.text for page in pages.values())
    view = View(doc, pages, day_first_evidence(text), currency_of(text))
    cells: dict[str, Cell] = {}
    for field in fields:
        first = [one for one in readings.first if one.field == field.name]
        second = [one for one in readings.second if one.field == field.name]
        reader = readings.reader
        if not first and second and second[0].score >= _SURE:  # the model saw nothing where the rules surely did
            first, second, reader = second, [], BUILT_IN
        cells[field.name] = _rated(field, check(view, field, first, reader), first, second, view)
    everything = {**others, **cells}
    known = [field for field in fields if field.name in everything]
    checked, confirmed = check_document(known, everything, pages, view.day_first)
    return {field.name: _finished(checked[field.name], field.name in confirmed, calibration) for field in fields}


def _calibration(store: Store) -> Calibration:
    """The one that was fitted on this office's own corrections, if there is one, else the shipped one."""
    own = store.folder / CALIBRATION
    return _loaded(own, own.stat().st_mtime_ns) if own.exists() else _loaded(SHIPPED, 0)


@lru_cache(maxsize=4)
def _loaded(file: Path, changed: int) -> Calibration:
    return Calibration.load(file)


def _rated(field: FieldSpec, cell: Cell, first: Sequence[Reading], second: Sequence[Reading], view: View) -> Cell:
    """A cell with its signs, and a doubt if two readings of it differ."""
    if cell.value is None:
        return cell
    other = second[0] if len(second) == 1 and field.type is not FieldType.TABLE else None
    cell = replace(cell, signs=signs_of(field, cell, first[0].margin, view.pages, other))
    if other is not None and ("second reading differs", 1.0) in cell.signs:
        return replace(cell, doubts=(*cell.doubts, doubt("disagreement", f"The built-in reader read “{other.text}”.")))
    return cell


def _finished(cell: Cell, confirmed: bool, calibration: Calibration) -> Cell:
    if confirmed and cell.value is not None:
        cell = replace(cell, signs=(*cell.signs, ("confirmed by arithmetic", 1.0)))
    return replace(cell, confidence=calibration.confidence(cell))


@dataclass(frozen=True, slots=True)
class View:
    """One document as its values are checked: its pages, how it writes dates (None: unknown), and its currency."""

    doc: str
    pages: Mapping[int, Page]
    day_first: bool | None
    currency: str | None


def check(view: View, field: FieldSpec, readings: Sequence[Reading], reader: str) -> Cell:
    """Turn what a reader read into a cell: a value that stands on its page and fits its field, or a problem.

    A field has one reading at most; a list may have one for each item, and a table has one for each cell of a row.
    """
    if not readings:
        problem = _problem("missing", f"{field.name} was not found, and it is required.") if field.required else None
        return Cell(view.doc, field.name, None, None, None, None, reader=reader, problem=problem)
    if field.type is FieldType.TABLE:
        return _check_table(view, field, readings, reader)
    first, text = readings[0], "; ".join(reading.text for reading in readings)
    proofs = [prove(field, reading, view.pages, view.day_first) for reading in readings]
    page = first.page if proofs[0] is None else proofs[0].page
    boxes = tuple(box for proof in proofs if proof is not None and proof.page == page for box in proof.boxes)
    value, problem = None, None
    if None in proofs:
        problem = _problem("unproven", f"“{text}” does not stand on the pages.")
    else:
        try:
            value = normalise(text, field, view.day_first)
        except ValueError as error:
            problem = _problem("bad_value", str(error))
    score = min(reading.score for reading in readings)
    cell = Cell(view.doc, field.name, value, text, page, first.quote, boxes, score, reader, problem)
    if field.type is FieldType.AMOUNT and value is not None:
        return replace(cell, currency=currency_of(text, first.quote) or view.currency)
    return cell


def _check_table(view: View, field: FieldSpec, readings: Sequence[Reading], reader: str) -> Cell:
    """A table's cells, row by row; a row of which nothing can be proven is left out."""
    by_row: dict[int, dict[str, list[Reading]]] = {}
    for reading in readings:
        by_row.setdefault(reading.row, {}).setdefault(reading.column, []).append(reading)
    rows = tuple(
        tuple(check(view, column, by_row[row].get(column.name, ()), reader) for column in field.columns)
        for row in sorted(by_row)
    )
    rows = tuple(row for row in rows if any(cell.value is not None for cell in row))
    first, score = readings[0], min(reading.score for reading in readings)
    boxes = tuple(box for row in rows for cell in row if cell.page == first.page for box in cell.boxes)
    if not rows:
        problem = _problem("unproven", f"No row of {field.name} stands on the pages.")
        return Cell(view.doc, field.name, None, None, first.page, first.quote, (), score, reader, problem)
    count = str(len(rows))
    return Cell(view.doc, field.name, count, count, first.page, first.quote, boxes, score, reader, rows=rows)


_HINTS = {
    "missing": "Look at the document; if the value is there, say in the field's description what stands beside it.",
    "unproven": "Look at the page before you use this value.",
    "bad_value": "Look at the page, or change the field's type, choices or pattern.",
}


def _problem(code: str, message: str) -> Problem:
    return Problem(code, message, _HINTS[code])
