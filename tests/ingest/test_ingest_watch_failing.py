"""Watched folders that fail, files that cannot be taken, and scans that are cut off: none withdraws by mistake."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from watched_office import Office, files_of, pages_in_library

from docqa.errors import DiskFull
from docqa.store import Store
from docqa.store.check import check
from ingest import watch
from ingest.watch import RETRY_SECONDS, ScanResult

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
    files = [(f.path, f.size, f.settled, f.missing_at, f.doc, f.problem) for f in files_of(office)]
    withdrawn = sorted(office.store.catalog.watched.unlabelled()), office.store.catalog.watched.leaving()
    found = [finding.code for finding in check(office.store, read_data=True)]
    return documents, files, withdrawn, sorted(office.store.library.page_keys()), sorted(office.pending()), found


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
