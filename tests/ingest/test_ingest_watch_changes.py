"""Watched folders in which files are edited, renamed and deleted, and who else hears of that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from watched_office import MAX_BYTES, PERIOD, Office, pages_in_library

from docqa.ask.answer import _evidence
from docqa.errors import UnknownDocument
from docqa.extract.run import carry_on, start_run
from docqa.settings import IngestSettings, Settings
from docqa.store.check import check
from docqa.types import MAX_ATTEMPTS, FieldSpec, FieldType, Hit, Status
from ingest import watch
from ingest.watch import ScanResult

# ── edited, renamed, deleted ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_edited_file_is_the_new_document_under_the_old_label(
    office: Office, read: Callable[[Office, str], None]
) -> None:
    old = office.write("lease.pdf", b"draft")
    office.settle()
    read(office, old)
    new = office.write("lease.pdf", b"the final text")
    office.scan()
    assert office.labels() == {"lease.pdf": old}  # until the edit is over
    office.scan()
    assert office.labels() == {"lease.pdf": new}
    assert office.pending() == {new}
    assert pages_in_library(office.store) == set()
    assert office.store.originals.check(old).exists()


def test_touching_a_file_changes_nothing(office: Office, read: Callable[[Office, str], None]) -> None:
    doc = office.write("lease.pdf")
    office.settle()
    read(office, doc)
    os.utime(office.folder / "lease.pdf", (0, 0))
    office.settle()
    assert office.labels() == {"lease.pdf": doc}
    assert office.pending() == set()
    assert pages_in_library(office.store) == {doc}


def test_a_renamed_file_is_not_read_again(office: Office, read: Callable[[Office, str], None]) -> None:
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    read(office, doc)
    (office.folder / "archive").mkdir()
    (office.folder / "lease.pdf").rename(office.folder / "archive/lease 2026.pdf")
    office.settle()
    assert office.labels()["archive/lease 2026.pdf"] == doc
    assert "lease.pdf" not in office.labels()
    assert doc not in office.pending()
    assert pages_in_library(office.store) == {doc}


def test_a_move_that_takes_long_is_a_move(office: Office, read: Callable[[Office, str], None]) -> None:
    """The copy is there, still waiting because its time changes, long after the original went."""
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    read(office, doc)
    (office.folder / "lease.pdf").rename(office.folder / "moved.pdf")
    for second in range(5):
        os.utime(office.folder / "moved.pdf", (second, second))
        office.scan()
    office.scan()
    assert sorted(office.labels()) == ["moved.pdf", "other.pdf"]
    assert doc not in office.pending()


def test_a_file_moved_to_another_watched_folder_is_not_read_again(
    office: Office, tmp_path: Path, read: Callable[[Office, str], None]
) -> None:
    (tmp_path / "archive").mkdir()
    watch.add(office.store, tmp_path / "archive", "old cases")
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    settings = IngestSettings(watch_seconds=PERIOD)

    def look() -> None:
        office.now += PERIOD
        watch.scan_due(office.store, settings, office.now)
        watch.remove_withdrawn(office.store)

    look(), look()
    read(office, doc)
    (office.folder / "lease.pdf").rename(tmp_path / "archive/lease.pdf")
    look(), look(), look()
    assert [d.label for d in office.store.catalog.documents("old cases")] == ["lease.pdf"]
    assert [d.label for d in office.store.catalog.documents("cases")] == ["other.pdf"]
    assert doc not in office.pending()
    assert pages_in_library(office.store) == {doc}


def test_two_files_that_swap_their_names(office: Office) -> None:
    a, b = office.write("a.pdf", b"one"), office.write("b.pdf", b"and another")
    office.settle()
    (office.folder / "a.pdf").rename(office.folder / "c.pdf")
    (office.folder / "b.pdf").rename(office.folder / "a.pdf")
    (office.folder / "c.pdf").rename(office.folder / "b.pdf")
    office.settle()
    assert office.labels() == {"a.pdf": b, "b.pdf": a}
    assert office.store.catalog.watched.leaving() == []


def test_a_deleted_file_is_withdrawn_and_can_come_back(office: Office, read: Callable[[Office, str], None]) -> None:
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    read(office, doc)
    (office.folder / "lease.pdf").unlink()
    assert office.scan().withdrawn == 0  # one scan may be wrong
    assert office.scan().withdrawn == 1
    assert sorted(office.labels()) == ["other.pdf"]
    assert doc not in office.pending()
    assert pages_in_library(office.store) == set()
    assert office.store.originals.check(doc).exists()
    office.write("lease.pdf")
    office.settle()
    assert office.labels()["lease.pdf"] == doc
    assert doc in office.pending()
    assert office.store.catalog.document(doc).pages_done == 0


def test_a_file_that_is_missed_by_one_scan_only_stays(office: Office, tmp_path: Path) -> None:
    office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    for _ in range(3):  # an editor that saves by writing another file and renaming it
        (office.folder / "lease.pdf").rename(tmp_path / "aside")
        assert office.scan().withdrawn == 0
        (tmp_path / "aside").rename(office.folder / "lease.pdf")
        assert office.scan() == ScanResult(2, 0, 0, 0, None)


def test_a_label_that_somebody_else_gave_keeps_the_document(office: Office) -> None:
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    with (office.folder / "lease.pdf").open("rb") as stream:
        office.store.take(stream, "uploaded.pdf", "cases", MAX_BYTES)
    (office.folder / "lease.pdf").unlink()
    office.settle()
    assert office.labels()["uploaded.pdf"] == doc
    assert office.store.catalog.watched.unlabelled() == []


def test_a_document_that_is_no_longer_one_is_withdrawn(office: Office) -> None:
    office.write("scan")
    office.write("other.pdf")
    office.settle()
    (office.folder / "scan").write_text("now it is a shopping list")
    office.settle()
    assert sorted(office.labels()) == ["other.pdf"]


# ── what else knows of a withdrawn document ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def withdrawn(office: Office, read: Callable[[Office, str], None]) -> str:
    """A document that was read and is gone, beside one that stays."""
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    read(office, doc)
    (office.folder / "lease.pdf").unlink()
    office.settle()
    return doc


def test_a_withdrawn_document_is_nowhere_and_nothing_is_wrong(office: Office, withdrawn: str) -> None:
    assert office.store.catalog.watched.unlabelled() == [withdrawn]
    assert [finding.code for finding in check(office.store, read_data=True)] == []
    with pytest.raises(UnknownDocument):
        office.store.catalog.document(withdrawn[:12])
    assert _evidence(office.store, [Hit(withdrawn, "lease.pdf", 1, 1.0, "", "words")]) == []


def test_an_extraction_goes_on_without_a_withdrawn_document(office: Office, withdrawn: str) -> None:
    settings = Settings(store=office.store.folder)
    fields = (FieldSpec("rent", FieldType.AMOUNT),)
    run = start_run(office.store, settings, fields, "quote", [withdrawn])
    assert carry_on(office.store, settings, run)
    assert not carry_on(office.store, settings, run)
    assert office.store.catalog.ledger.runs(run)[0].failed == 1
    assert office.store.catalog.ledger.run_documents(run) == []


def test_attempts_of_a_withdrawn_document_are_forgotten(office: Office) -> None:
    doc = office.write("bomb.pdf")
    office.write("other.pdf")
    office.settle()
    for _ in range(MAX_ATTEMPTS):
        office.store.catalog.start_document(doc)
    (office.folder / "bomb.pdf").unlink()
    office.settle()
    office.write("bomb.pdf")
    office.settle()
    assert doc in office.pending()
    assert office.store.catalog.document(doc).status is Status.QUEUED
