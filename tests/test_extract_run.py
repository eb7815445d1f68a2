"""Runs of an extraction: each cell filled once, whoever is killed, and on from wherever it was stopped."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path

import pytest

from docqa.cli import main
from docqa.errors import (
    BadSettings,
    DiskFull,
    FillerDied,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
    StoreDamaged,
)
from docqa.extract import commands, filling, hands, progress
from docqa.extract import run as extraction
from docqa.extract.run import carry_on, chosen_run, start_run
from docqa.extract.table import run_table
from docqa.readers import NOTHING_SAID, Conversation, FieldsUnread
from docqa.settings import ExtractSettings, ModelSettings, Settings
from docqa.store import Store
from docqa.store.ledger import Ledger, Run
from docqa.store.library import Library
from docqa.types import (
    MAX_ATTEMPTS,
    Cell,
    Document,
    Draft,
    Evidence,
    FieldSpec,
    FieldType,
    Problem,
    Reading,
    Status,
)

AddDocument = Callable[..., Document]

TOTAL = FieldSpec("total", FieldType.AMOUNT)
SELLER = FieldSpec("seller", FieldType.TEXT)
FIELDS = (TOTAL, SELLER)


class Kill(BaseException):
    """Stands for kill -9: nothing that handles errors sees it."""


class Clerk:
    """A reader that reads "Total 12.00" and "Seller X" and goes wrong at the calls it was told to, by number from 1."""

    name = "clerk"

    def __init__(self, version: str = "clerk-1", wrong: dict[int, BaseException] | None = None) -> None:
        self.version = version
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.wrong = wrong or {}
        self.always: dict[str, BaseException] = {}  #: by label of the document

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        raise NotImplementedError

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        self.calls.append((pages[0].label, tuple(field.name for field in fields)))
        error = self.wrong.get(len(self.calls)) or self.always.get(pages[0].label)
        if error is not None:
            raise error
        lines = {line[0].text.casefold(): line for one in pages for line in one.page.lines}
        return [
            Reading(field.name, line[1].text, pages[0].page.number, " ".join(word.text for word in line), 0.9)
            for field in fields
            if (line := lines.get(field.name))
        ]

    @property
    def labels(self) -> Counter[str]:
        return Counter(label for label, _ in self.calls)


@pytest.fixture
def store(empty_store: Store, add_document: AddDocument) -> Store:
    """Five papers of one page, p1.pdf to p5.pdf, in the order in which a run takes them."""
    docs = []
    for number in range(1, 6):
        docs.append(add_document(empty_store, f"x{number}", "papers", f"Total {number}.00 EUR\nSeller Firm{number}"))
    for place, document in enumerate(sorted(docs, key=lambda document: document.doc), start=1):
        content = empty_store.originals.path(document.doc).read_bytes()
        empty_store.take(io.BytesIO(content), f"p{place}.pdf", "named", 1 << 20)
    return empty_store


SETTINGS = Settings(model=ModelSettings(base_url=None))


@pytest.fixture
def employ(monkeypatch: pytest.MonkeyPatch) -> Callable[[Clerk], Clerk]:
    """From now on this reader is the one that is opened."""

    def employ(clerk: Clerk) -> Clerk:
        monkeypatch.setattr(extraction, "open_reader", lambda settings, wanted, embed: clerk)
        return clerk

    return employ


Employ = Callable[[Clerk], Clerk]


def in_order(store: Store) -> list[str]:
    """The ids in the order in which a run takes them."""
    return sorted(document.doc for document in store.catalog.documents())


def start(store: Store, fields: Sequence[FieldSpec] = FIELDS, docs: Sequence[str] | None = None) -> int:
    return start_run(store, SETTINGS, fields, "auto", in_order(store) if docs is None else docs)


def values(store: Store, run: int) -> list[dict[str, str | None]]:
    rows = sorted(run_table(store, run), key=lambda row: row.document.doc)
    return [{name: cell.value for name, cell in row.cells.items()} for row in rows]


def state(store: Store, run: int) -> tuple[int, int, int]:
    [found] = store.catalog.ledger.runs(run)
    return found.documents, found.done, found.failed


def codes(store: Store, run: int) -> list[str | None]:
    rows = sorted(run_table(store, run), key=lambda row: row.document.doc)
    return [row.problem.code if row.problem else None for row in rows]


def test_a_run_fills_every_cell_once(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    run = start(store)
    seen: list[Run] = []
    assert carry_on(store, SETTINGS, run, seen.append)
    assert [progress.done for progress in seen] == [1, 2, 3, 4, 5]
    assert set(clerk.labels.values()) == {1} and len(clerk.labels) == 5
    assert sorted(row["total"] or "" for row in values(store, run)) == [f"{n}.00" for n in range(1, 6)]
    for row in run_table(store, run):
        assert row.problem is None
        for cell in row.cells.values():
            assert cell.boxes and cell.reader == "clerk" and cell.doc == row.document.doc
    assert not carry_on(store, SETTINGS, run)  # nothing is left
    assert len(clerk.calls) == 5


def test_everything_known_of_a_cell_comes_back(store: Store) -> None:
    doc, doubt = in_order(store)[0], Problem("sum_differs", "1 is not 2.", "Look.")
    inner = Cell(doc, "price", "5.00", "5,00", 1, "q", ((0.1, 0.2, 0.3, 0.4),), 0.5, "quote", currency="EUR")
    lost = Cell(doc, "what", None, None, None, None, problem=doubt)
    cell = Cell(
        doc, "items", "1", "1", 1, "q", (), 0.8, "quote", None, None,
        0.77, (doubt,), ((inner, lost),), (("is text", 1.0),),
    )  # fmt: skip
    store.catalog.ledger.finish_run_document(start(store), doc, [("key", cell)])
    assert store.catalog.ledger.cells(doc, ["key"]) == {"key": cell}


def test_another_run_with_the_same_fields_computes_nothing(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    carry_on(store, SETTINGS, start(store))
    second = start(store)
    assert carry_on(store, SETTINGS, second)
    assert len(clerk.calls) == 5
    assert state(store, second) == (5, 5, 0)
    assert len(values(store, second)[0]) == 2


def test_only_the_fields_that_are_new_are_read(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    carry_on(store, SETTINGS, start(store, [TOTAL]))
    both = start(store)
    carry_on(store, SETTINGS, both)
    assert Counter(fields for _, fields in clerk.calls) == {("total",): 5, ("seller",): 5}
    assert all(row["total"] and row["seller"] for row in values(store, both))


def test_a_run_that_was_killed_goes_on_where_it_stopped(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk(wrong={3: Kill()}))
    run = start(store)
    with pytest.raises(Kill):
        carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 2, 0)
    assert len(store.catalog.ledger.run_pending(run)) == 3
    restarted = Store(store.folder)
    assert carry_on(restarted, SETTINGS, run)
    assert state(restarted, run) == (5, 5, 0)
    assert all(row["total"] and row["seller"] for row in values(restarted, run))
    assert sorted(clerk.labels.values()) == [1, 1, 1, 1, 2]  # only the one it was killed at was read again


def test_a_document_that_kills_three_times_is_set_aside_with_a_problem(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    third = next(d.label for d in store.catalog.documents() if d.doc == in_order(store)[2])
    clerk.always = {third: Kill()}
    run = start(store)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Kill):
            carry_on(store, SETTINGS, run)
    assert carry_on(store, SETTINGS, run)
    assert clerk.labels[third] == MAX_ATTEMPTS
    assert state(store, run) == (5, 4, 1)
    assert codes(store, run) == [None, None, "interrupted", None, None]
    assert not carry_on(store, SETTINGS, run)


@pytest.mark.parametrize("error", [ModelBadAnswer("no JSON"), ModelTimeout("slow"), StoreDamaged("an image")])
def test_three_bad_answers_set_a_document_aside_and_the_others_go_on(
    store: Store, employ: Employ, error: ModelError
) -> None:
    clerk = employ(Clerk())
    third = next(d.label for d in store.catalog.documents() if d.doc == in_order(store)[2])
    clerk.always = {third: error}
    run = start(store)
    assert carry_on(store, SETTINGS, run)
    assert clerk.labels[third] == MAX_ATTEMPTS
    assert len(clerk.calls) == 4 + MAX_ATTEMPTS
    assert state(store, run) == (5, 4, 1)
    assert codes(store, run) == [None, None, error.code, None, None]
    assert len(values(store, run)[2]) == 0
    assert not carry_on(store, SETTINGS, run)


def test_one_bad_answer_is_forgotten(store: Store, employ: Employ) -> None:
    employ(Clerk(wrong={2: ModelBadAnswer("no JSON")}))
    run = start(store)
    carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 5, 0)
    assert codes(store, run) == [None] * 5


def test_a_field_that_was_not_read_costs_no_other_field(store: Store, employ: Employ) -> None:
    total = Reading("total", "2.00", 1, "Total 2.00 EUR", 0.9)
    clerk = employ(Clerk(wrong={2: FieldsUnread({"seller": ModelBadAnswer("cut off")}, [total])}))
    label = next(d.label for d in store.catalog.documents() if d.doc == in_order(store)[1])
    run = start(store)
    seen: list[set[str]] = []

    def look(progress: object) -> None:
        seen.append(set(values(store, run)[1]))

    carry_on(store, SETTINGS, run, look)
    assert {"total"} in seen  # kept before the other field was there
    assert [asked for where, asked in clerk.calls if where == label] == [("total", "seller"), ("seller",)]
    assert state(store, run) == (5, 5, 0)
    assert all(set(each) == {"total", "seller"} for each in values(store, run))


@pytest.mark.parametrize("error", [ModelUnreachable("gone"), ModelBusy("full"), ModelRefused("no")])
def test_a_server_that_is_away_stops_the_run_and_costs_no_attempt(
    store: Store, employ: Employ, error: ModelError
) -> None:
    clerk = employ(Clerk())
    clerk.wrong = dict.fromkeys(range(3, 3 + 2 * MAX_ATTEMPTS), error)
    run = start(store)
    for _ in range(2 * MAX_ATTEMPTS):
        with pytest.raises(type(error)):
            carry_on(store, SETTINGS, run)
        assert state(store, run) == (5, 2, 0)
        assert codes(store, run) == [None, None, error.code, None, None]
    assert carry_on(store, SETTINGS, run)  # the server is back
    assert state(store, run) == (5, 5, 0)
    assert codes(store, run) == [None] * 5


def test_another_version_of_the_reader_reads_everything_anew(store: Store, employ: Employ) -> None:
    employ(Clerk("clerk-1", wrong={4: Kill()}))
    run = start(store)
    with pytest.raises(Kill):
        carry_on(store, SETTINGS, run)
    newer = employ(Clerk("clerk-2"))
    assert carry_on(store, SETTINGS, run)
    assert len(newer.calls) == 5
    assert store.catalog.ledger.runs(run)[0].version == "clerk-2"
    assert all(len(row) == 2 for row in values(store, run))
    assert not carry_on(store, SETTINGS, run)


def test_a_document_that_was_read_again_is_extracted_again(
    store: Store, employ: Employ, read_again: Callable[..., None]
) -> None:
    clerk = employ(Clerk())
    carry_on(store, SETTINGS, start(store))
    read_again(store, in_order(store)[0], "Total 99.00 EUR")
    run = start(store)
    carry_on(store, SETTINGS, run)
    assert len(clerk.calls) == 6
    assert values(store, run)[0] == {"total": "99.00", "seller": None}


def test_a_document_without_pages_is_set_aside_at_once(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    waiting = store.take(io.BytesIO(b"new"), "waiting.pdf", "papers", 100).document.doc
    broken = store.take(io.BytesIO(b"broken"), "broken.pdf", "papers", 100).document.doc
    problem = Problem("damaged_file", "The file cannot be opened.", "Copy it again.")
    store.catalog.finish_document(broken, Status.FAILED, pipeline="test-1", problem=problem, seconds=0.1)
    run = start(store, docs=[waiting, broken, in_order(store)[0]])
    carry_on(store, SETTINGS, run)
    problems = {row.document.label: row.problem for row in run_table(store, run) if row.problem}
    assert {label: problem.code for label, problem in problems.items()} == {
        "waiting.pdf": "not_read",
        "broken.pdf": "damaged_file",
    }
    assert problems["broken.pdf"] == problem
    assert len(clerk.calls) <= 1


def test_all_runs_are_carried_on_and_a_cancelled_one_is_not(store: Store, employ: Employ) -> None:
    employ(Clerk())
    first, second, cancelled = start(store, [TOTAL]), start(store, [SELLER]), start(store)
    store.catalog.ledger.cancel_run(cancelled)
    assert carry_on(store, SETTINGS)
    assert [state(store, run)[1] for run in (first, second, cancelled)] == [5, 5, 0]
    assert not carry_on(store, SETTINGS)


def test_the_built_in_reader_fills_a_run(store: Store) -> None:
    """No stand-in here: the layout rules, and no model that would have to be loaded."""
    run = start_run(store, SETTINGS, [TOTAL], "auto", in_order(store))
    assert carry_on(store, SETTINGS, run)
    assert sorted(row["total"] or "" for row in values(store, run)) == [f"{n}.00" for n in range(1, 6)]


def test_a_run_is_not_started_without_its_reader(store: Store) -> None:
    with pytest.raises(BadSettings):
        start_run(store, SETTINGS, FIELDS, "vision", in_order(store))
    assert store.catalog.ledger.runs() == []


# ── many hands ───────────────────────────────────────────────────────────────────────────────────────────────────────

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


def everything(store: Store, run: int) -> dict[str, dict[str, Cell]]:
    return {row.document.doc: row.cells for row in run_table(store, run)}


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
    assert (cell.attempt, cell.version) == (1, "quote-3")
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
    whole = filling._REPLY.dump_json(filling.Reply(work.doc, {"total": cell}))
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
    rows_of, third = Library.rows_of, in_order(store)[2]

    def damaged(library: Library, docs: Iterable[str]) -> object:
        if third in (asked := list(docs)):
            raise StoreDamaged("a file of the library is gone")
        return rows_of(library, asked)

    monkeypatch.setattr(Library, "rows_of", damaged)
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


def test_the_last_attempt_at_a_document_that_was_cut_off_is_made_alone(store: Store, employ: Employ) -> None:
    """Killed three times, each time with all of them begun: only the last time one of them may be the reason."""
    employ(Clerk(wrong={1: Kill()}))
    run = start(store)
    for _ in range(MAX_ATTEMPTS - 1):
        store.catalog.ledger.start_run_documents(run, in_order(store))  # and then the power failed
    with pytest.raises(Kill):
        carry_on(store, SETTINGS, run)
    assert len(store.catalog.ledger.run_exhausted(run)) == 1
    assert len(store.catalog.ledger.run_pending(run)) == 4


HOLDS = """
import fcntl, sys
with open(sys.argv[1], "a") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(sys.argv[2]))
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_extraction_that_another_process_carries_on_is_left_to_it(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    run = start(store)
    command = [sys.executable, "-c", HOLDS, store.folder / "runs.lock", str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert not carry_on(store, SETTINGS)
        assert clerk.calls == []
        assert carry_on(store, SETTINGS, start(store, [TOTAL]))  # another one is free
        told: list[Run] = []

        def tell(run: Run) -> None:
            told.append(run)
            if not other.stdin.closed:  # type: ignore[union-attr]
                other.stdin.close()  # type: ignore[union-attr]
                other.wait()

        assert carry_on(store, SETTINGS, run, tell)  # named, so it is waited for
    assert [progress.done for progress in told] == [0, 1, 2, 3, 4, 5]


def test_documents_may_be_read_in_between(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    run = start(store)
    assert carry_on(store, SETTINGS, run, only_if=lambda: len(clerk.calls) < 2)
    assert state(store, run) == (5, 2, 0)
    assert not carry_on(store, SETTINGS, run, only_if=lambda: False)
    assert carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 5, 0)


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


# ── which run ────────────────────────────────────────────────────────────────────────────────────────────────────────


def choose(store: Store, docs: Sequence[str], **how: object) -> int:
    return chosen_run(store, SETTINGS, FIELDS, "auto", docs, **how)  # type: ignore[arg-type]


def test_the_same_command_goes_on_with_what_was_broken_off(store: Store, employ: Employ) -> None:
    employ(Clerk(wrong={3: Kill()}))
    docs = in_order(store)
    run = choose(store, docs)
    with pytest.raises(Kill):
        carry_on(store, SETTINGS, run)
    assert choose(store, docs[:4]) == run + 1, "other documents are another extraction"
    store.catalog.ledger.cancel_run(run + 1)
    assert choose(store, docs) == run
    carry_on(store, SETTINGS, run)
    assert choose(store, docs) == run + 2, "it is finished"


def test_only_what_is_missing_is_filled_and_new_documents_are_added(
    store: Store, employ: Employ, add_document: AddDocument, read_again: Callable[..., None]
) -> None:
    clerk = employ(Clerk())
    first, second = in_order(store)[:2]
    unread = store.take(io.BytesIO(b"later"), "later.pdf", "papers", 100).document.doc
    run = choose(store, [first, second, unread], again=True)
    carry_on(store, SETTINGS, run)
    assert state(store, run)[1] + state(store, run)[2] == 3
    read_again(store, unread, "Total 7.00 EUR\nSeller Late")
    read_again(store, first, "Total 99.00 EUR")
    calls = len(clerk.calls)
    assert choose(store, in_order(store), again=True, limit=1) == run
    carry_on(store, SETTINGS, run)
    found = {doc: cells["total"].value for doc, cells in everything(store, run).items()}
    assert (found[unread], found[first], len(found)) == ("7.00", "99.00", 4)
    assert state(store, run) == (4, 4, 0)
    assert len(clerk.calls) == calls + 3


def test_what_was_set_aside_is_only_tried_again_where_somebody_says_so(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    third = next(d.label for d in store.catalog.documents() if d.doc == in_order(store)[2])
    clerk.always = {third: ModelBadAnswer("no JSON")}
    run = choose(store, in_order(store))
    carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 4, 1)
    clerk.always = {}
    assert choose(store, in_order(store), again=True) == run
    carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 4, 1)
    assert choose(store, in_order(store), again=True, retry=True) == run
    carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 5, 0)
    assert clerk.labels[third] == MAX_ATTEMPTS + 1


# ── what people see of it ────────────────────────────────────────────────────────────────────────────────────────────


class Screen(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def shown(terminal: bool, *seen: tuple[float, int, int]) -> str:
    """What is printed of a run of 100 documents, told at these seconds how many are done and failed."""
    now = [0.0]
    out = Screen(terminal)
    with progress.ProgressLine(out, clock=lambda: now[0]) as line:
        for seconds, done, failed in seen:
            now[0] = seconds
            line(Run(1, "[]", "quote", "quote-1", "", False, 100, done, failed))
    return out.getvalue()


def test_a_log_has_a_line_every_half_a_minute() -> None:
    assert shown(False, (1, 1, 0), (10, 10, 0), (60, 61, 0), (61, 62, 0), (99, 98, 2)).splitlines() == [
        "61 of 100 documents, 61 a minute, about 38 s left",
        "100 of 100 documents, 61 a minute, 2 failed",
    ]


def test_a_terminal_has_one_line_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    out = shown(True, (1, 1, 0), (60, 51, 0))
    assert out.count("\r") == 3
    assert out.endswith("\n")
    assert "[############............] 51 of 100 documents, 51 a minute, about 58 s left" in out
    monkeypatch.setenv("COLUMNS", "60")
    assert all(len(line) < 60 for line in shown(True, (1, 1, 0), (60, 51, 0)).rstrip("\n").split("\r"))
    assert shown(True) == ""


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def command(store: Store, tmp_path: Path, *words: str) -> tuple[int, int]:
    """What `docqa extract` ends with, and how many documents are in the table then."""
    (tmp_path / "fields.toml").write_text('[[field]]\nname = "total"\ntype = "amount"\n', encoding="utf-8")
    out = tmp_path / "table.csv"
    fixed = ["--store", str(store.folder), "extract", "--fields", str(tmp_path / "fields.toml"), "--out", str(out)]
    code = main([*fixed, *words])
    return code, len(out.read_text(encoding="utf-8").splitlines()) - 1 if out.exists() else 0


def test_the_command_takes_some_and_then_what_is_missing(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(store, tmp_path, "--limit", "2", "--json") == (0, 2)
    assert capsys.readouterr().err == ""
    assert command(store, tmp_path, "--only-missing", "--limit", "2") == (0, 4)
    assert "4 of 4 documents" in capsys.readouterr().err
    assert command(store, tmp_path, "--retry") == (0, 5)
    assert [(run.documents, run.done) for run in store.catalog.ledger.runs()] == [(5, 5)]


def test_a_table_that_cannot_be_written_is_said_before_and_what_was_read_is_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = tmp_path / "fields.toml"
    fields.write_text('[[field]]\nname = "total"\ntype = "amount"\n', encoding="utf-8")
    words = ["--store", str(store.folder), "extract", "--fields", str(fields), "--out"]

    def full(*_: object) -> dict[str, object]:
        raise DiskFull("There is no space left.")

    for out in ("/proc/table.csv", str(tmp_path / "folder.csv")):  # root may write into any folder but this one
        (tmp_path / "folder.csv").mkdir(exist_ok=True)
        assert main([*words, out]) == 2
    assert store.catalog.ledger.runs() == []
    with monkeypatch.context() as patched:
        patched.setattr(commands, "write_run", full)
        assert main([*words, str(tmp_path / "table.csv")]) == 5
    assert "extraction 1 is kept: docqa export 1 --out FILE" in capsys.readouterr().err
    assert command(store, tmp_path, "--only-missing") == (0, 5)
    assert "Extraction 1: 5 documents" in capsys.readouterr().out


def test_a_command_that_is_stopped_says_how_to_go_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(line: progress.ProgressLine, run: Run) -> None:
        if run.done == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(progress.ProgressLine, "__call__", stop)
        assert command(store, tmp_path) == (130, 0)
    assert "the same command goes on from there" in capsys.readouterr().err
    assert store.catalog.ledger.runs()[0].done == 2
    assert command(store, tmp_path) == (0, 5)
    assert [(run.documents, run.done) for run in store.catalog.ledger.runs()] == [(5, 5)]
