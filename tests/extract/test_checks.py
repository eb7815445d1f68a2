"""Cells against each other: what fits confirms, what does not is doubted, and the value stays."""

from __future__ import annotations

import pytest
from drawn import draw
from hypothesis import given
from hypothesis import strategies as st

from docqa.extract.checks import check_document, compare_tables, duplicates
from docqa.types import Cell, FieldSpec, FieldType, Page, TextSource, Word

NET = FieldSpec("net_total", FieldType.AMOUNT)
TAX = FieldSpec("tax_total", FieldType.AMOUNT)
TOTAL = FieldSpec("total_amount", FieldType.AMOUNT)
SUMS = (NET, TAX, TOTAL)
NUMBER = FieldSpec("invoice_number", FieldType.TEXT)
ITEMS = FieldSpec(
    "items",
    FieldType.TABLE,
    columns=(
        FieldSpec("quantity", FieldType.NUMBER),
        FieldSpec("unit_price", FieldType.AMOUNT),
        FieldSpec("line_total", FieldType.AMOUNT),
    ),
)


def cell(name: str, value: str | None, text: str | None = None) -> Cell:
    return Cell("d0", name, value, text or value, 1, value, (), 0.9, "quote")


def table(*rows: tuple[str | None, str | None, str | None]) -> Cell:
    named = [tuple(cell(c.name, v) for c, v in zip(ITEMS.columns, row, strict=True)) for row in rows]
    return Cell("d0", "items", str(len(rows)), None, 1, None, rows=tuple(named))


def codes(fields: tuple[FieldSpec, ...], *cells: Cell, day_first: bool | None = True) -> dict[str, list[str]]:
    checked, _ = check_document(fields, {one.field: one for one in cells}, {}, day_first)
    return {name: [doubt.code for doubt in one.doubts] for name, one in checked.items() if one.doubts}


def amounts(net: str | None, tax: str | None, total: str | None) -> list[Cell]:
    return [cell("net_total", net), cell("tax_total", tax), cell("total_amount", total)]


@pytest.mark.parametrize(
    ("net", "tax", "total", "fits"),
    [
        ("100.00", "19.00", "119.00", True),
        ("100.00", "19.00", "119.05", True),  # the till rounded
        ("100.00", "19.00", "119.06", False),
        ("100.00", "19.00", "100.00", False),
    ],
)
def test_net_and_tax_make_the_total(net: str, tax: str, total: str, fits: bool) -> None:
    checked, confirmed = check_document(SUMS, {one.field: one for one in amounts(net, tax, total)}, {}, None)
    assert confirmed == ({"net_total", "tax_total", "total_amount"} if fits else set())
    assert {doubt.code for one in checked.values() for doubt in one.doubts} == (set() if fits else {"sum_differs"})
    assert checked["total_amount"].value == total  # a doubt is no reason to lose a value


def test_amounts_below_zero_confirm_each_other_and_want_a_look() -> None:
    found = {one.field: one for one in amounts("-100.00", "-19.00", "-119.00")}
    checked, confirmed = check_document(SUMS, found, {}, None)
    assert confirmed == set(found)
    assert {name: [doubt.code for doubt in one.doubts] for name, one in checked.items()} == dict.fromkeys(
        found, ["negative"]
    )


def titled(title: str) -> dict[int, Page]:
    return {1: draw([(50, 2, "Alder Ltd, 1 High Street"), (50, 5, title), (50, 8, "We take back:")])}


@pytest.mark.parametrize(
    ("sums", "found"),
    [
        (("-100.00", "-19.00", "-119.00"), {}),
        (("100.00", "19.00", "119.00"), {}),
        (("-100.00", "-19.00", "119.00"), ["sum_differs"]),
        (("100.00", "-19.00", "119.00"), ["sum_differs"]),
    ],
)
def test_sums_of_a_credit_note_fit_with_their_signs(sums: tuple[str, str, str], found: list[str]) -> None:
    cells = {one.field: one for one in amounts(*sums)}
    checked, confirmed = check_document(SUMS, cells, titled("Gutschrift Nr. 17"), None)
    said = {name: [doubt.code for doubt in one.doubts] for name, one in checked.items() if one.doubts}
    assert said == dict.fromkeys(cells, found) if found else not said
    assert confirmed == (set() if found else set(cells))


def test_a_document_that_says_it_is_an_invoice_has_no_sums_below_zero() -> None:
    cells = {one.field: one for one in amounts("-100.00", "-19.00", "-119.00")}
    checked, _ = check_document(SUMS, cells, titled("Invoice 17"), None)
    assert {doubt.code for one in checked.values() for doubt in one.doubts} == {"negative"}


def test_rows_fit_a_sum_of_the_other_sign_on_a_credit_note_alone() -> None:
    rows = table(("2", "50.00", "100.00"), ("1", "19.00", "19.00"))
    cells = {one.field: one for one in (*amounts(None, None, "-119.00"), rows)}
    for title, confirmed in (("Credit note", {"items", "total_amount"}), ("Invoice", set())):
        assert check_document((*SUMS, ITEMS), cells, titled(title), None)[1] == confirmed


def test_what_is_not_there_cannot_be_checked() -> None:
    assert codes(SUMS, *amounts("100.00", None, "119.00")) == {}


@pytest.mark.parametrize("printed", [(None, "119.00"), ("50.00", "119.00")])
def test_rows_that_add_up_to_a_printed_sum_confirm_it(printed: tuple[str | None, str]) -> None:
    rows = table(("2", "50.00", "100.00"), ("1", "19.00", "19.00"))
    found = {one.field: one for one in (*amounts(printed[0], None, printed[1]), rows)}
    _, confirmed = check_document((*SUMS, ITEMS), found, {}, None)
    assert confirmed == {"items", "total_amount"}


def test_a_row_that_is_missing_is_noticed_by_the_sum() -> None:
    assert codes((*SUMS, ITEMS), *amounts("100.00", None, "119.00"), table(("1", "60.00", "60.00"))) == {
        "items": ["rows_differ"]
    }


def test_rows_without_tax_are_not_held_against_the_total_alone() -> None:
    assert codes((*SUMS, ITEMS), *amounts(None, None, "119.00"), table(("1", "100.00", "100.00"))) == {}


def test_quantity_times_price_is_the_amount() -> None:
    rows = table(("2", "50.00", "100.00"), ("3", "10.00", "40.00"), (None, "5.00", "6.00"))
    checked, _ = check_document((ITEMS,), {"items": rows}, {}, None)
    doubts = [[[doubt.code for doubt in one.doubts] for one in row] for row in checked["items"].rows]
    assert doubts == [[[], [], []], [["row_sum_differs"]] * 3, [[], [], []]]


def test_a_figure_between_the_rows_that_nobody_read_is_noticed() -> None:
    boxes = [(0.8, 0.1 * n, 0.9, 0.1 * n + 0.02) for n in range(1, 5)]
    page = Page("d0", 1, 100, 100, tuple(Word("9.00", box, n) for n, box in enumerate(boxes)), TextSource.OCR, 1.0)

    def rows(*places: int) -> Cell:
        amounts = [Cell("d0", "line_total", "9.00", "9.00", 1, None, (boxes[place],)) for place in places]
        empty = cell("quantity", None)
        return Cell("d0", "items", "3", None, 1, None, rows=tuple((empty, empty, amount) for amount in amounts))

    def doubts(found: Cell) -> list[str]:
        checked, _ = check_document((ITEMS,), {"items": found}, {1: page}, None)
        return [doubt.code for doubt in checked["items"].doubts]

    assert doubts(rows(0, 1, 2, 3)) == []
    assert doubts(rows(0, 1, 3)) == ["row_count"]
    assert doubts(rows(0, 0, 0, 3)) == [], "rows alike are all proven by the first, and there are as many"
    assert doubts(rows(0, 1, 2, 3, 3, 3)) == ["row_count"], "a model said a row again"


@pytest.mark.parametrize(
    ("other", "share", "doubted"),
    [
        ((("2", "50.00", "100.00"), ("1", "19.00", "19.00")), 1.0, ""),
        ((("2", None, "100"), ("1", "19.00", None)), 1.0, ""),
        ((("2", "50.00", "100.00"), ("1", "19.00", "18.00")), 0.8333, "“18.00” as line_total of row 2"),
        ((("2", "50.00", "100.00"),), 0.0, "1 rows, not 2"),
        (((None, None, None),) * 2, 0.0, ""),
    ],
)
def test_two_readings_of_a_table_agree_cell_by_cell(
    other: tuple[tuple[str | None, str | None, str | None], ...], share: float, doubted: str
) -> None:
    found, doubt = compare_tables(ITEMS, table(("2", "50.00", "100.00"), ("1", "19.00", "19.00")), table(*other))
    assert found == pytest.approx(share, abs=1e-4)
    assert doubted in doubt.message if doubt else not doubted


def test_texts_of_two_readings_may_end_differently() -> None:
    items = FieldSpec("items", FieldType.TABLE, columns=(FieldSpec("what", FieldType.TEXT),))
    one, two = (Cell("d0", "items", "1", None, 1, None, rows=((cell("what", text),),)) for text in ("Nails", "Nails 5"))
    assert compare_tables(items, one, two) == (0.0, None)


@pytest.mark.parametrize(
    ("text", "day_first", "doubted"),
    [
        ("03/04/2018", None, True),
        ("03/04/2018", True, False),
        ("13/04/2018", None, False),
        ("04/04/2018", None, False),
        ("3 April 2018", None, False),
    ],
)
def test_a_date_that_may_be_two_is_marked(text: str, day_first: bool | None, doubted: bool) -> None:
    field = FieldSpec("date", FieldType.DATE)
    found = codes((field,), cell("date", "2018-04-03", text), day_first=day_first)
    assert found == ({"date": ["order_unknown"]} if doubted else {})


def test_nothing_is_due_before_it_is_invoiced() -> None:
    fields = (FieldSpec("invoice_date", FieldType.DATE), FieldSpec("due_date", FieldType.DATE))
    late, early = cell("invoice_date", "2026-03-05"), cell("due_date", "2026-03-04")
    assert codes(fields, late, early) == {"due_date": ["dates_disorder"]}
    assert codes(fields, late, cell("due_date", "2026-03-05")) == {}


@pytest.mark.parametrize(
    ("iban", "valid"),
    [("DE89 3704 0044 0532 0130 00", True), ("DE89 3704 0044 0532 0130 01", False), ("GB82WEST12345698765432", True)],
)
def test_an_iban_has_a_checksum(iban: str, valid: bool) -> None:
    assert codes((FieldSpec("iban", FieldType.TEXT),), cell("iban", iban)) == ({} if valid else {"iban": ["checksum"]})


def test_the_same_number_and_amounts_in_two_documents_are_a_duplicate() -> None:
    def paper(number: str | None, total: str | None) -> dict[str, str | None]:
        return {"invoice_number": number, "total_amount": total}

    papers = {
        "a": paper("4711", "5.00"),
        "b": paper("4711", "6.00"),  # another seller's number
        "c": paper("4711", "5.00"),
        "d": paper(None, "5.00"),
        "e": paper("4712", None),
        "f": paper("4712", None),  # nothing but the number: too little
    }
    assert duplicates((NUMBER, TOTAL), papers) == {"c": ("invoice_number", "a")}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "invoice_number": st.sampled_from(["1", "2", None]),
                "registration_number": st.sampled_from(["HRB 1", None]),
                **{
                    name: st.sampled_from(["5.00", "6.00", None]) for name in ("net_total", "tax_total", "total_amount")
                },
            }
        ),
        max_size=12,
    )
)
def test_doubles_are_those_that_a_look_at_every_pair_finds(papers: list[dict[str, str | None]]) -> None:
    keys, amounts = ("invoice_number", "registration_number"), ("net_total", "tax_total", "total_amount")
    fields = [FieldSpec(name, FieldType.TEXT) for name in keys] + [
        FieldSpec(name, FieldType.AMOUNT) for name in amounts
    ]

    def alike(one: dict[str, str | None], two: dict[str, str | None]) -> bool:
        both = [(one[name], two[name]) for name in amounts if one[name] is not None and two[name] is not None]
        return bool(both) and all(a == b for a, b in both)

    expected = {}
    for place, paper in enumerate(papers):
        pairs = [
            (key, str(other))
            for key in keys
            for other in range(place)
            if paper[key] is not None and paper[key] == papers[other][key] and alike(paper, papers[other])
        ]
        if pairs:
            expected[str(place)] = pairs[0]
    assert duplicates(fields, {str(place): paper for place, paper in enumerate(papers)}) == expected
