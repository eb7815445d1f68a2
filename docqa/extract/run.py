"""Extraction: fields × documents → checked cells in the ledger.

A cell belongs to a document and a field as one version of a reader reads it. What is to be done is therefore a set
difference, and resuming is running again: cells that are there are never computed twice, whichever run wanted them.
Every document's cells are committed as soon as they are filled. A document that fails three times is set aside with its
problem; a server that is away stops the run, which costs no document an attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from docqa.ask import open_reader
from docqa.embed import Embedder
from docqa.errors import ModelBadAnswer, ModelError, ModelTimeout, StoreDamaged
from docqa.extract.confidence import calibration_in
from docqa.extract.fields import field_key, fields_from_json, fields_json
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.readers import Reader
from docqa.readers.layout import read_fields
from docqa.settings import Settings
from docqa.store import Store
from docqa.store.ledger import Run
from docqa.store.library import Vectors
from docqa.types import Cell, Document, FieldSpec, Problem


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
    filled = fill_cells(document.doc, missing, pages, every, known_cells(keys, known), calibration_in(store.folder))
    return [(keys[field.name], filled[field.name]) for field in missing]


def known_cells(keys: Mapping[str, str], known: Mapping[str, Cell]) -> dict[str, Cell]:
    """The cells that are there already, by name of field."""
    return {name: known[key] for name, key in keys.items() if key in known}
