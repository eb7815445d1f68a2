"""Values as printed and as kept: tables of notations, and round trips over generated ones."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docqa.extract.values import (
    CURRENCIES,
    SHARED,
    currency_of,
    find_amounts,
    find_currencies,
    find_dates,
    fold_letters,
    is_ambiguous_date,
    normalise,
    same_value,
)
from docqa.types import FieldSpec, FieldType

DATE = FieldSpec("date", FieldType.DATE)
AMOUNT = FieldSpec("total", FieldType.AMOUNT)


@pytest.mark.parametrize(
    ("printed", "iso"),
    [
        ("2018-03-05", "2018-03-05"),
        ("2018/3/5", "2018-03-05"),
        ("20180625", "2018-06-25"),
        ("05.03.2018", "2018-03-05"),
        ("5.3.18", "2018-03-05"),
        ("18/05/18", "2018-05-18"),
        ("05-AUG-2017", "2017-08-05"),
        ("03 MAR 2018", "2018-03-03"),
        ("1st day of March, 2014", "2014-03-01"),
        ("this 31st day of January 2014", "2014-01-31"),
        ("31st January, 2014", "2014-01-31"),
        ("August 3 , 2014", "2014-08-03"),
        ("Jan 1, 2022", "2022-01-01"),
        ("MAR25,2018", "2018-03-25"),
        ("14. März 2026", "2026-03-14"),
        ("3. Jänner 2020", "2020-01-03"),
        ("1er mars 2026", "2026-03-01"),
        ("5 août 2019", "2019-08-05"),
        ("28 févr. 2021", "2021-02-28"),
        ("11 de marzo de 2014", "2014-03-11"),
        ("2 maggio 2020", "2020-05-02"),
        ("29 maart 2014", "2014-03-29"),
        ("7 de fevereiro de 2023", "2023-02-07"),
        ("25/12/2018 8:13:39PM", "2018-12-25"),
        ("25/12/20188:13:39PM", "2018-12-25"),
        ("18/05/1812:30", "2018-05-18"),
        ("Date:27/03/2018", "2018-03-27"),
        ("03/25/2018", "2018-03-25"),
        ("12.5.24", "2024-05-12"),
        ("the 3rd day of May, 2021", "2021-05-03"),
        ("29.02.2024", "2024-02-29"),
        ("01 / 02 / 2024", "2024-02-01"),
        ("31.12.99", "1999-12-31"),
    ],
)
def test_a_date_in_any_notation_becomes_iso(printed: str, iso: str) -> None:
    assert normalise(printed, DATE) == iso


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "soon",
        "31.02.2018",
        "13/13/2018",
        "March 2018",
        "03-9543 1234",
        "1.2.2018 - 3.4.2018",
        "12.30.1",
        "30.02.2024",
        "29.02.2023",
        "Q3 2024",
        "31/04/2024",
    ],
)
def test_what_is_no_single_date_is_refused(printed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        normalise(printed, DATE)


def test_the_order_of_day_and_month_follows_the_document() -> None:
    assert normalise("03/04/2018", DATE) == "2018-04-03"
    assert normalise("03/04/2018", DATE, day_first=False) == "2018-03-04"
    assert normalise("03.04.2018", DATE, day_first=False) == "2018-04-03"  # nobody writes the month first with points


@pytest.mark.parametrize(
    ("printed", "ambiguous"),
    [
        ("01/02/2024", True),
        ("01 / 02 / 2024", True),
        ("1-2-24", True),
        ("2/2/2024", False),
        ("01.02.2024", False),
        ("13/02/2024", False),
    ],
)
def test_a_date_that_may_be_two_is_known(printed: str, ambiguous: bool) -> None:
    assert is_ambiguous_date(printed) is ambiguous


def test_dates_are_found_where_they_stand() -> None:
    text = "Invoice of 5 March 2018, due 04.04.2018 (Tel. 030-123456)."
    assert [(text[s.start : s.end], s.value) for s in find_dates(text)] == [
        ("5 March 2018", "2018-03-05"),
        ("04.04.2018", "2018-04-04"),
    ]


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1,234,567.8", "1234567.8"),
        ("1.234", "1234"),
        ("0.750", "0.750"),
        ("9,9000", "9.9000"),
        ("40.00", "40.00"),
        ("RM 40.00", "40.00"),
        ("RM40.00", "40.00"),
        ("RM40 .00", "40.00"),
        ("1,234. 56", "1234.56"),
        ("$ 8.70", "8.70"),
        ("US$1,000,000", "1000000"),
        ("80,00 €", "80.00"),
        ("EUR 56,87", "56.87"),
        ("Rs 1939", "1939"),
        ("(1,234.00)", "-1234.00"),
        ("1,234.56-", "-1234.56"),
        ("-5.00", "-5.00"),
        ("-0,00", "0.00"),
        ("Rs -40.00", "-40.00"),
        ("45,-", "45"),
        ("TOTAL12.50", "12.50"),
        ("48.00x", "48.00"),
        ("−5.00", "-5.00"),
        ("\u20115.00", "-5.00"),
        ("\u00ad5.00", "-5.00"),
        ("–5,00 €", "-5.00"),
        ("- 5.00", "-5.00"),
        ("EUR - 5.00", "-5.00"),
        ("-EUR 5.00", "-5.00"),
        ("5,00 EUR-", "-5.00"),
        ("5.00 -", "-5.00"),
        ("5.00 CR", "-5.00"),
        ("£5.00CR", "-5.00"),
        ("5.00 DR", "5.00"),
        ("Total – 5.00", "5.00"),  # a dash, not a sign
        ("Total: – 5.00", "-5.00"),
        ("5.00 – postage", "5.00"),
        ("₹ 12,34,567.89", "1234567.89"),
        ("EUR 1\u2009234,50", "1234.50"),
        ("1.234,50 kr.", "1234.50"),
        ("NZ$1,234.50", "1234.50"),
        ("1,234.50 DM", "1234.50"),
        ("１２.50", "12.50"),
        ("0.00", "0.00"),
    ],
)
def test_an_amount_in_any_notation_becomes_a_decimal(printed: str, value: str) -> None:
    assert normalise(printed, AMOUNT) == value


@pytest.mark.parametrize(
    "text",
    [
        "19 %", "INV123", "16GB", "25/12/2018", "8:13", "none", "1105-0006", "USD 2.5 million", "1,5 Mio. EUR",
        "Rs 5.25 Cr", "3.00–5.00",
    ],
)  # fmt: skip
def test_what_is_no_amount_is_not_found(text: str) -> None:
    assert find_amounts(text) == []


def test_amounts_are_found_where_they_stand() -> None:
    text = "19% von 129,37 EUR: 24,58 €"
    assert [text[s.start : s.end] for s in find_amounts(text)] == ["129,37 EUR", "24,58 €"]
    assert [s.value for s in find_amounts("2 100.00")] == ["2", "100.00"]  # two cells of a table
    assert [s.value for s in find_amounts("5.00 - 6.00 and 7 - 8.00")] == ["5.00", "6.00", "7", "8.00"]
    assert [s.value for s in find_amounts("Page 500 CR")] == ["500"]  # may be anything


def test_a_number_after_a_wall_is_no_part_of_the_cell_before() -> None:
    assert [s.value for s in find_amounts("Discount\x00- 5.00\x00Total – 6.00 -\x007.00")] == ["-5.00", "-6.00", "7.00"]


def test_currencies_are_codes() -> None:
    assert [s.value for s in find_currencies("€ 5, 7 RM, 8 USD, the firm has yours")] == ["EUR", "MYR", "USD"]
    assert [s.value for s in find_currencies("Euro 5, SFr. 9, A$7: try, Try, Ron, 12 rs")] == ["EUR", "CHF", "AUD"]
    assert [s.value for s in find_currencies("$ 5, kr 6, Kr. 7, ¥ 8, KR3M, NZ$9, CA$1")] == [
        "$", "kr", "kr", "¥", "NZD", "CAD",
    ]  # fmt: skip
    assert [s.value for s in find_amounts("Rs.450.00 fee, TOTALRM12.50, rm 9")] == ["450.00", "12.50", "9"]


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_letters_are_folded_one_by_one(text: str) -> None:
    folded = fold_letters(text)
    assert len(folded) == len(text)
    assert folded == "".join(fold_letters(letter) for letter in text)


@pytest.mark.parametrize(
    ("spec", "printed", "value"),
    [
        (FieldSpec("n", FieldType.INTEGER), "1,234", "1234"),
        (FieldSpec("n", FieldType.INTEGER), "12.00", "12"),
        (FieldSpec("n", FieldType.NUMBER), "1.234", "1.234"),
        (FieldSpec("n", FieldType.NUMBER), "7,5 %", "7.5"),
        (FieldSpec("b", FieldType.BOOLEAN), "☒", "true"),
        (FieldSpec("b", FieldType.BOOLEAN), "[x]", "true"),
        (FieldSpec("b", FieldType.BOOLEAN), "Nein", "false"),
        (FieldSpec("b", FieldType.BOOLEAN), "[ ]", "false"),
        (FieldSpec("c", FieldType.CHOICE, choices=("note", "credit note")), "CREDIT  NOTE No.", "credit note"),
        (FieldSpec("l", FieldType.LIST), "Ada ; Bob\nCem", "Ada; Bob; Cem"),
        (FieldSpec("t", FieldType.TEXT), "  two\n lines ", "two lines"),
        (FieldSpec("currency", FieldType.TEXT), "€", "EUR"),
    ],
)
def test_other_types(spec: FieldSpec, printed: str, value: str) -> None:
    assert normalise(printed, spec) == value


def test_a_sign_that_several_currencies_share_is_the_one_that_is_known_to_be_meant() -> None:
    currency, dollars = FieldSpec("currency", FieldType.TEXT), ("AUD", "USD")
    assert (normalise("$", currency), normalise("$", currency, signs={"$": "AUD"})) == ("$", "AUD")
    assert normalise("$", FieldSpec("c", FieldType.CHOICE, choices=("EUR", "AUD"))) == "AUD"
    assert normalise("$", FieldSpec("c", FieldType.CHOICE, choices=dollars), signs={"$": "AUD"}) == "AUD"
    with pytest.raises(ValueError, match=r"“\$” may be AUD or USD\."):
        normalise("$", FieldSpec("c", FieldType.CHOICE, choices=dollars))
    assert (currency_of("$5", "CAD 6"), currency_of("$5", signs={"$": "CAD"})) == ("$", "CAD")
    assert all(code in CURRENCIES.values() for codes in SHARED.values() for code in codes)


@pytest.mark.parametrize(
    ("spec", "printed"),
    [
        (FieldSpec("n", FieldType.INTEGER), "1.5"),
        (FieldSpec("b", FieldType.BOOLEAN), "perhaps"),
        (FieldSpec("c", FieldType.CHOICE, choices=("a1", "b2")), "c3"),
        (FieldSpec("a", FieldType.AMOUNT), "5.00 or 6.00"),
        (FieldSpec("t", FieldType.TEXT, pattern=r"\d{4}"), "12345"),
        (FieldSpec("d", FieldType.DATE, pattern=r"2019-.*"), "05.03.2018"),
        (FieldSpec("t", FieldType.TEXT), " \n "),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(spec: FieldSpec, printed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        normalise(printed, spec)


@pytest.mark.parametrize(
    ("a", "b", "kind", "same"),
    [
        ("18/05/18", "2018-05-18", FieldType.DATE, True),
        ("RM40.00", "40", FieldType.AMOUNT, True),
        ("40.10", "40.1", FieldType.AMOUNT, True),
        ("40.00", "400.0", FieldType.AMOUNT, False),
        ("Hill & Knowlton, Inc.", "HILL AND KNOWLTON INC", FieldType.TEXT, True),
        ("MR. D.I.Y. (M) SDN BHD", "MR.D.I.Y.(M)SDN BHD", FieldType.TEXT, True),
        ("1.5", "15", FieldType.TEXT, False),
        ("421 938 861", "421938861", FieldType.TEXT, True),
        ("€", "EUR", FieldType.TEXT, True),
        ("Ada; Bob", "bob; ADA", FieldType.LIST, True),
        ("Ada; Bob", "Ada", FieldType.LIST, False),
        ("☒", "true", FieldType.BOOLEAN, True),
        ("unknown", "unknown", FieldType.DATE, True),
    ],
)
def test_same_value(a: str, b: str, kind: FieldType, same: bool) -> None:
    assert same_value(a, b, kind) is same


@settings(deadline=None)
@given(st.text(max_size=40))
def test_folding_letters_keeps_every_place(text: str) -> None:
    assert len(fold_letters(text)) == len(text)


@settings(deadline=None)
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2), st.sampled_from(["en", "de", "ch", "fr"]))
def test_an_amount_survives_being_printed(value: Decimal, style: str) -> None:
    english = f"{value:,.2f}"
    marks = {"en": ",.", "de": ".,", "ch": "'.", "fr": " ,"}[style]
    printed = english.translate(str.maketrans({",": marks[0], ".": marks[1]}))
    assert Decimal(normalise(printed, AMOUNT)) == value
    assert same_value(printed, str(value), FieldType.AMOUNT)


@settings(deadline=None)
@given(
    st.dates(min_value=date(1970, 1, 1), max_value=date(2069, 12, 31)),
    st.sampled_from(["%d/%m/%Y", "%d.%m.%y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%Y%m%d"]),
)
def test_a_date_survives_being_printed(day: date, style: str) -> None:
    assert normalise(day.strftime(style), DATE, day_first=True) == day.isoformat()


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,'-() €$RM%/:", max_size=30))
def test_any_text_is_read_without_an_accident(text: str) -> None:
    for span in [*find_amounts(text), *find_dates(text)]:
        assert 0 <= span.start < span.end <= len(text)
        assert any(char.isdigit() for char in text[span.start : span.end])


@pytest.mark.parametrize("code", sorted(set(CURRENCIES.values())))
def test_an_amount_with_the_code_of_any_currency_can_be_typed(code: str) -> None:
    assert (currency_of(f"-98.50 {code}"), normalise(f"-98.50 {code}", AMOUNT)) == (code, "-98.50")
