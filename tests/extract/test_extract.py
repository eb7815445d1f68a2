"""Extraction: fields files, checked cells, and a run that goes on from wherever it was stopped."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.errors import (
    BadFieldsFile,
    PathMissing,
    UnknownCollection,
    UnknownDocument,
)
from docqa.extract.calibration import load_calibration
from docqa.extract.commands.extract import document_named, documents_in
from docqa.extract.confidence import DOUBTED
from docqa.extract.fields import (
    MAX_FIELDS,
    field_key,
    fields_from_json,
    fields_json,
    fields_toml,
    load_fields,
    parse_fields,
    usable_name,
)
from docqa.extract.fill import Readings, View, check, fill_cells
from docqa.store import Store
from docqa.types import (
    Cell,
    Document,
    FieldSpec,
    FieldType,
    Page,
    Reading,
)
from docqa.verify import boxes_of

MakePage = Callable[[str, int, str], Page]
AddDocument = Callable[..., Document]

# ── fields files ─────────────────────────────────────────────────────────────────────────────────────────────────────

FIELD = '[[field]]\nname = "total"\n'
TABLE = """[[table]]
name = "items"
[[table.column]]
name = "quantity"
type = "number"
[[table.column]]
name = "price"
type = "amount"
"""


def test_a_fields_file_with_everything_in_it() -> None:
    text = """
        [[field]]
        name = "invoice_date"
        type = "date"
        description = "When the invoice was issued"
        required = true
        [[field]]
        name = "kind"
        type = "choice"
        choices = ["invoice", "credit note"]
        [[field]]
        name = "Iban"
        pattern = "[A-Z]{2}\\\\d+"
        """
    assert parse_fields(text, "fields.toml") == (
        FieldSpec("invoice_date", FieldType.DATE, "When the invoice was issued", True),
        FieldSpec("kind", FieldType.CHOICE, choices=("invoice", "credit note")),
        FieldSpec("Iban", FieldType.TEXT, pattern=r"[A-Z]{2}\d+"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "fields.toml cannot be used: there is no field in it."),
        ("field = []", "cannot be used: there is no field in it."),
        ("[field]\nname = 'x'", "cannot be used: field stands in two pairs of brackets, [[field]]."),
        ("[[field]\nname = 'x'", "is not valid TOML: "),
        (FIELD + FIELD, "two fields are called total"),
        (FIELD + FIELD.replace("total", "Total"), "two fields are called total"),
        ("[[field]]\ntype = 'text'", "cannot be used: field 1: it has no name."),
        (FIELD + "[[field]]\nname = '1st'", "cannot be used: field 2 (1st): '1st' cannot be a name: a letter, then "),
        ("[[field]]\nname = 'Größe (cm)'", "'Größe (cm)' cannot be a name: a letter, then letters without accents"),
        ("[[field]]\nname = 'Größe (cm)'", "; groesse would do."),
        ("[[field]]\nname = 'Сумма'", "64 characters at most."),
        ('[[field]]\nname = "a\\n"', "field 1: 'a\\n' cannot be a name"),
        (f"[[field]]\nname = '{'x' * 65}'", "64 characters at most; xxx"),
        (FIELD + "type = 'money'", "field 1 (total): the type is one of text, integer, number, amount, date, choice, "),
        (FIELD + "typ = 'text'", "field 1 (total): docqa knows no typ there, only name, type, description"),
        (FIELD + "required = 'perhaps'", "field 1 (total): required: input should be a valid boolean"),
        (FIELD + "type = 'choice'", "a field of type choice needs choices"),
        (FIELD + "choices = ['a']", "only such a field has them"),
        (FIELD + "pattern = '('", "the pattern is not a regular expression: "),
        (FIELD + f"description = '{'x' * 501}'", "field 1 (total): description: string should have at most 500"),
        ("\n".join(f"[[field]]\nname = 'f{n}'" for n in range(MAX_FIELDS + 1)), f"at most {MAX_FIELDS} items"),
        (FIELD + "[[table]]\nname = 'x'", "cannot be used: table 1 (x): it has no [[table.column]]."),
        ("[[felder]]\nname = 'x'", "docqa knows no felder there, only [[field]] and [[table]]."),
        (TABLE.replace("number", "money"), "table 1 (items), column 1 (quantity): the type is one of text"),
        (TABLE.replace("quantity", "price"), "two columns are called price"),
        (TABLE.replace("items", "total") + FIELD, "two fields are called total"),
        (TABLE.replace('"number"', '"list"'), "a column cannot be a list"),
        (FIELD + "type = 'table'", "a table is written as [[table]]"),
        (TABLE.replace("items", "problem"), "a field cannot be called problem"),
    ],
)
def test_what_is_wrong_with_a_fields_file_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadFieldsFile) as caught:
        parse_fields(text, "fields.toml")
    assert caught.value.message.startswith("fields.toml ")
    assert sentence in caught.value.message
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message


def test_a_fields_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match=r"There is no fields file .*nowhere\.toml"):
        load_fields(tmp_path / "nowhere.toml")
    with pytest.raises(PathMissing, match="cannot be read: Is a directory"):
        load_fields(tmp_path)
    file = tmp_path / "fields.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFieldsFile, match=r"fields\.toml is not a text file"):
        load_fields(file)
    file.write_text(FIELD)
    assert load_fields(file) == (FieldSpec("total", FieldType.TEXT),)
    file.write_text(FIELD, encoding="utf-8-sig")  # as some editors of Windows save it
    assert load_fields(file) == (FieldSpec("total", FieldType.TEXT),)
    with pytest.raises(PathMissing, match="no fields file invoise") as caught:
        load_fields(Path("invoise"))
    assert "contract, form, invoice, letter, receipt" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Invoice date", "invoice_date"),
        ("Größe (in cm)", "groesse"),
        ("N° de facture", "n_de_facture"),
        ("1st party", "st_party"),
        ("Сумма", "Сумма"),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_what_people_call_a_field_becomes_a_name(typed: str, name: str) -> None:
    assert usable_name(typed) == name


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SPECS = st.builds(
    FieldSpec,
    name=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True),
    type=st.sampled_from([kind for kind in FieldType if kind not in (FieldType.CHOICE, FieldType.TABLE)]),
    description=TEXTS,
    required=st.booleans(),
    pattern=st.none() | st.sampled_from([r"\d{2}\.\d", '"[^"]*"', r"[\x00-\x7f]+", "🙂|\x7f", ""]),
)
CHOICES = st.lists(TEXTS, min_size=1, max_size=4).map(tuple)


@given(st.lists(SPECS, min_size=1, max_size=4, unique_by=lambda spec: spec.name.lower()), CHOICES)
def test_any_fields_survive_toml_and_json(specs: list[FieldSpec], choices: tuple[str, ...]) -> None:
    fields = (replace(specs[0], type=FieldType.CHOICE, choices=choices), *specs[1:])
    assert parse_fields(fields_toml(fields), "fields.toml") == fields
    assert fields_from_json(fields_json(fields)) == fields


@given(SPECS, SPECS)
def test_a_field_has_the_same_key_only_if_it_asks_the_same_of_the_same(one: FieldSpec, other: FieldSpec) -> None:
    assert (field_key(one, "quote-1") == field_key(other, "quote-1")) == (one == other)
    assert field_key(one, "quote-1") != field_key(one, "quote-2")


def test_a_table_survives_toml_and_json() -> None:
    fields = parse_fields(FIELD + TABLE, "fields.toml")
    table = fields[1]
    assert (table.type, [column.name for column in table.columns]) == (FieldType.TABLE, ["quantity", "price"])
    assert parse_fields(fields_toml(fields), "fields.toml") == fields
    assert fields_from_json(fields_json(fields)) == fields


# ── one cell ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PAGE = """Order date: 1 April 2026
Invoice date: 3 May 2026
Subtotal 1,360.00 EUR
Total 1,360.00 EUR
Due: 05/03/2026
Seller
Alder Ltd"""
TOTAL = FieldSpec("total", FieldType.AMOUNT)
SELLER = FieldSpec("seller", FieldType.TEXT)


def checked(
    make_page: MakePage, field: FieldSpec, text: str, quote: str, page: int = 1, day_first: bool | None = None
) -> Cell:
    reading = Reading(field.name, text, page, quote, 0.75)
    return check(View("d0", {1: make_page("d0", 1, PAGE)}, day_first, None), field, [reading], "quote")


def test_a_value_that_stands_on_its_page_becomes_a_cell(make_page: MakePage) -> None:
    cell = checked(make_page, TOTAL, "1,360.00 EUR", "Total 1,360.00 EUR")
    line = make_page("d0", 1, PAGE).lines[3]
    assert cell == Cell(
        "d0", "total", "1360.00", "1,360.00 EUR", 1, "Total 1,360.00 EUR",
        ((line[1].box[0], line[1].box[1], line[2].box[2], line[2].box[3]),), 0.75, "quote", None, "EUR",
    )  # fmt: skip


@pytest.mark.parametrize(("quote", "line"), [("Subtotal 1,360.00 EUR", 2), ("not on the page", 2)])
def test_the_boxes_are_those_inside_the_quote_else_wherever_the_value_is(
    make_page: MakePage, quote: str, line: int
) -> None:
    cell = checked(make_page, TOTAL, "1,360.00", quote)
    assert cell.boxes == (make_page("d0", 1, PAGE).lines[line][1].box,)
    assert cell.value == "1360.00"


@pytest.mark.parametrize(("day_first", "value"), [(True, "2026-03-05"), (False, "2026-05-03")])
def test_how_the_document_writes_dates_decides(make_page: MakePage, day_first: bool, value: str) -> None:
    due = FieldSpec("due", FieldType.DATE)
    assert checked(make_page, due, "05/03/2026", "Due: 05/03/2026", day_first=day_first).value == value


@pytest.mark.parametrize(
    ("field", "text", "page", "code", "shown", "has_boxes"),
    [
        pytest.param(TOTAL, "1,370.00", 1, "unproven", "“1,370.00” does not stand", False, id="not on the page"),
        pytest.param(TOTAL, "136,000", 1, "unproven", "“136,000” does not stand", False, id="another decimal mark"),
        pytest.param(TOTAL, "1,360.00", 2, "unproven", "does not stand", False, id="a page that was not given"),
        pytest.param(TOTAL, "Alder Ltd", 1, "bad_value", "“Alder Ltd” is not one number", True, id="no amount"),
        pytest.param(
            FieldSpec("seller", FieldType.TEXT, pattern="[a-z ]+"), "Alder Ltd", 1, "bad_value",
            "“Alder Ltd” does not match the pattern [a-z ]+.", True, id="another pattern",
        ),
        pytest.param(
            FieldSpec("total", FieldType.AMOUNT, pattern=r"\d+"), "1,360.00", 1, "bad_value", "“1360.00”", True,
            id="only the beginning fits the pattern",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_problem_and_no_value(
    make_page: MakePage, field: FieldSpec, text: str, page: int, code: str, shown: str, has_boxes: bool
) -> None:
    cell = checked(make_page, field, text, text, page)
    assert cell.problem is not None
    assert cell.problem.code == code
    assert shown in cell.problem.message and cell.problem.hint
    assert cell.value is None
    assert (cell.text, cell.page, cell.quote) == (text, page, text)  # what was read stays to be looked at
    assert bool(cell.boxes) == has_boxes


def test_a_value_that_fits_its_pattern_is_a_value(make_page: MakePage) -> None:
    field = FieldSpec("total", FieldType.AMOUNT, pattern=r"\d+\.\d\d")
    cell = checked(make_page, field, "1,360.00", "Total 1,360.00 EUR")
    assert (cell.value, cell.problem) == ("1360.00", None)


@pytest.mark.parametrize(
    ("field", "text", "value", "line"),
    [
        (TOTAL, "1.360,00", "1360.00", 2),
        (TOTAL, "1360 EUR", "1360", 2),
        (FieldSpec("date", FieldType.DATE), "2026-05-03", "2026-05-03", 1),
        (FieldSpec("date", FieldType.DATE), "1. April 2026", "2026-04-01", 0),
    ],
)
def test_a_value_in_another_notation_is_proven_by_the_one_on_the_page(
    make_page: MakePage, field: FieldSpec, text: str, value: str, line: int
) -> None:
    cell = checked(make_page, field, text, "no such quote")
    assert (cell.value, cell.problem) == (value, None)
    assert cell.boxes[0][1] == make_page("d0", 1, PAGE).lines[line][0].box[1]


def test_a_value_on_another_page_than_was_said_is_shown_there(make_page: MakePage) -> None:
    pages = {1: make_page("d0", 1, "Nothing"), 2: make_page("d0", 2, PAGE)}
    cell = check(View("d0", pages, None, None), SELLER, [Reading("seller", "Alder Ltd", 1, "Alder Ltd", 0.5)], "vision")
    assert (cell.value, cell.page) == ("Alder Ltd", 2)


def test_a_value_is_looked_for_in_the_lines_its_quote_is_made_of(make_page: MakePage) -> None:
    page = make_page("d0", 1, "2 Quay Street\nA gilded frame 2 640.00\ncleaned, mended\nSum 2 640.00")
    row = Reading("quantity", "2", 1, "A gilded frame cleaned, mended 2 640.00", 0.5)
    cell = check(View("d0", {1: page}, None, None), FieldSpec("quantity", FieldType.NUMBER), [row], "quote")
    assert cell.boxes == (page.lines[1][3].box,)


def read_at(page: Page, field: FieldSpec, text: str, *words: int) -> Cell:
    """What becomes of a reading that names the words of the page it was read from."""
    reading = Reading(field.name, text, 1, "no such quote", 0.5, words=words)
    return check(View("d0", {1: page}, None, None), field, [reading], "quote")


def test_a_value_is_boxed_at_the_words_it_was_read_from(make_page: MakePage) -> None:
    page = make_page("d0", 1, "1 frame 640.00 640.00\nDue RM640.00")
    for word, text in ((2, "640.00"), (3, "640.00"), (5, "640.00")):
        cell = read_at(page, TOTAL, text, word)
        assert (cell.value, cell.boxes) == ("640.00", (page.words[word].box,))
    sign = read_at(page, FieldSpec("currency", FieldType.TEXT), "RM", 5)
    assert (sign.value, sign.boxes) == ("MYR", (page.words[5].box,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("five days", (2, 3), id="a part of a longer word"),
        pytest.param("4711", (4,), id="a part of a code"),
        pytest.param("360", (5,), id="a part of a number"),
        pytest.param("Alder Ltd", (0, 1), id="other words"),
        pytest.param("Alder Ltd", (90,), id="words that are not there"),
    ],
)
def test_words_that_say_something_else_prove_nothing(make_page: MakePage, text: str, words: tuple[int, ...]) -> None:
    page = make_page("d0", 1, "Term is forty-five days A-4711 1,360.00")
    cell = read_at(page, FieldSpec("term", FieldType.TEXT), text, *words)
    assert (cell.value, cell.boxes) == (None, ())
    assert cell.problem is not None and cell.problem.code == "unproven"


def test_a_currency_sign_is_proven_by_the_amount_it_stands_at(make_page: MakePage) -> None:
    view = View("d0", {1: make_page("d0", 1, "TOTAL £54.40")}, None, None)
    cell = check(
        view, FieldSpec("currency", FieldType.TEXT), [Reading("currency", "£", 1, "TOTAL £54.40", 0.5)], "quote"
    )
    assert (cell.value, len(cell.boxes)) == ("GBP", 1)


def test_an_amount_has_the_currency_beside_it_else_that_of_the_document(make_page: MakePage) -> None:
    pages = {1: make_page("d0", 1, PAGE + "\nFee 12.00 CHF\nOther 7.00")}
    view = View("d0", pages, None, "EUR")
    fee = check(view, TOTAL, [Reading("total", "12.00", 1, "Fee 12.00 CHF", 0.5)], "quote")
    other = check(view, TOTAL, [Reading("total", "7.00", 1, "Other 7.00", 0.5)], "quote")
    assert (fee.currency, other.currency) == ("CHF", "EUR")


def test_a_table_is_checked_cell_by_cell(make_page: MakePage) -> None:
    columns = (FieldSpec("what", FieldType.TEXT), FieldSpec("amount", FieldType.AMOUNT))
    items = FieldSpec("items", FieldType.TABLE, columns=columns)
    readings = [
        Reading("items", text, 1, text, 0.5, row=row, column=column)
        for row, column, text in [
            (1, "what", "Seller"),
            (1, "amount", "1,360.00"),
            (2, "what", "Invented"),
            (3, "amount", "9"),
        ]
    ]
    cell = check(View("d0", {1: make_page("d0", 1, PAGE)}, None, None), items, readings, "vision")
    assert (cell.value, [[one.value for one in row] for row in cell.rows]) == ("1", [["Seller", "1360.00"]])
    nothing = check(View("d0", {1: make_page("d0", 1, PAGE)}, None, None), items, readings[2:], "vision")
    assert nothing.problem is not None and (nothing.problem.code, nothing.rows) == ("unproven", ())


LIST = FieldSpec("dates", FieldType.LIST)


def test_every_item_of_a_list_is_looked_for_on_its_own(make_page: MakePage) -> None:
    cell = checked(make_page, LIST, "3 May 2026; 1 April 2026", "Invoice date: 3 May 2026")
    lines = make_page("d0", 1, PAGE).lines
    assert cell.value == "3 May 2026; 1 April 2026"
    assert [box[1] for box in cell.boxes] == [lines[1][0].box[1], lines[0][0].box[1]]


@pytest.mark.parametrize("text", ["3 May 2026; 2 April 2026", "; ", ""])
def test_a_list_with_an_item_that_is_nowhere_is_unproven(make_page: MakePage, text: str) -> None:
    cell = checked(make_page, LIST, text, "Invoice date: 3 May 2026")
    assert (cell.value, cell.boxes) == (None, ())
    assert cell.problem is not None and cell.problem.code == "unproven"


def test_a_list_that_was_read_item_by_item_is_one_cell(make_page: MakePage) -> None:
    pages = {1: make_page("d0", 1, PAGE), 2: make_page("d0", 2, "7 July 2026")}
    readings = [
        Reading("dates", "1 April 2026", 1, "Order date: 1 April 2026", 0.9),
        Reading("dates", "7 July 2026", 2, "7 July 2026", 0.6),
        Reading("dates", "3 May 2026", 1, "Invoice date: 3 May 2026", 0.8),
    ]
    cell = check(View("d0", pages, None, None), LIST, readings, "quote")
    assert cell.value == "1 April 2026; 7 July 2026; 3 May 2026"
    assert (cell.page, cell.quote, cell.score) == (1, "Order date: 1 April 2026", 0.6)  # no surer than its worst item
    assert [box[1] for box in cell.boxes] == [pages[1].lines[0][0].box[1], pages[1].lines[1][0].box[1]]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (FieldSpec("overdue", FieldType.BOOLEAN), "yes"),
        (FieldSpec("kind", FieldType.CHOICE, choices=("bill", "credit note")), "bill"),
    ],
)
def test_a_choice_need_not_be_printed_but_its_quote_must(make_page: MakePage, field: FieldSpec, text: str) -> None:
    proven = checked(make_page, field, text, "Due: 05/03/2026")
    assert (proven.value, proven.boxes) == (
        {"yes": "true", "bill": "bill"}[text],
        tuple(boxes_of(make_page("d0", 1, PAGE).lines[4])),
    )
    unproven = checked(make_page, field, text, "Due: 06/03/2026")
    assert unproven.problem is not None and unproven.problem.code == "unproven"


@pytest.mark.parametrize("required", [True, False])
def test_a_field_that_is_missing_is_a_problem_only_if_required(required: bool) -> None:
    cell = check(View("d0", {}, None, None), replace(TOTAL, required=required), [], "quote")
    assert (cell.value, cell.text, cell.page, cell.boxes, cell.reader) == (None, None, None, (), "quote")
    assert (cell.problem.code if cell.problem else None) == ("missing" if required else None)


# ── two readings of one document ─────────────────────────────────────────────────────────────────────────────────────

TWO = "Subtotal 10.00 EUR\nTotal 12.00 EUR"


def filled(make_page: MakePage, first: str | None, second: str, score: float = 0.9) -> Cell:
    """The total of a document as a model and then the built-in reader read it."""
    model = [Reading("total", first, 1, "", 0.5)] if first else []
    both = Readings("vision:gemma", model, [Reading("total", second, 1, "", score)])
    return fill_cells("d0", [TOTAL], {1: make_page("d0", 1, TWO)}, both, {}, load_calibration())["total"]


def test_readings_that_agree_are_surer_than_one_and_those_that_differ_are_doubted(make_page: MakePage) -> None:
    agreeing, differing = filled(make_page, "12.00", "12.00 EUR"), filled(make_page, "12.00", "10.00")
    assert (agreeing.value, agreeing.doubts) == ("12.00", ())
    assert (differing.value, [doubt.code for doubt in differing.doubts]) == ("12.00", ["disagreement"])
    assert agreeing.confidence is not None and differing.confidence is not None
    assert agreeing.confidence > DOUBTED >= differing.confidence


def test_a_table_is_as_sure_as_its_second_reading_agrees(make_page: MakePage) -> None:
    columns = (FieldSpec("what", FieldType.TEXT), FieldSpec("amount", FieldType.AMOUNT))
    items = FieldSpec("items", FieldType.TABLE, columns=columns)
    pages = {1: make_page("d0", 1, "Screws 5.00\nNails 6.00")}

    def read(*amounts: str) -> list[Reading]:
        return [
            Reading("items", text, 1, f"{what} {amount}", 0.8, row=number, column=column)
            for number, (what, amount) in enumerate(zip(("Screws", "Nails"), amounts, strict=False), start=1)
            for column, text in (("what", what), ("amount", amount))
        ]

    def rated(second: Sequence[Reading]) -> Cell:
        both = Readings("vision:gemma", read("5.00", "6.00"), second)
        return fill_cells("d0", [items], pages, both, {}, load_calibration())["items"]

    alone, same, short, other = rated([]), rated(read("5.00", "6.00")), rated(read("5.00")), rated(read("5.00", "5.00"))
    assert all(one.value == "2" for one in (alone, same, short, other)), "a doubt is no reason to lose a value"
    assert [[doubt.code for doubt in one.doubts] for one in (alone, same)] == [[], []]
    assert [[doubt.code for doubt in one.doubts] for one in (short, other)] == [["disagreement"]] * 2
    assert dict(other.signs)["second reading agrees"] == 0.75
    assert None not in (alone.confidence, same.confidence, other.confidence)
    assert (same.confidence or 0) > (alone.confidence or 0) and (other.confidence or 1) <= DOUBTED


def test_where_the_model_read_nothing_a_sure_reading_of_the_rules_stands_in(make_page: MakePage) -> None:
    assert filled(make_page, None, "12.00").reader == "quote"
    assert filled(make_page, None, "12.00", score=0.5).value is None


# ── which documents ──────────────────────────────────────────────────────────────────────────────────────────────────


def chosen(store: Store, collection: str | None, *names: str) -> list[str]:
    return [document.label for document in documents_in(store, collection, names)]


def test_documents_are_named_by_label_id_file_or_folder(small_store: Store, tmp_path: Path) -> None:
    lease = next(d for d in small_store.catalog.documents() if d.label == "lease.pdf")
    content = small_store.originals.path(lease.doc).read_bytes()
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "renamed.pdf").write_bytes(content)
    (tmp_path / "folder" / "notes.txt").write_text("not in the store")
    file = str(tmp_path / "folder" / "deep" / "renamed.pdf")
    for name in ("lease.pdf", lease.doc, lease.doc[:12], file, str(tmp_path / "folder")):
        assert chosen(small_store, None, name) == ["lease.pdf"]
    assert chosen(small_store, None, "lease.pdf", file, lease.doc) == ["lease.pdf"]
    assert chosen(small_store, None, "minutes.pdf", "lease.pdf") == ["minutes.pdf", "lease.pdf"]


def test_a_name_means_every_document_that_is_called_so(small_store: Store, tmp_path: Path) -> None:
    lease, minutes = (d for d in small_store.catalog.documents() if d.label != "invoice.pdf")
    for document, label in ((lease, "copy.pdf"), (minutes, "copy.pdf"), (lease, "once.pdf")):
        content = io.BytesIO(small_store.originals.path(document.doc).read_bytes())
        small_store.take(content, label, "copies", 1 << 20)
    assert document_named(small_store, "once.pdf").doc == lease.doc
    assert {document.doc for document in documents_in(small_store, None, ["copy.pdf"])} == {lease.doc, minutes.doc}
    with pytest.raises(UnknownDocument, match=r"copy\.pdf is 2 documents") as caught:
        document_named(small_store, "copy.pdf")
    assert lease.doc[:12] in caught.value.hint and minutes.doc[:12] in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownDocument, match="No file of .*empty is in the store"):
        document_named(small_store, str(tmp_path / "empty"))


def test_without_names_it_is_the_whole_collection(small_store: Store) -> None:
    assert chosen(small_store, None) == ["invoice.pdf", "lease.pdf", "minutes.pdf"]
    assert chosen(small_store, "office") == ["invoice.pdf", "lease.pdf"]
    with pytest.raises(UnknownCollection):
        chosen(small_store, "cellar")


def test_a_document_that_is_not_in_the_store_is_said(small_store: Store, tmp_path: Path) -> None:
    file = tmp_path / "new.pdf"
    file.write_bytes(b"new")
    with pytest.raises(UnknownDocument, match=r"new\.pdf is not in the store"):
        chosen(small_store, None, str(file))
    with pytest.raises(UnknownDocument, match="There is no document 'nothing.pdf'"):
        chosen(small_store, None, "nothing.pdf")
