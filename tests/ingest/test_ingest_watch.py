"""Watched folders: real files, a real store, and a clock that the test turns."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from docqa.ask.answer import _evidence
from docqa.cli import main
from docqa.errors import DiskFull, PathMissing, UnknownDocument, UsageError
from docqa.extract.run import carry_on, start_run
from docqa.settings import IngestSettings, Settings
from docqa.store import Store
from docqa.store.check import check
from docqa.store.watched import WatchedFile
from docqa.types import MAX_ATTEMPTS, FieldSpec, FieldType, Hit, Status
from ingest import commands, watch
from ingest.watch import RETRY_SECONDS, SETTLE_SECONDS, ScanResult

PERIOD = 30.0  #: seconds between two scans here
MAX_BYTES = 1 << 20


@dataclass
class Office:
    """A folder that is watched, and a clock."""

    store: Store
    folder: Path
    now: float = 1_000_000_000.0

    def write(self, name: str, content: bytes = b"") -> str:
        """A file is there, with other content than before; returns the document it is."""
        content = b"%PDF-1.7 " + (content or os.fsencode(name))
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def scan(self, after: float = PERIOD, max_bytes: int = MAX_BYTES) -> ScanResult:
        """One look, as the worker takes it."""
        self.now += after
        watched = self.store.catalog.watched.folder(str(self.folder))
        result = watch.scan(self.store, watched, self.now, max_bytes)
        watch.remove_withdrawn(self.store)
        return result

    def settle(self) -> ScanResult:
        """Two looks: what is there is taken, what is missing is withdrawn."""
        self.scan()
        return self.scan()

    def labels(self) -> dict[str, str]:
        """Every document listed: its label and its id."""
        return {document.label: document.doc for document in self.store.catalog.documents()}

    def problem(self) -> str | None:
        return self.store.catalog.watched.folder(str(self.folder)).problem

    def pending(self) -> set[str]:
        return set(self.store.catalog.pending("test-1"))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    folder = tmp_path / "share"
    folder.mkdir()
    store = Store(tmp_path / "store")
    watch.add(store, folder, "cases")
    return Office(store, folder)


@pytest.fixture
def read(read_again: Callable[..., None]) -> Callable[[Office, str], None]:
    """`read(office, doc)`: a worker has read the document."""
    return lambda office, doc: read_again(office.store, doc, "The lease ends in May.", "The deposit is due in June.")


def pages_in_library(store: Store) -> set[str]:
    return {doc for doc, _ in store.library.page_keys()}


# ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_file_is_taken_when_two_scans_saw_the_same(office: Office) -> None:
    doc = office.write("2026/lease.pdf")
    assert office.scan() == ScanResult(files=1, waiting=1, taken=0, withdrawn=0, problem=None)
    assert office.labels() == {}
    assert office.scan() == ScanResult(files=1, waiting=0, taken=1, withdrawn=0, problem=None)
    assert office.labels() == {"2026/lease.pdf": doc}
    assert office.store.catalog.collections() == ["cases"]
    assert office.pending() == {doc}
    assert office.scan() == ScanResult(files=1, waiting=0, taken=0, withdrawn=0, problem=None)


def test_a_file_that_grows_is_not_taken(office: Office) -> None:
    for size in range(1, 5):
        office.write("slow.pdf", b"x" * size)
        assert office.scan().waiting == 1
    assert office.scan().taken == 1
    assert office.labels() == {"slow.pdf": hashlib.sha256(b"%PDF-1.7 xxxx").hexdigest()}


def test_two_scans_at_once_prove_nothing(office: Office) -> None:
    office.write("lease.pdf")
    office.scan()
    assert office.scan(after=SETTLE_SECONDS / 2).taken == 0
    assert office.scan(after=SETTLE_SECONDS / 2).taken == 1


@pytest.mark.parametrize("year", [1971, 2299])
def test_the_clock_of_the_share_does_not_matter(office: Office, year: int) -> None:
    office.write("lease.pdf")
    os.utime(office.folder / "lease.pdf", (0, (year - 1970) * 31_556_952))
    assert office.scan().taken == 0
    assert office.scan().taken == 1


def test_our_own_clock_may_be_set_back(office: Office) -> None:
    office.write("lease.pdf")
    office.scan()
    assert office.scan(after=-86_400).taken == 0
    assert office.scan().taken == 1
    office.scan(after=-86_400)
    assert office.scan().taken == 0  # what was taken is not opened again


def test_unfinished_hidden_and_linked_files_are_left_alone(office: Office, tmp_path: Path) -> None:
    for name in ("~$lease.pdf", "a.pdf.part", "b.PDF.crdownload", "c.tmp", ".hidden.pdf", ".git/d.pdf"):
        office.write(name)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.pdf").write_bytes(b"%PDF-1.7 secret")
    (office.folder / "link.pdf").symlink_to(outside / "secret.pdf")
    (office.folder / "linked").symlink_to(outside)
    os.mkfifo(office.folder / "pipe.pdf")
    office.scan()
    assert office.settle() == ScanResult(0, 0, 0, 0, None)
    assert office.labels() == {}


def test_a_file_is_a_document_by_its_name_or_by_how_it_begins(office: Office) -> None:
    inside = {"scan": office.write("scan"), "broken.pdf": office.write("broken.pdf")}
    (office.folder / "notes.txt").write_text("nothing for docqa")
    assert office.scan().waiting == 3  # nobody has opened them yet
    assert office.scan() == ScanResult(files=2, waiting=0, taken=2, withdrawn=0, problem=None)
    assert office.labels() == inside
    assert office.scan().taken == 0


def test_a_store_inside_the_folder_is_not_taken_for_papers(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    watch.add(store, tmp_path, "cases")
    office = Office(store, tmp_path)
    doc = office.write("lease.pdf")
    for _ in range(4):
        office.scan()
    assert office.labels() == {"lease.pdf": doc}
    with pytest.raises(UsageError):
        watch.add(store, tmp_path / "store" / "originals", "cases")


def test_a_file_that_changes_while_it_is_copied_is_not_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.write("lease.pdf", b"x" * 5000)
    office.scan()
    take = office.store.originals.take

    def interrupted(stream: object, max_bytes: int) -> tuple[str, int]:
        office.write("lease.pdf", b"y" * 6000)
        return take(stream, max_bytes)  # type: ignore[arg-type]

    monkeypatch.setattr(office.store.originals, "take", interrupted)
    assert office.scan().taken == 0
    monkeypatch.undo()
    assert office.labels() == {}
    assert list(office.store.originals) == []
    assert office.scan().waiting == 1
    assert office.scan().taken == 1


def test_names_no_catalog_could_hold_as_text(office: Office) -> None:
    strange = os.fsdecode(b"\xff\xfe\n<b>.pdf")
    doc = office.write(strange)
    office.settle()
    assert list(office.labels().values()) == [doc]
    (office.folder / strange).unlink()
    office.write("other.pdf")
    assert office.settle().withdrawn == 1
    assert doc not in office.labels().values()


def test_names_that_look_the_same_keep_the_document_for_each_other(office: Office) -> None:
    doc = office.write("a\x01.pdf", b"same")
    office.write("a\x02.pdf", b"same")
    office.settle()
    (office.folder / "a\x01.pdf").unlink()
    assert office.settle().withdrawn == 1
    assert set(office.labels().values()) == {doc}


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


# ── shares that fail ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_is_gone_withdraws_nothing(office: Office, tmp_path: Path) -> None:
    office.write("lease.pdf")
    office.settle()
    office.folder.rename(tmp_path / "unmounted")
    for _ in range(3):
        result = office.scan()
        assert (result.withdrawn, result.files) == (0, 1)
        assert result.problem == "The folder cannot be looked into; its 1 document stay as they are."
        assert office.problem() == result.problem
    assert sorted(office.labels()) == ["lease.pdf"]
    (tmp_path / "unmounted").rename(office.folder)
    assert office.scan() == ScanResult(1, 0, 0, 0, None)
    assert office.problem() is None


def test_a_folder_that_is_suddenly_empty_withdraws_nothing_until_somebody_confirms(office: Office) -> None:
    office.write("lease.pdf")
    office.settle()
    (office.folder / "lease.pdf").unlink()
    for _ in range(3):
        assert office.scan().withdrawn == 0
    assert "docqa watch confirm" in (office.problem() or "")
    assert sorted(office.labels()) == ["lease.pdf"]
    office.store.catalog.watched.confirm(str(office.folder))
    assert office.scan() == ScanResult(0, 0, 0, 1, None)
    assert office.labels() == {}
    assert office.scan().problem is None


def test_many_files_missing_at_once_withdraw_nothing_until_somebody_confirms(office: Office) -> None:
    for number in range(20):
        office.write(f"deep/{number}.pdf")
    office.write("top.pdf")
    office.settle()
    shutil.rmtree(office.folder / "deep")
    for _ in range(3):
        assert office.scan().withdrawn == 0
    assert "20 of 21 files are missing at once" in (office.problem() or "")
    office.store.catalog.watched.confirm(str(office.folder))
    assert office.scan().withdrawn == 20
    assert sorted(office.labels()) == ["top.pdf"]
    office.write("new.pdf")
    (office.folder / "top.pdf").unlink()
    assert office.scan().withdrawn == 0, "a confirmation counts once"


def test_a_folder_of_many_that_is_renamed_is_no_loss(office: Office, read: Callable[[Office, str], None]) -> None:
    docs = {office.write(f"2025/{number}.pdf") for number in range(15)}
    office.settle()
    for doc in docs:
        read(office, doc)
    (office.folder / "2025").rename(office.folder / "archive")
    office.scan()
    assert office.scan() == ScanResult(15, 0, 15, 15, None)
    assert office.pending() == set()
    assert set(office.labels()) == {f"archive/{number}.pdf" for number in range(15)}


def test_below_a_subfolder_that_cannot_be_listed_everything_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.write("private/deep/lease.pdf")
    office.write("private2.pdf")
    office.write("open.pdf")
    office.settle()
    scandir = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path) == office.folder / "private":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(watch.os, "scandir", refuse)
    (office.folder / "private2.pdf").unlink()
    result = office.settle()
    assert result.problem == "Could not look into private; what is known of it stays."
    assert result.withdrawn == 1
    assert sorted(office.labels()) == ["open.pdf", "private/deep/lease.pdf"]
    monkeypatch.undo()
    assert office.scan() == ScanResult(2, 0, 0, 0, None)


# ── files that cannot be taken ───────────────────────────────────────────────────────────────────────────────────────


def test_what_cannot_be_taken_is_named_and_not_tried_at_every_scan(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.write("good.pdf")
    office.write("large.pdf", b"x" * 300)
    (office.folder / "empty.pdf").touch()
    office.scan(max_bytes=200)
    result = office.scan(max_bytes=200)
    assert (result.files, result.taken, result.waiting) == (3, 1, 0)
    assert "empty.pdf: The file is empty." in (result.problem or "")
    assert "large.pdf: The file is larger than" in (result.problem or "")
    with monkeypatch.context() as patch:
        patch.setattr(watch, "_SteadyFile", None)  # opening anything would fail
        assert office.scan(max_bytes=200).problem == result.problem
    assert office.scan(after=RETRY_SECONDS).taken == 1  # the limit is higher now: in time, it is taken
    office.write("empty.pdf")
    assert office.settle() == ScanResult(3, 0, 1, 0, None)


def test_a_file_that_may_not_be_read_is_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.write("secret.pdf")

    def refuse(*_: object) -> int:  # root, who may run the tests, is refused nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(watch, "_open_without_following", refuse)
    assert "secret.pdf: The file cannot be read: Permission denied." in (office.settle().problem or "")


def test_an_edit_that_cannot_be_taken_leaves_the_document(office: Office) -> None:
    doc = office.write("lease.pdf")
    office.settle()
    (office.folder / "lease.pdf").write_bytes(b"")
    assert "lease.pdf: The file is empty." in (office.settle().problem or "")
    assert office.labels() == {"lease.pdf": doc}
    (office.folder / "lease.pdf").unlink()
    office.write("other.pdf")
    office.settle()
    assert sorted(office.labels()) == ["other.pdf"]


def test_a_full_disk_stops_the_taking_and_withdraws_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.write("old.pdf")
    office.settle()
    (office.folder / "old.pdf").rename(office.folder / "new.pdf")

    def full(*_: object) -> tuple[str, int]:
        raise DiskFull("There is no space left for the store.")

    office.scan()
    with monkeypatch.context() as patch:
        patch.setattr(office.store.originals, "take", full)
        result = office.scan()
    assert (result.waiting, result.taken, result.withdrawn) == (1, 0, 0)
    assert (result.problem or "").startswith("There is no space left for the store.")
    assert office.scan() == ScanResult(1, 0, 1, 1, None)
    assert sorted(office.labels()) == ["new.pdf"]


# ── cut off anywhere ─────────────────────────────────────────────────────────────────────────────────────────────────


class Killed(BaseException):
    """The process ends here."""


def _changes(office: Office, read: Callable[[Office, str], None]) -> None:
    """A folder with everything that can happen to one."""
    for name in ("edited.pdf", "renamed.pdf", "deleted.pdf", "stays.pdf"):
        office.write(name)
    office.settle()
    for name in ("edited.pdf", "renamed.pdf"):
        read(office, office.labels()[name])
    office.write("edited.pdf", b"something else entirely")
    (office.folder / "renamed.pdf").rename(office.folder / "new name.pdf")
    (office.folder / "deleted.pdf").unlink()
    office.write("new.pdf")
    (office.folder / "empty.pdf").touch()


def _state(office: Office) -> object:
    documents = [(d.doc, d.label, d.status, d.attempts, d.pages_done) for d in office.store.catalog.documents()]
    files = [(f.path, f.size, f.settled, f.missing_at, f.doc, f.problem) for f in _files(office)]
    withdrawn = sorted(office.store.catalog.watched.unlabelled()), office.store.catalog.watched.leaving()
    found = [finding.code for finding in check(office.store, read_data=True)]
    return documents, files, withdrawn, sorted(office.store.library.page_keys()), sorted(office.pending()), found


def _files(office: Office) -> list[WatchedFile]:
    return office.store.catalog.watched.files(str(office.folder))


def _kill_at(office: Office, step: int, patch: pytest.MonkeyPatch) -> None:
    """End the process before or after the step-th call, in turn; at 0 never."""
    calls = 0

    def fatal(function: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                raise Killed
            result = function(*arguments, **named)
            calls += 1
            if calls == step:
                raise Killed
            return result

        return counted

    writes = ["see", "miss", "take", "pass_over", "remove_files", "finish_scan", "start_leaving", "finish_leaving"]
    steps = {office.store.originals: ["take"], office.store.library: ["remove"], office.store.catalog.watched: writes}
    for part, names in steps.items():
        for name in names:
            patch.setattr(part, name, fatal(getattr(part, name)))


def test_a_scan_that_was_cut_off_at_any_step_ends_the_same(
    tmp_path: Path, read: Callable[[Office, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(step: int) -> tuple[bool, object]:
        folder = tmp_path / f"share {step}"
        folder.mkdir()
        office = Office(Store(tmp_path / f"store {step}"), folder)
        watch.add(office.store, folder, "cases")
        _changes(office, read)
        killed = False
        with monkeypatch.context() as patch:
            _kill_at(office, step, patch)
            try:
                office.settle()
            except Killed:
                killed = True
        office.store = Store(office.store.folder)
        office.settle()
        return killed, _state(office)

    _, expected = run(0)
    assert "new name.pdf" in str(expected)
    assert "deleted.pdf" not in str(expected)
    step, killed = 0, True
    while killed:
        step += 1
        killed, state = run(step)
        assert state == expected, f"killed at step {step}"
    assert step > 20


def test_what_comes_back_between_two_steps_of_a_withdrawal_is_read_again(
    office: Office, read: Callable[[Office, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    read(office, doc)
    (office.folder / "lease.pdf").unlink()

    def die(docs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(office.store.library, "remove", die)
        with pytest.raises(Killed):
            office.settle()
    assert [finding.code for finding in check(office.store, read_data=True)] == []
    office.write("lease.pdf")
    office.settle()
    assert office.store.catalog.watched.leaving() == []
    assert doc in office.pending()


def test_somebody_who_ingests_meanwhile_delays_only_the_removal(
    office: Office, read: Callable[[Office, str], None]
) -> None:
    doc = office.write("lease.pdf")
    office.write("other.pdf")
    office.settle()
    read(office, doc)
    (office.folder / "lease.pdf").unlink()
    with office.store.writing():
        assert office.settle().withdrawn == 1
        assert "lease.pdf" not in office.labels()
        assert pages_in_library(office.store) == {doc}
        assert [finding.code for finding in check(office.store, read_data=True)] == []
    office.scan()
    assert pages_in_library(office.store) == set()


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


# ── the worker and the commands ──────────────────────────────────────────────────────────────────────────────────────


def test_folders_are_scanned_when_their_time_has_come(office: Office) -> None:
    office.write("lease.pdf")
    settings = IngestSettings(watch_seconds=30)

    def scanned() -> str | None:
        return office.store.catalog.watched.folder(str(office.folder)).scanned_at

    assert not watch.scan_due(office.store, settings, office.now)
    first = scanned()
    assert first is not None
    assert not watch.scan_due(office.store, settings, office.now + 29)
    assert scanned() == first
    assert watch.scan_due(office.store, settings, office.now + 30)
    assert sorted(office.labels()) == ["lease.pdf"]
    watch.scan_due(office.store, settings, office.now - 3600)
    assert scanned() != first, "a clock that was set back must not stop the watch"


def test_the_worker_looks_into_folders(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    doc = office.write("lease.pdf")
    monkeypatch.setattr(commands.time, "time", lambda: office.now)
    read: list[str] = []

    def ingest(store: Store, *_: object) -> int:
        read.extend(store.catalog.pending("test-1"))
        return len(read)

    monkeypatch.setattr(commands, "ingest_pending", ingest)
    settings = Settings(store=office.store.folder)
    for _ in range(2):
        office.now += PERIOD
        commands._work_once(office.store, settings, lambda: None)  # type: ignore[arg-type,return-value]
    assert read == [doc]


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, store = tmp_path / "share", tmp_path / "store"
    folder.mkdir()

    def docqa(*arguments: object) -> tuple[int, str]:
        code = main(["--store", str(store), "watch", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert docqa("add", tmp_path / "nowhere")[0] == PathMissing.exit_code
    assert docqa("add", folder, "--collection", "cases")[0] == 0
    assert docqa("add", folder)[0] == UsageError.exit_code
    assert "not scanned yet" in docqa("list")[1]
    office = Office(Store(store), folder)
    office.write("lease.pdf")
    office.settle()
    code, out = docqa("list", "--json")
    listed = json.loads(out)
    assert (listed["folder"], listed["collection"], listed["files"]) == (str(folder), "cases", 1)
    assert docqa("confirm", folder)[0] == 0
    shutil.rmtree(folder)  # a share that is not mounted can be given up, too
    assert docqa("remove", folder)[0] == 0
    assert docqa("remove", folder)[0] == PathMissing.exit_code
    assert sorted(office.labels()) == ["lease.pdf"]
    assert docqa("list") == (0, "")


def test_a_watch_can_be_ended_with_its_documents(
    office: Office, read: Callable[[Office, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    doc = office.write("lease.pdf")
    office.settle()
    read(office, doc)
    assert main(["--store", str(office.store.folder), "watch", "remove", str(office.folder), "--withdraw"]) == 0
    assert office.labels() == {}
    assert pages_in_library(office.store) == set()
    assert main(["--store", str(office.store.folder), "check", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]
    assert (summary["documents"], summary["withdrawn"], summary["findings"]) == (0, 1, 0)


def test_a_large_folder_costs_a_stat_a_file(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is counted, not timed: nothing is opened, nothing written but the end of the scan."""
    count = 300
    for number in range(count):
        office.write(f"{number % 20}/{number}.pdf", b"same")
    office.scan()
    for file in _files(office):
        office.store.catalog.watched.take(str(office.folder), file.path, "0" * 64, 13)
    opened: list[object] = []
    monkeypatch.setattr(watch, "_SteadyFile", lambda *arguments: opened.append(arguments))
    statements: list[str] = []
    connection = office.store.catalog._database._connection()
    connection.set_trace_callback(statements.append)
    assert office.scan() == ScanResult(count, 0, 0, 0, None)
    connection.set_trace_callback(None)
    assert opened == []
    assert len(statements) < 30
