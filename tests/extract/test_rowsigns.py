"""How sure the rows of a table are: their signs, the confidence that follows, and stores from before."""

from __future__ import annotations

from dataclasses import replace

from drawn import LETTER, Piece, draw

from docqa.extract.calibration import load_calibration
from docqa.extract.confidence import DOUBTED, Calibration, Signs
from docqa.extract.fill import Readings, fill_cells
from docqa.extract.rowsigns import MARKS
from docqa.extract.table import _rated
from docqa.readers.layout import read_fields
from docqa.types import Cell, FieldSpec, FieldType, Page, Reading, TextSource

NET = FieldSpec("net_total", FieldType.AMOUNT)
ITEMS = FieldSpec(
    "items",
    FieldType.TABLE,
    columns=(
        FieldSpec("description", FieldType.TEXT),
        FieldSpec("quantity", FieldType.NUMBER),
        FieldSpec("unit_price", FieldType.AMOUNT),
        FieldSpec("line_total", FieldType.AMOUNT),
    ),
)
FIELDS = (NET, ITEMS)


def invoice(*rows: tuple[str, str, str, str], net: str = "", source: TextSource = TextSource.TEXT_LAYER) -> Page:
    pieces: list[Piece] = [(20, 0, "Description"), (500, 0, "Quantity"), (700, 0, "Unit price"), (880, 0, "Amount")]
    for number, (what, quantity, price, amount) in enumerate(rows, start=1):
        pieces += [(20, 2 * number, what), (560, 2 * number, quantity), (740, 2 * number, price)]
        pieces.append((940 - LETTER * len(amount), 2 * number, amount))
    if net:
        pieces += [(20, 2 * len(rows) + 3, "Net total"), (940 - LETTER * len(net), 2 * len(rows) + 3, net)]
    return draw(pieces, source=source)


def filled(page: Page, second: tuple[Reading, ...] = (), calibration: Calibration | None = None) -> Cell:
    readings = Readings("quote", read_fields(FIELDS, [page]), second)
    return fill_cells("d", FIELDS, {1: page}, readings, {}, calibration or load_calibration())["items"]


SCREWS, NAILS = ("Steel screws", "10", "1.50", "15.00"), ("Long nails", "2", "20.00", "40.00")


def signs(cell: Cell) -> dict[str, float]:
    return dict(cell.signs)


def test_each_cell_of_a_row_has_signs_and_a_confidence_of_its_own() -> None:
    table = filled(invoice(SCREWS, NAILS, net="55.00"))
    assert [[cell.value for cell in row] for row in table.rows] == [list(SCREWS), list(NAILS)]
    what, quantity, _, amount = table.rows[0]
    assert signs(quantity) == {
        "always": 0.0,
        "in a row: is quantity": 1.0,
        "in a row: multiplies": 1.0,
        "in a row: its rows add up": 1.0,
    }
    assert signs(amount)["in a row: rows add up"] == 1.0
    assert signs(what)["in a row: is text"] == signs(what)["in a row: its figures multiply"] == 1.0
    assert signs(table)["of a table: rows multiply"] == signs(table)["of a table: rows add up"] == 1.0
    assert all(cell.confidence is not None for row in table.rows for cell in row)


def test_a_row_whose_figures_do_not_multiply_is_no_surer_than_a_doubt_and_the_others_are() -> None:
    table = filled(invoice(SCREWS, ("Long nails", "3", "20.00", "40.00")))
    right, wrong = table.rows
    assert all((cell.confidence or 1) <= DOUBTED and cell.doubts for cell in wrong[1:])
    assert all((cell.confidence or 0) > DOUBTED and not cell.doubts for cell in right)


def test_what_is_unlike_the_rest_of_its_table_is_said() -> None:
    rows = [SCREWS, NAILS, ("A third thing", "1", "3.00", "3.00")]
    table = filled(invoice(*rows, ("4711", "2", "20.000", "40.00")))
    what, _, price, _ = table.rows[-1]
    assert signs(what)["in a row: no words"] == 1.0
    assert signs(price)["in a row: other decimals"] == 1.0
    assert not {"in a row: no words", "in a row: other decimals"} & signs(table.rows[0][0]).keys()
    lacking = filled(invoice(*rows, ("Bolts", "", "", "8.00")))
    assert signs(lacking.rows[-1][3])["in a row: unlike other rows"] == 0.5


def test_a_page_that_ocr_read_badly_is_said() -> None:
    page = replace(invoice(SCREWS, NAILS, source=TextSource.OCR), quality=0.9)
    cell = filled(page).rows[0][3]
    assert (signs(cell)["in a row: read by OCR"], signs(cell)["in a row: badly read"]) == (1.0, 0.5)


def test_a_second_reading_agrees_with_a_cell_or_differs() -> None:
    page = invoice(SCREWS, NAILS)
    first = [one for one in read_fields(FIELDS, [page]) if one.field == "items"]
    misread = [replace(one, text="2" if one.text == "10" else one.text, words=()) for one in first]
    table = fill_cells("d", [ITEMS], {1: page}, Readings("vision:m", first, misread), {}, load_calibration())["items"]
    quantity, price = table.rows[0][1:3]
    assert signs(quantity)["second reading differs"] == 1.0
    assert signs(price)["second reading agrees"] == 1.0


def test_rows_and_fields_have_weights_of_their_own() -> None:
    calibration = Calibration({"always": 9.0, "in a row: is text": 0.0})
    of_a_row: Signs = (("always", 0.0), ("in a row: is text", 1.0))
    assert calibration.chance(of_a_row) == 0.5
    assert calibration.chance((("is date", 1.0),)) > 0.99


def test_the_shipped_calibration_knows_rows_and_says_on_what_it_was_fitted() -> None:
    shipped = load_calibration()
    assert {name.split(":")[0] for name in shipped.weights} >= set(MARKS)
    assert "line items" in shipped.fitted_on
    assert shipped.measured is not None and shipped.measured["rows_cells"] > 0


def test_rows_are_rated_anew_and_those_of_an_earlier_docqa_stay_as_they_were() -> None:
    table = filled(invoice(SCREWS, NAILS))
    harsh = Calibration({"in a row: is text": -9.0})
    assert _rated(table, harsh).rows[0][0].confidence == 0.01
    old = replace(table, rows=tuple(tuple(replace(c, signs=(), confidence=None) for c in row) for row in table.rows))
    assert all(cell.confidence is None for row in _rated(old, harsh).rows for cell in row)
