"""Tables to CSV and JSON: every text comes back, none is run as a formula, and a file is there whole or not at all."""

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
from docqa.extract.export import CsvStyle, csv_text, json_text, safe, table_bytes, write_table
from docqa.extract.table import Row, RunSheet, reviewed
from docqa.types import Cell, Correction, Document, FieldSpec, FieldType, Problem, Status

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
        ["document", "doc", "total", "seller", "problem", "total.currency"]
        + [f"{name}.{part}" for name in ("total", "seller") for part in PARTS],
        ["a.pdf", "d0", "1190.00", "Alder Ltd", "", "EUR"]
        + [*UNSEEN, "2", "Total 1,190.00 EUR", "0.98", "", *UNSEEN, "1", "", "", ""],
        ["b.pdf", "d0", "", "", "", "", "doubtful", "", "", "", "1", "Total x", "", both, "not read", *[""] * 7],
        ["c.pdf", "d0", "", "", "no_pages: Nothing there.", "", "not read", *[""] * 7, "not read", *[""] * 7],
    ]


PARTS = ("state", "machine", "by", "at", "page", "quote", "confidence", "problem")
UNSEEN = ["not looked at", "", "", ""]


def told(fields: list[FieldSpec], one: Row, style: CsvStyle | None = None) -> dict[str, str]:
    """The line of one document by name of column."""
    text = csv_text(fields, [one], style or CsvStyle())
    header, line = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=(style or CsvStyle()).delimiter)
    return dict(zip(header, line, strict=True))


def say(field: str, value: str | None, **more: object) -> Correction:
    return Correction("d0", field, value, "ann", "2026-11-22T10:00:00.000+00:00", **more)  # type: ignore[arg-type]


def test_a_correction_stands_in_the_value_and_what_was_read_beside_it() -> None:
    one = row("a.pdf", total=cell("1190.00", quote="Total"), seller=cell("Alder Ltd"))
    line = told([TOTAL, SELLER], reviewed([TOTAL, SELLER], one, [say("total", "-119.00"), say("seller", "Alder Ltd")]))
    assert (line["total"], line["total.machine"], line["total.state"]) == ("-119.00", "1190.00", "corrected")
    assert (line["total.by"], line["total.at"]) == ("ann", "2026-11-22T10:00:00.000+00:00")
    assert line["total.quote"] == "Total"  # of what the machine read
    assert (line["seller"], line["seller.machine"], line["seller.state"]) == ("Alder Ltd", "Alder Ltd", "accepted")
    gone = told([TOTAL], reviewed([TOTAL], one, [say("total", None)]))
    assert (gone["total"], gone["total.machine"], gone["total.state"]) == ("", "1190.00", "corrected")
    assert told([TOTAL], one)["total.machine"] == ""


def test_a_corrected_amount_has_the_currency_that_was_named_with_it() -> None:
    one = row("a.pdf", total=replace(cell("1190.00"), currency="USD"))
    euros = reviewed([TOTAL], one, [say("total", "1095.50", currency="EUR")])
    assert (told([TOTAL], euros)["total"], told([TOTAL], euros)["total.currency"]) == ("1095.50", "EUR")
    assert told([TOTAL], reviewed([TOTAL], one, [say("total", "1095.50")]))["total.currency"] == "USD"
    assert told([TOTAL], reviewed([TOTAL], one, [say("total", None)]))["total.currency"] == ""


def test_the_delimiter_and_the_decimal_sign_can_be_chosen() -> None:
    one = row("a;b.pdf", total=replace(cell("-1190.00"), confidence=0.5), seller=cell("1.5"))
    assert told([TOTAL, SELLER], one, CsvStyle(delimiter=";", decimal=",")) == told([TOTAL, SELLER], one) | {
        "total": "-1190,00",
        "total.confidence": "0,50",
    }
    for wrong in ({"delimiter": "x"}, {"decimal": "-"}):
        with pytest.raises(UsageError, match="cannot part columns|no decimal sign"):
            CsvStyle(**wrong)


def test_the_byte_order_mark_is_there_by_choice() -> None:
    one = [row("Å.pdf")]
    marked = table_bytes(".csv", [TOTAL], one, SHEET, CsvStyle(bom=True))
    assert marked == b"\xef\xbb\xbf" + table_bytes(".csv", [TOTAL], one, SHEET)


@pytest.mark.parametrize(
    "text", ["0012", "-0012", "00.5", "1234567890123456", "+491234567", "12E5", "1.5e-3", "12345678.123456789"]
)
def test_what_a_spreadsheet_would_spoil_as_a_number_gets_an_apostrophe(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert told([SELLER], row("a.pdf", seller=cell(text)))["seller"] == f"'{text}"
    assert told([TOTAL], row("a.pdf", total=cell(text)), CsvStyle(decimal=","))["total"] == f"'{text}"


def test_json_has_everything() -> None:
    items = FieldSpec("items", FieldType.TABLE, columns=(SELLER, TOTAL))
    inner = (replace(cell("Screws"), field="seller"), replace(cell("5.00"), field="total"))
    doubt = Problem("row_count", "One is missing.", "Look.")
    table = replace(cell("1", quote="Screws 5.00"), boxes=((0.1, 0.2, 0.3, 0.4),), rows=(inner,), doubts=(doubt,))
    table = replace(table, signs=(("margin of a form", 1.0),), confidence=0.4)
    said = [
        say("items", "6.00", row=1, column="total", read="5.00"),
        say("items", "x", row=1, column="seller", read="?"),
    ]
    one = reviewed([items], row("a.pdf", items=table), said)
    told = json.loads(json_text([items], [one], SHEET))
    assert told["run"]["run"] == 7 and told["run"]["failed"] == [
        {"label": "b.pdf", "problem": {"code": "no_pages", "message": "Nothing.", "hint": "Look."}}
    ]
    assert told["fields"][0]["columns"][1]["type"] == "amount"
    [document] = told["documents"]
    cells = document["cells"]["items"]
    assert (cells["value"], cells["state"]) == ("1", "corrected")
    machine = cells["machine"]
    assert machine["boxes"] == [[0.1, 0.2, 0.3, 0.4]] and machine["signs"] == {"margin of a form": 1.0}
    assert (machine["quote"], machine["confidence"], machine["doubts"][0]["code"]) == ("Screws 5.00", 0.4, "row_count")
    total = cells["rows"][0]["cells"]["total"]
    assert (total["value"], total["machine"]["value"], total["correction"]["who"]) == ("6.00", "5.00", "ann")
    assert [lost["value"] for lost in cells["displaced"]] == ["x"]


SHEET = RunSheet(
    7,
    "2026-11-22T09:00:00+00:00",
    None,
    "quote",
    "quote-4",
    None,
    "c",
    2,
    (("b.pdf", Problem("no_pages", "Nothing.", "Look.")),),
    0,
)


def test_the_rows_of_a_table_are_json_beside_their_number() -> None:
    items = FieldSpec("items", FieldType.TABLE, columns=(SELLER, TOTAL))
    rows = ((cell("Screws"), cell("5.00")), (cell("Nails"), cell(None)))
    table = replace(cell("2"), rows=tuple((replace(name, field="seller"), total) for name, total in rows))
    header, line = parsed(csv_text([items], [row("a.pdf", items=table)]))
    told = dict(zip(header, line, strict=True))
    assert told["items"] == "2"
    assert json.loads(told["items.rows"]) == [
        {"seller": "Screws", "total": "5.00"},
        {"seller": "Nails", "total": None},
    ]
    assert json.loads(told["items.rows.state"]) == [
        {"seller": "not looked at", "total": "not looked at"},
        {"seller": "not looked at", "total": "empty"},
    ]
    assert [set(one) for one in json.loads(told["items.rows.confidence"])] == [{"seller", "total"}] * 2


def test_the_rows_of_a_table_are_rated_one_by_one() -> None:
    items = FieldSpec("items", FieldType.TABLE, columns=(SELLER, TOTAL))
    rows = ((replace(cell("Screws"), field="seller", confidence=0.876), replace(cell("5.00"), confidence=None)),)
    header, line = parsed(csv_text([items], [row("a.pdf", items=replace(cell("1"), rows=rows))]))
    told = dict(zip(header, line, strict=True))
    assert json.loads(told["items.rows.confidence"]) == [{"seller": 0.88, "total": None}]


def test_it_is_rfc_4180() -> None:
    assert csv_text([SELLER], [row("a, b.pdf", seller=cell('the "Alder"\nLtd', page=None))]) == (
        f"document,doc,seller,problem,{','.join(f'seller.{part}' for part in PARTS)}\r\n"
        '"a, b.pdf",d0,"the ""Alder""\nLtd",,not looked at,,,,,,,\r\n'
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
    assert len(header) == 12
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
    write_table(file, [TOTAL], ROWS, SHEET)
    assert file.read_bytes().decode() == csv_text([TOTAL], ROWS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert names_in(tmp_path) == ["out.CSV"]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("older and much longer" * 100)
    write_table(file, [TOTAL], ROWS, SHEET)
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
        write_table(file, [TOTAL], ROWS, SHEET)
    assert file.read_text() == "older"
    assert names_in(tmp_path) == ["out.csv"]


def test_the_bytes_are_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append((os.fstat(descriptor).st_size, file.exists())))
    file = tmp_path / "out.csv"
    write_table(file, [TOTAL], ROWS, SHEET)
    assert seen == [(file.stat().st_size, False)]


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.exe"])
def test_only_tables_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} cannot be written"):
        write_table(tmp_path / name, [TOTAL], ROWS, SHEET)
    assert names_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="There is no folder"):
        write_table(tmp_path / "nowhere" / "out.csv", [TOTAL], ROWS, SHEET)
    assert names_in(tmp_path) == []


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_table(tmp_path / "out.csv", [TOTAL], ROWS, SHEET)
    assert names_in(tmp_path) == ["out.csv"]
