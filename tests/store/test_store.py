"""The store: what was taken in is kept once, what is read is what was written, no crash leaves a half of anything."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docqa import store as store_module
from docqa.errors import (
    DiskFull,
    EmptyFile,
    FileTooLarge,
    PathMissing,
    StoreBusy,
    StoreDamaged,
    StoreTooNew,
    UnknownCollection,
    UnknownDocument,
    UsageError,
)
from docqa.store import MAX_LABEL, Store, catalog, clean_label, database
from docqa.store.catalog import Catalog, PageRecord
from docqa.store.library import Library, StoredPage, Vectors
from docqa.store.originals import Originals
from docqa.store.schema import MIGRATIONS
from docqa.types import (
    MAX_ATTEMPTS,
    Answer,
    Cell,
    Chunk,
    Citation,
    Document,
    Page,
    Problem,
    Status,
    TextSource,
    Verdict,
    Word,
)

MB = 1 << 20
PROBLEM = Problem("damaged_file", "The file cannot be opened.", "Copy it again.")
NOT_IDS = ["", "abc", "A" * 64, "0" * 63, "0" * 65, "' OR 1=1 --", f"{'0' * 64}'", f"{'0' * 64}\n", "../" + "0" * 61]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def doc_id(name: str) -> str:
    return sha256(name.encode())


def vectors(*places: int) -> Vectors:
    """Unit vectors, each along the axis of that number."""
    return np.eye(8, dtype=np.float32)[list(places)]


# ── originals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def originals(tmp_path: Path) -> Originals:
    return Originals(tmp_path / "originals")


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_bytes_are_kept_under_their_sha256(originals: Originals, tmp_path: Path) -> None:
    content = os.urandom(3 * MB + 1)
    doc, size = originals.take(io.BytesIO(content), 4 * MB)
    assert (doc, size) == (sha256(content), len(content))
    assert originals.path(doc) == tmp_path / "originals" / doc[:2] / doc
    assert originals.check(doc).read_bytes() == content
    assert list(originals) == [doc]


def test_the_same_bytes_are_kept_once(originals: Originals, tmp_path: Path) -> None:
    first = originals.take(io.BytesIO(b"content"), MB)
    assert originals.take(io.BytesIO(b"content"), MB) == first
    assert files_below(tmp_path) == [originals.path(first[0])]


@pytest.mark.parametrize(
    ("content", "expected"), [(b"", EmptyFile), (b"x" * (MB + 1), FileTooLarge)], ids=["empty", "too large"]
)
def test_what_is_refused_leaves_nothing(
    originals: Originals, tmp_path: Path, content: bytes, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        originals.take(io.BytesIO(content), MB)
    assert files_below(tmp_path) == []
    assert list(originals) == []


def test_a_file_as_large_as_allowed_is_kept(originals: Originals) -> None:
    assert originals.take(io.BytesIO(b"x" * MB), MB)[1] == MB


class _Breaks(io.RawIOBase):
    """A stream that ends in an error after its first block."""

    def __init__(self, error: BaseException) -> None:
        self._blocks: list[bytes | BaseException] = [b"the first block", error]

    def read(self, size: int = -1) -> bytes:
        block = self._blocks.pop(0)
        if isinstance(block, BaseException):
            raise block
        return block


def test_an_upload_that_breaks_off_leaves_nothing(originals: Originals, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        originals.take(_Breaks(ConnectionResetError()), MB)  # type: ignore[arg-type]
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing(
    originals: Originals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="no space left"):
        originals.take(io.BytesIO(b"content"), MB)
    assert files_below(tmp_path) == []


def test_bytes_and_names_are_on_the_disk_before_take_returns(
    originals: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((place.name, any(len(path.name) == 64 for path in files_below(place.parent))))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    doc, _ = originals.take(io.BytesIO(b"content"), MB)
    (_, already_named), *folders = synced
    assert not already_named  # the bytes come first, then the rename, then the folders
    assert [name for name, _ in folders] == [doc[:2], "originals"]


def test_what_a_crash_left_behind_is_no_document(originals: Originals, tmp_path: Path) -> None:
    (tmp_path / "originals" / "incoming" / "tmp1234").write_bytes(b"half a fi")
    assert list(originals) == []
    doc, _ = originals.take(io.BytesIO(b"half a file, whole"), MB)
    assert list(Originals(tmp_path / "originals")) == [doc]


def test_an_altered_or_missing_original_is_noticed(originals: Originals) -> None:
    doc, _ = originals.take(io.BytesIO(b"content"), MB)
    originals.path(doc).write_bytes(b"c0ntent")
    with pytest.raises(StoreDamaged, match=f"{doc[:12]} is not what was uploaded"):
        originals.check(doc)
    originals.path(doc).unlink()
    with pytest.raises(StoreDamaged, match=f"{doc[:12]} is missing"):
        originals.check(doc)


# ── catalog: documents ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever it is looked at."""
    times = iter(f"2026-11-22T10:{minute:02}:{second:02}.000+00:00" for minute in range(60) for second in range(60))
    monkeypatch.setattr(catalog, "now", lambda: next(times))


@pytest.fixture
def documents(tmp_path: Path, clock: None) -> Catalog:
    """A catalog with the documents a, b and c, taken in in this order."""
    made = Catalog(tmp_path / "catalog.sqlite")
    for name in ("c", "a", "b"):
        made.add_document(doc_id(name), 10, f"{name}.pdf", "office")
    return made


def finish(documents: Catalog, name: str, status: Status, *, pipeline: str = "p1", transient: bool = False) -> None:
    record = PageRecord(1, "ocr", 0.5, sha256(b"image"), sha256(b"words"))
    records = [record] if status in (Status.READY, Status.PARTIAL) else []
    problem = None if status is Status.READY else PROBLEM
    documents.finish_document(
        doc_id(name), status, pipeline=pipeline, page_records=records, problem=problem, transient=transient, seconds=1.5
    )


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


# ── catalog: runs and cells ──────────────────────────────────────────────────────────────────────────────────────────


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


# ── catalog: chats, facts, the file itself ───────────────────────────────────────────────────────────────────────────


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


# ── several at once ──────────────────────────────────────────────────────────────────────────────────────────────────

_OTHER_PROCESS = """
import io, sys
from pathlib import Path
from docqa.store import Store

store = Store(Path(sys.argv[1]))
with store.writing():
    for number in range(20):
        store.take(io.BytesIO(b"content %d" % number), f"theirs {number}", "theirs", 100)
    print("written", flush=True)
    sys.stdin.read()
"""


def test_two_processes_write_at_once_and_only_one_holds_the_writers_lock(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    command = [sys.executable, "-c", _OTHER_PROCESS, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        new = 0
        for number in range(20):
            new += not store.take(io.BytesIO(b"content %d" % number), f"ours {number}", "ours", 100).duplicate
        assert other.stdout.readline() == b"written\n"
        with pytest.raises(StoreBusy, match="Another process is ingesting"), store.writing():
            pass
        other.kill()
    with store.writing(wait=True):  # the kernel gave the lock back
        pass
    assert len(store.catalog.documents()) == len(list(store.originals)) == 20
    assert len(store.catalog.documents("ours")) == len(store.catalog.documents("theirs")) == 20
    assert new <= 20


def test_threads_take_in_the_same_files_and_each_is_new_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    news: list[str] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for number in range(10):
                taken = store.take(io.BytesIO(b"content %d" % number), "label", "c", 100)
                if not taken.duplicate:
                    news.append(taken.document.doc)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(news) == len(set(news)) == 10
    assert sorted(store.originals) == sorted(news)


def test_a_new_store_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(8)
    opened: list[Catalog] = []

    def work() -> None:
        together.wait()
        opened.append(Catalog(tmp_path / "catalog.sqlite"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [made.documents() for made in opened] == [[]] * 8


def test_the_writers_lock_is_free_again_after_an_error(empty_store: Store) -> None:
    with pytest.raises(ZeroDivisionError), empty_store.writing():
        raise ZeroDivisionError
    with (
        empty_store.writing(),
        pytest.raises(StoreBusy),
        Store(empty_store.folder).writing(),
    ):
        pass
    with empty_store.writing():
        pass


# ── library ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library") / "lance")


def test_an_empty_library_holds_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    assert library.pages(doc_id("a")) == []
    assert library.page_keys() == []
    assert library.search_words("anything", 5, None) == []
    assert library.search_vectors(vectors(0)[0], 5, None) == []
    library.remove([doc_id("a")])
    library.tidy()


def test_pages_come_back_in_order_and_those_asked_for(
    tmp_path: Path, make_page: Callable[[str, int, str], Page]
) -> None:
    library = Library(tmp_path / "lance")
    pages = [make_page(doc_id("a"), number, f"page {number}") for number in (3, 1, 2)]
    library.add([StoredPage(page, bytes([page.number])) for page in pages], [])
    library.add([StoredPage(make_page(doc_id("b"), 1, "another"), b"b")], [])
    assert [page.number for page in library.pages(doc_id("a"))] == [1, 2, 3]
    assert [page.text for page in library.pages(doc_id("a"), [3, 2, 9])] == ["page 2", "page 3"]
    assert library.pages(doc_id("a"), []) == []
    assert library.image(doc_id("a"), 3) == b"\x03"
    assert sorted(library.page_keys()) == sorted([(doc_id("a"), n) for n in (1, 2, 3)] + [(doc_id("b"), 1)])
    library.remove([doc_id("a")])
    library.tidy()
    assert library.page_keys() == [(doc_id("b"), 1)]
    with pytest.raises(StoreDamaged, match="Page 1 of document"):
        library.image(doc_id("a"), 1)


def test_searches_are_filtered_before_they_are_cut_off(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    crowd = [Chunk(doc_id("crowd"), number, 1, "rent rent rent", "", "") for number in range(1, 30)]
    chunks = [*crowd, Chunk(doc_id("one"), 1, 1, "rent", "", "")]
    library.add([], chunks)
    library.add_vectors([(chunk.doc, chunk.page, chunk.number) for chunk in chunks], vectors(*[0] * 29, 1))
    for found in (
        library.search_words("rent", 3, [doc_id("one")]),
        library.search_vectors(vectors(0)[0], 3, [doc_id("one")]),
    ):
        assert [(hit.doc, hit.page) for hit in found] == [(doc_id("one"), 1)]
    assert library.search_words("rent", 3, []) == []
    assert len(library.search_words("rent", 3, None)) == 3
    assert library.search_vectors(vectors(1)[0], 1, None)[0].score == pytest.approx(1)


def test_the_context_counts_less_than_the_passage(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    chunks = [
        Chunk(doc_id("context"), 1, 1, "nothing of it", "", "deposit"),
        Chunk(doc_id("text"), 1, 1, "deposit of five", "", "nothing"),
        Chunk(doc_id("neither"), 1, 1, "another matter", "", "nothing"),
    ]
    library.add([], chunks)
    assert [hit.doc for hit in library.search_words("deposit", 5, None)] == [doc_id("text"), doc_id("context")]


@pytest.mark.parametrize("question", ['"', '"unclosed', "a AND (b", "text:x", "*", "x~9 ^ \\", "?!", "' OR 1=1", ""])
def test_no_question_is_a_query_language(tmp_path: Path, question: str) -> None:
    library = Library(tmp_path / "lance")
    library.add([], [Chunk(doc_id("a"), 1, 1, "some words", "", "")])
    assert library.search_words(question, 5, None) == []


@pytest.mark.parametrize("name", NOT_IDS)
def test_a_filter_takes_nothing_but_document_ids(tmp_path: Path, name: str) -> None:
    library = Library(tmp_path / "lance")
    page = Page(doc_id("x"), 1, 1, 1, (), TextSource.NONE, 0.0)
    library.add([StoredPage(page, b"i")], [Chunk(doc_id("x"), 1, 1, "x", "", "")])
    library.add_vectors([(doc_id("x"), 1, 1)], vectors(0))
    uses: list[Callable[[], object]] = [
        lambda: library.pages(name),
        lambda: library.image(name, 1),
        lambda: library.remove([doc_id("x"), name]),
        lambda: library.search_words("x", 1, [name]),
        lambda: library.search_vectors(vectors(0)[0], 1, [doc_id("x"), name]),
    ]
    for use in uses:
        with pytest.raises((ValueError, StoreDamaged), match="not a document id"):
            use()
    assert library.pages(doc_id("x")) == [page]
    assert len(library.search_words("x", 1, None)) == 1


def test_an_index_that_a_kill_left_out_is_made_by_tidying(tmp_path: Path) -> None:
    library = Library(tmp_path / "lance")
    library.add([], [Chunk(doc_id("a"), 1, 1, "some words", "", "")])
    table = library._db.open_table("chunks")
    names = {index.name for index in table.list_indices()}
    for name in names:
        table.drop_index(name)
    library.tidy()
    assert {index.name for index in library._db.open_table("chunks").list_indices()} == names
    assert [hit.doc for hit in library.search_words("words", 5, None)] == [doc_id("a")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
EDGES = st.floats(0, 1)


@st.composite
def words(draw: st.DrawFn) -> tuple[Word, ...]:
    return tuple(
        Word(draw(TEXTS), (draw(EDGES), draw(EDGES), draw(EDGES), draw(EDGES)), draw(st.integers(0, 99)))
        for _ in range(draw(st.integers(0, 6)))
    )


_NUMBERS = iter(range(1, 1_000_000))


@settings(max_examples=50)
@given(words())
def test_words_come_back_with_their_boxes_to_the_65535th(library: Library, drawn: tuple[Word, ...]) -> None:
    page = Page(doc_id("words"), next(_NUMBERS), 1240, 1754, drawn, TextSource.OCR, 0.75)
    library.add([StoredPage(page, b"image")], [])
    [back] = library.pages(page.doc, [page.number])
    assert (back.width, back.height, back.text_source, back.quality) == (1240, 1754, TextSource.OCR, 0.75)
    assert [(word.text, word.line) for word in back.words] == [(word.text, word.line) for word in drawn]
    for word, stored in zip(drawn, back.words, strict=True):
        assert all(abs(a - b) <= 0.5000001 / 65535 for a, b in zip(word.box, stored.box, strict=True))


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────────────

A, B, C = map(doc_id, "abc")


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


# ── the store as a whole ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_store_is_only_there_once_something_was_taken_in(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="There is no store at"):
        Store.existing(tmp_path / "store")
    assert not (tmp_path / "store").exists()
    Store(tmp_path / "store")
    assert Store.existing(tmp_path / "store").catalog.documents() == []


def test_taking_in_keeps_the_bytes_and_the_label(empty_store: Store) -> None:
    taken = empty_store.take(io.BytesIO(b"content"), "../../etc/pass\x00wd\u202e.pdf", "office", MB)
    assert not taken.duplicate
    assert taken.document.doc == sha256(b"content")
    assert taken.document.label == "../../etc/pass\N{REPLACEMENT CHARACTER}wd\N{REPLACEMENT CHARACTER}.pdf"
    assert empty_store.take(io.BytesIO(b"content"), "again", "office", MB).duplicate
    assert [path.name for path in files_below(empty_store.folder / "originals")] == [taken.document.doc]


def test_what_is_refused_is_not_in_the_catalog(empty_store: Store) -> None:
    with pytest.raises(EmptyFile):
        empty_store.take(io.BytesIO(b""), "empty.pdf", "office", MB)
    assert empty_store.catalog.documents() == []


@given(st.text(max_size=900))
def test_a_label_can_be_shown_whatever_it_was(label: str) -> None:
    shown = clean_label(label)
    assert shown.isprintable()
    assert len(shown) <= MAX_LABEL + 1
    assert clean_label(shown) == shown or len(shown) > MAX_LABEL
    if label.isprintable() and not store_module._INVISIBLE & set(label) and len(label) <= MAX_LABEL:
        assert shown == label


def test_a_long_label_keeps_both_ends() -> None:
    shown = clean_label(f"begin{'x' * 1000}end.pdf")
    assert shown.startswith("begin") and shown.endswith("end.pdf") and "…" in shown


def test_evidence_is_the_page_its_label_and_its_image(small_store: Store, page_image: Callable[[Page], bytes]) -> None:
    [lease] = [document for document in small_store.catalog.documents() if document.label == "lease.pdf"]
    first, second = small_store.evidence(lease)
    assert [(one.page.number, one.label) for one in (first, second)] == [(1, "lease.pdf"), (2, "lease.pdf")]
    assert second.image() == small_store.image(lease.doc, 2) == page_image(second.page)
    assert [one.page.number for one in small_store.evidence(lease, [2])] == [2]
    assert small_store.page(lease.doc, 2) == second.page
    with pytest.raises(StoreDamaged, match="Page 3 of document"):
        small_store.page(lease.doc, 3)


def test_an_image_with_one_bit_flipped_is_not_shown(small_store: Store, page_image: Callable[[Page], bytes]) -> None:
    doc = small_store.catalog.documents()[0].doc
    image = page_image(small_store.page(doc, 1))
    [(file, content)] = [
        (path, path.read_bytes()) for path in files_below(small_store.folder / "lance") if image in path.read_bytes()
    ]
    place = content.index(image) + 10
    file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(StoreDamaged, match=f"The image of page 1 of document {doc[:12]} is not what was stored"):
        Store(small_store.folder).image(doc, 1)


def test_a_library_that_lost_a_file_is_damaged(small_store: Store) -> None:
    doc = small_store.catalog.documents()[0].doc
    for path in files_below(small_store.folder / "lance"):
        if path.suffix == ".lance":
            path.unlink()
    with pytest.raises(StoreDamaged, match="lance cannot be used"):
        Store(small_store.folder).page(doc, 1)


def test_a_run_that_was_cut_off_while_it_made_a_table_leaves_none(
    empty_store: Store, add_document: Callable[..., Document]
) -> None:
    for name in ("pages", "chunks", "vectors"):
        (empty_store.folder / "lance" / f"{name}.lance" / "_transactions").mkdir(parents=True)
    assert empty_store.library.page_keys() == []
    document = add_document(empty_store, "a.pdf", "papers", "Total 12.00")
    assert [page.number for page in empty_store.library.pages(document.doc)] == [1]
