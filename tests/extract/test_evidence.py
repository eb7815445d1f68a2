"""What a document says about its dates and its money."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docqa.extract.calibration import load_calibration
from docqa.extract.evidence import countries_of, day_first_evidence, likely_day_first, shared_signs
from docqa.extract.fill import Readings, fill_cells
from docqa.readers.layout import read_fields
from docqa.types import Cell, FieldSpec, FieldType, Page

MakePage = Callable[[str, int, str], Page]
TOTAL, CURRENCY = FieldSpec("total", FieldType.AMOUNT), FieldSpec("currency", FieldType.TEXT)
DATE = FieldSpec("date", FieldType.DATE)


def filled(page: Page, *fields: FieldSpec) -> dict[str, Cell]:
    return fill_cells("d0", fields, {1: page}, Readings("quote", read_fields(fields, [page])), {}, load_calibration())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 13/04/2018 to 05/06/2018", True),
        ("from 04/13/2018 to 05/06/2018", False),
        ("from 05/06/2018", None),
        ("13/04/2018, 04/13/2018, 05/06/2018", None),
        ("13/04/2018, 14/04/2018, 15/04/2018, 16/04/2018, 04/13/2018", True),  # a digit was misread
        ("March 2, 2012, due 03/04/2012", False),
        ("2 March 2012, due 03/04/2012", True),
        ("Date (DD/MM/YYYY): 03/04/2012", True),
        ("Date MM-DD-YY 03/04/2012", False),
        ("Datum (TT/MM/JJJJ) 03/04/2012", True),
        ("New York, NY 10022: 03/04/2012", False),
        ("Dover, DE 19901: 03/04/2012", False),
        ("DE 80333 München: 03/04/2012", None),  # no American address
        ("Selangor, 03/04/2018 total RM 5.00", True),
        ("ACME SDN. BHD. 03/04/2018", True),
        ("Tel. +60 3 1234567, 03/04/2018", True),
        ("Tel. +61 3 1234567, 03/04/2018 $5", True),
        ("info@shop.co.uk 03/04/2018", True),
        ("03/04/2018, made in China", None),
        ("Toronto, Canada, 03/04/2018", None),  # both are written there
        ("Rechnung, Betrag 5,00, MwSt 03/04/2018", True),
        ("Facture, montant, TVA 03/04/2018 à New York, NY 10022", False),  # where it is from, then its language
        ("USA and Germany 03/04/2018", None),
        ("Rechnung, Betrag, USA and Germany 03/04/2018", True),
        ("03/04/2018 total $ 5.00", None),
        ("03/04/2018 total RM 5.00", None),
        ("04/13/2018 Selangor, total RM 5.00", False),  # a number above 12 outweighs every hint
        ("", None),
    ],
)
def test_evidence_for_the_order_of_day_and_month(text: str, expected: bool | None) -> None:
    assert day_first_evidence(text) is expected


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("03/04/2018 total $ 5.00", False),
        ("03/04/2018 total RM 5.00", True),
        ("03/04/2018 total RM 5.00, $ 2.00", None),
        ("Melbourne, Australia, 03/04/2018 total $ 5.00", True),
        ("03/04/2018", None),
        ("no date, $ 5.00", None),
    ],
)
def test_a_currency_is_good_for_a_guess(text: str, guess: bool | None) -> None:
    assert likely_day_first(text) is guess


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kuala Lumpur", {"MY"}),
        ("ABN 51 824 753 556", {"AU"}),
        ("ABN AMRO, Santa Fe, New Mexico", set()),
        ("Ottawa ON K1A 0B1", {"CA"}),
        ("Sydney NSW 2000", {"AU"}),
        ("IBAN DE89 3704 0044 0532 0130 00", {"DE"}),
        ("Phone +1 212 555 0100", set()),  # the United States or Canada
        ("Tel. +47 22 12 34 56", {"NO"}),
        ("ten thousand United States dollars", set()),
        ("www.example.se, a@b.dk", {"SE", "DK"}),
        ("www.example.com", set()),
    ],
)
def test_countries_are_those_of_addresses_numbers_and_domains(text: str, expected: set[str]) -> None:
    assert countries_of(text) == expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("total $5.00", {}),
        ("total $5.00 (AUD)", {"$": "AUD"}),
        ("total A$5.00, $6.00", {"$": "AUD"}),
        ("ABN 51 824 753 556 total $5.00", {"$": "AUD"}),
        ("Vancouver, Canada: $5.00", {"$": "CAD"}),
        ("GST/HST 123, $5.00", {"$": "CAD"}),
        ("Auckland, New Zealand $5.00", {"$": "NZD"}),
        ("Hong Kong $5.00", {"$": "HKD"}),
        ("ACME PTE. LTD., $5.00", {"$": "SGD"}),
        ("New York, NY 10022: $5.00", {"$": "USD"}),
        ("five Canadian dollars ($5.00), Boston, MA 02108", {"$": "CAD"}),
        ("USA and Canada: $5.00", {}),
        ("USD or CAD: $5.00", {}),
        ("USD or CAD, Toronto, Canada: $5.00", {"$": "CAD"}),
        ("Kuala Lumpur $5.00", {}),  # no dollars are from there
        ("Stockholm, kr 5", {"kr": "SEK"}),
        ("MVA 25 %, kr 5", {"kr": "NOK"}),
        ("CVR 12345678, 5 kr.", {"kr": "DKK"}),
        ("5 kr", {}),
        ("Tokyo ¥5", {"¥": "JPY"}),
        ("Shanghai ¥5", {"¥": "CNY"}),
        ("RMB, ¥5", {"¥": "CNY"}),
        ("5 EUR in Tokyo", {}),
    ],
)
def test_what_a_shared_sign_means_is_told_by_codes_and_countries(text: str, meant: dict[str, str]) -> None:
    assert shared_signs(text) == meant


@pytest.mark.parametrize(
    ("place", "currency"), [("Level 2, Sydney NSW 2000", "AUD"), ("New York, NY 10022", "USD"), ("Level 2", "$")]
)
def test_dollars_are_those_of_the_document_and_else_the_sign_that_is_printed(
    make_page: MakePage, place: str, currency: str
) -> None:
    page = make_page("d0", 1, f"{place}\nTotal $ 8.70")
    cells = filled(page, TOTAL, CURRENCY)
    assert (cells["total"].value, cells["total"].currency) == ("8.70", currency)
    assert (cells["currency"].text, cells["currency"].value) == ("$", currency)


@pytest.mark.parametrize(
    ("place", "value", "marked"),
    [("Selangor", "2024-02-01", False), ("New York, NY 10022", "2024-01-02", False), ("here", "2024-02-01", True)],
)
def test_a_currency_tells_the_order_of_a_date_no_more_than_a_guess(
    make_page: MakePage, place: str, value: str, marked: bool
) -> None:
    page = make_page("d0", 1, f"{place}\nDate 01/02/2024\nTotal RM 8.70")
    cell = filled(page, DATE)["date"]
    assert (cell.value, [doubt.code for doubt in cell.doubts]) == (value, ["order_unknown"] * marked)
