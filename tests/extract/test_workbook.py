"""Tables to workbooks: typed cells that come back as they were, nothing to be run, and Excel's limits."""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from docqa.errors import UsageError
from docqa.extract.export import CsvStyle, csv_text, sheets, table_bytes, workbook
from docqa.extract.export.workbook import xlsx_bytes
from docqa.extract.table import Row, RunSheet, reviewed
from docqa.types import Cell, Correction, Document, FieldSpec, FieldType, Problem, Status

TOTAL = FieldSpec("total", FieldType.AMOUNT)
SELLER = FieldSpec("seller", FieldType.TEXT)
DATE = FieldSpec("date", FieldType.DATE)
ITEMS = FieldSpec("items", FieldType.TABLE, columns=(SELLER, TOTAL))
LOST = Problem("no_pages", "Nothing there.", "Look.")
SHEET = RunSheet(
    7, "2026-11-22T09:00:00+00:00", None, "vision", "extract-3", "gemma-4-12b", "office", 2, (("b.pdf", LOST),), 0
)
DANGEROUS = tuple("=+-@\t\r\n\0＝＋－＠")


def row(label: str = "a.pdf", problem: Problem | None = None, **values: Cell | str | None) -> Row:
    document = Document("d0", label, "c", Status.READY, 1, "application/pdf", 1, 1, 0, None, None, "2026-11-22", 0.1)
    cells = {name: cell(name, one) if isinstance(one, str | None) else one for name, one in values.items()}
    return Row(document, cells, problem)


def cell(name: str, value: str | None, confidence: float | None = 0.95) -> Cell:
    page = None if value is None else 2
    return Cell("d0", name, value, value, page, f"“{value}” on the page", (), 0.9, "quote", confidence=confidence)


def opened(fields: list[FieldSpec], *rows: Row, address: str | None = "http://docqa.example:8501/") -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(xlsx_bytes(fields, rows, SHEET, address)))


def there(text: object) -> str:
    """What Excel shows of a text in a file: _x0007_ is a control character (ECMA-376, ST_Xstring)."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), str(text or ""))


def lines(sheet: Worksheet) -> list[list[object]]:
    return [list(line) for line in sheet.values]


def test_values_are_what_they_are() -> None:
    paid, count, share = (
        FieldSpec("paid", FieldType.BOOLEAN),
        FieldSpec("count", FieldType.INTEGER),
        FieldSpec("share", FieldType.NUMBER),
    )
    total = replace(cell("total", "-1190.50"), currency="EUR")
    one = row(total=total, seller="00123", date="2026-05-03", paid="true", count="16", share="0.125")
    sheet = opened([TOTAL, SELLER, DATE, paid, count, share], one)["Documents"]
    assert lines(sheet)[0] == ["document", "to look at", "total", "seller", "date", "paid", "count", "share", "problem"]
    assert lines(sheet)[1] == ["a.pdf", 0, -1190.5, "00123", datetime(2026, 5, 3), True, 16, 0.125, None]
    assert sheet["C2"].number_format == '#,##0.00 "EUR"_)' and sheet["E2"].number_format == "yyyy-mm-dd"
    assert (sheet["G2"].number_format, sheet["H2"].number_format) == ("0_)", "0.000_)")
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:I2")


def test_a_sign_that_several_currencies_share_is_shown_as_it_is_printed() -> None:
    sheet = opened([TOTAL], row(total=replace(cell("total", "8.70"), currency="$")))["Documents"]
    assert (sheet["C2"].value, sheet["C2"].number_format) == (8.7, '#,##0.00 "$"_)')


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (TOTAL, "1234567890123456.78"),  # more digits than a number of a spreadsheet holds
        (TOTAL, "about 5"),
        (SELLER, "12345678901234567890"),
        (SELLER, "12E5"),
        (SELLER, "=1+1"),
        (SELLER, "http://example.org"),
        (SELLER, "2026-05-03"),
        (SELLER, "_x0041_"),  # which Excel would take for an A
        (SELLER, "<r><t>x</t></r>"),  # XlsxWriter would take it for its own markup
        (DATE, "1899-12-31"),  # before the first day that Excel counts right
        (DATE, "soon"),
    ],
)
def test_everything_else_stays_a_text(field: FieldSpec, value: str) -> None:
    sheet = opened([field], row(**{field.name: value}))["Documents"]
    assert (sheet["C2"].value, sheet["C2"].data_type) == (value, "s")


def test_a_value_leads_to_its_page_and_says_where_it_stands_and_what_was_said_of_it() -> None:
    said = Correction("d0", "total", "5.00", "ann", "2026-11-22T10:00:00+00:00", "a typing error", read="6.00")
    one = reviewed([TOTAL, SELLER], row(total="6.00", seller="Alder & Söhne"), [said])
    sheet = opened([TOTAL, SELLER], one)["Documents"]
    assert sheet["C2"].hyperlink.target == "http://docqa.example:8501/extract?run=7&doc=d0&field=total"
    assert sheet["C2"].value == 5
    assert sheet["C2"].comment.text == (
        "Page 2: ““6.00” on the page”\nConfidence 0.95\n"
        "ann, 2026-11-22 10:00 UTC: corrected, the machine read “6.00” (a typing error)"
    )
    assert sheet["D2"].comment.text == "Page 2: ““Alder & Söhne” on the page”\nConfidence 0.95"
    without = opened([TOTAL, SELLER], one, address=None)["Documents"]
    assert without["C2"].hyperlink is None and without["C2"].comment is not None


def test_colours_say_how_far_a_cell_can_be_relied_on() -> None:
    doubtful = replace(cell("seller", "x"), doubts=(Problem("checksum", "Wrong.", "Look."),))
    rows = [
        row("sure.pdf", seller=cell("seller", "x", 0.95)),
        row("unsure.pdf", seller=cell("seller", "x", 0.7)),
        row("low.pdf", seller=cell("seller", "x", 0.5)),
        row("doubtful.pdf", seller=doubtful),
        row("empty.pdf", seller=cell("seller", None)),
        row("unrated.pdf", seller=cell("seller", "x", None)),
        *(
            reviewed([SELLER], row(seller="x"), [Correction("d0", "seller", value, "ann", "2026")])
            for value in ("x", "y")
        ),
    ]
    book = opened([SELLER], *rows)
    fills = [book["Documents"].cell(line, 3).fill.fgColor.rgb[2:] for line in range(2, 10)]
    names = ["sure", "unsure", "doubtful", "doubtful", "empty", "plain", "accepted", "corrected"]
    assert fills == [(sheets.FILLS[name] or "#000000")[1:] for name in names]
    assert [line[1] for line in lines(book["Documents"])[1:]] == [0, 1, 1, 1, 0, 0, 0, 0]
    legend = {book["Run"].cell(line, 1).value: book["Run"].cell(line, 1).fill.fgColor.rgb for line in range(1, 40)}
    assert all(legend[name][2:] == fill[1:] for name, fill in sheets.FILLS.items() if fill)


def test_tables_have_their_own_sheets_to_which_their_number_leads() -> None:
    inner = [
        (cell("seller", name, None), cell("total", price, None)) for name, price in (("Screws", "5.00"), ("N", "1"))
    ]
    table = replace(cell("items", "2"), rows=tuple(inner))
    said = [
        Correction("d0", "items", "Nails", "ann", "2026", row=2, column="seller", read="N"),
        Correction("d0", "items", "7.25", "ann", "2026", row=3, column="total"),
        Correction("d0", "items", None, "ann", "2026", row=1, read="Screws · 5.00"),
    ]
    long = FieldSpec("Items" + "s" * 40, FieldType.TABLE, columns=(SELLER,))
    book = opened([ITEMS, long], reviewed([ITEMS, long], row("a.pdf", items=table), said))
    assert book.sheetnames == ["Documents", "items", "Items" + "s" * 26, "Cells", "Run"]
    assert lines(book["items"]) == [
        ["document", "row", "seller", "total"],
        ["a.pdf", 2, "Nails", 1],
        ["a.pdf", 3, None, 7.25],
    ]
    assert book["Documents"]["C2"].value == 2
    assert book["Documents"]["C2"].hyperlink.location == "'items'!A2"
    assert book["items"]["C2"].hyperlink.target.endswith("field=items&row=2&column=seller")
    assert workbook._sheet_names([replace(ITEMS, name=name) for name in ("run", "Run", "cells")]) == [
        "Documents", "run_2", "Run_3", "cells_2",
    ]  # fmt: skip


def test_each_cell_of_a_row_has_its_own_colour_and_counts_where_it_needs_a_look() -> None:
    wrong = replace(cell("total", "5.00", 0.5), doubts=(Problem("row_sum_differs", "2 times 3 is not 5.", "Look."),))
    inner = ((cell("seller", "Screws", 0.95), wrong), (cell("seller", "Nails", 0.7), cell("total", "1", None)))
    book = opened([ITEMS], row("a.pdf", items=replace(cell("items", "2"), rows=inner)))
    fills = [[book["items"].cell(line, column).fill.fgColor.rgb[2:] for column in (3, 4)] for line in (2, 3)]
    names = [["sure", "doubtful"], ["unsure", "plain"]]
    assert fills == [[(sheets.FILLS[name] or "#000000")[1:] for name in some] for some in names]
    assert book["items"]["D2"].comment.text.endswith("Confidence 0.50\n2 times 3 is not 5. Look.")
    assert book["Documents"]["B2"].value == 2


def test_cells_and_the_run_are_listed() -> None:
    problem = Problem("bad_value", "“x” is no amount.", "Look.")
    rows = [row(seller="Alder", total=replace(cell("total", None), problem=problem)), row("b.pdf", LOST)]
    book = opened([SELLER, TOTAL], *rows)
    [head, first, second] = lines(book["Cells"])
    told = dict(zip(head, first, strict=True))
    assert (told["field"], told["value"], told["state"], told["page"]) == ("seller", "Alder", "not looked at", 2)
    assert (told["confidence"], told["quote"]) == (0.95, "“Alder” on the page")
    assert dict(zip(head, second, strict=True))["problem"] == "“x” is no amount. Look."
    said = [" ".join(str(value) for value in line if value is not None) for line in lines(book["Run"])]
    for part in ("docqa, extraction 7", "read by gemma-4-12b", "collection office", "failed 1", "seller text"):
        assert part in said
    assert "b.pdf d0 1 0 Nothing there. Look." in said
    assert lines(book["Documents"])[2][-1] == "Nothing there. Look."


# ── what Excel cannot hold ───────────────────────────────────────────────────────────────────────────────────────────

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.sampled_from(
    [f"{mark}{rest}" for mark in DANGEROUS for rest in ("", "1", "cmd|' /C calc'!A0", ',"\r\n')]
    + ["<r></r>", "<r>=1</r>", "{=1}", "\uffff\ufffe", " x ", "\u2028", "12345678901234567", "😀"]
)


#: openpyxl reads what looks like an escaped character back wrongly; the test below looks into the file for those.
READABLE = TEXTS.filter(lambda text: re.search("_x[0-9A-Fa-f]{4}_|x005F_", text) is None)


def shown(text: str) -> str:
    """A text as a cell shows it: in what looks like XlsxWriter's markup a mark stands for each control character."""
    marked = text.startswith("<r>") and text.endswith("</r>")
    return re.sub("[\x00-\x08\x0b-\x1f\ufffe\uffff]", "\ufffd", text) if marked else text


@settings(max_examples=15)
@example([("<r>\x08</r>", "<r>\x08</r>")])
@given(st.lists(st.tuples(READABLE, READABLE), min_size=1, max_size=12))
def test_every_text_comes_back_and_none_is_a_formula(texts: list[tuple[str, str]]) -> None:
    rows = [
        row(label, seller=replace(cell("seller", value), quote=label, problem=Problem("x", label, value)))
        for label, value in texts
    ]
    book = opened([SELLER], *rows)
    for line, (label, value) in enumerate(texts, start=2):
        sheet = book["Documents"]
        assert there(sheet.cell(line, 1).value) == shown(label)
        assert there(sheet.cell(line, 3).value) == shown(value)
    assert not [one for sheet in book for line in sheet for one in line if one.data_type == "f"]


def test_a_text_that_looks_like_an_escaped_character_is_escaped() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes([SELLER], [row(seller="_x0000_ and _x005F_")], SHEET))) as file:
        assert b"_x005F_x0000_ and _x005F_x005F_" in file.read("xl/sharedStrings.xml")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=2))
@settings(max_examples=10)
def test_every_amount_comes_back_as_a_number(amount: object) -> None:
    found = opened([TOTAL], row(total=f"{amount:f}"))["Documents"]["C2"].value
    assert math.isclose(float(found), float(str(amount)), abs_tol=0.0)


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    for text in ("x" * 40_000, "😀" * 20_000):
        found = opened([SELLER], row(seller=text))["Documents"]["C2"].value
        assert found.endswith(sheets.CUT) and text.startswith(found.removesuffix(sheets.CUT))
        assert 32_700 < len(found.encode("utf-16-le")) // 2 <= sheets.MOST_UNITS
    assert sheets.shortened("x" * sheets.MOST_UNITS) == "x" * sheets.MOST_UNITS


def test_rows_that_no_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 1_004)
    assert xlsx_bytes([SELLER], [row()] * 3, SHEET)
    with pytest.raises(UsageError, match=r"cannot hold 4 rows \(documents\): 3 at most") as caught:
        xlsx_bytes([SELLER], [row()] * 4, SHEET)
    assert ".csv" in caught.value.hint


def test_cells_go_on_on_another_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_check_size", lambda fields, rows: None)
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    book = opened([SELLER], *[row(seller=str(number)) for number in range(5)])
    assert [lines(book[name])[-1][3] for name in ("Cells", "Cells 2", "Cells 3")] == ["1", "3", "4"]


def test_links_that_excel_does_not_take_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_LINKS", 2)
    sheet = opened([SELLER], *[row(seller="x") for _ in range(4)])["Documents"]
    assert [sheet.cell(line, 3).hyperlink is not None for line in range(2, 6)] == [True, True, False, False]
    assert [sheet.cell(line, 3).comment is not None for line in range(2, 6)] == [True, True, False, False]
    assert [sheet.cell(line, 3).value for line in range(2, 6)] == ["x"] * 4


@pytest.mark.parametrize(
    "address", ["", "docqa.example", "file:///etc", "javascript:alert(1)", "http://", "http://a b", "http://a?b"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        xlsx_bytes([SELLER], [row()], SHEET, address)


# ── opened by another program ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
def test_libreoffice_finds_no_formula_and_takes_amounts_for_numbers(tmp_path: Path) -> None:
    texts = [f"{mark}{rest}" for mark in DANGEROUS for rest in ("1+1", "cmd|' /C calc'!A0")] + ["0012", "12E5"]
    rows = [row(text, seller=text, total="-1190.50") for text in texts]
    for suffix in (".csv", ".xlsx"):
        content = table_bytes(suffix, [SELLER, TOTAL], rows, SHEET, CsvStyle(), "http://docqa.example")
        (tmp_path / f"{suffix[1:]}{suffix}").write_bytes(content)
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    names = ("csv.csv", "xlsx.xlsx")
    command = ["soffice", profile, "--headless", "--convert-to", "fods", "--outdir", tmp_path]
    subprocess.run([*command, *(tmp_path / name for name in names)], check=True, capture_output=True, timeout=150)
    for name in names:
        flat = (tmp_path / name).with_suffix(".fods").read_text(encoding="utf-8")
        assert "table:formula" not in flat
        assert flat.count('office:value="-1190.5"') >= len(texts)
        for code in ("0012", "12E5"):
            assert code in flat


def test_the_csv_says_the_same_as_the_workbook() -> None:
    one = row(seller="Alder", total="-5.00")
    sheet = opened([SELLER, TOTAL], one)["Documents"]
    [_, line] = csv.reader(io.StringIO(csv_text([SELLER, TOTAL], [one]), newline=""))
    assert line[2] == sheet["C2"].value and float(line[3]) == sheet["D2"].value
