"""The catalog: what is known of documents, which of them wait, and the file that it all stands in."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from small_catalog import PROBLEM, doc_id, finish, sha256

from docqa.errors import StoreBusy, StoreDamaged, StoreTooNew, UnknownCollection, UnknownDocument, UsageError
from docqa.store import Store, database
from docqa.store.catalog import Catalog, PageRecord
from docqa.store.schema import MIGRATIONS
from docqa.types import MAX_ATTEMPTS, Answer, Citation, Document, Problem, Status, Verdict

A, B, C = map(doc_id, "abc")


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_that_was_taken_in_waits(documents: Catalog) -> None:
    document = documents.document(doc_id("a"))
    assert document == Document(
        doc_id("a"), "a.pdf", "office", Status.QUEUED, 10, None, None, 0, 0, None, None, document.added_at, None
    )
    assert documents.pending("p1") == [doc_id("c"), doc_id("a"), doc_id("b")]  # first come, first served
    assert [document.label for document in documents.documents()] == ["a.pdf", "b.pdf", "c.pdf"]


def test_the_same_bytes_under_another_label_are_no_new_document(documents: Catalog) -> None:
    assert documents.add_document(doc_id("new"), 10, "z.pdf", "office")
    assert not documents.add_document(doc_id("new"), 10, "0.pdf", "office")
    assert not documents.add_document(doc_id("new"), 10, "copy.pdf", "other")
    assert documents.document(doc_id("new")).label == "z.pdf"  # the first, not the one that sorts first
    assert len(documents.documents()) == 4
    [copy] = documents.documents("other")
    assert (copy.doc, copy.label, copy.collection) == (doc_id("new"), "copy.pdf", "other")
    assert documents.collections() == ["office", "other"]


def test_the_same_label_may_name_several_documents(documents: Catalog) -> None:
    assert documents.add_document(doc_id("other"), 10, "a.pdf", "office")
    assert [document.label for document in documents.documents()].count("a.pdf") == 2


def test_the_beginning_of_an_id_is_enough_if_it_is_the_only_one(documents: Catalog) -> None:
    documents.add_document("ab" + "0" * 62, 1, "1", "x")
    documents.add_document("ab" + "1" * 62, 1, "2", "x")
    assert documents.document("ab0").label == "1"
    with pytest.raises(UnknownDocument, match="Several documents begin with 'ab'"):
        documents.document("ab")
    for unknown in ("abc", "", "%", "ab_", "'"):
        with pytest.raises(UnknownDocument, match="There is no document"):
            documents.document(unknown)


def test_an_unknown_collection_is_an_error_and_no_empty_list(documents: Catalog) -> None:
    with pytest.raises(UnknownCollection, match="'offfice'"):
        documents.documents("offfice")
    assert documents.documents("office", []) == []
    assert [document.label for document in documents.documents(docs=[doc_id("b"), "unknown"])] == ["b.pdf"]


def test_what_was_read_is_not_pending_until_the_pipeline_changes(documents: Catalog) -> None:
    finish(documents, "a", Status.READY)
    finish(documents, "b", Status.PARTIAL)
    finish(documents, "c", Status.FAILED)
    assert documents.pending("p1") == []
    assert set(documents.pending("p2")) == {doc_id("a"), doc_id("b")}  # what is damaged stays damaged


def test_a_failure_by_chance_is_tried_again_a_final_one_is_not(documents: Catalog) -> None:
    finish(documents, "a", Status.FAILED, transient=True)
    finish(documents, "b", Status.FAILED)
    finish(documents, "c", Status.NEEDS_PASSWORD)
    assert documents.pending("p1") == [doc_id("a")]
    assert documents.document(doc_id("b")).problem == PROBLEM


def test_after_three_attempts_that_were_cut_off_a_document_is_set_aside(documents: Catalog) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert doc_id("a") in documents.pending("p1")
        assert documents.exhausted() == []
        assert documents.start_document(doc_id("a")) == attempt
    assert doc_id("a") not in documents.pending("p1")
    assert documents.exhausted() == [doc_id("a")]


def test_after_three_failures_by_chance_a_document_keeps_its_problem(documents: Catalog) -> None:
    for _ in range(MAX_ATTEMPTS):
        documents.start_document(doc_id("a"))
        finish(documents, "a", Status.FAILED, transient=True)
    assert doc_id("a") not in documents.pending("p1")
    assert documents.exhausted() == []  # it did not vanish without a word
    assert documents.document(doc_id("a")).problem == PROBLEM


def test_an_attempt_that_is_given_back_does_not_count(documents: Catalog) -> None:
    for _ in range(MAX_ATTEMPTS):
        documents.start_document(doc_id("a"))
    documents.start_document(doc_id("b"))
    documents.give_back_attempts([doc_id("a")])
    assert documents.document(doc_id("a")).attempts == MAX_ATTEMPTS - 1
    assert documents.document(doc_id("b")).attempts == 1
    assert doc_id("a") in documents.pending("p1")


def test_success_forgets_the_attempts(documents: Catalog) -> None:
    documents.start_document(doc_id("a"))
    documents.start_document(doc_id("b"))
    finish(documents, "a", Status.READY)
    finish(documents, "b", Status.PARTIAL)
    assert documents.document(doc_id("a")).attempts == 0
    assert documents.document(doc_id("b")).attempts == 1


def test_a_retry_gives_what_failed_three_new_attempts_and_leaves_what_is_ready(documents: Catalog) -> None:
    for name in "ab":
        for _ in range(MAX_ATTEMPTS):
            documents.start_document(doc_id(name))
    finish(documents, "a", Status.READY)
    finish(documents, "b", Status.FAILED)
    documents.retry([doc_id("a"), doc_id("b"), "unknown"])
    assert documents.document(doc_id("a")).status is Status.READY
    again = documents.document(doc_id("b"))
    assert (again.status, again.attempts, again.problem) == (Status.QUEUED, 0, None)
    assert documents.pending("p1") == [doc_id("c"), doc_id("b")]


def test_how_a_reading_ended_is_kept_whole(documents: Catalog) -> None:
    records = [PageRecord(number, "ocr", 0.25, sha256(bytes([number])), sha256(b"w")) for number in (2, 1)]
    documents.finish_document(
        doc_id("a"), Status.PARTIAL, pipeline="p1", media_type="application/pdf", pages=3, page_records=records,
        problem=PROBLEM, title="A title", seconds=2.5,
    )  # fmt: skip
    document = documents.document(doc_id("a"))
    assert (document.status, document.media_type, document.title) == (Status.PARTIAL, "application/pdf", "A title")
    assert (document.pages, document.pages_done, document.seconds) == (3, 2, 2.5)
    assert document.problem == PROBLEM
    assert documents.page_records(doc_id("a")) == records[::-1]
    finish(documents, "a", Status.READY)
    assert len(documents.page_records(doc_id("a"))) == 1


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_password_queues_the_locked_documents_of_its_collection(documents: Catalog) -> None:
    documents.add_document(C, 1, "again", "other")
    for doc, status in ((A, Status.NEEDS_PASSWORD), (B, Status.FAILED), (C, Status.NEEDS_PASSWORD)):
        for _ in range(MAX_ATTEMPTS):
            documents.start_document(doc)
        documents.finish_document(doc, status, pipeline="1", problem=Problem("x", "x", "x"), seconds=0)
    assert documents.pending("1") == []
    assert documents.add_password("other", "open sesame") == 1
    assert documents.pending("1") == [C]
    opened = documents.document(C)
    assert (opened.status, opened.problem, opened.attempts) == (Status.QUEUED, None, 0)
    assert (documents.passwords("other"), documents.passwords("nobody's")) == (["open sesame"], [])
    assert (documents.passwords_for(C), documents.passwords_for(A)) == (["open sesame"], [])


def test_passwords_of_all_its_collections_open_a_document_each_once(documents: Catalog) -> None:
    documents.add_document(C, 1, "again", "other")
    collection = documents.document(A).collection
    for password in ("one", "both", "one"):
        documents.add_password(collection, password)
    documents.add_password("other", "both")
    assert sorted(documents.passwords_for(C)) == ["both", "one"]
    assert sorted(documents.passwords_for(A)) == ["both", "one"]


def test_no_more_passwords_are_tried_than_a_pipe_holds(documents: Catalog) -> None:
    collection = documents.document(A).collection
    for number in range(120):
        documents.add_password(collection, f"{number:0>3}" + "ü" * 124)
    tried = documents.passwords_for(A)
    assert 50 < len(tried) < 120 and len(json.dumps(tried)) < 1 << 16


@pytest.mark.parametrize("password", ["", "x" * 128, "two\nlines", "nul\0", "\udcff"])
def test_what_cannot_be_a_password(documents: Catalog, password: str) -> None:
    with pytest.raises(UsageError) as caught:
        documents.add_password("office", password)
    assert not password or password not in caught.value.message + caught.value.hint


def test_a_partial_document_can_be_tried_again(documents: Catalog) -> None:
    pages = [PageRecord(1, "ocr", 1.0, "0" * 64, "0" * 64)]
    problem = Problem("pages_missing", "x", "x")
    documents.finish_document(A, Status.PARTIAL, pipeline="1", pages=2, page_records=pages, problem=problem, seconds=0)
    assert A not in documents.pending("1")
    documents.retry([A])
    assert A in documents.pending("1")
    assert (documents.document(A).status, documents.document(A).problem) == (Status.QUEUED, None)


# ── chats, facts, the file itself ────────────────────────────────────────────────────────────────────────────────────


def test_chats_come_back_as_they_were(documents: Catalog) -> None:
    citation = Citation(doc_id("a"), "a.pdf", 2, "“quoted”", ((0.1, 0.2, 0.3, 0.4),), True)
    answers = [
        Answer("How much?", Verdict.FOUND, "5 €", (citation,), ((doc_id("a"), 2),), "quote", 0.5),
        Answer("When?", Verdict.NOT_FOUND, "", (), (), "quote", 0.25),
    ]
    first, second = documents.chats.start("Rent"), documents.chats.start("Other")
    for answer in answers:
        documents.chats.add_turn(first, answer)
    assert [turn.answer for turn in documents.chats.turns(first)] == answers
    assert [turn.question for turn in documents.chats.turns(first)] == ["How much?", "When?"]
    assert documents.chats.turns(second) == []
    assert documents.chats.all() == [(second, "Other"), (first, "Rent")]


def test_a_fact_is_the_last_that_was_recorded(documents: Catalog) -> None:
    assert documents.fact("embedder") is None
    documents.set_fact("embedder", "one")
    documents.set_fact("embedder", "two")
    assert documents.fact("embedder") == "two"


def test_what_was_written_is_there_for_the_next_process(documents: Catalog, tmp_path: Path) -> None:
    finish(documents, "a", Status.READY)
    assert Catalog(tmp_path / "catalog.sqlite").documents() == documents.documents()
    assert documents.damage() == []


def test_a_newer_store_is_not_touched(tmp_path: Path) -> None:
    Store(tmp_path)
    file = tmp_path / "catalog.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StoreTooNew, match="written by a newer docqa"):
        Store(tmp_path)


def test_a_migration_that_breaks_off_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "catalog.sqlite"
    old = Catalog(file)
    old.set_fact("kept", "yes")
    breaks = "CREATE TABLE fresh (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, breaks.replace("; ", ";\n")))
    with pytest.raises(StoreDamaged, match="nowhere"):
        Catalog(file)
    works = "CREATE TABLE fresh (x INTEGER) STRICT;"
    monkeypatch.setattr(database, "MIGRATIONS", (*MIGRATIONS, works))  # would fail if half of the other had stayed
    assert Catalog(file).fact("kept") == "yes"
    monkeypatch.setattr(database, "MIGRATIONS", MIGRATIONS)
    with pytest.raises(StoreTooNew):
        Catalog(file)


def test_a_catalog_of_an_earlier_docqa_has_no_digests_and_takes_new_ones(tmp_path: Path) -> None:
    file, doc = tmp_path / "catalog.sqlite", doc_id("a")
    with sqlite3.connect(file) as connection:
        connection.executescript("".join(MIGRATIONS[:5]))
        connection.execute("PRAGMA user_version = 5")
        connection.execute(
            """INSERT INTO documents (doc, bytes, status, added_at, pages_done, embedder)
               VALUES (?, 1, 'ready', '', 1, 'x')""",
            (doc,),
        )
    connection.close()
    opened = Catalog(file)
    assert [opened.row_digests(table) for table in ("chunks", "vectors", "pictures")] == [{}, {}, {}]
    opened.set_vectors([doc], "x", {doc: "0f"})
    assert opened.row_digests("vectors") == {doc: "0f"}
    opened.forget_vectors([doc])
    assert opened.row_digests("vectors") == {}


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look at it", b"SQLite format 3\0" * 99]
)
def test_a_catalog_that_is_none_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(content)
    with pytest.raises(StoreDamaged, match=r"catalog\.sqlite cannot be used"):
        Catalog(tmp_path / "catalog.sqlite")


def test_a_catalog_that_is_held_too_long_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.0)
    documents = Catalog(tmp_path / "catalog.sqlite")
    other = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        documents.set_fact("name", "value")
    assert documents.fact("name") is None  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    documents.set_fact("name", "value")
