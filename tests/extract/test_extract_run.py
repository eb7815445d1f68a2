"""Runs of an extraction: each cell filled once, whoever is killed, and on from wherever it was stopped."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from clerk import (
    FIELDS,
    SELLER,
    SETTINGS,
    TOTAL,
    AddDocument,
    Clerk,
    Employ,
    Kill,
    codes,
    everything,
    in_order,
    start,
    state,
    values,
)

from docqa.errors import (
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
    StoreDamaged,
)
from docqa.extract.run import carry_on, chosen_run, start_run
from docqa.extract.table import run_table
from docqa.readers import FieldsUnread
from docqa.store import Store
from docqa.store.ledger import Run
from docqa.types import MAX_ATTEMPTS, Cell, Problem, Reading, Status


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
