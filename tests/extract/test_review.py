"""What people say of cells: kept beside what was read, for good, and the truth that confidence is fitted to."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from docqa import cli, evaluate
from docqa.errors import StoreError, UsageError
from docqa.extract import run as extraction
from docqa.extract.calibration import CALIBRATION, calibration_in, load_calibration, save_calibration
from docqa.extract.review import MAX_NOTE, MAX_VALUE, MAX_WHO, accept, correct, looked_at, records_of, refit, withdraw
from docqa.extract.run import carry_on, start_run
from docqa.extract.table import Row, State, run_sheet, run_table
from docqa.readers import NOTHING_SAID, Conversation
from docqa.settings import Settings
from docqa.store import Store
from docqa.store.check import check
from docqa.types import Document, Draft, Evidence, FieldSpec, FieldType, Reading

AddDocument = Callable[..., Document]

TOTAL = FieldSpec("total", FieldType.AMOUNT)
DATE = FieldSpec("date", FieldType.DATE)
NAME = FieldSpec("name", FieldType.TEXT)
ITEMS = FieldSpec("items", FieldType.TABLE, columns=(NAME, TOTAL))
FIELDS = (TOTAL, DATE, NAME, ITEMS)
PAGE = """Alder Ltd
3 May 2026
Screws 5.00
Nails 7.00
12.00"""


class Says:
    """A reader that reads what it is told: field → text, and rows of the items."""

    name = "says"

    def __init__(self) -> None:
        self.version = "says-1"
        self.values = {"total": "12.00", "date": "3 May 2026", "name": "Alder Ltd"}
        self.rows = [("Screws", "5.00"), ("Nails", "7.00")]

    def answer(
        self, question: str, pages: Sequence[Evidence], history: Conversation = NOTHING_SAID
    ) -> Generator[str, None, Draft]:
        raise NotImplementedError

    def fill(self, fields: Sequence[FieldSpec], pages: Sequence[Evidence]) -> list[Reading]:
        plain = [Reading(name, text, 1, text, 0.9) for name, text in self.values.items()]
        return plain + [
            Reading("items", text, 1, text, 0.9, row=number, column=column)
            for number, row in enumerate(self.rows, start=1)
            for column, text in zip(("name", "total"), row, strict=True)
        ]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Says:
    says = Says()
    monkeypatch.setattr(extraction, "open_reader", lambda settings, wanted, embed: says)
    monkeypatch.setattr(extraction, "read_fields", lambda fields, pages: [])
    return says


@pytest.fixture
def doc(empty_store: Store, add_document: AddDocument) -> str:
    return str(add_document(empty_store, "a.pdf", "office", PAGE).doc)


def table(store: Store, fields: Sequence[FieldSpec] = FIELDS) -> list[Row]:
    """The table of a new extraction of everything."""
    run = start_run(store, Settings(), fields, "auto", [one.doc for one in store.catalog.documents()])
    carry_on(store, Settings(), run)
    return run_table(store, run)


# ── saying something ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_person_says_counts_and_what_was_read_stays(empty_store: Store, doc: str, reader: Says) -> None:
    [row] = table(empty_store)
    kept = correct(empty_store, TOTAL, doc, " 1.250,00 € ", " ann\n", "a typing error", beside=row.cells["total"])
    assert (kept.value, kept.read, kept.who, kept.note) == ("1250.00", "12.00", "ann", "a typing error")
    [row] = table(empty_store)
    assert (row.value("total"), row.state("total")) == ("1250.00", State.CORRECTED)
    assert row.cells["total"].value == "12.00"
    assert (row.value("name"), row.state("name")) == ("Alder Ltd", State.UNSEEN)


def test_a_currency_that_a_person_names_counts_instead_of_the_one_that_was_read(
    empty_store: Store, doc: str, reader: Says
) -> None:
    reader.values["total"] = "12.00 USD"
    [row] = table(empty_store)
    assert row.currency("total") == "USD"
    correct(empty_store, TOTAL, doc, "12,00 €", "ann", beside=row.cells["total"])
    [row] = table(empty_store)
    assert (row.value("total"), row.currency("total"), row.state("total")) == ("12.00", "EUR", State.CORRECTED)
    correct(empty_store, TOTAL, doc, "13.00", "ann")
    assert table(empty_store)[0].currency("total") == "USD"
    correct(empty_store, TOTAL, doc, "", "ann")
    assert table(empty_store)[0].currency("total") is None


def test_another_reading_takes_nothing_away(empty_store: Store, doc: str, reader: Says) -> None:
    [row] = table(empty_store)
    accept(empty_store, row.cells["name"], "bob")
    correct(empty_store, DATE, doc, "2026-05-04", "ann")
    assert table(empty_store)[0].state("name") is State.ACCEPTED
    reader.version, reader.values = "says-2", {"total": "12.00", "name": "Screws", "date": "3 May 2026"}
    [row] = table(empty_store)
    assert (row.cells["name"].value, row.value("name"), row.state("name")) == ("Screws", "Alder Ltd", State.CORRECTED)
    assert row.value("date") == "2026-05-04"


def test_the_newest_word_counts_and_all_are_kept(empty_store: Store, doc: str, reader: Says) -> None:
    for value, who in (("1", "ann"), ("", "bob"), ("3", "ann")):
        correct(empty_store, TOTAL, doc, value, who)
    assert table(empty_store)[0].value("total") == "3"
    withdraw(empty_store, doc, "total", "bob")
    assert table(empty_store)[0].value("total") == "12.00"
    history = [(said.value, said.who, said.withdrawn) for said in empty_store.catalog.ledger.corrections(doc)]
    assert history == [("1", "ann", False), (None, "bob", False), ("3", "ann", False), (None, "bob", True)]
    with pytest.raises(UsageError, match="Nothing was said of total"):
        withdraw(empty_store, doc, "total", "bob")


def test_an_empty_value_says_that_the_document_has_none(empty_store: Store, doc: str, reader: Says) -> None:
    correct(empty_store, TOTAL, doc, " ", "ann")
    [row] = table(empty_store)
    assert (row.value("total"), row.state("total")) == (None, State.CORRECTED)
    reader.values, reader.version = {}, "says-2"
    [row] = table(empty_store)
    assert row.state("total") is State.ACCEPTED  # the machine found nothing either
    assert row.state("name") is State.EMPTY


@pytest.mark.parametrize(
    ("field", "text", "what"),
    [
        (TOTAL, "about five", "is not one number"),
        (DATE, "03/04/2026", "may be two different dates"),
        (DATE, "soon", "is not one complete date"),
        (FieldSpec("kind", FieldType.CHOICE, choices=("a", "b")), "c", "none of a, b"),
        (FieldSpec("kind", FieldType.CHOICE, choices=("paid", "open")), "not paid", "none of paid, open"),
        (FieldSpec("code", FieldType.TEXT, pattern="[A-Z]+"), "12", "does not match"),
        (NAME, "x" * (MAX_VALUE + 1), "more than 10,000 characters"),
    ],
)
def test_what_does_not_fit_the_field_is_refused(
    empty_store: Store, doc: str, field: FieldSpec, text: str, what: str
) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        correct(empty_store, field, doc, text, "ann")
    assert caught.value.hint
    assert empty_store.catalog.ledger.corrections() == []


@pytest.mark.parametrize(
    ("who", "note"), [(" ", ""), ("x" * (MAX_WHO + 1), ""), ("ann", "x" * (MAX_NOTE + 1)), ("\udcff", "")]
)
def test_somebody_has_to_say_it(empty_store: Store, doc: str, who: str, note: str) -> None:
    with pytest.raises(UsageError, match="Nobody|too long|half a character"):
        correct(empty_store, NAME, doc, "x", who, note)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def values(row: Row) -> list[tuple[str | None, str | None]]:
    return [(row.value("items", n, "name"), row.value("items", n, "total")) for n in row.rows(ITEMS)]


def test_cells_of_a_table_are_corrected_rows_added_and_struck_out(empty_store: Store, doc: str, reader: Says) -> None:
    cell = table(empty_store)[0].cells["items"]
    correct(empty_store, ITEMS, doc, "7.50", "ann", row=2, column="total", beside=cell)
    correct(empty_store, ITEMS, doc, "Bolts", "ann", row=3, column="name", beside=cell)
    accept(empty_store, cell, "ann", row=2, column="name")
    [row] = table(empty_store)
    assert values(row) == [("Screws", "5.00"), ("Nails", "7.50"), ("Bolts", None)]
    states = [row.state("items", *place) for place in ((1, "total"), (2, "total"), (2, "name"), (3, "name"))]
    assert states == [State.UNSEEN, State.CORRECTED, State.ACCEPTED, State.CORRECTED]
    assert row.state("items") is State.CORRECTED
    correct(empty_store, ITEMS, doc, "", "ann", row=1, beside=cell)
    assert values(table(empty_store)[0]) == [("Nails", "7.50"), ("Bolts", None)]


def test_a_row_is_added_behind_the_last_and_none_between(empty_store: Store, doc: str, reader: Says) -> None:
    cell = table(empty_store)[0].cells["items"]
    with pytest.raises(UsageError, match="items has 2 rows"):
        correct(empty_store, ITEMS, doc, "7.50", "ann", row=4, column="total", beside=cell)
    for row, name in ((3, "Bolts"), (4, "Nuts")):
        correct(empty_store, ITEMS, doc, name, "ann", row=row, column="name", beside=cell)
    withdraw(empty_store, doc, "items", "ann", row=3, column="name")
    assert [name for name, _ in values(table(empty_store)[0])] == ["Screws", "Nails", "Nuts"]


def test_a_correction_never_moves_to_another_row(empty_store: Store, doc: str, reader: Says) -> None:
    cell = table(empty_store)[0].cells["items"]
    correct(empty_store, ITEMS, doc, "7.50", "ann", row=2, column="total", beside=cell)
    correct(empty_store, ITEMS, doc, "", "ann", row=1, beside=cell)
    reader.rows, reader.version = [("Nails", "7.00"), ("Screws", "5.00")], "says-2"
    [row] = table(empty_store)
    assert values(row) == [("Nails", "7.00"), ("Screws", "5.00")]
    assert len(row.displaced_in("items")) == 2 and row.state("items") is State.DOUBTFUL
    reader.rows, reader.version = [("Screws", "5.00"), ("Nails", "7.00")], "says-3"
    assert values(table(empty_store)[0]) == [("Nails", "7.50")]


@pytest.mark.parametrize(
    ("field", "place", "what"),
    [
        (ITEMS, {}, "is a table"),
        (ITEMS, {"row": 1}, "whole row has no value"),
        (ITEMS, {"row": 1, "column": "price"}, "no column 'price'"),
        (TOTAL, {"row": 1}, "is no table"),
    ],
)
def test_a_table_is_corrected_cell_by_cell(
    empty_store: Store, doc: str, field: FieldSpec, place: dict[str, object], what: str
) -> None:
    with pytest.raises(UsageError, match=what):
        correct(empty_store, field, doc, "5", "ann", **place)  # type: ignore[arg-type]


# ── for good ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_that_was_said_can_be_changed_or_removed(empty_store: Store, doc: str) -> None:
    correct(empty_store, NAME, doc, "x", "ann")
    database = empty_store.catalog._database
    for statement in ("DELETE FROM corrections", "UPDATE corrections SET value = 'y'"):
        with pytest.raises(StoreError, match="a correction is never"), database.write() as sql:
            sql.execute(statement)
    assert [said.value for said in empty_store.catalog.ledger.corrections()] == ["x"]
    assert list(check(empty_store, read_data=False)) == []
    with database.write() as sql:
        sql.execute("DROP TRIGGER corrections_stay")
        sql.execute("DELETE FROM corrections")
    assert [(one.code, one.repairable) for one in check(empty_store, read_data=False)] == [("corrections_lost", False)]


def test_what_was_said_of_a_withdrawn_document_stays(empty_store: Store, doc: str, reader: Says) -> None:
    correct(empty_store, NAME, doc, "x", "ann")
    with empty_store.catalog._database.write() as sql:  # as `docqa watch` does when a file is gone
        sql.execute("DELETE FROM labels WHERE doc = ?", (doc,))
        sql.execute("INSERT INTO withdrawn VALUES (?)", (doc,))
    assert [said.value for said in empty_store.catalog.ledger.corrections(doc)] == ["x"]
    assert "correct" not in " ".join(one.code for one in check(empty_store, read_data=False))
    assert cli.main(["--store", str(empty_store.folder), "corrections"]) == 0


def test_corrections_of_a_withdrawn_document_are_found_by_the_beginning_of_its_id(
    empty_store: Store, doc: str, reader: Says, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = (str(number).encode() for number in range(999))
    other = next(number for number in numbers if hashlib.sha256(number).hexdigest()[0] == doc[0])
    (tmp_path / "empty").mkdir()
    others = [empty_store.take(io.BytesIO(content), "c.pdf", "c", 99).document.doc for content in (other, b"stays")]
    correct(empty_store, NAME, doc, "x", "ann")
    correct(empty_store, NAME, others[1], "y", "ann")
    with empty_store.catalog._database.write() as sql:
        sql.executemany("DELETE FROM labels WHERE doc = ?", [(doc,), (others[0],)])

    def corrections(name: object) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.main(["--store", str(empty_store.folder), "corrections", str(name)])
        return code, "".join(capsys.readouterr())

    for beginning in (doc[:12], doc):
        code, printed = corrections(beginning)
        assert (code, len(printed.splitlines())) == (0, 1)
        assert f"{doc[:12]} (withdrawn), {NAME.name}: “x”" in printed
    for name, what in (
        (doc[0], "Several documents"),
        ("a.pdf", "no document 'a.pdf'"),
        (tmp_path / "empty", "is in the store"),
    ):
        code, printed = corrections(name)
        assert (code, what in printed) == (2, True)


# ── the truth ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_people_said_is_what_fields_are_measured_against(empty_store: Store, doc: str, reader: Says) -> None:
    [row] = table(empty_store)
    correct(empty_store, TOTAL, doc, "13", "ann", beside=row.cells["total"])
    accept(empty_store, row.cells["name"], "ann")
    correct(empty_store, DATE, doc, "", "ann")
    [record] = records_of(empty_store, [TOTAL, NAME, ITEMS])
    assert (record.doc, record.fields) == (doc, {"total": "13", "name": "Alder Ltd"})
    report = evaluate.evaluate_fields(empty_store, Settings(), [TOTAL, NAME], [record], "auto")
    assert (report["n"], report["accuracy"]) == (2, 0.5)
    assert sorted((one.field, one.right) for one in looked_at(empty_store)) == [
        ("date", False),
        ("name", True),
        ("total", False),
    ]


def test_a_table_is_right_if_it_was_accepted_as_a_whole(empty_store: Store, doc: str, reader: Says) -> None:
    cell = table(empty_store)[0].cells["items"]
    accept(empty_store, cell, "ann", row=1, column="name")
    alone = ("items.name", True)
    assert judged(empty_store) == [alone]  # of the other cells nobody knows
    accept(empty_store, cell, "ann")
    assert judged(empty_store) == [("items", True), alone]
    correct(empty_store, ITEMS, doc, "8", "ann", row=2, column="total", beside=cell)
    assert judged(empty_store) == [("items", False), alone, ("items.total", False)]
    assert all(one.cell is not None and one.cell.signs for one in looked_at(empty_store))


def judged(store: Store) -> list[tuple[str, bool]]:
    return [(one.field, one.right) for one in looked_at(store)]


@pytest.fixture
def reviewed_store(
    empty_store: Store, add_document: AddDocument, reader: Says, monkeypatch: pytest.MonkeyPatch
) -> Store:
    """Eight documents; people found every total wrong and every name right."""
    monkeypatch.setattr(evaluate, "FEWEST_CELLS", 3)
    for number in range(8):
        add_document(empty_store, f"{number}.pdf", "c", PAGE + f"\n{number}")
    for row in table(empty_store, (TOTAL, NAME)):
        correct(empty_store, TOTAL, row.document.doc, "13", "ann", beside=row.cells["total"])
        accept(empty_store, row.cells["name"], "bob")
    return empty_store


def test_confidence_is_fitted_to_what_people_said_and_rates_the_cells_that_are_there(reviewed_store: Store) -> None:
    before = table(reviewed_store, (TOTAL, NAME))[0].cells["total"].confidence
    fit = refit(reviewed_store)
    assert fit.refused is None and fit.cells + fit.before["cells"] == 16
    assert fit.after["brier"] < fit.before["brier"]
    assert fit.after["calibration_error"] < fit.before["calibration_error"]
    assert "need no look" in fit.sentence
    own = calibration_in(reviewed_store.folder)
    assert "8 documents that ann, bob looked at" in own.fitted_on and "SROIE" in own.fitted_on
    assert own.measured == fit.after
    [row, *_] = run_table(reviewed_store, 1)  # filled before the fit, and rated by it
    assert before is not None and row.cells["total"].confidence is not None
    assert row.cells["total"].confidence < before
    again = refit(reviewed_store)  # from the shipped weights, not on top of itself
    assert again.calibration.weights == fit.calibration.weights


def test_a_fit_that_is_worse_or_has_too_little_is_not_kept(
    reviewed_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ideal = replace(refit(reviewed_store, save=False).calibration, fitted_on="ideal", measured={})
    ideal = replace(ideal, weights={**ideal.weights, "is amount": -9.0, "is name": 5.0})
    save_calibration(ideal, reviewed_store.folder / CALIBRATION)
    fit = refit(reviewed_store)
    assert fit.refused is not None and "worse on the half held back" in fit.refused
    assert load_calibration(reviewed_store.folder / CALIBRATION).fitted_on == "ideal"
    monkeypatch.setattr(evaluate, "FEWEST_CELLS", 1000)
    refused = refit(reviewed_store).refused
    assert refused is not None and "too few cells" in refused and "1000 of each" in refused


def test_a_run_sheet_says_what_it_was(empty_store: Store, doc: str, reader: Says) -> None:
    rows = table(empty_store)
    sheet = run_sheet(empty_store.catalog.ledger.runs(1)[0], rows)
    assert (sheet.run, sheet.version, sheet.model, sheet.collection) == (1, "says-1", None, "office")
    assert (sheet.documents, sheet.failed, sheet.unfinished, sheet.withdrawn) == (1, (), 0, 0)


def test_documents_that_were_withdrawn_are_counted(
    empty_store: Store, doc: str, reader: Says, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(empty_store)
    with empty_store.catalog._database.write() as sql:
        sql.execute("DELETE FROM labels")
        sql.execute("INSERT INTO withdrawn VALUES (?)", (doc,))
    assert cli.main(["--store", str(empty_store.folder), "export", "1", "--out", str(tmp_path / "a.xlsx")]) == 0
    assert "0 documents failed, 1 withdrawn since: " in capsys.readouterr().out
    facts = {line[0]: line[1] for line in openpyxl.load_workbook(tmp_path / "a.xlsx")["Run"].values}
    assert (facts["documents"], facts["withdrawn since"]) == ("0", "1")


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_commands(
    empty_store: Store, doc: str, reader: Says, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def docqa(*arguments: object) -> int:
        return cli.main(["--store", str(empty_store.folder), *map(str, arguments)])

    fields = tmp_path / "fields.toml"
    fields.write_text('[[field]]\nname = "total"\ntype = "amount"\n[[field]]\nname = "name"\ntype = "text"\n')
    assert docqa("extract", "--fields", fields, "--out", tmp_path / "a.csv", "--delimiter", "semicolon", "--bom") == 0
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfdocument;doc;")
    assert docqa("correct", "a.pdf", "total", "-1.250,00", "--run", 1, "--who", "ann", "--note", "credit") == 0
    assert docqa("correct", doc[:8], "name", "--accept", "--fields", fields, "--who", "bob") == 0
    assert docqa("correct", "a.pdf", "total", "--withdraw", "--who", "bob") == 0
    assert docqa("correct", "a.pdf", "total", "13", "--who", "ann") == 0
    assert docqa("export", 1, "--out", tmp_path / "b.csv", "--decimal", "comma") == 0
    [line] = csv.DictReader((tmp_path / "b.csv").read_text(encoding="utf-8").splitlines())
    assert (line["total"], line["total.machine"], line["name.state"]) == ("13", "12,00", "accepted")
    assert docqa("export", 1, "--out", tmp_path / "b.xlsx") == 0
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx")["Documents"]
    assert sheet["C2"].hyperlink.target.startswith("http://127.0.0.1:8501/extract?run=1&doc=")
    assert docqa("export", 1, "--out", tmp_path / "b.json", "--address", "") == 0
    assert json.loads((tmp_path / "b.json").read_text())["documents"][0]["cells"]["total"]["value"] == "13"
    capsys.readouterr()
    assert docqa("corrections", "a.pdf", "--json") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["who"], one["value"], one["withdrawn"]) for one in said] == [
        ("ann", "-1250.00", False), ("bob", "Alder Ltd", False), ("bob", None, True), ("ann", "13", False),
    ]  # fmt: skip
    assert docqa("corrections") == 0
    assert "ann: a.pdf, total: “-1250.00” (the machine read “12.00”) — credit" in capsys.readouterr().out
    assert docqa("eval", "fields", "--corrections", "--fields", fields) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["n"], report["per_field"]["total"]["accuracy"], report["per_field"]["name"]["accuracy"]) == (2, 0, 1)
    assert docqa("calibrate") == 2
    assert "too few cells" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["correct", "a.pdf", "total"], "What is to be said"),
        (["correct", "a.pdf", "total", "5", "--accept"], "What is to be said"),
        (["correct", "a.pdf", "colour", "red"], "No extraction has read a field colour"),
        (["correct", "a.pdf", "colour", "red", "--run", "1"], "Extraction 1 has no field colour"),
        (["correct", "a.pdf", "total", "5", "--run", "9"], "There is no extraction 9"),
        (["correct", "b.pdf", "total", "5"], "There is no document 'b.pdf'"),
        (["export", "9", "--out", "x.csv"], "There is no extraction 9"),
        (["export", "1", "--out", "x.txt"], "x.txt cannot be written"),
        (["export", "1", "--out", "x.xlsx", "--address", "nowhere"], "'nowhere' is no address"),
    ],
)
def test_what_cannot_be_said_is_a_sentence(
    empty_store: Store, doc: str, reader: Says, arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table(empty_store)
    assert cli.main(["--store", str(empty_store.folder), *arguments]) == 2
    assert what in capsys.readouterr().err
