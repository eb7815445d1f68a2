"""The extract screen in Streamlit's own test harness: choosing fields, the table, and what a person says of a cell."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import in_harness
import pandas as pd
import pytest
from in_harness import checked, texts
from small_store import add_document, add_failed
from streamlit.testing.v1 import AppTest

from docqa.errors import BadFieldsFile
from docqa.extract.fields import field_key, fields_json, load_fields, parse_fields, presets
from docqa.extract.review import correct
from docqa.extract.run import run_fields
from docqa.extract.table import Row, State, run_table
from docqa.store import Store
from docqa.types import Cell, Document, FieldSpec, FieldType, Problem
from ui.screens import extract, review
from ui.screens.fieldtable import fields_of, table_of
from ui.screens.tolook import Place, look_at, next_place, sure_sentence, to_look

BOX = (0.1, 0.2, 0.3, 0.25)
TEXTS = [FieldSpec(name, FieldType.TEXT) for name in ("total", "due", "supplier")]
ITEMS = FieldSpec(
    "items",
    FieldType.TABLE,
    columns=(FieldSpec("what", FieldType.TEXT), FieldSpec("price", FieldType.AMOUNT)),
)


def _extract() -> None:
    from ui.screens import extract

    extract.show()


run = partial(in_harness.run, _extract)


def captions(at: AppTest) -> str:
    return "\n".join(caption.value for caption in at.caption)


def make_run(store: Store, document: Document, finished: bool = True) -> tuple[int, dict[str, Cell]]:
    """A run over one document: a value, a value that failed its check, and nothing where something is required."""
    number = store.catalog.ledger.start_run(fields_json(TEXTS), "quote", "quote-1", [document.doc])
    total = Cell(document.doc, "total", "1190.00", "1,190.00", 1, "Total 1,190.00", (BOX,), 1.0, "quote")
    late = Problem("bad_value", "Not a date.", "Look at the page.")
    missing = Problem("missing", "supplier was not found, and it is required.", "Look.")
    cells = {
        "total": replace(total, confidence=0.97),
        "due": replace(total, field="due", value=None, text="soon", problem=late),
        "supplier": Cell(document.doc, "supplier", None, None, None, None, reader="quote", problem=missing),
    }
    if finished:
        keyed = [(field_key(field, "quote-1"), cells[field.name]) for field in TEXTS]
        store.catalog.ledger.finish_run_document(number, document.doc, keyed)
    return number, cells


def make_table_run(store: Store, document: Document) -> int:
    """A run with a table of two rows, sure as a whole."""
    number = store.catalog.ledger.start_run(fields_json([ITEMS]), "quote", "quote-1", [document.doc])

    def inside(name: str, value: str) -> Cell:
        return Cell(document.doc, name, value, value, 1, f"Lamp {value}", (BOX,), 0.8, "quote")

    rows = tuple((inside("what", what), inside("price", price)) for what, price in (("Lamp", "5.00"), ("Rug", "7.00")))
    table = Cell(document.doc, "items", "2", "2", 1, "", (BOX,), 0.8, "quote", confidence=0.95, rows=rows)
    store.catalog.ledger.finish_run_document(number, document.doc, [(field_key(ITEMS, "quote-1"), table)])
    return number


class TestNewExtraction:
    def test_an_empty_store_says_what_to_do_first(self, store: Store) -> None:
        at = run()
        assert "Upload some documents first" in texts(at)
        assert at.button(key="start").disabled
        assert at.button(key="suggest").disabled

    def test_a_preset_can_be_started_with_its_table(self, store: Store, invoice: Document) -> None:
        at = run()
        checked(at.segmented_control(key="preset").set_value("Invoice").run())
        assert at.button(key="start").label == "Extract from 1 document"
        checked(at.button(key="start").click().run())
        (started,) = store.catalog.ledger.runs()
        assert started.reader == "quote"
        assert [document.doc for document, _ in store.catalog.ledger.run_documents(started.run)] == [invoice.doc]
        assert run_fields(started) == load_fields(presets()["invoice"])
        assert at.query_params["run"] == str(started.run)
        assert at.button(key="cancel")

    def test_documents_that_failed_are_in_the_table_and_others_can_be_left_out(
        self, store: Store, invoice: Document
    ) -> None:
        failed = add_failed(store, "broken.pdf", "invoices")
        store.take(io.BytesIO(b"being read"), "new.pdf", "invoices", 100)
        at = run()
        assert at.button(key="start").label == "Extract from 2 documents"
        assert "1 document could not be read: the table names them without values." in captions(at)
        assert "1 document is still being read and left out." in captions(at)
        checked(at.multiselect(key="extract_documents_invoices").set_value([failed.doc]).run())
        checked(at.button(key="start").click().run())
        (started,) = store.catalog.ledger.runs()
        assert store.catalog.ledger.run_docs(started.run) == {failed.doc}

    def test_a_fields_file_is_chosen_like_a_preset(self, store: Store, invoice: Document) -> None:
        at = run()
        own = ("fields.toml", b"[[field]]\nname = 'colour'\n", "application/toml")
        checked(at.file_uploader[0].set_value(own).run())
        assert at.segmented_control(key="preset").value == "Fields file"
        checked(at.segmented_control(key="preset").set_value("Receipt").run())
        checked(at.button(key="start").click().run())
        (started,) = store.catalog.ledger.runs()
        assert run_fields(started) == load_fields(presets()["receipt"])

    def test_an_extraction_that_is_not_there_is_said_to_be_so(self, store: Store, invoice: Document) -> None:
        assert "There is no extraction 99 here." in run(run="99").warning[0].value

    def test_fields_are_suggested_from_the_documents(self, store: Store) -> None:
        for number, day in ((4711, 3), (4712, 4), (4713, 5)):
            lines = (f"Policy number: P{number}", f"Date of loss: {day} May 2026", "Signed by: Ana Perez")
            add_document(store, f"claim-{number}.pdf", "claims", lines)
        at = run()
        checked(at.button(key="suggest").click().run())
        assert at.segmented_control(key="preset").value == "Suggested"
        checked(at.button(key="start").click().run())
        started = {field.name: field.type for field in run_fields(store.catalog.ledger.runs()[0])}
        assert started["policy_number"] is FieldType.TEXT
        assert started["date_of_loss"] is FieldType.DATE

    def test_documents_in_which_nothing_recurs_are_said_to_be_so(self, store: Store) -> None:
        add_document(store, "poem.pdf", "poems", ("the sea the sea",))
        at = run()
        checked(at.button(key="suggest").click().run())
        assert "No labels with values recur" in texts(at)


class TestEditor:
    @pytest.mark.parametrize("name", sorted(presets()))
    def test_presets_survive_the_editor(self, name: str) -> None:
        fields = load_fields(presets()[name])
        columns = {field.name: table_of(field.columns) for field in fields if field.columns}
        assert fields_of(table_of(fields), columns) == fields

    def test_patterns_and_choices_survive_the_editor(self) -> None:
        fields = (
            FieldSpec("a", FieldType.TEXT, "x", True, (), r"\d+"),
            FieldSpec("b", FieldType.CHOICE, "", False, ("p", "q")),
        )
        assert fields_of(table_of(fields)) == fields

    def test_an_empty_row_of_the_editor_is_no_field(self) -> None:
        table = table_of((FieldSpec("a", FieldType.TEXT),)).astype("object")
        table.loc[1] = [None, None, None, None, None, None]
        assert [field.name for field in fields_of(table)] == ["a"]

    def test_a_name_with_blanks_is_made_one_that_can_be_used(self) -> None:
        table = table_of((FieldSpec("Due date", FieldType.DATE), FieldSpec("Lines", FieldType.TABLE)))
        lines = table_of((FieldSpec("Unit price", FieldType.AMOUNT, "for one"),))
        assert fields_of(table, {"Lines": lines}) == (
            FieldSpec("due_date", FieldType.DATE, "Due date"),
            FieldSpec("Lines", FieldType.TABLE, columns=(FieldSpec("unit_price", FieldType.AMOUNT, "for one"),)),
        )

    def test_a_table_without_columns_is_refused(self) -> None:
        table = pd.DataFrame([{"name": "t", "type": "table"}], columns=["name", "type", *table_of(()).columns[2:]])
        with pytest.raises(BadFieldsFile):
            fields_of(table)


class TestRun:
    def test_a_run_can_be_cancelled(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice, finished=False)
        at = run(run=str(number))
        checked(at.button(key="cancel").click().run())
        assert store.catalog.ledger.runs(number)[0].cancelled
        assert "cancelled" in captions(at)
        checked(at.button(key="go_on").click().run())
        assert not store.catalog.ledger.runs(number)[0].cancelled
        assert at.button(key="cancel")

    def test_a_finished_run_is_a_table_with_downloads(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = run(run=str(number))
        assert at.dataframe[0].value.to_dict("records") == [
            {"Document": "invoice.pdf", "total": "1190.00", "due": "soon", "supplier": "not found"}
        ]
        assert [link.proto.url for link in at.get("link_button")] == [
            f"/runs/{number}.{suffix}" for suffix in ("xlsx", "csv", "csv?columns=semicolon", "json")
        ]
        assert "1 of 3 values are sure enough at 90%; the rest needs a look." in texts(at)

    def test_earlier_runs_are_listed(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = run()
        checked(at.button(key=f"run_{number}").click().run())
        assert at.dataframe

    def test_a_link_of_a_workbook_leads_to_its_cell(self, store: Store, invoice: Document) -> None:
        number, cells = make_run(store, invoice)
        at = run(run=str(number), doc=invoice.doc, field="total")
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "total")
        assert at.text_input[0].value == cells["total"].value
        assert dict(at.query_params) == {"run": str(number)}  # a click on another cell counts from now on
        checked(run(run=str(number), doc="elsewhere", field="total", row="x"))  # a link into another store

    def test_failed_documents_are_named_and_can_be_tried_again(self, store: Store, invoice: Document) -> None:
        fields = fields_json(TEXTS)
        number = store.catalog.ledger.start_run(fields, "quote", "quote-1", [invoice.doc])
        problem = Problem("model_timeout", "The server took too long.", "Try again.")
        store.catalog.ledger.fail_run_document(number, invoice.doc, problem, final=True)
        at = run(run=str(number))
        assert "invoice.pdf: The server took too long. Try again." in texts(at)
        checked(at.button(key="retry").click().run())
        [again] = store.catalog.ledger.runs()
        assert (again.run, again.failed) == (number, 0)
        assert store.catalog.ledger.run_pending(number) == [invoice.doc]

    def test_the_table_can_be_narrowed_to_what_needs_a_look(self, store: Store, invoice: Document) -> None:
        number, cells = make_run(store, invoice)
        other = add_document(store, "fine.pdf", "invoices", ("Total 7.00",))
        store.catalog.ledger.finish_run_document(number, other.doc, [])
        at = run(run=str(number))
        checked(at.segmented_control(key=f"show_{number}").set_value("To look at").run())
        assert list(at.dataframe[0].value["Document"]) == ["invoice.pdf"]
        assert cells

    def test_it_says_what_a_run_waits_for(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice, finished=False)
        at = AppTest.from_function(_extract, default_timeout=20)
        at.query_params["run"] = str(number)
        at.session_state[f"pace_{number}"] = [(time.monotonic() - 10, 0)]
        checked(at.run())
        assert "then it goes on here" not in captions(at)
        store.take(io.BytesIO(b"being read"), "new.pdf", "invoices", 100)
        assert "first; then it goes on here" in captions(checked(at.run()))

    @pytest.mark.parametrize(
        ("done", "seconds", "left", "words"),
        [
            (0, 10, 5, ""),
            (10, 60, 100, " · 10 documents a minute · about 10 minutes left"),
            (60, 60, 3, " · 60 documents a minute · less than a minute left"),
            (1, 60, 120, " · 1 documents a minute · about 2.0 hours left"),
        ],
    )
    def test_the_pace_is_told_in_words(self, done: int, seconds: float, left: int, words: str) -> None:
        assert extract.pace_words(done, seconds, left) == words


class TestReview:
    def open(self, number: int, place: Place) -> AppTest:
        at = AppTest.from_function(_extract, default_timeout=20)
        at.query_params["run"] = str(number)
        at.session_state[f"look_{number}"] = place
        return checked(at.run())

    def test_accepting_keeps_who_and_leads_to_the_next(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = run(run=str(number))
        checked(at.button(key="look").click().run())
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "due")
        assert at.text_input[0].value == "soon"
        assert "Not a date. Look at the page." in texts(at)
        checked(at.button(key=f"absent_{number}").click().run())
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "supplier")
        at.text_input[0].set_value("Alder Ltd")
        checked(at.button(key=f"accept_{number}").click().run())
        assert f"look_{number}" not in at.session_state
        (row,) = run_table(store, number)
        assert (row.state("due"), row.value("due")) == (State.ACCEPTED, None)
        assert (row.state("supplier"), row.value("supplier")) == (State.CORRECTED, "Alder Ltd")
        assert {said.who for said in store.catalog.ledger.corrections()} == {"browser"}
        assert at.dataframe[0].value.to_dict("records")[0]["supplier"] == "Alder Ltd"

    def test_a_value_that_is_right_is_accepted_as_read(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "total"))
        checked(at.button(key=f"accept_{number}").click().run())
        (row,) = run_table(store, number)
        assert (row.state("total"), row.value("total")) == (State.ACCEPTED, "1190.00")

    def test_what_was_said_can_be_taken_back(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "total"))
        at.text_input[0].set_value("1191.00")
        checked(at.button(key=f"accept_{number}").click().run())
        at = self.open(number, Place(invoice.doc, "total"))
        assert "The machine read “1190.00”." in texts(at)
        assert "Corrected here, " in captions(at)
        checked(at.button(key=f"undo_{number}").click().run())
        assert at.text_input[0].value == "1190.00"
        assert not any(button.key == f"undo_{number}" for button in at.button)

    def test_what_another_window_said_meanwhile_is_shown_and_not_overruled(
        self, store: Store, invoice: Document
    ) -> None:
        number, cells = make_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "total"))
        correct(store, TEXTS[0], invoice.doc, "1191.00", "Ana", beside=cells["total"])
        checked(at.button(key=f"accept_{number}").click().run())
        assert run_table(store, number)[0].value("total") == "1191.00"
        assert "Meanwhile Ana said of this cell" in texts(at)
        assert "it is “1191.00”" in texts(at)
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "total")
        assert at.text_input[0].value == "1191.00"
        at.text_input[0].set_value("1192.00")
        checked(at.button(key=f"accept_{number}").click().run())
        assert run_table(store, number)[0].value("total") == "1192.00"

    def test_a_row_that_was_struck_out_meanwhile_takes_no_correction(self, store: Store, invoice: Document) -> None:
        number = make_table_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "items", 2, "price"))
        correct(store, ITEMS, invoice.doc, "", "Ana", row=2, beside=run_table(store, number)[0].cells["items"])
        at.text_input[0].set_value("8.00")
        checked(at.button(key=f"accept_{number}").click().run())
        assert {said.column for said in store.catalog.ledger.corrections()} == {""}

    def test_the_currency_of_an_amount_is_shown_and_corrected_with_it(self, store: Store, invoice: Document) -> None:
        total = FieldSpec("total", FieldType.AMOUNT)
        number = store.catalog.ledger.start_run(fields_json([total]), "quote", "quote-1", [invoice.doc])
        cell = Cell(
            invoice.doc, "total", "1190.00", "$ 1,190", 1, "Total $ 1,190", (BOX,), 1.0, "quote", currency="USD"
        )
        store.catalog.ledger.finish_run_document(number, invoice.doc, [(field_key(total, "quote-1"), cell)])
        at = self.open(number, Place(invoice.doc, "total"))
        assert at.dataframe[0].value.to_dict("records")[0]["total"] == "1190.00 USD"
        at.text_input[0].set_value("1190.00 EUR")
        checked(at.button(key=f"accept_{number}").click().run())
        (row,) = run_table(store, number)
        assert (row.value("total"), row.currency("total"), row.state("total")) == ("1190.00", "EUR", State.CORRECTED)
        at = self.open(number, Place(invoice.doc, "total"))
        assert "The machine read “1190.00 USD”." in texts(at)
        at.text_input[0].set_value("1190.00 USD")
        checked(at.button(key=f"accept_{number}").click().run())
        assert run_table(store, number)[0].state("total") is State.ACCEPTED

    def test_rows_are_added_and_those_struck_out_brought_back(self, store: Store, invoice: Document) -> None:
        number = make_table_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "items"))
        checked(at.button(key="add_row").click().run())
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "items", 3, "what")
        assert not any(button.key == f"strike_{number}" for button in at.button)
        checked(at.button(key=f"accept_{number}").click().run())
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "items")
        assert run_table(store, number)[0].rows(ITEMS) == [1, 2]  # nothing was typed, nothing is added
        checked(at.button(key="add_row").click().run())
        at.text_input[0].set_value("Clock")
        checked(at.button(key=f"accept_{number}").click().run())
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "items", 3, "price")
        at.text_input[0].set_value("9.00")
        checked(at.button(key=f"accept_{number}").click().run())
        assert at.session_state[f"look_{number}"] == Place(invoice.doc, "items")
        at = self.open(number, Place(invoice.doc, "items", 1, "what"))
        checked(at.button(key=f"strike_{number}").click().run())
        assert run_table(store, number)[0].rows(ITEMS) == [2, 3]
        checked(at.button(key="bring_back").click().run())
        (row,) = run_table(store, number)
        assert (row.rows(ITEMS), row.value("items", 3, "what")) == ([1, 2, 3], "Clock")

    def test_where_a_cell_is_gone_the_way_to_the_others_stays(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "nothing"))
        assert at.button(key="look").label == "Look at 2 values"

    @pytest.mark.parametrize("place", [(9, "what"), (1, "nothing"), (0, "what")])
    def test_a_cell_that_is_not_there_cannot_be_opened(
        self, store: Store, invoice: Document, place: tuple[int, str]
    ) -> None:
        rows = run_table(store, make_table_run(store, invoice))
        assert look_at(Place(invoice.doc, "items", *place), [ITEMS], rows) is None

    def test_a_value_that_does_not_fit_says_why(self, store: Store, invoice: Document) -> None:
        number = make_table_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "items", 1, "price"))
        at.text_input[0].set_value("dear")
        checked(at.button(key=f"accept_{number}").click().run())
        assert "is not one number" in texts(at)
        assert store.catalog.ledger.corrections() == []
        assert at.text_input[0].value == "dear"

    def test_cells_of_a_table_are_corrected_one_by_one(self, store: Store, invoice: Document) -> None:
        number = make_table_run(store, invoice)
        at = self.open(number, Place(invoice.doc, "items"))
        assert not at.text_input
        assert at.dataframe[0].value.to_dict("records")[1] == {"Row": "2", "what": "Rug", "price": "7.00"}
        at = self.open(number, Place(invoice.doc, "items", 2, "price"))
        at.text_input[0].set_value("8.00")
        checked(at.button(key=f"accept_{number}").click().run())
        (row,) = run_table(store, number)
        assert row.value("items", 2, "price") == "8.00"
        at = self.open(number, Place(invoice.doc, "items", 1, "what"))
        checked(at.button(key=f"strike_{number}").click().run())
        (row,) = run_table(store, number)
        assert row.rows(ITEMS) == [2]

    def test_a_document_without_a_field_opens_at_its_first_page(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        at = self.open(number, Place(invoice.doc))
        assert not at.text_input
        assert len(at.columns) == 2

    def test_a_cell_of_a_document_that_failed_says_why(self, store: Store) -> None:
        failed = add_failed(store, "broken.pdf", "invoices")
        number = store.catalog.ledger.start_run(fields_json(TEXTS), "quote", "quote-1", [failed.doc])
        problem = Problem("damaged_file", "The content is damaged.", "Copy it again.")
        store.catalog.ledger.fail_run_document(number, failed.doc, problem, final=True)
        at = self.open(number, Place(failed.doc, "total"))
        assert "The content is damaged. Copy it again." in texts(at)

    def test_a_long_value_can_be_read_whole(self, store: Store, invoice: Document) -> None:
        number, cells = make_run(store, invoice, finished=False)
        names = "; ".join(f"Company {n} of Wexhaven Limited" for n in range(9))
        keyed = [(field_key(TEXTS[0], "quote-1"), replace(cells["total"], value=names))]
        store.catalog.ledger.finish_run_document(number, invoice.doc, keyed)
        at = self.open(number, Place(invoice.doc, "total"))
        assert at.text_area[0].value == names
        at.text_area[0].set_value(f"{names}; Alder Ltd")
        checked(at.button(key=f"accept_{number}").click().run())
        assert run_table(store, number)[0].value("total") == f"{names}; Alder Ltd"

    def test_the_page_is_shown_with_its_box(self, store: Store, invoice: Document) -> None:
        number, cells = make_run(store, invoice)
        rows = run_table(store, number)
        total = look_at(Place(invoice.doc, "total"), TEXTS, rows)
        nothing = look_at(Place(invoice.doc, "supplier"), TEXTS, rows)
        assert total is not None and nothing is not None
        shown = review._proof(total)
        assert (shown.page, shown.boxes, shown.verified) == (1, cells["total"].boxes, True)
        assert review._proof(nothing).note == "Nothing was found for this field."
        assert review.said_of(total) == "97% sure, nobody has looked"
        assert shown.note == ""
        correct(store, TEXTS[0], invoice.doc, "1191.00", "ann")
        corrected = look_at(Place(invoice.doc, "total"), TEXTS, run_table(store, number))
        assert corrected is not None
        assert review._proof(corrected).note == "This is where the machine read its own value."

    def test_the_person_who_is_logged_in_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(review.st, "user", {"name": "Ana"})
        assert review.who() == "Ana"


class TestToLook:
    def test_the_order_is_that_of_the_table_and_begins_again(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        rows = run_table(store, number)
        due, supplier = Place(invoice.doc, "due"), Place(invoice.doc, "supplier")
        assert to_look(TEXTS, rows, 0.9) == [due, supplier]
        assert next_place(None, TEXTS, rows, 0.9) == due
        assert next_place(due, TEXTS, rows, 0.9) == supplier
        assert next_place(supplier, TEXTS, rows, 0.9) == due
        assert next_place(Place(invoice.doc, "total"), TEXTS, rows, 0.9) == due

    def test_a_higher_threshold_asks_for_more(self, store: Store, invoice: Document) -> None:
        number, _ = make_run(store, invoice)
        rows = run_table(store, number)
        assert len(to_look(TEXTS, rows, 0.98)) == 3
        assert sure_sentence(TEXTS, rows, 0.5).startswith("1 of 3 values")

    def test_cells_of_a_row_are_looked_at_by_their_own_confidence(self, store: Store, invoice: Document) -> None:
        columns = (("name", 0.95), ("total", 0.6))
        known = tuple(Cell(invoice.doc, name, "1", "1", 1, "1", confidence=sure) for name, sure in columns)
        unrated = tuple(replace(cell, confidence=None) for cell in known)
        table = Cell(invoice.doc, "items", "2", "2", 1, "1", confidence=0.95, rows=(known, unrated))
        row = Row(invoice, {"items": table}, None)
        inner = tuple(FieldSpec(name, FieldType.TEXT) for name, _ in columns)
        spec = FieldSpec("items", FieldType.TABLE, columns=inner)
        assert to_look([spec], [row], 0.9) == [Place(invoice.doc, "items", 1, "total")]
        assert to_look([spec], [row], 0.5) == []

    def test_a_selection_opens_a_cell_and_none_closes_it(
        self, store: Store, invoice: Document, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number, _ = make_run(store, invoice)
        rows = run_table(store, number)
        state: dict[str, object] = {}
        monkeypatch.setattr(extract.st, "session_state", state)
        for cells, opened in (([(0, "due")], "due"), ([(0, "Document")], ""), ([], None)):
            state[f"cells_{number}"] = SimpleNamespace(selection=SimpleNamespace(cells=cells))
            extract._select(number, rows)
            place = state.get(f"look_{number}")
            assert (place.field if isinstance(place, Place) else None) == opened


def test_the_saved_file_can_be_read_again(store: Store) -> None:
    fields = (FieldSpec("a", FieldType.DATE, "b\nc"), ITEMS)
    from ui.screens.fieldtable import fields_file

    assert parse_fields(fields_file(fields), "file") == fields
