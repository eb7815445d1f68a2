"""Minus signs and what else a value begins with: from the page to the file, read by rules and said by a model."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from drawn import draw
from hypothesis import given, settings
from hypothesis import strategies as st

from docqa.extract.calibration import load_calibration
from docqa.extract.export import csv_text
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.extract.form import read_reply
from docqa.extract.table import Row
from docqa.readers.layout import read_fields
from docqa.types import Cell, Document, FieldSpec, FieldType, Page, Status

TOTAL = FieldSpec("total", FieldType.AMOUNT)
NUMBER = FieldSpec("invoice_number", FieldType.TEXT)
NOTE = FieldSpec("note", FieldType.TEXT)
CALIBRATION = load_calibration()


def by_rules(page: Page, field: FieldSpec) -> Cell:
    readings = Readings(BUILT_IN, read_fields([field], [page]))
    return fill_cells("doc", [field], {1: page}, readings, {}, CALIBRATION)[field.name]


def by_model(page: Page, field: FieldSpec, value: str, quote: str) -> Cell:
    reply = read_reply(json.dumps({field.name: {"value": value, "page": 1, "quote": quote}}), [field])
    readings = Readings("vision", reply, read_fields([field], [page]))
    return fill_cells("doc", [field], {1: page}, readings, {}, CALIBRATION)[field.name]


def exported(field: FieldSpec, cell: Cell) -> str:
    document = Document("doc", "a.pdf", "c", Status.READY, 1, "", 1, 1, 0, None, None, "2026-11-22", 0.1)
    return next(csv.DictReader(io.StringIO(csv_text([field], [Row(document, {field.name: cell}, None)]))))[field.name]


def codes(cell: Cell) -> set[str]:
    return {doubt.code for doubt in cell.doubts}


BELOW_ZERO = [
    "-5.00", "−5.00", "–5.00", "‐5.00", "\u20115.00", "\u00ad5.00", "5.00-", "5.00 -", "5.00−", "(5.00)", "(5.00 EUR)",
    "(EUR 5.00)", "5.00 CR", "5.00CR", "5.00 EUR CR", "5.00 EUR-", "-EUR 5.00", "EUR -5.00", "$-5.00", "-$5.00",
]  # fmt: skip


@pytest.mark.parametrize("apart", [False, True], ids=["behind its label", "in a column"])
@pytest.mark.parametrize("printed", BELOW_ZERO)
def test_an_amount_below_zero_stays_below_zero(printed: str, apart: bool) -> None:
    page = draw([(50, 5, "Total"), (400, 5, printed)] if apart else [(50, 5, f"Total {printed}")])
    for cell in (
        by_rules(page, TOTAL),
        by_model(page, TOTAL, printed.replace("\u00ad", "-"), f"Total {printed}"),  # no model says a soft hyphen
        by_model(page, TOTAL, "-5.00", f"Total {printed}"),
    ):
        assert (cell.value, exported(TOTAL, cell)) == ("-5.00", "-5.00")
        assert codes(cell) == {"negative"}
    unsigned = by_model(page, TOTAL, "5.00", f"Total {printed}")
    assert unsigned.value is None and unsigned.problem is not None and unsigned.problem.code == "unproven"


@pytest.mark.parametrize("printed", ["5.00", "– 5.00", "— 5.00", "EUR 5.00", "5.00 DR", "5.00 – paid"])
def test_a_dash_between_a_label_and_its_amount_is_no_sign(printed: str) -> None:
    page = draw([(50, 5, f"Total {printed}")])
    assert by_rules(page, TOTAL).value == "5.00"
    assert by_model(page, TOTAL, "5.00", f"Total {printed}").value == "5.00"
    assert by_model(page, TOTAL, "-5.00", f"Total {printed}").value is None


def test_a_hyphen_that_may_be_a_minus_or_not_is_marked() -> None:
    page = draw([(50, 5, "Total - 5.00")])
    assert "sign_unclear" in codes(by_rules(page, TOTAL))
    assert "sign_unclear" in codes(by_model(page, TOTAL, "5.00", "Total - 5.00"))
    alone = draw([(50, 5, "Total"), (400, 5, "- 5.00")])
    assert (by_rules(alone, TOTAL).value, codes(by_rules(alone, TOTAL))) == ("-5.00", {"negative"})


@pytest.mark.parametrize("printed", ["7.225,83 S", "7.225,83 S EUR", "7,225.83 DR"])
def test_what_is_marked_as_debit_may_be_below_zero_or_not(printed: str) -> None:
    page = draw([(50, 5, f"Total {printed}")])
    assert "sign_unclear" in codes(by_rules(page, TOTAL))
    assert "sign_unclear" not in codes(by_rules(draw([(50, 5, "Total 7.225,83 EUR Seite 1")]), TOTAL))


def test_the_same_figure_with_its_sign_elsewhere_proves_it() -> None:
    page = draw([(50, 5, "Returned 5.00 CR"), (50, 7, "Total 5.00")])
    cell = by_model(page, TOTAL, "5.00", "Returned 5.00 CR")
    assert (cell.value, cell.boxes) == ("5.00", (page.words[-1].box,))


_SIGNED = ["-{}", "−{}", "{}-", "({})", "{} CR", "EUR -{}", "-EUR {}", "{} EUR-", "-{} EUR", "(EUR {})", "{}- EUR"]
_MARKS = {"en": (",", "."), "de": (".", ","), "ch": ("'", "."), "fr": (" ", ",")}


@settings(deadline=None, max_examples=60)
@given(st.decimals("0.01", "9999999.99", places=2), st.sampled_from(_SIGNED), st.sampled_from(sorted(_MARKS)))
def test_any_amount_below_zero_stays_below_zero(amount: Decimal, style: str, language: str) -> None:
    printed = f"{amount:,.2f}".translate(str.maketrans(dict(zip(",.", _MARKS[language], strict=True))))
    page = draw([(50, 5, "Total"), (400, 5, style.format(printed))])
    cell = by_rules(page, TOTAL)
    assert cell.value is not None and Decimal(cell.value) == -amount
    assert by_model(page, TOTAL, printed, f"Total {style.format(printed)}").value is None


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("printed", ["-A12", "=A12", "-4711", "+A12", "-A12-B/7"])
@pytest.mark.parametrize("field", [NUMBER, NOTE], ids=["code", "text"])
def test_a_value_keeps_the_hyphen_or_equals_sign_it_begins_with(field: FieldSpec, printed: str) -> None:
    label = {"invoice_number": "Invoice No:", "note": "Note:"}[field.name]
    for page in (draw([(50, 5, f"{label} {printed}")]), draw([(50, 5, label), (400, 5, printed)])):
        for cell in (by_rules(page, field), by_model(page, field, printed, f"{label} {printed}")):
            assert (cell.value, cell.text) == (printed, printed)
            # a spreadsheet does not run it: the apostrophe is not shown
            assert exported(field, cell) == (printed if printed == "-4711" else f"'{printed}")


def test_a_formula_is_read_as_it_stands() -> None:
    page = draw([(50, 5, "Note: =1+2")])
    for cell in (by_rules(page, NOTE), by_model(page, NOTE, "=1+2", "Note: =1+2")):
        assert (cell.value, exported(NOTE, cell)) == ("=1+2", "'=1+2")


@pytest.mark.parametrize("printed", ["- A12", "– A12", ":- A12", ".-A12", "= A12", "* A12"])
def test_marks_that_lead_up_to_a_value_are_no_part_of_it(printed: str) -> None:
    for field, label in ((NUMBER, "Invoice No"), (NOTE, "Note:")):
        assert by_rules(draw([(50, 5, f"{label} {printed}")]), field).value == "A12"
