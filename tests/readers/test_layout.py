"""Reading fields by layout: one small drawn page for each rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawn import HEIGHT, WIDTH, Piece, draw
from hypothesis import given, settings
from hypothesis import strategies as st

from docqa.extract.values import normalise
from docqa.readers.layout import read_fields
from docqa.readers.layout.labels import field_words, guide_for
from docqa.readers.layout.lexicon import CONCEPTS, Shape, phrases
from docqa.readers.layout.runs import Sheet
from docqa.types import FieldSpec, FieldType, Page, Reading, TextSource


def written(text: str) -> Page:
    """A page of running text, one line of it per line."""
    return draw([(20, row, line) for row, line in enumerate(text.splitlines()) if line])


def read(pages: Page | list[Page], name: str, kind: FieldType, **more: tuple[str, ...]) -> list[Reading]:
    spec = FieldSpec(name, kind, choices=more.get("choices", ()))
    return read_fields([spec], [pages] if isinstance(pages, Page) else pages)


def value(pages: Page | list[Page], name: str, kind: FieldType = FieldType.TEXT) -> str | None:
    """What is read for one field, normalised; None if nothing is."""
    readings = read(pages, name, kind)
    return normalise(readings[0].text, FieldSpec(name, kind)) if readings else None


# ── where a value stands to its label ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(50, 3, "Invoice No: A-4711")], id="behind the colon"),
        pytest.param([(50, 3, "Invoice No"), (500, 3, "A-4711")], id="right in the row"),
        pytest.param([(500, 3, "A-4711"), (50, 3, "Invoice No")], id="right in the row, written before it"),
        pytest.param([(50, 3, "Invoice No"), (500, 3, "Date"), (50, 4, "A-4711")], id="below in the column"),
        pytest.param([(50, 3, "2. Invoice No"), (500, 3, "3. Date"), (180, 4, "A-4711")], id="below in a form"),
        pytest.param([(50, 3, "Rechnung Nr. A-4711 vom 05.03.2018")], id="in a German title"),
        pytest.param([(50, 3, "Facture n° A-4711 du 2 juillet 2015")], id="in a French title"),
        pytest.param([(50, 3, "Factuurnummer: A-4711")], id="in Dutch"),
    ],
)
def test_a_number_is_found_by_its_label(pieces: list[Piece]) -> None:
    assert value(draw(pieces), "invoice_number") == "A-4711"


def test_the_nearer_label_has_the_better_claim() -> None:
    page = draw([(50, 3, "Customer No: 111 Invoice No: 222"), (50, 4, "Order No: 333")])
    assert value(page, "invoice_number") == "222"
    assert value(page, "order_id") == "333"


def test_without_its_label_a_number_is_not_guessed() -> None:
    page = draw([(50, 3, "Tel: 030 1234567"), (50, 4, "12345 Berlin"), (50, 5, "Page 1 of 2")])
    assert read(page, "invoice_number", FieldType.TEXT) == []


def test_a_field_nobody_foresaw_goes_by_its_own_words() -> None:
    page = draw(
        [(50, 3, "Hull number"), (400, 3, "HX-77"), (50, 5, "Name of master: Ann Lee"), (50, 6, "Deck colour: red")]
    )
    assert value(page, "hull_number") == "HX-77"
    assert value(page, "hull_no") == "HX-77"
    assert value(page, "master_name") == "Ann Lee"
    assert value(page, "deck_colour") == "red"


def test_a_description_can_name_the_label() -> None:
    page = draw([(50, 3, "Our sign: QX-12"), (50, 4, "Your sign: ZZ-99")])
    spec = FieldSpec("ref_code", FieldType.TEXT, description='The code printed behind "Our sign"')
    assert [reading.text for reading in read_fields([spec], [page])] == ["QX-12"]


def test_what_ocr_does_to_a_label_is_forgiven() -> None:
    pieces: list[Piece] = [(50, 3, "lnvoice Nunber 4711"), (50, 9, "Tota1 Amount 12.00")]
    page = draw(pieces, source=TextSource.OCR)
    assert value(page, "invoice_number") == "4711"


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_date_answers_to_its_own_label() -> None:
    page = draw(
        [(50, 2, "Order date: 01.02.2018"), (50, 3, "Invoice date: 02.02.2018"), (50, 4, "Due date: 03.02.2018")]
    )
    assert value(page, "invoice_date", FieldType.DATE) == "2018-02-02"
    assert value(page, "date_due", FieldType.DATE) == "2018-02-03"
    assert value(page, "date", FieldType.DATE) == "2018-02-02"


def test_the_only_date_at_the_head_needs_no_label_but_a_due_date_does() -> None:
    page = draw([(50, 1, "Corner Shop"), (50, 3, "25/12/2018 8:13:39PM"), (50, 5, "Bread 2.00")])
    assert value(page, "date", FieldType.DATE) == "2018-12-25"
    assert read(page, "due_date", FieldType.DATE) == []


def test_the_document_decides_whether_the_month_comes_first() -> None:
    page = draw([(50, 2, "Date: 03/04/2018"), (50, 4, "Shipped 03/25/2018")])
    readings = read(page, "date", FieldType.DATE)
    assert [reading.text for reading in readings] == ["03/04/2018"]


AGREEMENT = """MUTUAL NON-DISCLOSURE AGREEMENT
This Agreement is made and entered into as of this 31st day of January 2014 (the "Effective
Date") by and between Ada Works Inc., a Delaware corporation (the "Company"), and Bob
Engines GmbH ("Recipient"). Reference is made to a contract dated December 20, 2012.
For a term of two (2) years the parties keep the secret. This Agreement shall be governed
by and construed in accordance with the laws of the State of New York, without regard
to the securities laws of the United States.
"""


def test_an_agreement_is_read_from_its_sentences() -> None:
    page = written(AGREEMENT)
    assert value(page, "effective_date", FieldType.DATE) == "2014-01-31"
    assert value(page, "jurisdiction") == "New York"
    assert value(page, "term") == "2 years"


def test_a_list_has_one_reading_for_each_item() -> None:
    readings = read(written(AGREEMENT), "party", FieldType.LIST)
    assert [reading.text for reading in readings] == ["Ada Works Inc.", "Bob Engines GmbH"]


def test_two_companies_in_a_row_are_not_one() -> None:
    page = written(
        "This agreement is made by and between Ada Works, Inc. Birch Silver Company (the “Company”), and Bo."
    )
    assert value(page, "party") == "Ada Works, Inc."
    page = written("This agreement is made by and between Ada Works Ltd Partners (the “Company”), and Bo.")
    assert value(page, "party") == "Ada Works Ltd Partners"


def test_the_laws_of_the_state_are_those_of_no_place() -> None:
    page = written("This agreement is governed by the laws of the State in which the goods are.")
    assert read(page, "governing_law", FieldType.TEXT) == []


def test_a_section_is_no_number_of_anything() -> None:
    page = draw([(50, 3, "Invoice 2.2 of the guide"), (50, 5, "Invoice"), (50, 6, "A-4711")])
    assert value(page, "invoice_number") == "A-4711"


def test_german_law_is_a_jurisdiction() -> None:
    assert value(written("Es gilt das Recht der Bundesrepublik Deutschland."), "governing_law") == "Deutschland"


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

RECEIPT: list[Piece] = [
    (50, 1, "CORNER SHOP SDN BHD"), (50, 2, "No 5, Long Street"), (50, 4, "Bread"), (500, 4, "7.00"),
    (50, 5, "Milk"), (500, 5, "3.60"), (50, 7, "Total Qty : 2"), (50, 8, "Sub Total"), (500, 8, "10.00"),
    (50, 9, "GST 6%"), (500, 9, "0.60"), (50, 10, "Total Incl. GST@6%"), (500, 10, "RM 10.60"),
    (50, 11, "CASH"), (500, 11, "RM 20.00"), (50, 12, "CHANGE"), (500, 12, "RM 9.40"),
]  # fmt: skip


def test_the_total_is_neither_subtotal_nor_quantity_nor_cash() -> None:
    page = draw(RECEIPT)
    assert value(page, "total", FieldType.AMOUNT) == "10.60"
    assert value(page, "net_total", FieldType.AMOUNT) == "10.00"
    assert value(page, "tax_total", FieldType.AMOUNT) == "0.60"


def test_what_was_paid_less_the_change_is_the_total_without_a_label() -> None:
    page = draw([piece for piece in RECEIPT if not piece[2].startswith(("Total Incl", "Sub", "GST", "10.00", "0.60"))])
    assert value(page, "total", FieldType.AMOUNT) == "10.60"


def test_a_missing_label_between_net_and_tax_is_bridged_by_the_sum() -> None:
    page = draw(
        [(50, 3, "Summe netto"), (500, 3, "100,00"), (500, 4, "19,00"), (50, 5, "Gesamtbetrag"), (500, 5, "119,00")]
    )
    assert value(page, "tax_amount", FieldType.AMOUNT) == "19.00"


def test_a_credit_note_has_a_negative_total() -> None:
    page = draw(
        [
            (50, 3, "Summe netto"),
            (500, 3, "-100,00"),
            (50, 4, "USt."),
            (500, 4, "-19,00"),
            (50, 5, "Summe brutto"),
            (500, 5, "-119,00"),
        ]
    )
    assert value(page, "total", FieldType.AMOUNT) == "-119.00"


@pytest.mark.parametrize(
    "iban", ["DE08 7009 0100 1234 5678 90", "FR76 10107 00245 00617052317 39", "GB29 NWBK 6016 1331 9268 19"]
)
def test_an_iban_is_known_by_its_form(iban: str) -> None:
    page = draw([(50, 3, f"Konto: {iban} BIC: ABCDEF1M04"), (50, 5, "Reg-Nr.: DE87654321")])
    assert value(page, "iban") == iban


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Total (excl. VAT)", "net_total"), ("Rechnungssumme ohne USt.", "net_total"), ("Total HT", "net_total"),
        ("Base imponible", "net_total"), ("Totaal excl. BTW", "net_total"), ("Total incl. 19% VAT", "total_amount"),
        ("Bruttosumme", "total_amount"), ("Total TTC", "total_amount"), ("Importe total", "total_amount"),
        ("Totale documento", "total_amount"), ("Totaal incl. BTW", "total_amount"), ("Steuerbetrag", "tax_total"),
        ("Montant TVA", "tax_total"), ("Total GST", "tax_total"),
    ],
)  # fmt: skip
def test_net_tax_and_gross_are_told_apart(label: str, field: str) -> None:
    page = draw([(50, 3, label), (500, 3, "1.234,56")])
    names = ("net_total", "tax_total", "total_amount")
    assert {name: value(page, name, FieldType.AMOUNT) for name in names} == {
        name: "1234.56" if name == field else None for name in names
    }


def test_the_sum_row_of_a_table_answers_to_its_columns() -> None:
    heads: list[Piece] = [(300, 2, "Montant HT"), (500, 2, "Montant TVA"), (700, 2, "Montant TTC")]
    rows: list[Piece] = [
        (left, row, text)
        for row, texts in (
            (4, ("Internet", "20,00", "4,00", "24,00")),
            (8, ("Total facture", "24,99", "5,00", "29,99")),
        )
        for left, text in zip((20, 340, 550, 740), texts, strict=True)
    ]
    page = draw([*heads, *rows])
    assert value(page, "net_total", FieldType.AMOUNT) == "24.99"
    assert value(page, "tax_total", FieldType.AMOUNT) == "5.00"
    assert value(page, "total", FieldType.AMOUNT) == "29.99"


@pytest.mark.parametrize(
    ("printed", "code"), [("12,00 €", "EUR"), ("$ 12.00", "$"), ("US$ 12.00", "USD"), ("12.00 CHF", "CHF")]
)
def test_the_currency_is_the_one_beside_the_amounts(printed: str, code: str) -> None:
    assert value(draw([(50, 3, f"Total {printed}")]), "currency") == code


# ── names, choices, boxes ────────────────────────────────────────────────────────────────────────────────────────────


def test_seller_and_buyer_stand_under_their_headings() -> None:
    page = draw([
        (50, 1, "Sample of a form"), (50, 3, "Verkäufer:"), (50, 4, "Nummer: 549910"), (50, 5, "Ada Werke GmbH"),
        (50, 6, "Langweg 20"), (50, 8, "Käufer:"), (50, 9, "Nummer: 77"), (50, 10, "Bob AG"), (50, 11, "Kurzweg 3"),
    ])  # fmt: skip
    assert value(page, "seller_name") == "Ada Werke GmbH"
    assert value(page, "buyer_name") == "Bob AG"


def test_a_name_beside_a_centred_label_has_both_its_lines() -> None:
    page = draw(
        [
            (50, 1, "Verkäufer"),
            (50, 3, "Name:"),
            (300, 2.2, "MVM Muster"),
            (300, 3, "Verein a.G."),
            (50, 5, "Anschrift:"),
        ]
    )
    assert value(page, "seller_name") == "MVM Muster Verein a.G."


def test_the_issuer_of_a_receipt_is_its_first_line_without_the_register_number() -> None:
    page = draw([(50, 1, "CORNER SHOP SDN BHD (139386-X)"), (50, 2, "No 5, Long Street"), (50, 4, "TAX INVOICE")])
    assert value(page, "company") == "CORNER SHOP SDN BHD"


def test_the_heading_of_a_column_is_nobodys_name() -> None:
    page = draw([(20, 2, "Beschreibung"), (700, 2, "Betrag"), (20, 4, "Kantholz"), (700, 4, "12,00")])
    assert [
        one for one in read_fields([FieldSpec("seller_name", FieldType.TEXT)], [page]) if one.text != "Kantholz"
    ] == []


def test_an_address_is_a_block_of_lines() -> None:
    pieces: list[Piece] = [
        (50, 1, "CORNER SHOP SDN BHD"), (50, 2, "No 5, Long Street"), (50, 3, "40300 Shah Alam"),
        (50, 4, "Tel: 03-1234"), (50, 8, "Registered office: Kurzweg 3"), (50, 9, "12345 Berlin"),
    ]  # fmt: skip
    page = draw(pieces)
    assert value(page, "address") == "Kurzweg 3 12345 Berlin"
    assert value(draw(pieces[:4]), "address") == "No 5, Long Street 40300 Shah Alam"


def test_a_choice_is_read_from_the_title_as_printed() -> None:
    page = draw([(50, 1, "Department of Letters: AMENDMENT to the statement"), (50, 20, "see the Report of May")])
    readings = read(page, "document_type", FieldType.CHOICE, choices=("Report", "Amendment"))
    assert [reading.text for reading in readings] == ["AMENDMENT"]


@pytest.mark.parametrize(("mark", "truth"), [("☒", "true"), ("[x]", "true"), ("X", "true"), ("☐", "false")])
def test_a_box_is_ticked_before_its_label(mark: str, truth: str) -> None:
    page = draw([(50, 3, mark), (80, 3, "Smoker"), (50, 5, "☐" if truth == "true" else "☒"), (80, 5, "Driver")])
    assert value(page, "smoker", FieldType.BOOLEAN) == truth


def test_a_box_between_two_labels_belongs_to_the_one_behind_it() -> None:
    page = written("☐ Smoker ☒ Driver")
    assert value(page, "smoker", FieldType.BOOLEAN) == "false"
    assert value(page, "driver", FieldType.BOOLEAN) == "true"


def test_yes_behind_the_label_is_true() -> None:
    assert value(draw([(50, 3, "Smoker: yes")]), "smoker", FieldType.BOOLEAN) == "true"


# ── what every reading keeps ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_reading_names_the_words_it_was_read_from() -> None:
    page = draw([(20, 0, "1 Bracket 12.50 12.50"), (20, 2, "Total 12.50")])
    [reading] = read_fields([FieldSpec("total", FieldType.AMOUNT)], [page])
    assert reading.words == (5,)


@pytest.mark.parametrize("code", ["+4912345678901234567", "Ω-42", "#4711", "РФ-2024/7"])
def test_a_code_keeps_its_sign_and_the_letters_of_any_script(code: str) -> None:
    field = FieldSpec("customer_number", FieldType.TEXT)
    assert [one.text for one in read_fields([field], [written(f"Customer number: {code}")])] == [code]


def test_five_days_are_no_part_of_forty_five() -> None:
    field = FieldSpec("term", FieldType.TEXT)
    assert [one.text for one in read_fields([field], [written("Term: forty-five days")])] == []
    assert [one.text for one in read_fields([field], [written("Term: five days")])] == ["five days"]


def test_a_reading_names_its_page_and_quotes_its_line() -> None:
    pages = [draw([(50, 1, "Cover")]), draw([(50, 4, "Our order"), (50, 5, "Invoice No: A-4711 of today")], number=2)]
    (reading,) = read(pages, "invoice_number", FieldType.TEXT)
    assert (reading.page, reading.text, reading.quote) == (2, "A-4711", "Invoice No: A-4711 of today")


def test_a_long_line_is_quoted_around_the_value() -> None:
    line = "word " * 40 + "Invoice No: A-4711 " + "word " * 40
    (reading,) = read(written(line), "invoice_number", FieldType.TEXT)
    assert len(reading.quote) <= 200
    assert "A-4711" in reading.quote


def test_a_labelled_value_is_surer_than_an_unlabelled_one() -> None:
    (labelled,) = read(draw([(50, 2, "Date: 05.03.2018")]), "date", FieldType.DATE)
    (bare,) = read(draw([(50, 2, "05.03.2018")]), "date", FieldType.DATE)
    assert bare.score < labelled.score


def test_two_equally_good_values_are_doubted() -> None:
    (one,) = read(draw([(50, 2, "Invoice No: 111")]), "invoice_number", FieldType.TEXT)
    (two,) = read(draw([(50, 2, "Invoice No: 111"), (50, 9, "Invoice No: 222")]), "invoice_number", FieldType.TEXT)
    assert two.score < one.score


def test_blank_pages_have_no_readings() -> None:
    every = [FieldSpec(f"f{number}", kind, choices=("a",)) for number, kind in enumerate(FieldType)]
    assert read_fields(every, [Page("doc", 1, WIDTH, HEIGHT, (), TextSource.NONE, 0.0)]) == []
    assert read_fields(every, []) == []


_WORDS = st.sampled_from([
    "Total", "Date:", "Invoice", "No.", "4711", "12.50", "€5", "05.03.2018", "GmbH", "(the", "“Company”)", "between",
    "and", "laws", "of", "New", "York", "☒", "VAT", "19%", "IBAN",
])  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 800), st.integers(0, 40), st.lists(_WORDS, min_size=1, max_size=6)), max_size=12)
)
def test_any_page_is_read_without_an_accident(lines: list[tuple[int, int, list[str]]]) -> None:
    page = draw([(left, row, " ".join(words)) for left, row, words in lines])
    specs = [FieldSpec(concept.name, FieldType.TEXT) for concept in CONCEPTS] + [FieldSpec("total", FieldType.AMOUNT)]
    for reading in read_fields(specs, [page]):
        assert 0.0 <= reading.score <= 1.0
        assert "".join(reading.text.split()) in "".join(reading.quote.split())


# ── the pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_runs_and_rows_do_not_depend_on_the_lines_of_the_text_layer() -> None:
    apart = Sheet(draw([(50, 3, "Total"), (500, 3, "5.00"), (50, 4, "Cash")]))
    words = tuple(word._replace(line=0) for word in apart.page.words)
    together = Sheet(replace(apart.page, words=words))
    for sheet in (apart, together):
        assert [sheet.string(run) for run in sheet.rows[0]] == ["Total", "5.00"]
        assert [sheet.string(run) for run in sheet.rows[1]] == ["Cash"]


@pytest.mark.parametrize(
    ("name", "concept", "shape"),
    [
        ("invoiceDate", "invoice_date", Shape.DATE),
        ("total_amount", "total", Shape.AMOUNT),
        ("net_total", "net", Shape.AMOUNT),
        ("seller_name", "seller", Shape.NAME),
        ("vat", "vat_id", Shape.CODE),
        ("hull_number", "field:hull_number", Shape.CODE),
        ("loan_date", "field:loan_date", Shape.DATE),
        ("total_revenue", "field:total_revenue", Shape.AMOUNT),
        ("owner_remarks", "field:owner_remarks", Shape.TEXT),
    ],
)
def test_what_a_field_means_follows_from_its_name(name: str, concept: str, shape: Shape) -> None:
    kind = {Shape.DATE: FieldType.DATE, Shape.AMOUNT: FieldType.AMOUNT}.get(shape, FieldType.TEXT)
    guide = guide_for(FieldSpec(name, kind))
    assert (guide.concept, guide.shape) == (concept, shape)


def test_the_lexicon_is_written_the_way_labels_are_compared() -> None:
    for concept in CONCEPTS:
        for phrase in (*phrases(concept.strong), *phrases(concept.weak), *phrases(concept.names)):
            assert " ".join(field_words(phrase)) == phrase, f"{concept.name}: {phrase}"


# ── more of the lay of pages ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_addressee_stands_above_an_address_and_needs_no_label() -> None:
    letter: list[Piece] = [(300, 3, "Nordlicht GmbH"), (40, 8, "Anna Wohlers"), (40, 9, "Hafenweg 3")]
    assert value(draw([*letter, (40, 10, "00418 Brunn")]), "recipient") == "Anna Wohlers"
    assert value(draw([*letter, (300, 10, "00418 Brunn")]), "recipient") is None


def test_a_sum_at_the_foot_of_a_column_is_its_total() -> None:
    column: list[Piece] = [(800, 0, "Endbetrag"), (830, 1, "382,47"), (830, 2, "136,52"), (830, 5, "518,99")]
    assert value(draw(column), "total", FieldType.AMOUNT) == "518.99"
    column[-1] = (830, 5, "518,98")
    assert value(draw(column), "total", FieldType.AMOUNT) == "382.47"


def test_what_was_paid_in_cash_is_the_total_after_rounding() -> None:
    page = written("Total Sales (Inclusive GST) RM 14.38\nRounding RM 14.40\nCASH RM 20.00\nCHANGE RM 5.60")
    assert value(page, "total", FieldType.AMOUNT) == "14.40"


def test_letters_that_look_alike_are_the_same_label_only_after_ocr() -> None:
    assert value(draw([(20, 1, "GRAND IUIAL 2.28")], source=TextSource.OCR), "total", FieldType.AMOUNT) == "2.28"
    assert value(draw([(20, 1, "GRAND IUIAL 2.28")]), "total", FieldType.AMOUNT) is None


def test_the_boxes_of_a_form_hold_one_character_each() -> None:
    page = draw(
        [(20, 1, "Policy number"), (20, 2, "M M 4 4 1 7"), (500, 1, "Date of loss"), (500, 2, "1 9 0 1 2 0 2 6")]
    )
    assert value(page, "policy_number") == "M M 4 4 1 7"
    assert value(page, "date_of_loss", FieldType.DATE) == "2026-01-19"
