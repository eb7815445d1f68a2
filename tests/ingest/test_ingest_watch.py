"""Watched folders: real files, a real store, and a clock that the test turns. What is taken, and when."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from watched_office import PERIOD, Office, files_of, pages_in_library

from docqa.cli import main
from docqa.errors import PathMissing, UsageError
from docqa.settings import IngestSettings, Settings
from docqa.store import Store
from ingest import watch
from ingest.commands import worker
from ingest.watch import SETTLE_SECONDS, ScanResult

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
    monkeypatch.setattr(worker.time, "time", lambda: office.now)
    read: list[str] = []

    def ingest(store: Store, *_: object, held_up: object) -> int:
        read.extend(store.catalog.pending("test-1"))
        return len(read)

    monkeypatch.setattr(worker, "ingest_pending", ingest)
    settings = Settings(store=office.store.folder)
    for _ in range(2):
        office.now += PERIOD
        worker._work_once(office.store, settings, lambda: None)  # type: ignore[arg-type,return-value]
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
    for file in files_of(office):
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
