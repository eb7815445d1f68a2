"""Tables to CSV: every text comes back, none is run as a formula, and a file is there whole or not at all."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.errors import DiskFull, PathMissing, UsageError
from docqa.extract.export import csv_text, safe, write_csv
from docqa.extract.table import Row
from docqa.types import Cell, Document, FieldSpec, FieldType, Problem, Status

TOTAL = FieldSpec("total", FieldType.AMOUNT)
SELLER = FieldSpec("seller", FieldType.TEXT)
DANGEROUS = tuple("=+-@\t\r\n\0＝＋－＠")


def document(label: str = "invoice.pdf") -> Document:
    return Document("d0", label, "c", Status.READY, 1, "application/pdf", 1, 1, 0, None, None, "2026-11-22", 0.1)


def cell(value: str | None, *, quote: str | None = None, page: int | None = 1, problem: Problem | None = None) -> Cell:
    return Cell("d0", "total", value, value, page, quote, (), 0.5, "quote", problem)


def row(label: str, problem: Problem | None = None, **cells: Cell) -> Row:
    return Row(document(label), cells, problem)


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_values_come_first_then_page_quote_and_problem_of_each() -> None:
    bad = Problem("bad_value", "“x” is not one number.", "Look at the page.")
    doubt = Problem("sum_differs", "1 and 1 do not make 3.", "Look.")
    sure = replace(cell("1190.00", quote="Total\n 1,190.00  EUR", page=2), currency="EUR", confidence=0.978)
    rows = [
        row("a.pdf", total=sure, seller=cell("Alder Ltd", quote="")),
        row("b.pdf", total=replace(cell(None, quote="Total x", problem=bad), doubts=(doubt,))),
        row("c.pdf", problem=Problem("no_pages", "Nothing there.", "Look.")),
    ]
    both = "bad_value: “x” is not one number.; sum_differs: 1 and 1 do not make 3."
    assert parsed(csv_text([TOTAL, SELLER], rows)) == [
        ["document", "doc", "total", "seller", "problem"]
        + ["total.currency", "total.page", "total.quote", "total.confidence", "total.problem"]
        + ["seller.page", "seller.quote", "seller.confidence", "seller.problem"],
        ["a.pdf", "d0", "1190.00", "Alder Ltd", "", "EUR", "2", "Total 1,190.00 EUR", "0.98", "", "1", "", "", ""],
        ["b.pdf", "d0", "", "", "", "", "1", "Total x", "", both, "", "", "", ""],
        ["c.pdf", "d0", "", "", "no_pages: Nothing there.", *[""] * 9],
    ]


def test_the_rows_of_a_table_are_json_beside_their_number() -> None:
    items = FieldSpec("items", FieldType.TABLE, columns=(SELLER, TOTAL))
    table = replace(cell("2"), rows=((cell("Screws"), cell("5.00")), (cell("Nails"), cell(None))))
    header, line = parsed(csv_text([items], [row("a.pdf", items=table)]))
    told = dict(zip(header, line, strict=True))
    assert told["items"] == "2"
    assert json.loads(told["items.rows"]) == [
        {"seller": "Screws", "total": "5.00"},
        {"seller": "Nails", "total": None},
    ]


def test_it_is_rfc_4180() -> None:
    assert csv_text([SELLER], [row("a, b.pdf", seller=cell('the "Alder"\nLtd', page=None))]) == (
        "document,doc,seller,problem,seller.page,seller.quote,seller.confidence,seller.problem\r\n"
        '"a, b.pdf",d0,"the ""Alder""\nLtd",,,,,\r\n'
    )


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 1", "-", "-x", "--1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1+1"]
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-5", "-5.00", "+3", "-0.1", "5", "1190.00", "", "a=b", "x-1", "5 - 3", "' x", "a\n=1"]
)
def test_numbers_and_harmless_texts_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize("text", ["-5%", "-5 ", "-1,5", "-5-3", "+1e5", "-5.", "-.5", "-5\n", "-1.2.3"])
def test_what_is_only_nearly_a_number_is_a_text(text: str) -> None:
    assert safe(text) == f"'{text}"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [f"{mark}{rest}" for mark in DANGEROUS for rest in ("", "1", "cmd|' /C calc'!A0", ',"\r\n')]
)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_any_table_comes_back(table: list[tuple[str, str]]) -> None:
    rows = [row(label, seller=cell(value)) for label, value in table]
    header, *lines = parsed(csv_text([SELLER], rows))
    assert len(header) == 8
    assert [(line[0], line[2]) for line in lines] == [(safe(label), safe(value)) for label, value in table]


@given(TEXTS)
def test_nothing_can_be_run_and_nothing_is_lost(text: str) -> None:
    problem = Problem(text, text, text)
    table = csv_text([TOTAL], [row(text, problem, total=cell(text, quote=text, problem=problem))])
    for line in parsed(table):
        for shown in line:
            assert not shown.startswith(DANGEROUS) or float(shown) is not None
    assert safe(text).removeprefix("'") == text.removeprefix("'")


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ROWS = [row("Ångström.pdf", total=cell("5"))]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_holds_the_table_in_utf_8_and_can_be_read_by_all(tmp_path: Path) -> None:
    file = tmp_path / "out.CSV"
    write_csv(file, [TOTAL], ROWS)
    assert file.read_bytes().decode() == csv_text([TOTAL], ROWS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert names_in(tmp_path) == ["out.CSV"]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("older and much longer" * 100)
    write_csv(file, [TOTAL], ROWS)
    assert file.read_bytes().decode() == csv_text([TOTAL], ROWS)


@pytest.mark.parametrize(
    ("code", "expected"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, UsageError)]
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_whatever_fails_the_older_file_stays_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, expected: type[Exception]
) -> None:
    def fails(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    file = tmp_path / "out.csv"
    file.write_text("older")
    monkeypatch.setattr(os, "fsync", fails) if step == "fsync" else monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(expected, match=r"out\.csv"):
        write_csv(file, [TOTAL], ROWS)
    assert file.read_text() == "older"
    assert names_in(tmp_path) == ["out.csv"]


def test_the_bytes_are_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append((os.fstat(descriptor).st_size, file.exists())))
    file = tmp_path / "out.csv"
    write_csv(file, [TOTAL], ROWS)
    assert seen == [(file.stat().st_size, False)]


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.exe"])
def test_only_csv_files_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} cannot be written"):
        write_csv(tmp_path / name, [TOTAL], ROWS)
    assert names_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="There is no folder"):
        write_csv(tmp_path / "nowhere" / "out.csv", [TOTAL], ROWS)
    assert names_in(tmp_path) == []


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_csv(tmp_path / "out.csv", [TOTAL], ROWS)
    assert names_in(tmp_path) == ["out.csv"]
