"""The table of an extraction of many documents: read a piece at a time, as if it had been read at once."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import pytest
from clerk import SETTINGS, AddDocument

from docqa.errors import UsageError
from docqa.extract import table as tables
from docqa.extract.export import sheets, table_bytes, workbook, write_into, write_table
from docqa.extract.export.workbook import write_xlsx
from docqa.extract.fields import field_key
from docqa.extract.run import carry_on, chosen_run, is_waited_for, start_run
from docqa.extract.table import RunTable, run_sheet, run_table
from docqa.store import Store
from docqa.types import Cell, Correction, FieldSpec, FieldType, Problem

NUMBER, TOTAL = FieldSpec("invoice_number", FieldType.TEXT), FieldSpec("total_amount", FieldType.AMOUNT)
ITEMS = FieldSpec("items", FieldType.TABLE, columns=(FieldSpec("what", FieldType.TEXT), TOTAL))
FIELDS = (NUMBER, TOTAL, ITEMS)
BOX = (0.1, 0.2, 0.3, 0.25)
DANGEROUS = ("=1+1", "<r>x</r>", " blanks ", "\x07bell", "_x0041_", "two\nlines", "x" * 400, "\ud800", "")


@pytest.fixture
def many(empty_store: Store) -> Store:
    """Seven documents, of which three are called alike, in an extraction that is over: number 1."""
    names = ["c.pdf", "scan.pdf", "a.pdf", "scan.pdf", "b.pdf", "scan.pdf", "d.pdf"]
    docs = []
    for place, name in enumerate(names):
        docs.append(empty_store.take(io.BytesIO(bytes([place])), name, f"office {place}", 10).document.doc)
    run = start_run(empty_store, SETTINGS, FIELDS, "quote", docs)
    version = empty_store.catalog.ledger.runs(run)[0].version
    for place, doc in enumerate(docs[:-1]):
        cells = {
            "invoice_number": cell(doc, "invoice_number", "4711" if names[place] == "scan.pdf" else DANGEROUS[place]),
            "total_amount": cell(doc, "total_amount", "5.00"),
            "items": items(doc, place),
        }
        keyed = [(field_key(field, version), cells[field.name]) for field in FIELDS]
        empty_store.catalog.ledger.finish_run_document(run, doc, keyed)
    lost = Problem("no_pages", "Nothing there.", "Look.")
    empty_store.catalog.ledger.fail_run_document(run, docs[-1], lost, final=True)
    said = Correction(docs[0], "total_amount", "6.00", "ann", "2026-11-22T10:00:00.000+00:00", read="5.00")
    empty_store.catalog.ledger.correct(said)
    return empty_store


def cell(doc: str, name: str, value: str) -> Cell:
    return Cell(doc, name, value, value, 1, f"quote {value}".replace("\ud800", ""), (BOX,), 0.8, "quote")


def items(doc: str, rows: int) -> Cell:
    each = tuple(
        (cell(doc, "what", DANGEROUS[(n + rows) % 7]), cell(doc, "total_amount", f"{n}.50")) for n in range(rows)
    )
    return Cell(doc, "items", str(rows) if rows else None, str(rows), 1, "", (BOX,), 0.8, "quote", rows=each)


def test_pieces_make_the_same_table(many: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_table(many, 1)
    assert [row.document.label for row in whole] == ["a.pdf", "b.pdf", "c.pdf", "d.pdf", *["scan.pdf"] * 3]
    monkeypatch.setattr(tables, "_PIECE", 2)
    table = RunTable(many, 1)
    assert list(table) == whole and len(table) == 7
    assert run_sheet(table.record, table) == run_sheet(table.record, whole)


def test_some_rows_are_those_of_the_table_in_the_order_that_was_asked_for(many: Store) -> None:
    whole = {row.document.doc: row for row in run_table(many, 1)}
    wanted = [*reversed(whole), "f" * 64]
    assert RunTable(many, 1).rows(wanted) == list(reversed(whole.values()))


def test_documents_of_the_same_name_are_compared_each_for_itself(many: Store) -> None:
    rows = [row for row in run_table(many, 1) if row.document.label == "scan.pdf"]
    doubts = [[one.message for one in row.cells["invoice_number"].doubts] for row in rows]
    assert doubts == [[], *[["scan.pdf has the same invoice_number and the same amounts."]] * 2]


def test_a_document_without_cells_may_be_called_like_a_double(many: Store) -> None:
    lost = many.take(io.BytesIO(b"another"), "scan.pdf", "elsewhere", 10).document.doc
    doubles = [row.document.doc for row in run_table(many, 1) if row.document.label == "scan.pdf"]
    run = start_run(many, SETTINGS, FIELDS, "quote", [*doubles, lost])
    assert {row.document.doc: bool(row.cells) for row in run_table(many, run)} == {
        **dict.fromkeys(doubles, True),
        lost: False,
    }


def test_a_table_takes_notice_of_what_became_of_a_document(many: Store) -> None:
    table = RunTable(many, 1)
    [failed] = [document.doc for document, problem in table.documents if problem is not None]
    many.catalog.ledger.finish_run_document(1, failed, [])
    many.catalog.ledger.correct(Correction(failed, "total_amount", "1.00", "ann", "2026-11-22T10:00:01.000+00:00"))
    assert table.rows([failed])[0].value("total_amount") == "1.00"  # what people said is always read anew
    assert table.rows([failed])[0].problem is not None
    table.look_again([failed])
    assert table.rows([failed])[0].problem is None
    assert [document.label for document, _ in table.documents][3] == "d.pdf"


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_file_is_the_same_written_piece_by_piece(
    many: Store, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for row in run_table(many, 1) if "\ud800" not in (row.value("invoice_number") or "")]
    sheet = run_sheet(many.catalog.ledger.runs(1)[0], rows)
    monkeypatch.setattr(tables, "_PIECE", 2)
    write_table(tmp_path / f"out{suffix}", FIELDS, RunTable(many, 1), sheet)
    assert (tmp_path / f"out{suffix}").read_bytes() == table_bytes(suffix, FIELDS, rows, sheet)


def test_a_workbook_is_the_same_whether_its_lines_wait_in_memory_or_in_files(
    many: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_HELD", 0)  # of a large table rows are read for every sheet
    table = RunTable(many, 1)
    sheet = run_sheet(table.record, table)
    beside = io.BytesIO()
    write_into(beside, ".xlsx", FIELDS, table, sheet, address="http://docqa.example", beside=tmp_path)
    assert list(tmp_path.iterdir()) == [many.folder]
    inside = io.BytesIO(table_bytes(".xlsx", FIELDS, list(table), sheet, address="http://docqa.example"))
    one, two = openpyxl.load_workbook(beside), openpyxl.load_workbook(inside)
    assert one.sheetnames == two.sheetnames == ["Documents", "items", "Cells", "Run"]
    for name in one.sheetnames:
        assert looks(one[name]) == looks(two[name])
        assert widths(one[name]) == widths(two[name])
    items = one["items"]
    high = {line for line, size in items.row_dimensions.items() if (size.height or 0) > 15} - {1}
    assert high == {cell.row for cell in items["C"] if "\n" in str(cell.value) or len(str(cell.value)) > 100} != set()


def looks(sheet: openpyxl.worksheet.worksheet.Worksheet) -> list[tuple[object, ...]]:
    return [
        (one.coordinate, plain(one.value), one.fill.bgColor.rgb, one.number_format, str(one.comment),
         one.hyperlink and (one.hyperlink.target, one.hyperlink.location))
        for row in sheet.iter_rows() for one in row
    ]  # fmt: skip


def plain(value: object) -> object:
    """A text as Excel shows it: openpyxl reads _x005F_ for a "_" in shared strings only (ECMA-376, ST_Xstring)."""
    return value.replace("x005F_", "") if isinstance(value, str) else value


def widths(sheet: openpyxl.worksheet.worksheet.Worksheet) -> tuple[object, ...]:
    heights = {line: size.height for line, size in sheet.row_dimensions.items() if size.height}
    return {name: size.width for name, size in sheet.column_dimensions.items()}, heights, sheet.auto_filter.ref


def test_lines_of_a_workbook_whose_writer_was_killed_go_with_the_next(many: Store, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, at_work = tmp_path / f"{sheets._FOLDER}{dead.pid}-abc", tmp_path / f"{sheets._FOLDER}1-abc"
    for folder in (left, at_work):
        folder.mkdir()
        (folder / "sheet").write_text("what a document says")
    rows = run_table(many, 1)
    write_xlsx(io.BytesIO(), FIELDS, rows, run_sheet(many.catalog.ledger.runs(1)[0], rows), beside=tmp_path)
    assert not left.exists() and at_work.exists()


def test_a_workbook_that_does_not_fit_leaves_nothing(many: Store, tmp_path: Path) -> None:
    rows = run_table(many, 1)
    with pytest.raises(UsageError, match="is no address"):
        write_table(tmp_path / "out.xlsx", FIELDS, rows, run_sheet(many.catalog.ledger.runs(1)[0], rows), address="x")
    assert list(tmp_path.iterdir()) == [many.folder]


# ── who carries it on ────────────────────────────────────────────────────────────────────────────────────────────────

CHOOSING = """
import sys
from pathlib import Path
from docqa.extract.run import chosen_run
from docqa.settings import ModelSettings, Settings
from docqa.store import Store
from docqa.types import FieldSpec, FieldType
store = Store(Path(sys.argv[1]))
docs = [document.doc for document in store.catalog.documents()]
print("asking", flush=True)
settings = Settings(model=ModelSettings(base_url=None))
print(chosen_run(store, settings, [FieldSpec("total_amount", FieldType.AMOUNT)], "quote", docs))
"""


def test_of_two_that_ask_at_once_the_second_gets_what_the_first_began(many: Store) -> None:
    docs = [document.doc for document in many.catalog.documents()]
    with many.carrying(0):  # this one chooses
        command = [sys.executable, "-c", CHOOSING, str(many.folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None and other.stdout.readline() == "asking\n"
            time.sleep(0.5)  # long enough for it to choose, if it did not wait
            first = start_run(many, SETTINGS, [TOTAL], "quote", docs)
            release(many)
            assert int(other.stdout.read()) == first
    assert [run.run for run in many.catalog.ledger.runs()] == [first, 1]


def release(store: Store) -> None:
    """A process lets go of a POSIX lock when it closes the file, whoever of it opened that."""
    (store.folder / "runs.lock").open("a").close()


def test_an_extraction_is_waited_for_until_it_is_carried_on_or_over(
    empty_store: Store, add_document: AddDocument
) -> None:
    assert not is_waited_for(empty_store)
    docs = [add_document(empty_store, f"{n}.pdf", "office", f"Total 1{n}.00 EUR").doc for n in range(2)]
    run = chosen_run(empty_store, SETTINGS, [TOTAL], "quote", docs)
    assert is_waited_for(empty_store)
    code = (
        "import sys; from pathlib import Path; from docqa.store import Store\n"
        f"with Store(Path(sys.argv[1])).carrying({run}): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(empty_store.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"\n"
        assert not is_waited_for(empty_store)
        assert not carry_on(empty_store, SETTINGS)  # left to the other one
        other.communicate()
    assert is_waited_for(empty_store)
    assert carry_on(empty_store, SETTINGS)
    assert not is_waited_for(empty_store)
    assert empty_store.catalog.ledger.runs_left() == []


def test_what_was_cancelled_or_set_aside_waits_for_nobody(many: Store) -> None:
    ledger = many.catalog.ledger
    assert ledger.runs_left() == []  # one document of it is set aside
    run = start_run(many, SETTINGS, [TOTAL], "quote", [many.catalog.documents()[0].doc])
    assert ledger.runs_left() == [run]
    ledger.cancel_run(run)
    assert ledger.runs_left() == []
