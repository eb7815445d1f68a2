"""Fields proposed from documents: drawn pages for each rule, and the command. Real documents, where they are there."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from drawn import Piece, draw
from hypothesis import given, settings
from hypothesis import strategies as st

from docqa.cli import main
from docqa.extract.fields import fields_toml, load_fields, parse_fields
from docqa.extract.suggest import Suggestion, commentable, suggest_from, suggestions_toml
from docqa.readers.layout import read_fields
from docqa.readers.layout.candidates import Scene
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.pairs import Pair, find_grids, find_pairs, label_of
from docqa.readers.layout.runs import Sheet
from docqa.store import Store
from docqa.types import Document, FieldSpec, FieldType, Page, TextSource


def written(*lines: str, source: TextSource = TextSource.TEXT_LAYER) -> Page:
    return draw([(20, row, line) for row, line in enumerate(lines) if line], source=source)


def pairs_on(page: Page) -> list[tuple[str, str]]:
    return [(pair.label, pair.value) for pair in _pairs(page)]


def _pairs(page: Page) -> list[Pair]:
    scene = Scene([Sheet(page)], [[]], None)
    return find_pairs(scene, find_grids(scene))


def suggested(*pages: Page) -> dict[str, Suggestion]:
    return {one.field.name: one for one in suggest_from([[page] for page in pages])}


def test_boxes_beside_words_make_a_choice_or_a_yes_and_no() -> None:
    forms = ("☒ female ☐ male ☐ other", "☒ yes ☐ no if yes, which: iodine"), ("☐ female ☒ male ☐ other", "☐ yes ☒ no")
    pages = [
        written(f"Case number: A-{number}", f"Sex: {sex}", f"Allergies known: {known}")
        for number, (sex, known) in enumerate(forms * 2, 4711)
    ]
    fields = {name: one.field for name, one in suggested(*pages).items()}
    assert fields["sex"].type is FieldType.CHOICE
    assert fields["sex"].choices == ("female", "male", "other")
    assert fields["allergies_known"].type is FieldType.BOOLEAN
    assert [reading.text for reading in read_fields([fields["sex"]], [pages[1]])] == ["male"]


# ── labels and what stands beside them ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pieces", "pair"),
    [
        ([(20, 1, "Policy number: P4711")], ("Policy number", "P4711")),
        ([(20, 1, "Policy number"), (400, 1, "P4711")], ("Policy number", "P4711")),
        ([(20, 1, "Policy number"), (400, 1, ": P4711")], ("Policy number", "P4711")),
        ([(20, 1, "Policy number"), (20, 2, "P4711")], ("Policy number", "P4711")),
        ([(20, 1, "Policy number P4711")], ("Policy number", "P4711")),
        ([(20, 1, "3. Date of loss: 3 May 2026")], ("Date of loss", "2026-05-03")),
        ([(20, 1, "(a) Insured name: Ana Perez")], ("Insured name", "Ana Perez")),
        ([(20, 1, "Address: 12 High Street")], ("Address", "12 High Street")),
        ([(20, 1, "☒ Smoker")], ("Smoker", "true")),
        ([(20, 1, "☐"), (50, 1, "Smoker")], ("Smoker", "false")),
    ],
)
def test_a_label_stands_by_its_value(pieces: Sequence[Piece], pair: tuple[str, str]) -> None:
    assert pairs_on(draw(pieces)) == [pair]


def test_several_labels_of_one_line_are_told_apart() -> None:
    assert pairs_on(written("Date: 3 May 2026 Time: 12:30 Cashier: Ana")) == [
        ("Date", "2026-05-03"),
        ("Time", "12:30"),
        ("Cashier", "Ana"),
    ]


def test_labels_side_by_side_head_the_values_below() -> None:
    page = draw([(20, 1, "1. Name of holder"), (500, 1, "2. Plate"), (20, 2, "Ana Perez"), (500, 2, "B-AP 4711")])
    assert ("Name of holder", "Ana Perez") in pairs_on(page)
    assert ("Plate", "B-AP 4711") in pairs_on(page)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "It was agreed on 3 May 2026 that the rent is paid in advance and not later than",
        "to give 10 days of notice",
        "SEP 89",
        "https://example.org/a",
        "12:30",
        "14:2",
    ],
)
def test_sentences_times_and_addresses_have_no_label(line: str) -> None:
    assert pairs_on(written(line)) == []


@given(st.text(max_size=60))
def test_a_label_is_words_without_digits(text: str) -> None:
    label = label_of(text)
    assert label is None or (label in text and len(label) <= 40 and not any(map(str.isdecimal, label)))


@settings(max_examples=25)
@given(st.lists(st.text(alphabet="Ab1: .-/☒€\x00ÄÑ中", max_size=30), min_size=1, max_size=6))
def test_any_page_can_be_looked_through(lines: list[str]) -> None:
    pages = [written(*(" ".join(line.split()) or "-" for line in lines))] * 2
    toml = suggestions_toml(suggest_from([[page] for page in pages]))
    assert not toml or parse_fields(toml, "any")


# ── what is proposed ─────────────────────────────────────────────────────────────────────────────────────────────────


def claim(number: int, day: int, place: str) -> Page:
    return written(
        "Report of loss",
        f"Policy number: P-{number}",
        f"Date of loss: {day} May 2026",
        f"Place: {place}",
        f"Mileage: {number}",
        f"Estimated damage: {number}.50 EUR",
        "☒ Police called" if day % 2 else "☐ Police called",
        "Printed by: Form Press",
        "We thank you for your trust.",
    )


CLAIMS = [claim(1711, 3, "Porto"), claim(2712, 4, "Vigo"), claim(3713, 5, "Faro")]


def test_labels_that_recur_become_fields_of_their_values_type() -> None:
    found = suggested(*CLAIMS)
    types = {name: one.field.type for name, one in found.items()}
    assert types == {
        "policy_number": FieldType.TEXT,
        "date_of_loss": FieldType.DATE,
        "place": FieldType.TEXT,
        "mileage": FieldType.INTEGER,
        "estimated_damage": FieldType.AMOUNT,
        "police_called": FieldType.BOOLEAN,
    } | {name: types[name] for name in types if name == "currency"}
    assert (found["date_of_loss"].documents, found["date_of_loss"].of) == (3, 3)
    assert found["date_of_loss"].untrusted_example == "2026-05-03"
    assert "“Date of loss”" in found["date_of_loss"].field.description


def test_what_is_proposed_is_what_can_be_read() -> None:
    fields = parse_fields(suggestions_toml(suggest_from([[page] for page in CLAIMS])), "suggested")
    read = {one.field: one.text for one in read_fields(fields, [claim(4714, 6, "Braga")])}
    assert read["policy_number"] == "P-4714"
    assert read["date_of_loss"] == "6 May 2026"
    assert read["place"] == "Braga"


def test_what_every_document_says_alike_is_no_field() -> None:
    assert "printed_by" not in suggested(*CLAIMS)


def test_a_label_of_one_document_among_many_is_no_field() -> None:
    assert "chassis" not in suggested(*CLAIMS, written("Chassis: WDB-77", "Place: Lugo"))


def test_one_form_alone_is_enough_and_one_letter_is_not() -> None:
    assert {"policy_number", "date_of_loss", "mileage"} <= suggested(CLAIMS[0]).keys()
    assert "remark" not in suggested(written("Dear Ana,", "Remark: it rains.", "Yours, Eva"))


def test_fields_come_in_the_order_of_the_page() -> None:
    names = [name for name in suggested(*CLAIMS) if name != "currency"]
    assert names == ["policy_number", "date_of_loss", "place", "mileage", "estimated_damage", "police_called"]


def test_few_values_in_many_documents_are_a_choice() -> None:
    kinds = ["new", "used", "new", "rented", "used", "new", "rented", "used"]
    field = suggested(*(written(f"Plate: B-{n}{n}7", f"Condition: {kind}") for n, kind in enumerate(kinds)))[
        "condition"
    ]
    assert (field.field.type, field.field.choices) == (FieldType.CHOICE, ("new", "rented", "used"))


def test_labels_misread_by_ocr_are_one() -> None:
    labels = ["Licence holder", "Licence holder", "Llcence holder", "Licence ho1der".replace("1", "i")]
    pages = [written(f"{label}: Ana {name}", source=TextSource.OCR) for label, name in zip(labels, "ABCD", strict=True)]
    assert suggested(*pages)["licence_holder"].documents == 4


def test_known_labels_get_the_names_of_the_preset_that_fits() -> None:
    pages = [
        written(
            f"Rechnungsnummer: R-{n}4711",
            f"Rechnungsdatum: 0{n}.03.2026",
            f"Nettobetrag: {n}00,00 EUR",
            f"MwSt: {n}9,00 EUR",
            f"Gesamtbetrag: {n}19,00 EUR",
            f"Fällig am: 2{n}.03.2026",
        )
        for n in (1, 2, 3)
    ]
    names = suggested(*pages).keys()
    assert {"invoice_number", "invoice_date", "net_total", "tax_total", "total_amount", "due_date"} <= names
    assert "rechnungsnummer" not in names


@pytest.mark.parametrize(
    ("label", "name"),
    [("Größe", "groesse"), ("Numéro de lot", "numero_de_lot"), ("Driver's licence", "drivers_licence")],
)
def test_names_are_plain_letters(label: str, name: str) -> None:
    pages = [written(f"{label}: {value}") for value in ("Alpha-1", "Beta-2", "Gamma-3")]
    assert name in suggested(*pages)


def test_a_name_that_every_table_has_is_given_another() -> None:
    pages = [written(f"Problem: {value}") for value in ("Alpha", "Beta", "Gamma")]
    assert "problem_2" in suggested(*pages)


def table_page(first: str, *rows: tuple[str, str, str], heads: tuple[str, str, str]) -> Page:
    pieces: list[Piece] = [(20, 0, first)]
    for row, cells in enumerate((heads, *rows), start=2):
        pieces += [(left, row, cell) for left, cell in zip((20, 400, 700), cells, strict=True)]
    return draw(pieces)


def test_tables_of_items_recur_with_the_columns_they_have() -> None:
    heads = ("Description", "Quantity", "Amount")
    pages = [
        table_page(f"Slip {n}", ("Lamp", "2", f"{n}0.00"), ("Rug", "1", f"{n}7.50"), heads=heads) for n in (1, 2, 3)
    ]
    (table,) = [one.field for one in suggest_from([[page] for page in pages]) if one.field.type is FieldType.TABLE]
    assert [column.name for column in table.columns] == ["description", "quantity", "line_total"]


def test_tables_under_unknown_headings_are_found() -> None:
    heads = ("Station", "Level", "Measured")
    page = table_page("Gauges", ("North", "2.75", "3 May 2026"), ("South", "1.50", "4 May 2026"), heads=heads)
    (grid,) = find_grids(Scene([Sheet(page)], [[]], None))
    assert grid.columns == (("Station", Shape.TEXT), ("Level", Shape.AMOUNT), ("Measured", Shape.DATE))
    assert grid.rows == 2


def test_nothing_is_proposed_where_nothing_recurs() -> None:
    assert suggest_from([]) == ()
    assert suggest_from([[written("the sea")], [written("the wind")]]) == ()


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text())
def test_no_example_ends_its_comment(text: str) -> None:
    field = FieldSpec("a", FieldType.TEXT)
    assert parse_fields(suggestions_toml([Suggestion(field, 1, 2, text)]), "any") == (field,)
    assert len(commentable(text)) <= 60


def test_an_example_cannot_reorder_its_line() -> None:
    assert commentable("a\u202eb\n[[field]]\x07c") == "a b [[field]] c"


def test_the_file_says_where_each_field_was_seen() -> None:
    toml = suggestions_toml([Suggestion(FieldSpec("a", FieldType.DATE), 7, 9, "2024-01-31")])
    assert toml.startswith("# in 7 of 9 documents, e.g. 2024-01-31\n[[field]]\n")
    assert fields_toml([FieldSpec("a", FieldType.DATE)]) in toml


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def claims(empty_store: Store, add_document: Callable[..., Document]) -> Store:
    """Three claims, two of them in the collection "claims"."""
    for number, collection in ((4711, "claims"), (4712, "claims"), (4713, "other")):
        text = f"Policy number: P-{number}\nDate of loss: {number - 4700} May 2026\nMileage: {number}"
        add_document(empty_store, f"claim-{number}.pdf", collection, text)
    return empty_store


def test_the_command_prints_a_fields_file(claims: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--store", str(claims.folder), "fields", "suggest"]) == 0
    printed = capsys.readouterr()
    assert {"policy_number", "date_of_loss"} <= {field.name for field in parse_fields(printed.out, "printed")}
    assert "# in 3 of 3 documents, e.g. P-4711" in printed.out
    assert "3 of 3 documents" in printed.err


def test_the_command_writes_a_file_and_never_over_one(claims: Store, tmp_path: Path) -> None:
    file = tmp_path / "fields.toml"
    command = ["--store", str(claims.folder), "fields", "suggest", "--collection", "claims", "--out", str(file)]
    assert main(command) == 0
    written_first = file.read_text()
    assert load_fields(file)
    assert main(command) == 2
    assert file.read_text() == written_first


def test_the_command_says_as_json_how_often_a_field_was_found(
    claims: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--store", str(claims.folder), "fields", "suggest", "--json", "claim-4711.pdf", "claim-4712.pdf"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    loss = found["date_of_loss"]
    assert (loss["type"], loss["documents"], loss["of"], loss["example"]) == ("date", 2, 2, "2026-05-11")


@pytest.mark.parametrize("out", ["fields.txt", "missing/fields.toml"])
def test_a_file_that_cannot_be_written_is_said_first(claims: Store, tmp_path: Path, out: str) -> None:
    assert main(["--store", str(claims.folder), "fields", "suggest", "--out", str(tmp_path / out)]) == 2


def test_documents_in_which_nothing_recurs_are_said_to_be_so(
    empty_store: Store, add_document: Callable[..., Document], capsys: pytest.CaptureFixture[str]
) -> None:
    add_document(empty_store, "poem.pdf", "poems", "the sea the sea")
    assert main(["--store", str(empty_store.folder), "fields", "suggest"]) == 2
    assert "No labels with values recur" in capsys.readouterr().err


def test_documents_that_were_not_read_are_said_to_be_so(empty_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    empty_store.take(io.BytesIO(b"%PDF-1.7 not read yet"), "broken.pdf", "office", 100)
    assert main(["--store", str(empty_store.folder), "fields", "suggest", "broken.pdf"]) == 2
    assert "None of these documents was read" in capsys.readouterr().err
