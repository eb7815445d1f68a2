"""Tables read by their headings: which rows are items, where a table ends, and what goes on on the next page."""

from __future__ import annotations

from drawn import LETTER, Piece, draw

from docqa.readers.layout import read_fields
from docqa.types import FieldSpec, FieldType, Page

ITEMS = FieldSpec(
    "items",
    FieldType.TABLE,
    columns=(
        FieldSpec("description", FieldType.TEXT),
        FieldSpec("quantity", FieldType.NUMBER),
        FieldSpec("line_total", FieldType.AMOUNT),
    ),
)
HEADING: list[Piece] = [(20, 0, "Bezeichnung"), (500, 0, "Menge"), (700, 0, "Einzelpreis"), (880, 0, "Betrag")]


def item(row: float, what: str, quantity: str, price: str, amount: str) -> list[Piece]:
    right = 940 - LETTER * len(amount)
    return [(20, row, what), (530, row, quantity), (770, row, price), (right, row, amount)]


def rows_of(*pages: Page) -> list[tuple[int, dict[str, str]]]:
    """The rows read from the pages, each with the number of its page."""
    rows: dict[int, tuple[int, dict[str, str]]] = {}
    for reading in read_fields([ITEMS], pages):
        rows.setdefault(reading.row, (reading.page, {}))[1][reading.column] = reading.text
    return list(rows.values())


def test_a_table_is_read_under_its_headings_up_to_its_sum() -> None:
    screws, nails = item(2, "Schrauben", "10", "1,00", "10,00"), item(4, "Nägel", "2", "20,00", "40,00")
    more: list[Piece] = [(20, 3, "verzinkt 5 mm")]
    total: list[Piece] = [(20, 6, "Gesamtbetrag"), (880, 6, "50,00")]
    assert rows_of(draw([*HEADING, *screws, *more, *nails, *total, *item(8, "Fuss", "1", "1,00", "1,00")])) == [
        (1, {"description": "Schrauben verzinkt 5 mm", "quantity": "10", "line_total": "10,00"}),
        (1, {"description": "Nägel", "quantity": "2", "line_total": "40,00"}),
    ]


def test_the_sum_of_a_table_is_no_item_even_where_it_looks_like_one() -> None:
    heading: list[Piece] = [(20, 0, "Description"), (870, 0, "Amount")]
    bought: list[Piece] = [(20, 2, "Total care"), (890, 2, "30.00"), (20, 4, "Rug"), (890, 4, "10.00")]
    total: list[Piece] = [(20, 6, "Total claimed"), (890, 6, "40.00")]
    found = [row for _, row in rows_of(draw([*heading, *bought, *total]))]
    assert found == [
        {"description": "Total care", "line_total": "30.00"},
        {"description": "Rug", "line_total": "10.00"},
    ]


def test_a_text_above_its_amounts_belongs_to_them() -> None:
    lines = [*HEADING, (20, 1, "Screws"), *item(2, "4711", "1", "5.00", "5.00"), (20, 3, "Nails")]
    found = rows_of(draw([*lines, *item(4, "4712", "2", "3.00", "6.00")]))
    assert [row["description"] for _, row in found] == ["Screws 4711", "Nails 4712"]


def test_a_table_goes_on_on_the_next_page_with_and_without_its_heading() -> None:
    first = draw([*HEADING, *item(2, "Screws", "1", "5.00", "5.00")])
    second = draw(item(1, "Nails", "2", "3.00", "6.00"), number=2)
    third = draw([*HEADING, *item(2, "Glue", "1", "7.00", "7.00"), (20, 4, "Total"), (880, 4, "18.00")], number=3)
    other = draw(item(1, "Not an item", "2", "3.00", "6.00"), number=4)
    found = rows_of(first, second, third, other)
    assert [(page, row["description"], row["line_total"]) for page, row in found] == [
        (1, "Screws", "5.00"),
        (2, "Nails", "6.00"),
        (3, "Glue", "7.00"),
    ]


def test_without_headings_there_is_no_table() -> None:
    assert rows_of(draw([*item(2, "Screws", "1", "5.00", "5.00"), (20, 4, "Total"), (880, 4, "5.00")])) == []


def with_price(*pages: Page) -> list[dict[str, str]]:
    """The rows read where the price of one is asked for, too."""
    price = FieldSpec("unit_price", FieldType.AMOUNT)
    spec = FieldSpec("items", FieldType.TABLE, columns=(*ITEMS.columns[:2], price, ITEMS.columns[2]))
    rows: dict[int, dict[str, str]] = {}
    for reading in read_fields([spec], pages):
        rows.setdefault(reading.row, {})[reading.column] = reading.text
    return list(rows.values())


def test_columns_that_nobody_knows_by_name_show_what_they_are() -> None:
    heading: list[Piece] = [(20, 0, "Gewerk"), (500, 0, "Menge"), (700, 0, "Satz"), (880, 0, "Betrag")]
    rows = [*item(2, "Schrauben", "10", "1,50", "15,00"), *item(4, "Nägel", "2", "20,00", "40,00")]
    assert with_price(draw([*heading, *rows])) == [
        {"description": "Schrauben", "quantity": "10", "unit_price": "1,50", "line_total": "15,00"},
        {"description": "Nägel", "quantity": "2", "unit_price": "20,00", "line_total": "40,00"},
    ]


def test_figures_that_do_not_multiply_get_no_name() -> None:
    heading: list[Piece] = [(20, 0, "Bezeichnung"), (500, 0, "Menge"), (700, 0, "Lager"), (880, 0, "Betrag")]
    rows = [*item(2, "Schrauben", "10", "71", "15,00"), *item(4, "Nägel", "2", "72", "40,00")]
    assert [row.keys() for row in with_price(draw([*heading, *rows]))] == [
        {"description", "quantity", "line_total"}
    ] * 2


def test_a_heading_of_two_lines_is_one() -> None:
    heading: list[Piece] = [(20, 1, "Beschreibung"), (500, 1, "Menge"), (700, 0, "Einzel"), (700, 1, "preis")]
    heading += [(880, 0, "Gesamt"), (880, 1, "preis")]
    [row] = with_price(draw([*heading, *item(3, "Schrauben", "10", "1,50", "15,00")]))
    assert (row["unit_price"], row["line_total"]) == ("1,50", "15,00")


def test_the_description_is_not_in_a_column_of_numbers_whatever_it_is_called() -> None:
    heading: list[Piece] = [(20, 0, "Item"), (120, 0, "Work done"), (500, 0, "Qty"), (880, 0, "Amount")]
    rows: list[Piece] = []
    for row, what in ((2, "Boiler service"), (4, "Shelf assembly")):
        rows += [(20, row, str(row // 2)), (120, row, what), (510, row, "1"), (890, row, "30.00")]
    found = [row["description"] for _, row in rows_of(draw([*heading, *rows]))]
    assert found == ["Boiler service", "Shelf assembly"]


def test_figures_of_one_item_may_stand_at_two_heights() -> None:
    lines: list[Piece] = [*HEADING]
    for row, what, price, amount in ((2, "Schrauben", "1,50", "15,00"), (9, "Nägel", "4,00", "40,00")):
        lines += [(20, row, what), (530, row, "10"), (770, row, price), (880, row + 1.2, amount)]
        lines += [(20, row + 4, "ab Lager")]
    found = with_price(draw([*lines, (20, 16, "Gesamtbetrag"), (880, 16, "55,00")]))
    assert [(row["quantity"], row["unit_price"], row["line_total"]) for row in found] == [
        ("10", "1,50", "15,00"),
        ("10", "4,00", "40,00"),
    ]


def test_a_discount_below_an_item_is_none() -> None:
    rows = [*item(2, "Schrauben", "10", "1,00", "10,00"), *item(6, "Nägel", "2", "20,00", "40,00")]
    discount: list[Piece] = [(700, 4, "abzgl. Rabatt"), (880, 4, "-2,00")]
    assert [row["description"] for _, row in rows_of(draw([*HEADING, *rows, *discount]))] == ["Schrauben", "Nägel"]


def test_a_sentence_below_the_headings_is_no_part_of_an_item() -> None:
    lines = [*HEADING, (20, 1, "Wir berechnen wie folgt:"), *item(2, "Schrauben", "10", "1,00", "10,00")]
    lines += [(20, 3, "verzinkt"), *item(4, "Nägel", "2", "20,00", "40,00")]
    assert [row["description"] for _, row in rows_of(draw(lines))] == ["Schrauben verzinkt", "Nägel"]


def test_a_sum_that_is_carried_over_ends_no_table_and_is_no_item() -> None:
    rows = [*item(2, "Schrauben", "10", "1,00", "10,00"), *item(4, "Nägel", "2", "20,00", "40,00")]
    first = draw([*HEADING, *rows, (20, 6, "Übertrag"), (880, 6, "50,00")])
    second = draw([(20, 0, "Übertrag"), (880, 0, "50,00"), *item(2, "Leim", "1", "7,00", "7,00")], number=2)
    assert [row["description"] for _, row in rows_of(first, second)] == ["Schrauben", "Nägel", "Leim"]


def test_a_row_that_sums_up_those_above_it_ends_a_table_whatever_it_is_called() -> None:
    rows = [*item(2, "Schrauben", "10", "1,00", "10,00"), *item(4, "Nägel", "2", "20,00", "40,00")]
    below: list[Piece] = [(20, 6, "Warenwert"), (880, 6, "50,00"), (20, 8, "zzgl. MwSt."), (880, 8, "9,50")]
    assert len(rows_of(draw([*HEADING, *rows, *below]))) == 2


def test_a_sum_ends_a_table_of_one_item_whatever_it_is_called() -> None:
    lines = [*HEADING, *item(2, "Schrauben", "10", "1,00", "10,00"), (20, 4, "Warenwert"), (880, 4, "10,00")]
    assert len(rows_of(draw([*lines, (20, 6, "Fracht"), (880, 6, "5,00")]))) == 1


def test_a_tax_on_what_stands_above_is_no_item_and_ends_a_table() -> None:
    rows = [*item(2, "Schrauben", "10", "1,00", "10,00"), *item(4, "Nägel", "2", "20,00", "40,00")]
    taxes = [*item(6, "USt", "7", "10,00", "0,70"), *item(8, "USt", "19", "40,00", "7,60")]
    assert [row["description"] for _, row in rows_of(draw([*HEADING, *rows, *taxes]))] == ["Schrauben", "Nägel"]


def test_a_discount_on_all_items_is_none_and_others_may_follow() -> None:
    rows = [*item(2, "Schrauben", "10", "1,00", "10,00"), *item(4, "Nägel", "2", "20,00", "40,00")]
    lines = [*HEADING, *rows, (20, 6, "abzgl. 3 % Nachlass"), (880, 6, "-1,50"), *item(8, "Leim", "1", "7,00", "7,00")]
    assert [row["description"] for _, row in rows_of(draw(lines))] == ["Schrauben", "Nägel", "Leim"]


def test_an_item_at_half_its_price_is_one() -> None:
    rows = [*item(2, "Schrauben", "10", "1,00", "10,00"), *item(4, "Nägel -50 %", "1", "40,00", "20,00")]
    assert len(rows_of(draw([*HEADING, *rows, *item(6, "Leim", "1", "7,00", "7,00")]))) == 3


def test_items_priced_by_the_hundred_are_items() -> None:
    rows = [*item(2, "Schrauben", "200", "1,50", "3,00"), *item(4, "Nägel", "50", "4,00", "2,00")]
    assert [row["description"] for _, row in rows_of(draw([*HEADING, *rows]))] == ["Schrauben", "Nägel"]


def test_the_heading_of_another_table_ends_a_table() -> None:
    other: list[Piece] = [(20, 4, "Steuersatz"), (500, 4, "Netto"), (880, 4, "Betrag")]
    other += [(20, 5, "USt"), (530, 5, "19"), (880, 5, "1,90")]
    assert len(rows_of(draw([*HEADING, *item(2, "Schrauben", "10", "1,00", "10,00"), *other]))) == 1


def test_an_amount_glued_to_the_last_word_of_a_page_ends_no_reading() -> None:
    lines = [*HEADING, *item(2, "Schrauben", "10", "1,00", "10,00"), (700, 4, "Summe10,00")]
    assert len(rows_of(draw(lines))) == 1
