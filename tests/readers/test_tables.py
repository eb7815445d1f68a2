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
