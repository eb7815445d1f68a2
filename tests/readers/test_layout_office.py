"""Reading fields by layout: what the papers of offices taught, one small drawn page for each rule."""

from __future__ import annotations

import pytest
from drawn import Piece, draw

from docqa.extract.values import normalise
from docqa.readers.layout import read_fields
from docqa.types import FieldSpec, FieldType, Page


def value(page: Page, spec: FieldSpec) -> str | None:
    """What is read for a field, normalised; None if nothing is."""
    readings = read_fields([spec], [page])
    return normalise(readings[0].text, spec) if readings else None


def date(page: Page, name: str) -> str | None:
    return value(page, FieldSpec(name, FieldType.DATE))


def text(page: Page, name: str, description: str = "") -> str | None:
    return value(page, FieldSpec(name, FieldType.TEXT, description))


# ── labels that a description names ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "description",
    [
        "Gesamtbrutto",
        "Das Gesamtbrutto",
        "Pay of the whole period before any deductions (salaire brut, Gesamtbrutto)",
        "What was earned in the period before deductions, “Gesamtbrutto” on German slips",
    ],
)
def test_a_field_is_found_under_the_labels_its_description_names(description: str) -> None:
    page = draw([(50, 3, "Gesamtbrutto"), (600, 3, "3.170,41"), (50, 4, "Nettoverdienst"), (600, 4, "2.342,70")])
    assert value(page, FieldSpec("gross_pay", FieldType.AMOUNT, description)) == "3170.41"


def test_a_sentence_in_a_description_is_no_label() -> None:
    page = draw([(50, 3, "before deductions"), (600, 3, "3.170,41")])
    assert value(page, FieldSpec("gross_pay", FieldType.AMOUNT, "All that was earned before deductions")) is None


def test_a_number_is_found_under_a_described_label_with_no_behind_it() -> None:
    page = draw([(50, 3, "Lieferschein-Nr. LS-2025-3301")])
    assert text(page, "note_number", "The number of the note (Lieferschein)") == "LS-2025-3301"


def test_a_name_that_spells_its_umlaut_finds_the_label() -> None:
    assert text(draw([(50, 3, "Bürge: Alder AG")]), "buerge") == "Alder AG"


def test_the_number_of_a_tax_is_no_amount() -> None:
    page = draw([(50, 3, "Income Tax"), (400, 3, "255.00"), (50, 5, "Tax Code: 1257L")])
    assert text(page, "tax_code") == "1257L"


def test_a_labelled_row_is_not_the_sum_of_those_above_it() -> None:
    column: list[Piece] = [(50, 3, "Nettoverdienst"), (600, 3, "2.342,70"), (50, 4, "VWL"), (610, 4, "-40,00")]
    page = draw([*column, (50, 5, "Überweisung"), (600, 5, "2.302,70")])
    assert value(page, FieldSpec("net_pay", FieldType.AMOUNT, "Nettoverdienst")) == "2342.70"


def test_the_next_line_of_a_form_is_not_the_value_of_an_empty_one() -> None:
    page = draw([(50, 3, "Allergien:"), (50, 4, "Versicherung: gesetzlich")])
    assert text(page, "allergies", "Allergien") is None


# ── boxes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SEX = FieldSpec("sex", FieldType.CHOICE, choices=("Male", "Female", "Other"))
SMOKER = FieldSpec("smoker", FieldType.BOOLEAN)


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("Sex: [ ] Male [X] Female", "Female"),
        ("Sex: ☐ Male ☒ Female ☐ Other", "Female"),
        ("Sex: Male ☐ Female ☐ Other ☒", "Other"),
        ("Sex: Female", "Female"),
        ("Sex: Male Female Other", None),
        ("Sex: Male / Female", None),
        ("Sex: ☐ Male ☐ Female", None),
        ("Sex: ☒ Male ☒ Female", None),
        ("Sex: Male ☒ Female ☐ Other", None),  # one box was not read: before it or behind it?
    ],
)
def test_of_printed_choices_the_ticked_one_is_the_answer(line: str, chosen: str | None) -> None:
    assert value(draw([(50, 40, line)]), SEX) == chosen


@pytest.mark.parametrize(
    ("line", "truth"),
    [
        ("Smoker: [X] Yes [ ] No", "true"),
        ("Smoker: [ ] Yes [X] No", "false"),
        ("Smoker: ☐ ja ☒ nein wenn ja, wie viele:", "false"),
        ("Smoker: oui ☐ non ☒", "false"),
        ("Smoker: yes no", None),
        ("Smoker: yes / no if yes, how many", None),
        ("Smoker: ☐ yes ☐ no", None),
        ("Smoker: no", "false"),
    ],
)
def test_of_yes_and_no_the_ticked_one_is_the_answer(line: str, truth: str | None) -> None:
    assert value(draw([(50, 3, line)]), SMOKER) == truth


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_column_of_a_table_does_not_hold_the_date_of_the_document() -> None:
    rows: list[Piece] = [(50, 9 + row, f"1{row}.08.2025") for row in range(3)]
    stay = draw([(500, 2, "Seestadt, 14.08.2025"), (50, 8, "Datum"), (300, 8, "Leistung"), *rows])
    assert date(stay, "invoice_date") == "2025-08-14"
    assert date(draw([(50, 8, "Fällig am"), *rows]), "due_date") is None


def test_the_date_of_something_is_not_that_of_the_letter() -> None:
    page = draw([(50, 2, "April 9, 2025"), (50, 5, "Date of service: 02/04/2025")])
    assert date(page, "date") == "2025-04-09"


def test_a_date_in_a_sentence_at_the_head_is_not_that_of_the_document() -> None:
    assert date(draw([(50, 3, "Previous balance on 31 May 2025: 12.00")]), "date") is None


@pytest.mark.parametrize(
    ("line", "name", "iso"),
    [
        ("Bitte antworten Sie bis zum 2. Juni 2025.", "deadline", "2025-06-02"),
        ("Answer no later than May 12, 2025.", "deadline", "2025-05-12"),
        ("The tenancy begins on 1 February 2025 and ends on 31 January 2026.", "effective_date", "2025-02-01"),
        ("The tenancy begins on 1 February 2025, ending on 31 January 2026.", "expiry_date", "2026-01-31"),
        ("Geburtsdatum: 17.02.1948", "date_of_birth", "1948-02-17"),
        ("Liefertermin: 17.09.2025", "delivery_date", "2025-09-17"),
        ("Date de commande : 08/10/2025", "order_date", "2025-10-08"),
    ],
)
def test_dates_have_names_in_several_languages(line: str, name: str, iso: str) -> None:
    assert date(draw([(50, 20, line)]), name) == iso


def test_notice_is_given_so_long_before() -> None:
    page = draw([(50, 9, "unless terminated upon thirty (30) days' prior written notice")])
    assert text(page, "notice_period") == "30 days"


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "name", "code"),
    [
        ("Our ref.: DURAND/PLF – 250311", "reference", "DURAND/PLF – 250311"),
        ("Tax number: 12 34 567 890 123", "tax_number", "12 34 567 890 123"),
        ("Factuurnummer: 20250611", "invoice_number", "20250611"),
        ("Telefon: 02602 77118", "telephone", "02602 77118"),
        ("Téléphone : 06 55 01 72 18", "telephone", "06 55 01 72 18"),
        ("Tel.: +49 (0)160 9912-007", "telephone_number", "+49 (0)160 9912-007"),
        ("USt-IdNr. DE 247 881 930", "seller_vat_id", "DE 247 881 930"),
    ],
)
def test_a_code_is_read_whole(line: str, name: str, code: str) -> None:
    assert text(draw([(50, 3, line)]), name) == code


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────

HEAD: list[Piece] = [(40, 2, "Brick & Sons"), (40, 3, "1 Kiln Road"), (40, 4, "Leeds LS1 4AB")]


def test_the_head_of_the_paper_names_no_addressee() -> None:
    assert text(draw(HEAD), "recipient") is None


def test_the_addressee_stands_below_the_head_of_the_paper() -> None:
    block: list[Piece] = [(40, 6, "Desmond Okafor"), (40, 7, "9 Tanner Street"), (40, 8, "Bristol BS7 8NZ")]
    assert text(draw([*HEAD, *block]), "recipient") == "Desmond Okafor"


def test_an_address_behind_a_name_is_no_part_of_it() -> None:
    page = draw([(50, 9, "Supplier: Pemberton Fixings Ltd, Unit 4 Forge Lane, Wigan")])
    assert text(page, "supplier") == "Pemberton Fixings Ltd"


def test_a_town_behind_a_party_is_no_part_of_it() -> None:
    page = draw([(50, 3, "zwischen Ziegelwerk GmbH & Co. KG, Lehmgrube 5 und Alder AG, Ulm")])
    names = [one.text for one in read_fields([FieldSpec("parties", FieldType.LIST)], [page])]
    assert names == ["Ziegelwerk GmbH & Co. KG", "Alder AG"]


def test_the_second_party_may_stand_behind_what_the_first_is_called() -> None:
    lines = ["zwischen Ziegelwerk GmbH, Hohenfels – nachfolgend „Arbeitgeber“ – und Frau", "Magda Kowal, Parsberg"]
    page = draw([(50, 3 + row, line) for row, line in enumerate(lines)])
    names = [one.text for one in read_fields([FieldSpec("parties", FieldType.LIST)], [page])]
    assert names == ["Ziegelwerk GmbH", "Frau Magda Kowal"]


@pytest.mark.parametrize(("printed", "amount"), [("2 187 €", "2187"), ("38 412 EUR", "38412"), ("2 100.00", "100.00")])
def test_a_blank_groups_digits_before_a_euro(printed: str, amount: str) -> None:
    page = draw([(50, 9, "Total"), (400, 9, printed)])
    assert value(page, FieldSpec("total", FieldType.AMOUNT)) == amount
