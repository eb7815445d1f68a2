"""Many hands: processes and threads fill what one would, and whoever of them dies or hangs costs no other document."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from clerk import SETTINGS, TOTAL, AddDocument, codes, everything, in_order, start, state

from docqa.errors import DiskFull, FillerDied, StoreDamaged
from docqa.extract import filling, hands
from docqa.extract import run as extraction
from docqa.extract.run import carry_on
from docqa.settings import ExtractSettings
from docqa.store import Store
from docqa.store.ledger import Ledger, Run
from docqa.store.library import Library
from docqa.types import MAX_ATTEMPTS, Cell

ONE_HAND = SETTINGS.model_copy(update={"extract": ExtractSettings(jobs=1)})
TWO_HANDS = SETTINGS.model_copy(update={"extract": ExtractSettings(jobs=2)})


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids of the processes that are started; any number of pages is worth some."""
    pids: list[int] = []
    popen = hands.subprocess.Popen

    def started(*arguments: object, **named: object) -> object:
        process = popen(*arguments, **named)  # type: ignore[call-overload]
        pids.append(process.pid)
        return process

    monkeypatch.setattr(hands.subprocess, "Popen", started)
    monkeypatch.setattr(extraction, "WORTH_PROCESSES", 0)
    return pids


def alive(pids: Sequence[int]) -> list[int]:
    """Those of them that have not ended, whoever waited for them."""
    return [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]


def test_processes_fill_the_same_cells_and_end_with_the_run(
    store: Store, tmp_path: Path, begun: list[int], add_document: AddDocument
) -> None:
    other = Store(tmp_path / "other")
    for number in range(1, 6):
        add_document(other, f"x{number}", "papers", f"Total {number}.00 EUR\nSeller Firm{number}")
    alone, together = start(other), start(store)
    assert carry_on(other, ONE_HAND, alone)
    assert begun == []
    assert carry_on(store, TWO_HANDS, together)
    assert len(begun) == 2
    assert alive(begun) == []
    assert everything(store, together) == everything(other, alone)
    cell = everything(store, together)[in_order(store)[0]]["total"]
    assert (cell.attempt, cell.version) == (1, "quote-5")
    assert cell.filled_at.startswith("20")
    assert store.catalog.ledger.runs(together)[0].finished_at is not None


def killed_over(process: hands._Process, give: Callable[[], None]) -> None:
    """Give something to a process that is ready, and kill it before it has looked at that."""
    assert process._ready.wait(120)
    os.kill(process._child.pid, signal.SIGSTOP)
    give()
    os.kill(process._child.pid, signal.SIGKILL)


def test_a_process_that_is_killed_costs_its_document_an_attempt_and_nothing_else(
    store: Store, begun: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    give = hands._Process.give

    def deadly(process: hands._Process, *work: object) -> None:
        if process._child.pid == begun[0] and not process.begun:
            killed_over(process, lambda: give(process, *work))  # type: ignore[arg-type]
        else:
            give(process, *work)  # type: ignore[arg-type]

    monkeypatch.setattr(hands._Process, "give", deadly)
    run = start(store)
    assert carry_on(store, TWO_HANDS, run)
    assert state(store, run) == (5, 5, 0)
    assert len(begun) >= 3
    assert alive(begun) == []
    assert sorted(cells["total"].attempt for cells in everything(store, run).values()) == [1, 1, 1, 1, 2]


def test_a_process_that_always_dies_has_its_document_set_aside(
    store: Store, begun: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    give, third = hands._Process.give, in_order(store)[2]

    def deadly(process: hands._Process, task: hands.Task, work: hands.Work) -> None:
        if task.document.doc == third:
            killed_over(process, lambda: give(process, task, work))
        else:
            give(process, task, work)

    monkeypatch.setattr(hands._Process, "give", deadly)
    monkeypatch.setattr(hands, "_WAITING", 1)  # so that it is the first in its pipe
    run = start(store)
    assert carry_on(store, TWO_HANDS, run)
    assert state(store, run) == (5, 4, 1)
    assert codes(store, run) == [None, None, "filler_died", None, None]
    assert alive(begun) == []


def test_processes_that_cannot_be_started_are_no_documents_fault(
    store: Store, begun: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands.sys, "executable", "/bin/false")
    run = start(store)
    with pytest.raises(FillerDied, match="cannot be started: the last one ended with code 1"):
        carry_on(store, TWO_HANDS, run)
    assert alive(begun) == []
    assert {one.attempts for one in store.catalog.ledger.run_waiting(run)} == {0}


def test_a_process_that_talks_nonsense_is_not_believed(store: Store) -> None:
    task = hands.Task(store.catalog.documents()[0], (TOTAL,), {}, 1)
    [work] = hands.loaded(store, [task])
    cell = Cell(task.document.doc, "total", "5", "5", 1, "q")
    whole = filling.encoded(filling.Reply(work.doc, {"total": cell}))
    assert hands.checked(whole, work).cells == {"total": cell}
    other_type = whole.replace(b'"page":1', b'"page":"1"')
    other_field, other_document = whole.replace(b'"total"', b'"other"'), whole.replace(work.doc.encode(), b"0" * 64)
    for nonsense in (b"", b"{}", b"\xff", whole[:-1], other_type, other_field, other_document):
        assert nonsense != whole
        with pytest.raises(ValueError, match=r"reply|cells"):
            hands.checked(nonsense, work)


def test_a_process_that_hangs_is_ended(store: Store, begun: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped as it begins; its time is over at once."""
    give = hands._Process.give

    def stopped(process: hands._Process, *work: object) -> None:
        give(process, *work)  # type: ignore[arg-type]
        if process._child.pid == begun[0] and len(process.begun) == 1:
            os.kill(begun[0], signal.SIGSTOP)
            process._since = -1e9

    monkeypatch.setattr(hands._Process, "give", stopped)
    run = start(store)
    assert carry_on(store, TWO_HANDS, run)
    assert state(store, run) == (5, 5, 0)
    assert alive(begun) == []


def test_altered_words_are_noticed_by_the_processes_too(store: Store, begun: list[int]) -> None:
    doc = in_order(store)[1]
    with store.catalog._database.write() as sql:
        sql.execute("UPDATE pages SET words_sha256 = ? WHERE doc = ?", ("0" * 64, doc))
    run = start(store)
    carry_on(store, TWO_HANDS, run)
    assert codes(store, run) == [None, "store_damaged", None, None, None]


def test_pages_that_cannot_be_loaded_are_one_documents_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    packed_pages, third = Library.packed_pages, in_order(store)[2]

    def damaged(library: Library, docs: Iterable[str]) -> object:
        if third in (asked := list(docs)):
            raise StoreDamaged("a file of the library is gone")
        return packed_pages(library, asked)

    monkeypatch.setattr(Library, "packed_pages", damaged)
    run = start(store)
    assert carry_on(store, ONE_HAND, run)
    assert codes(store, run) == [None, None, "store_damaged", None, None]


def test_whoever_stops_a_run_costs_no_attempt_and_leaves_no_process(store: Store, begun: list[int]) -> None:
    def stop(run: Run) -> None:
        raise KeyboardInterrupt

    run = start(store)
    with pytest.raises(KeyboardInterrupt):
        carry_on(store, TWO_HANDS, run, stop)
    assert len(begun) == 2
    assert alive(begun) == []
    while store.catalog.ledger.run_pending(run):
        with pytest.raises(KeyboardInterrupt):
            carry_on(store, ONE_HAND, run, stop)
    assert state(store, run) == (5, 5, 0)
    assert {cells["total"].attempt for cells in everything(store, run).values()} == {1}


def test_a_disk_that_was_full_costs_no_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DiskFull("no space")

    run = start(store)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "finish_run_documents", full)
        for _ in range(MAX_ATTEMPTS + 1):
            with pytest.raises(DiskFull):
                carry_on(store, ONE_HAND, run)
    carry_on(store, ONE_HAND, run)
    assert state(store, run) == (5, 5, 0)
    assert {cells["total"].attempt for cells in everything(store, run).values()} == {1}


def test_threads_have_several_documents_filled_at_once() -> None:
    together = threading.Barrier(3)

    def filled(task: hands.Task) -> hands.Done:
        together.wait(30)  # breaks, if they do not come together
        return hands.Done(task, {})

    threads = hands.Threads(filled, 3)
    assert threads.room() == 3
    threads.take([object(), object(), object()])  # type: ignore[list-item]
    assert threads.room() == 0
    done: list[hands.Done] = []
    while len(done) < 3:
        done += threads.done()
    threads.close()
    assert [one.error for one in done] == [None, None, None]
