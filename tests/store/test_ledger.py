"""The ledger: runs that count what is done, and cells that are never overwritten."""

from __future__ import annotations

import pytest
from small_catalog import PROBLEM, doc_id, finish

from docqa.errors import StoreDamaged
from docqa.store.catalog import Catalog
from docqa.types import MAX_ATTEMPTS, Cell, Problem, Status


def cell(name: str, value: str | None, problem: Problem | None = None) -> Cell:
    return Cell(doc_id(name), "total", value, value, 1, "Total 5", ((0.1, 0.2, 0.3, 0.4),), 0.5, "quote", problem)


@pytest.fixture
def run(documents: Catalog) -> int:
    return documents.ledger.start_run("[]", "quote", "quote-1", [doc_id(name) for name in "abc"])


def progress(documents: Catalog, run: int) -> tuple[int, int, int]:
    [found] = documents.ledger.runs(run)
    return found.documents, found.done, found.failed


def test_a_run_counts_what_is_done_and_what_failed(documents: Catalog, run: int) -> None:
    assert progress(documents, run) == (3, 0, 0)
    documents.ledger.finish_run_document(run, doc_id("a"), [("key", cell("a", "5"))])
    documents.ledger.fail_run_document(run, doc_id("b"), PROBLEM, final=True)
    documents.ledger.fail_run_document(run, doc_id("c"), PROBLEM, final=False)
    assert progress(documents, run) == (3, 1, 1)  # c has attempts left
    assert documents.ledger.run_pending(run) == [doc_id("c")]
    assert [(d.label, problem) for d, problem in documents.ledger.run_documents(run)] == [
        ("a.pdf", None),
        ("b.pdf", PROBLEM),
        ("c.pdf", PROBLEM),
    ]


def test_a_document_that_was_named_twice_is_in_a_run_once(documents: Catalog) -> None:
    run = documents.ledger.start_run("[]", "quote", "quote-1", [doc_id("a"), doc_id("b"), doc_id("a")])
    assert progress(documents, run) == (2, 0, 0)


def test_the_newest_run_comes_first_and_an_unknown_one_is_none(documents: Catalog, run: int) -> None:
    second = documents.ledger.start_run("[]", "auto", "v", [])
    assert [found.run for found in documents.ledger.runs()] == [second, run]
    assert documents.ledger.runs(99) == []
    assert progress(documents, second) == (0, 0, 0)


def test_a_cell_comes_back_as_it_was_and_is_never_overwritten(documents: Catalog, run: int) -> None:
    first = cell("a", "5", PROBLEM)
    documents.ledger.finish_run_document(run, doc_id("a"), [("key", first), ("empty", cell("a", None))])
    other = documents.ledger.start_run("[]", "quote", "quote-1", [doc_id("a")])
    documents.ledger.finish_run_document(other, doc_id("a"), [("key", cell("a", "6")), ("new", cell("a", "7"))])
    assert documents.ledger.cells(doc_id("a"), ["key", "new"]) == {"key": first, "new": cell("a", "7")}
    assert documents.ledger.cells(doc_id("b"), ["key"]) == {}
    assert documents.ledger.cells(doc_id("a"), []) == {}


def test_reading_a_document_again_voids_its_cells_and_no_others(documents: Catalog, run: int) -> None:
    for name in "ab":
        documents.ledger.finish_run_document(run, doc_id(name), [("key", cell(name, "5"))])
    finish(documents, "a", Status.READY)
    assert documents.ledger.cells(doc_id("a"), ["key"]) == {}
    assert documents.ledger.cells(doc_id("b"), ["key"]) == {"key": cell("b", "5")}


def test_a_document_of_a_run_has_three_attempts(documents: Catalog, run: int) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert doc_id("a") in documents.ledger.run_pending(run)
        assert documents.ledger.run_exhausted(run) == []
        documents.ledger.start_run_document(run, doc_id("a"))
    assert doc_id("a") not in documents.ledger.run_pending(run)
    assert documents.ledger.run_exhausted(run) == [doc_id("a")]
    documents.ledger.fail_run_document(run, doc_id("a"), PROBLEM, final=False)
    assert documents.ledger.run_exhausted(run) == []


def test_what_stopped_the_run_is_no_attempt_at_the_document(documents: Catalog, run: int) -> None:
    for _ in range(2 * MAX_ATTEMPTS):
        documents.ledger.start_run_document(run, doc_id("a"))
        documents.ledger.postpone_run_document(run, doc_id("a"), PROBLEM)
    assert doc_id("a") in documents.ledger.run_pending(run)
    assert dict((d.label, p) for d, p in documents.ledger.run_documents(run))["a.pdf"] == PROBLEM
    documents.ledger.finish_run_document(run, doc_id("a"), [])
    assert dict((d.label, p) for d, p in documents.ledger.run_documents(run))["a.pdf"] is None


def test_a_run_can_be_cancelled_and_renewed(documents: Catalog, run: int) -> None:
    documents.ledger.finish_run_document(run, doc_id("a"), [("key", cell("a", "5"))])
    documents.ledger.fail_run_document(run, doc_id("b"), PROBLEM, final=True)
    documents.ledger.renew_run(run, "quote-2")
    assert sorted(documents.ledger.run_pending(run)) == sorted(doc_id(name) for name in "abc")
    assert documents.ledger.runs(run)[0].version == "quote-2"
    documents.ledger.cancel_run(run)
    assert documents.ledger.run_pending(run) == []
    assert documents.ledger.cells(doc_id("a"), ["key"]) != {}
    assert documents.ledger.runs(run)[0].cancelled


def test_a_cell_of_no_document_takes_the_whole_transaction_with_it(documents: Catalog, run: int) -> None:
    with pytest.raises(StoreDamaged):
        documents.ledger.finish_run_document(run, doc_id("a"), [("key", cell("a", "5")), ("key", cell("nobody", "6"))])
    assert documents.ledger.cells(doc_id("a"), ["key"]) == {}
    assert doc_id("a") in documents.ledger.run_pending(run)
    documents.ledger.finish_run_document(run, doc_id("a"), [])  # and nothing is left open
