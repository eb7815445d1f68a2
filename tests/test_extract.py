"""Extraction: fields files, checked cells, and a run that goes on from wherever it was stopped."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docqa.errors import (
    BadFieldsFile,
    BadSettings,
    ModelBadAnswer,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
    PathMissing,
    StoreDamaged,
    UnknownCollection,
    UnknownDocument,
)
from docqa.extract import run as extraction
from docqa.extract.commands import documents_in
from docqa.extract.confidence import DOUBTED, Calibration
from docqa.extract.fields import (
    MAX_FIELDS,
    field_key,
    fields_from_json,
    fields_json,
    fields_toml,
    load_fields,
    parse_fields,
)
from docqa.extract.fill import Readings, View, check, fill_cells
from docqa.extract.run import carry_on, start_run
from docqa.extract.table import run_table
from docqa.readers import NOTHING_SAID, Conversation
from docqa.settings import ModelSettings, Settings
from docqa.store import Store
from docqa.store.ledger import Run
from docqa.types import (
    MAX_ATTEMPTS,
    Cell,
    Document,
    Draft,
    Evidence,
    FieldSpec,
    FieldType,
    Page,
    Problem,
    Reading,
    Status,
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
        ("", "cannot be used: Value error, there is no field in it."),
        ("field = []", "cannot be used: Value error, there is no field in it."),
        ("[field]\nname = 'x'", "cannot be used: field: Input should be a valid list"),
        ("[[field]\nname = 'x'", "is not valid TOML: "),
        (FIELD + FIELD, "two fields are called total"),
        ("[[field]]\ntype = 'text'", "cannot be used: field.1.name: Field required"),
        (FIELD + "[[field]]\nname = '1st'", "cannot be used: field.2.name: String should match pattern"),
        ("[[field]]\nname = 'a b'", "field.1.name: String should match pattern"),
        ('[[field]]\nname = "a\\n"', "field.1.name: String should match pattern"),
        (f"[[field]]\nname = '{'x' * 65}'", "field.1.name: String should match pattern"),
        (FIELD + "type = 'money'", "field.1.type: Input should be 'text', 'integer'"),
        (FIELD + "typ = 'text'", "field.1.typ: Extra inputs are not permitted"),
        (FIELD + "required = 'perhaps'", "field.1.required: Input should be a valid boolean"),
        (FIELD + "type = 'choice'", "a field of type choice needs choices"),
        (FIELD + "choices = ['a']", "only such a field has them"),
        (FIELD + "pattern = '('", "the pattern is not a regular expression: "),
        (FIELD + f"description = '{'x' * 501}'", "field.1.description: String should have at most 500"),
        ("\n".join(f"[[field]]\nname = 'f{n}'" for n in range(MAX_FIELDS + 1)), f"at most {MAX_FIELDS} items"),
        (FIELD + "[[table]]\nname = 'x'", "cannot be used: table.1.column: Field required"),
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
    with pytest.raises(PathMissing, match=r"nowhere\.toml cannot be read: No such file"):
        load_fields(tmp_path / "nowhere.toml")
    with pytest.raises(PathMissing, match="cannot be read: Is a directory"):
        load_fields(tmp_path)
    file = tmp_path / "fields.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFieldsFile, match=r"fields\.toml is not a text file"):
        load_fields(file)
    file.write_text(FIELD)
    assert load_fields(file) == (FieldSpec("total", FieldType.TEXT),)


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


@given(st.lists(SPECS, min_size=1, max_size=4, unique_by=lambda spec: spec.name), CHOICES)
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
    return fill_cells("d0", [TOTAL], {1: make_page("d0", 1, TWO)}, both, {}, Calibration.load())["total"]


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
        return fill_cells("d0", [items], pages, both, {}, Calibration.load())["items"]

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


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

FIELDS = (TOTAL, SELLER)


class Kill(BaseException):
    """Stands for kill -9: nothing that handles errors sees it."""


class Clerk:
    """A reader that reads "Total 12.00" and "Seller X" and goes wrong at the calls it was told to, by number from 1."""

    name = "clerk"

    def __init__(self, version: str = "clerk-1", wrong: dict[int, BaseException] | None = None) -> None:
        self.version = version
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.wrong = wrong or {}
        self.always: dict[str, BaseException] = {}  #: by label of the document

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        raise NotImplementedError

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        self.calls.append((pages[0].label, tuple(field.name for field in fields)))
        error = self.wrong.get(len(self.calls)) or self.always.get(pages[0].label)
        if error is not None:
            raise error
        lines = {line[0].text.casefold(): line for one in pages for line in one.page.lines}
        return [
            Reading(field.name, line[1].text, pages[0].page.number, " ".join(word.text for word in line), 0.9)
            for field in fields
            if (line := lines.get(field.name))
        ]

    @property
    def labels(self) -> Counter[str]:
        return Counter(label for label, _ in self.calls)


@pytest.fixture
def store(empty_store: Store, add_document: AddDocument) -> Store:
    """Five papers of one page, p1.pdf to p5.pdf, in the order in which a run takes them."""
    docs = []
    for number in range(1, 6):
        docs.append(add_document(empty_store, f"x{number}", "papers", f"Total {number}.00 EUR\nSeller Firm{number}"))
    for place, document in enumerate(sorted(docs, key=lambda document: document.doc), start=1):
        content = empty_store.originals.path(document.doc).read_bytes()
        empty_store.take(io.BytesIO(content), f"p{place}.pdf", "named", 1 << 20)
    return empty_store


SETTINGS = Settings(model=ModelSettings(base_url=None))


@pytest.fixture
def employ(monkeypatch: pytest.MonkeyPatch) -> Callable[[Clerk], Clerk]:
    """From now on this reader is the one that is opened."""

    def employ(clerk: Clerk) -> Clerk:
        monkeypatch.setattr(extraction, "open_reader", lambda settings, wanted, embed: clerk)
        return clerk

    return employ


Employ = Callable[[Clerk], Clerk]


def in_order(store: Store) -> list[str]:
    """The ids in the order in which a run takes them."""
    return sorted(document.doc for document in store.catalog.documents())


def start(store: Store, fields: Sequence[FieldSpec] = FIELDS, docs: Sequence[str] | None = None) -> int:
    return start_run(store, SETTINGS, fields, "auto", in_order(store) if docs is None else docs)


def values(store: Store, run: int) -> list[dict[str, str | None]]:
    rows = sorted(run_table(store, run), key=lambda row: row.document.doc)
    return [{name: cell.value for name, cell in row.cells.items()} for row in rows]


def state(store: Store, run: int) -> tuple[int, int, int]:
    [found] = store.catalog.ledger.runs(run)
    return found.documents, found.done, found.failed


def codes(store: Store, run: int) -> list[str | None]:
    rows = sorted(run_table(store, run), key=lambda row: row.document.doc)
    return [row.problem.code if row.problem else None for row in rows]


def test_a_run_fills_every_cell_once(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    run = start(store)
    seen: list[Run] = []
    assert carry_on(store, SETTINGS, run, seen.append)
    assert [progress.done for progress in seen] == [1, 2, 3, 4, 5]
    assert set(clerk.labels.values()) == {1} and len(clerk.labels) == 5
    assert sorted(row["total"] or "" for row in values(store, run)) == [f"{n}.00" for n in range(1, 6)]
    for row in run_table(store, run):
        assert row.problem is None
        for cell in row.cells.values():
            assert cell.boxes and cell.reader == "clerk" and cell.doc == row.document.doc
    assert not carry_on(store, SETTINGS, run)  # nothing is left
    assert len(clerk.calls) == 5


def test_everything_known_of_a_cell_comes_back(store: Store) -> None:
    doc, doubt = in_order(store)[0], Problem("sum_differs", "1 is not 2.", "Look.")
    inner = Cell(doc, "price", "5.00", "5,00", 1, "q", ((0.1, 0.2, 0.3, 0.4),), 0.5, "quote", currency="EUR")
    lost = Cell(doc, "what", None, None, None, None, problem=doubt)
    cell = Cell(
        doc, "items", "1", "1", 1, "q", (), 0.8, "quote", None, None,
        0.77, (doubt,), ((inner, lost),), (("is text", 1.0),),
    )  # fmt: skip
    store.catalog.ledger.finish_run_document(start(store), doc, [("key", cell)])
    assert store.catalog.ledger.cells(doc, ["key"]) == {"key": cell}


def test_another_run_with_the_same_fields_computes_nothing(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    carry_on(store, SETTINGS, start(store))
    second = start(store)
    assert carry_on(store, SETTINGS, second)
    assert len(clerk.calls) == 5
    assert state(store, second) == (5, 5, 0)
    assert len(values(store, second)[0]) == 2


def test_only_the_fields_that_are_new_are_read(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    carry_on(store, SETTINGS, start(store, [TOTAL]))
    both = start(store)
    carry_on(store, SETTINGS, both)
    assert Counter(fields for _, fields in clerk.calls) == {("total",): 5, ("seller",): 5}
    assert all(row["total"] and row["seller"] for row in values(store, both))


def test_a_run_that_was_killed_goes_on_where_it_stopped(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk(wrong={3: Kill()}))
    run = start(store)
    with pytest.raises(Kill):
        carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 2, 0)
    assert len(store.catalog.ledger.run_pending(run)) == 3
    restarted = Store(store.folder)
    assert carry_on(restarted, SETTINGS, run)
    assert state(restarted, run) == (5, 5, 0)
    assert all(row["total"] and row["seller"] for row in values(restarted, run))
    assert sorted(clerk.labels.values()) == [1, 1, 1, 1, 2]  # only the one it was killed at was read again


def test_a_document_that_kills_three_times_is_set_aside_with_a_problem(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    third = next(d.label for d in store.catalog.documents() if d.doc == in_order(store)[2])
    clerk.always = {third: Kill()}
    run = start(store)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Kill):
            carry_on(store, SETTINGS, run)
    assert carry_on(store, SETTINGS, run)
    assert clerk.labels[third] == MAX_ATTEMPTS
    assert state(store, run) == (5, 4, 1)
    assert codes(store, run) == [None, None, "interrupted", None, None]
    assert not carry_on(store, SETTINGS, run)


@pytest.mark.parametrize("error", [ModelBadAnswer("no JSON"), ModelTimeout("slow"), StoreDamaged("an image")])
def test_three_bad_answers_set_a_document_aside_and_the_others_go_on(
    store: Store, employ: Employ, error: ModelError
) -> None:
    clerk = employ(Clerk())
    third = next(d.label for d in store.catalog.documents() if d.doc == in_order(store)[2])
    clerk.always = {third: error}
    run = start(store)
    assert carry_on(store, SETTINGS, run)
    assert clerk.labels[third] == MAX_ATTEMPTS
    assert len(clerk.calls) == 4 + MAX_ATTEMPTS
    assert state(store, run) == (5, 4, 1)
    assert codes(store, run) == [None, None, error.code, None, None]
    assert len(values(store, run)[2]) == 0
    assert not carry_on(store, SETTINGS, run)


def test_one_bad_answer_is_forgotten(store: Store, employ: Employ) -> None:
    employ(Clerk(wrong={2: ModelBadAnswer("no JSON")}))
    run = start(store)
    carry_on(store, SETTINGS, run)
    assert state(store, run) == (5, 5, 0)
    assert codes(store, run) == [None] * 5


@pytest.mark.parametrize("error", [ModelUnreachable("gone"), ModelBusy("full"), ModelRefused("no")])
def test_a_server_that_is_away_stops_the_run_and_costs_no_attempt(
    store: Store, employ: Employ, error: ModelError
) -> None:
    clerk = employ(Clerk())
    clerk.wrong = dict.fromkeys(range(3, 3 + 2 * MAX_ATTEMPTS), error)
    run = start(store)
    for _ in range(2 * MAX_ATTEMPTS):
        with pytest.raises(type(error)):
            carry_on(store, SETTINGS, run)
        assert state(store, run) == (5, 2, 0)
        assert codes(store, run) == [None, None, error.code, None, None]
    assert carry_on(store, SETTINGS, run)  # the server is back
    assert state(store, run) == (5, 5, 0)
    assert codes(store, run) == [None] * 5


def test_another_version_of_the_reader_reads_everything_anew(store: Store, employ: Employ) -> None:
    employ(Clerk("clerk-1", wrong={4: Kill()}))
    run = start(store)
    with pytest.raises(Kill):
        carry_on(store, SETTINGS, run)
    newer = employ(Clerk("clerk-2"))
    assert carry_on(store, SETTINGS, run)
    assert len(newer.calls) == 5
    assert store.catalog.ledger.runs(run)[0].version == "clerk-2"
    assert all(len(row) == 2 for row in values(store, run))
    assert not carry_on(store, SETTINGS, run)


def test_a_document_that_was_read_again_is_extracted_again(
    store: Store, employ: Employ, read_again: Callable[..., None]
) -> None:
    clerk = employ(Clerk())
    carry_on(store, SETTINGS, start(store))
    read_again(store, in_order(store)[0], "Total 99.00 EUR")
    run = start(store)
    carry_on(store, SETTINGS, run)
    assert len(clerk.calls) == 6
    assert values(store, run)[0] == {"total": "99.00", "seller": None}


def test_a_document_without_pages_is_set_aside_at_once(store: Store, employ: Employ) -> None:
    clerk = employ(Clerk())
    waiting = store.take(io.BytesIO(b"new"), "waiting.pdf", "papers", 100).document.doc
    broken = store.take(io.BytesIO(b"broken"), "broken.pdf", "papers", 100).document.doc
    problem = Problem("damaged_file", "The file cannot be opened.", "Copy it again.")
    store.catalog.finish_document(broken, Status.FAILED, pipeline="test-1", problem=problem, seconds=0.1)
    run = start(store, docs=[waiting, broken, in_order(store)[0]])
    carry_on(store, SETTINGS, run)
    problems = {row.document.label: row.problem for row in run_table(store, run) if row.problem}
    assert {label: problem.code for label, problem in problems.items()} == {
        "waiting.pdf": "not_read",
        "broken.pdf": "damaged_file",
    }
    assert problems["broken.pdf"] == problem
    assert len(clerk.calls) <= 1


def test_all_runs_are_carried_on_and_a_cancelled_one_is_not(store: Store, employ: Employ) -> None:
    employ(Clerk())
    first, second, cancelled = start(store, [TOTAL]), start(store, [SELLER]), start(store)
    store.catalog.ledger.cancel_run(cancelled)
    assert carry_on(store, SETTINGS)
    assert [state(store, run)[1] for run in (first, second, cancelled)] == [5, 5, 0]
    assert not carry_on(store, SETTINGS)


def test_the_built_in_reader_fills_a_run(store: Store) -> None:
    """No stand-in here: the layout rules, and no model that would have to be loaded."""
    run = start_run(store, SETTINGS, [TOTAL], "auto", in_order(store))
    assert carry_on(store, SETTINGS, run)
    assert sorted(row["total"] or "" for row in values(store, run)) == [f"{n}.00" for n in range(1, 6)]


def test_a_run_is_not_started_without_its_reader(store: Store) -> None:
    with pytest.raises(BadSettings):
        start_run(store, SETTINGS, FIELDS, "vision", in_order(store))
    assert store.catalog.ledger.runs() == []


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
