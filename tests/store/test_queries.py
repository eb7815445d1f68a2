"""What is asked of the catalog again and again is looked up and not searched for among everything there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from small_catalog import doc_id, finish

from docqa.store.catalog import Catalog
from docqa.store.database import Row
from docqa.types import Cell, Correction, Problem, Status

DOC = doc_id("a")
QUESTIONS: dict[str, Callable[[Catalog], object]] = {
    "documents by id": lambda catalog: catalog.documents(docs=[DOC]),
    "documents of a collection": lambda catalog: catalog.documents("office"),
    "documents of a collection by id": lambda catalog: catalog.documents("office", [DOC]),
    "an extraction": lambda catalog: catalog.ledger.runs(1),
    "extractions with something left": lambda catalog: catalog.ledger.runs_left(),
    "documents of an extraction": lambda catalog: catalog.ledger.run_documents(1),
    "some documents of an extraction": lambda catalog: catalog.ledger.run_documents(1, [DOC]),
    "what waits in an extraction": lambda catalog: catalog.ledger.run_waiting(1),
    "cells of documents": lambda catalog: catalog.ledger.cells_of([DOC], ["key"]),
    "values of an extraction": lambda catalog: catalog.ledger.run_values(1, ["key"]),
    "readers of an extraction": lambda catalog: catalog.ledger.run_readers(1, ["key"]),
    "what changed in an extraction": lambda catalog: catalog.ledger.run_stamps(1),
    "whether anything changed in one": lambda catalog: catalog.ledger.run_state(1),
    "how many documents an extraction has": lambda catalog: catalog.ledger.run_size(1),
    "names in an extraction": lambda catalog: catalog.ledger.run_labels(1),
    "what people said of a document": lambda catalog: catalog.ledger.corrections(DOC),
    "what counts of documents": lambda catalog: catalog.ledger.corrections_in_force([DOC]),
    "what people said since": lambda catalog: catalog.ledger.corrections_since(0),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_searched_for_from_one_end_to_the_other(
    documents: Catalog, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents.ledger.start_run("[]", "quote", "quote-1", [DOC])
    asked: list[tuple[str, object]] = []
    read = documents._database.read

    def told(statement: str, values: Sequence[object] | dict[str, object] = ()) -> list[Row]:
        asked.append((statement, values))
        return read(statement, values)

    monkeypatch.setattr(documents._database, "read", told)
    QUESTIONS[question](documents)
    monkeypatch.undo()
    steps = [row["detail"] for one in asked for row in read(f"EXPLAIN QUERY PLAN {one[0]}", one[1])]
    assert asked
    assert [step for step in steps if step.startswith("SCAN") and "json_each" not in step and "_left" not in step] == []


def test_documents_of_a_collection_are_those_that_are_asked_for(documents: Catalog) -> None:
    documents.add_document(DOC, 10, "another name.pdf", "elsewhere")
    assert [one.label for one in documents.documents("elsewhere")] == ["another name.pdf"]
    assert [one.label for one in documents.documents("elsewhere", [DOC, doc_id("b")])] == ["another name.pdf"]
    assert [one.label for one in documents.documents(docs=[DOC])] == ["a.pdf"]
    assert documents.documents("office", []) == []


def test_cells_of_several_documents_come_together(documents: Catalog) -> None:
    run = documents.ledger.start_run("[]", "quote", "quote-1", [doc_id(name) for name in "abc"])
    for name in "ab":
        cell = Cell(doc_id(name), "total", name, name, 1, "")
        documents.ledger.finish_run_document(run, doc_id(name), [("key", cell), ("other", cell)])
    found = documents.ledger.cells_of([doc_id(name) for name in "abc"], ["key"])
    assert {doc: {key: cell.value for key, cell in cells.items()} for doc, cells in found.items()} == {
        doc_id("a"): {"key": "a"},
        doc_id("b"): {"key": "b"},
        doc_id("c"): {},
    }


def test_a_table_that_an_earlier_docqa_kept_comes_back(documents: Catalog) -> None:
    run = documents.ledger.start_run("[]", "quote", "quote-1", [DOC])
    lost = Problem("bad_value", "Not a number.", "Look.")
    boxes = ((0.1, 0.2, 0.3, 0.4),)
    inner = Cell(DOC, "price", "5.00", "5,00", 1, "q", boxes, 0.5, "quote", currency="EUR")
    row = (inner, Cell(DOC, "what", None, "", 1, "", problem=lost))
    table = Cell(DOC, "items", "1", "1", 1, "q", boxes, 0.8, "quote", confidence=0.0, rows=(row,))
    documents.ledger.finish_run_document(run, DOC, [("key", table)])
    assert documents.ledger.cells(DOC, ["key"]) == {"key": table}
    none = {"problem": None, "currency": None, "confidence": None, "doubts": [], "rows": [], "signs": []}
    none |= {"version": "", "attempt": 0, "filled_at": ""}
    price = {"doc": DOC, "field": "price", "value": "5.00", "text": "5,00", "page": 1, "quote": "q", "boxes": boxes}
    what = {"doc": DOC, "field": "what", "value": None, "text": "", "page": 1, "quote": "", "boxes": [], "score": 0.0}
    kept = [
        none | price | {"score": 0.5, "reader": "quote", "currency": "EUR"},
        none | what | {"reader": "", "problem": {"code": "bad_value", "message": "Not a number.", "hint": "Look."}},
    ]
    with documents._database.write() as sql:
        sql.execute("UPDATE cells SET details = ?", (json.dumps({"rows": [kept], "confidence": 0.0}),))
    assert documents.ledger.cells(DOC, ["key"]) == {"key": table}


def test_what_changes_a_document_of_an_extraction_changes_its_stamp(documents: Catalog) -> None:
    ledger = documents.ledger
    run = ledger.start_run("[]", "quote", "quote-1", [DOC, doc_id("b")])
    seen, states = [ledger.run_stamps(run)], [ledger.run_state(run)]
    ledger.start_run_document(run, DOC)
    seen.append(ledger.run_stamps(run))
    states.append(ledger.run_state(run))
    ledger.finish_run_document(run, DOC, [])
    seen.append(ledger.run_stamps(run))
    states.append(ledger.run_state(run))
    finish(documents, "a", Status.READY)
    seen.append(ledger.run_stamps(run))
    states.append(ledger.run_state(run))
    assert len({stamps[DOC] for stamps in seen}) == 4
    assert len({stamps[doc_id("b")] for stamps in seen}) == 1
    assert len(set(states)) == 4 and ledger.run_state(run) == states[-1]


def test_the_newest_extractions_are_those_with_documents(documents: Catalog) -> None:
    ledger = documents.ledger
    runs = [ledger.start_run("[]", "quote", "quote-1", docs) for docs in ([DOC], [], [DOC, doc_id("b")])]
    ledger.finish_run(runs[0])
    [(newest, fields, _, open_end), (oldest, _, _, end)] = ledger.newest_runs(2)
    assert (newest, fields, open_end, ledger.run_size(newest)) == (runs[2], "[]", None, 2)
    assert (oldest, end is None, ledger.run_size(oldest)) == (runs[0], False, 1)
    assert [run for run, *_ in ledger.newest_runs(1)] == [runs[2]]


def test_what_people_said_since_is_known_by_its_number(documents: Catalog) -> None:
    def say(name: str) -> None:
        documents.ledger.correct(Correction(doc_id(name), "total", "1", "ann", "2026-11-22T10:00:00.000+00:00"))

    assert documents.ledger.corrections_since(0) == (0, set())
    say("a")
    number, docs = documents.ledger.corrections_since(0)
    assert docs == {DOC}
    say("b")
    newest, docs = documents.ledger.corrections_since(number)
    assert docs == {doc_id("b")} and newest > number
    assert documents.ledger.corrections_since(newest) == (newest, set())
    assert set(documents.ledger.corrections_in_force([DOC])) == {DOC}
