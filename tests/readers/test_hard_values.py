"""Values that are easily read as something else, from a drawn page to the cell."""

from __future__ import annotations

from datetime import date

import pytest
from drawn import draw
from hypothesis import given, settings
from hypothesis import strategies as st

from docqa.extract.calibration import load_calibration
from docqa.extract.fill import Readings, fill_cells
from docqa.readers.layout import read_fields
from docqa.types import Cell, FieldSpec, FieldType

CALIBRATION = load_calibration()
AMOUNT, NUMBER, INTEGER = FieldType.AMOUNT, FieldType.NUMBER, FieldType.INTEGER


def cells_of(label: str, name: str, kind: FieldType, printed: str, *more: str) -> list[Cell]:
    """The cell as it is read behind its label and in a column beside it, other lines of the page below."""
    field, below = FieldSpec(name, kind), [(50, 10 + row, line) for row, line in enumerate(more)]
    cells = []
    for pieces in ([(50, 5, f"{label}: {printed}")], [(50, 5, label), (400, 5, printed)]):
        page = draw([*pieces, *below])
        readings = Readings("quote", read_fields([field], [page]))
        cells.append(fill_cells("doc", [field], {1: page}, readings, {}, CALIBRATION)[name])
    return cells


@pytest.mark.parametrize(
    ("label", "name", "kind", "printed", "value"),
    [
        ("Total", "total", AMOUNT, "EUR 12 345", "12345"),
        ("Total", "total", AMOUNT, "EUR 1 234.50", "1234.50"),
        ("Total", "total", AMOUNT, "12 345 kr", "12345"),
        ("Total", "total", AMOUNT, "kr 1 234,50", "1234.50"),
        ("Total", "total", AMOUNT, "Rs. 1,00,000.00", "100000.00"),
        ("Weight", "weight", NUMBER, "12 345", "12345"),
        ("VAT rate", "vat_rate", NUMBER, "19 %", "19"),
        ("VAT rate", "vat_rate", NUMBER, "7,5%", "7.5"),
        ("Share", "share", INTEGER, "5 %", "5"),
        ("Customer No", "customer_number", FieldType.TEXT, "1234 5678 9012", "1234 5678 9012"),
        ("Customer No", "customer_number", FieldType.TEXT, "0012", "0012"),
        ("IBAN", "iban", FieldType.TEXT, "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("Phone", "phone", FieldType.TEXT, "+49 30 123456", "+49 30 123456"),
        ("Date", "date", FieldType.DATE, "the 3rd day of May, 2021", "2021-05-03"),
        ("Date", "date", FieldType.DATE, "29.02.2024", "2024-02-29"),
    ],
)
def test_a_value_is_read_whole(label: str, name: str, kind: FieldType, printed: str, value: str) -> None:
    for cell in cells_of(label, name, kind, printed):
        assert (cell.value, cell.problem, cell.doubts) == (value, None, ())


@pytest.mark.parametrize(
    ("label", "name", "kind", "printed"),
    [
        ("Total", "total", AMOUNT, "1.5 Mio. EUR"),
        ("Total", "total", AMOUNT, "USD 2.5 million"),
        ("Date", "date", FieldType.DATE, "30.02.2024"),
        ("Date", "date", FieldType.DATE, "29.02.2023"),
        ("Date", "date", FieldType.DATE, "Q3 2024"),
    ],
)
def test_what_cannot_be_told_is_not_read_as_something_else(
    label: str, name: str, kind: FieldType, printed: str
) -> None:
    assert [cell.value for cell in cells_of(label, name, kind, printed)] == [None, None]


@pytest.mark.parametrize(
    ("kind", "printed", "more", "marked"),
    [
        (AMOUNT, "1.234", ("Fee 12.50", "Fee 7.25"), True),
        (AMOUNT, "1.234", ("Fee 12,50", "Fee 7,25"), False),
        (AMOUNT, "1,234", ("Fee 12.50", "Fee 7.25"), False),
        (AMOUNT, "1.234", (), False),
        (NUMBER, "1,234", ("Fee 12,50", "Fee 7,25"), True),
        (NUMBER, "1.234", ("Fee 12,50", "Fee 7,25"), True),
        (NUMBER, "1.234", ("Fee 12.50", "Fee 7.25"), False),
        (NUMBER, "0,750", ("Fee 12.50", "Fee 7.25"), False),
    ],
)
def test_three_digits_behind_the_mark_that_stands_for_the_other_thing_on_the_page_are_marked(
    kind: FieldType, printed: str, more: tuple[str, ...], marked: bool
) -> None:
    for cell in cells_of("Weight", "weight", kind, printed, *more):
        assert [doubt.code for doubt in cell.doubts] == ["mark_unclear"] * marked


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1970, 2069),
    st.integers(1, 12),
    st.integers(1, 31),
    st.sampled_from(["{2:02}.{1:02}.{0}", "{0}-{1:02}-{2:02}"]),
)
def test_a_day_that_there_is_not_is_no_date(year: int, month: int, day: int, style: str) -> None:
    try:
        expected = date(year, month, day).isoformat()
    except ValueError:
        expected = None
    assert {cell.value for cell in cells_of("Date", "date", FieldType.DATE, style.format(year, month, day))} == {
        expected
    }


@settings(deadline=None, max_examples=60)
@given(st.integers(1000, 999_999_999), st.sampled_from(["EUR {}", "{} EUR", "kr {}", "{}", "{} kr", "-{}"]))
def test_thousands_parted_by_blanks_are_one_amount(number: int, style: str) -> None:
    cells = cells_of("Total", "total", AMOUNT, style.format(f"{number:,}".replace(",", " ")))
    assert {cell.value for cell in cells} == {f"-{number}" if style == "-{}" else str(number)}
