"""The extract screen with more documents than a page holds: pages, names, what is counted, and what is not again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import in_harness
import pytest
from in_harness import checked, texts
from streamlit.testing.v1 import AppTest

from docqa.extract.fields import field_key, fields_json
from docqa.extract.review import correct
from docqa.extract.table import run_table
from docqa.store import Store
from docqa.types import Cell, FieldSpec, FieldType, Problem, Status
from ui.screens import overview, paging
from ui.screens.overview import Overview, overview_of
from ui.screens.tolook import Place, next_place, sure_sentence, to_look

NUMBER, TOTAL = FieldSpec("invoice_number", FieldType.TEXT), FieldSpec("total", FieldType.AMOUNT)
ITEMS = FieldSpec("items", FieldType.TABLE, columns=(FieldSpec("what", FieldType.TEXT),))
FIELDS = [NUMBER, TOTAL, ITEMS]
LATE = Problem("bad_value", "Not a date.", "Look at the page.")
SURE = (0.97, 0.4, 0.95, 0.91, 0.3, 0.97, 0.6)  #: of the total, by document


@pytest.fixture
def few_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE_ROWS", 3)
    monkeypatch.setattr(overview, "PIECE", 2)


@pytest.fixture
def run_of_seven(store: Store, few_on_a_page: None) -> int:
    """Seven documents, 0.pdf to 6.pdf; 6.pdf says what 0.pdf says, and 2.pdf has a row with a failed check."""
    docs = []
    for place in range(7):
        taken = store.take(io.BytesIO(bytes([place])), f"{place}.pdf", "office", 10)
        store.catalog.finish_document(taken.document.doc, Status.READY, pipeline="test", seconds=0.1)
        docs.append(taken.document.doc)
    number = store.catalog.ledger.start_run(fields_json(FIELDS), "quote", "quote-1", docs)
    for place, doc in enumerate(docs):
        finish(store, number, doc, place)
    return number


def finish(store: Store, number: int, doc: str, place: int) -> None:
    cells = {
        "invoice_number": Cell(doc, "invoice_number", str(place % 6), str(place % 6), 1, "", confidence=0.99),
        "total": Cell(doc, "total", f"{place % 6}.00", "5", 1, "", confidence=SURE[place]),
        "items": Cell(doc, "items", None, None, None, None),
    }
    if place == 2:
        wrong = Cell(doc, "what", "Lamp", "Lamp", 1, "", doubts=(LATE,))
        cells["items"] = replace(cells["items"], value="1", confidence=0.99, rows=((wrong,),))
    keyed = [(field_key(field, "quote-1"), cells[field.name]) for field in FIELDS]
    store.catalog.ledger.finish_run_document(number, doc, keyed)


def _extract() -> None:
    from ui.screens import extract

    extract.show()


def run(number: int) -> AppTest:
    return in_harness.run(_extract, run=str(number))


def shown(at: AppTest) -> list[str]:
    return list(at.dataframe[-1].value["Document"])


def captions(at: AppTest) -> str:
    return "\n".join(caption.value for caption in at.caption)


class TestPages:
    def test_a_page_of_documents_is_shown_at_a_time(self, run_of_seven: int) -> None:
        at = run(run_of_seven)
        assert shown(at) == ["0.pdf", "1.pdf", "2.pdf"]
        assert "1 to 3 of 7 documents" in captions(at)
        checked(at.pagination(key=f"page_{run_of_seven}").set_value(3).run())
        assert shown(at) == ["6.pdf"]
        assert "7 to 7 of 7 documents" in captions(at)

    def test_a_document_is_found_by_its_name_on_whichever_page(self, run_of_seven: int) -> None:
        at = run(run_of_seven)
        checked(at.pagination(key=f"page_{run_of_seven}").set_value(3).run())
        checked(at.text_input(key=f"find_{run_of_seven}").set_value(" 4.PDF").run())
        assert shown(at) == ["4.pdf"]
        checked(at.text_input(key=f"find_{run_of_seven}").set_value("").run())
        assert shown(at) == ["0.pdf", "1.pdf", "2.pdf"]

    def test_those_to_look_at_are_paged_too(self, run_of_seven: int) -> None:
        at = run(run_of_seven)
        checked(at.pagination(key=f"page_{run_of_seven}").set_value(3).run())
        checked(at.segmented_control(key=f"show_{run_of_seven}").set_value("To look at").run())
        assert shown(at) == ["1.pdf", "2.pdf", "4.pdf"]
        checked(at.pagination(key=f"page_{run_of_seven}").set_value(2).run())
        assert shown(at) == ["6.pdf"]

    def test_the_page_follows_the_cell_that_is_opened_and_can_be_left(self, run_of_seven: int) -> None:
        at = run(run_of_seven)
        checked(at.button(key="look").click().run())
        for _ in range(2):
            checked(at.button(key=f"next_{run_of_seven}").click().run())
        opened = at.session_state[f"look_{run_of_seven}"]
        assert opened.field == "total" and shown(at) == ["3.pdf", "4.pdf", "5.pdf"]
        checked(at.pagination(key=f"page_{run_of_seven}").set_value(1).run())
        assert shown(at) == ["0.pdf", "1.pdf", "2.pdf"]
        assert at.session_state[f"look_{run_of_seven}"] == opened

    def test_while_it_runs_a_page_is_shown_too(self, store: Store, run_of_seven: int) -> None:
        doc = store.take(io.BytesIO(b"new"), "7.pdf", "office", 10).document.doc
        store.catalog.ledger.reopen_run(run_of_seven, [], [doc], retry=False)
        at = run(run_of_seven)
        assert at.button(key="cancel")
        assert shown(at) == ["0.pdf", "1.pdf", "2.pdf"]
        checked(at.pagination(key=f"page_{run_of_seven}").set_value(3).run())
        assert shown(at) == ["6.pdf", "7.pdf"]
        other = store.catalog.ledger.start_run(fields_json(FIELDS), "quote", "quote-1", [doc])
        finish(store, other, doc, 5)  # the cells are there, and the extraction is not over yet
        assert list(checked(at.run()).dataframe[-1].value["total"]) == ["0.00", "5.00"]


class TestCounting:
    def places(self, store: Store, number: int, sure: float) -> list[Place]:
        return to_look(FIELDS, run_table(store, number), sure)

    def over(self, store: Store, number: int) -> Overview:
        return overview_of(store, store.catalog.ledger.runs(number)[0])

    @pytest.mark.parametrize("sure", [0.0, 0.5, 0.9, 0.96, 1.0])
    def test_the_counts_are_those_of_the_whole_table(self, store: Store, run_of_seven: int, sure: float) -> None:
        over, rows = self.over(store, run_of_seven), run_table(store, run_of_seven)
        assert over.count()
        looks, places = over.looks(sure), to_look(FIELDS, rows, sure)
        assert (looks.cells, looks.docs) == (len(places), {place.doc for place in places})
        assert looks.sentence == sure_sentence(FIELDS, rows, sure)

    @pytest.mark.parametrize("sure", [0.5, 0.9, 1.0])
    def test_the_next_to_look_at_is_that_of_the_whole_table(self, store: Store, run_of_seven: int, sure: float) -> None:
        over, rows = self.over(store, run_of_seven), run_table(store, run_of_seven)
        places = [Place(row.document.doc, field.name) for row in rows for field in FIELDS]
        after: Sequence[Place | None] = [None, *places, Place(rows[2].document.doc, "items", 1, "what"), Place("gone")]
        for place in after:
            expected = next_place(None if place == Place("gone") else place, FIELDS, rows, sure)
            assert over.next_place(place, sure) == expected
        assert over.counted < 7 or over.count(0.0)

    def test_nothing_is_left_to_look_at(self, store: Store, run_of_seven: int) -> None:
        for place in self.places(store, run_of_seven, 0.9):
            spec = next(field for field in FIELDS if field.name == place.field)
            row = next(row for row in run_table(store, run_of_seven) if row.document.doc == place.doc)
            correct(
                store, spec, place.doc, "8.00", "ann", row=place.row, column=place.column, beside=row.cells[spec.name]
            )
        over = self.over(store, run_of_seven)
        assert over.next_place(None, 0.9) is None
        assert over.looks(0.9).cells == 0

    def test_only_what_somebody_said_something_of_is_counted_again(
        self, store: Store, run_of_seven: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        over = self.over(store, run_of_seven)
        assert over.count()
        counted: list[str] = []
        known = overview.standing
        monkeypatch.setattr(
            overview, "standing", lambda fields, row: counted.append(row.document.label) or known(fields, row)
        )
        before = over.looks(0.9).cells
        doc = run_table(store, run_of_seven)[4].document.doc
        correct(store, TOTAL, doc, "8.00", "ann")
        over = self.over(store, run_of_seven)
        assert over.count() and counted == ["4.pdf"]
        assert over.looks(0.9).cells == before - 1

    def test_a_document_that_was_read_again_is_counted_again(self, store: Store, run_of_seven: int) -> None:
        over = self.over(store, run_of_seven)
        assert over.count()
        first = run_table(store, run_of_seven)[0].document.doc
        store.catalog.finish_document(first, Status.READY, pipeline="test", seconds=0.2)  # its cells go
        over = self.over(store, run_of_seven)
        assert over.count()
        rows = run_table(store, run_of_seven)
        assert over.looks(0.9).cells == len(to_look(FIELDS, rows, 0.9))  # 6.pdf is no double any more
        assert over.looks(0.9).sentence == sure_sentence(FIELDS, rows, 0.9)

    def test_a_document_that_was_withdrawn_is_not_in_the_table_any_more(self, store: Store, run_of_seven: int) -> None:
        over = self.over(store, run_of_seven)
        assert over.count() and len(over.documents) == 7
        gone = run_table(store, run_of_seven)[1].document.doc
        with store.catalog._database.write() as sql:
            sql.execute("DELETE FROM labels WHERE doc = ?", (gone,))
        over = self.over(store, run_of_seven)
        assert over.count()
        assert [document.label for document, _ in over.documents] == [f"{n}.pdf" for n in range(7) if n != 1]
        assert over.looks(0.9).cells == len(self.places(store, run_of_seven, 0.9))

    def test_the_page_says_how_far_the_counting_is(self, run_of_seven: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(overview.time, "monotonic", iter(range(1_000_000)).__next__)  # patience ends at once
        at = run(run_of_seven)
        assert "Counting what needs a look: 0 of 7 documents." in captions(at)
        assert shown(at) == ["0.pdf", "1.pdf", "2.pdf"]
        monkeypatch.undo()
        checked(at.run())
        assert "Counting" not in captions(at)
        assert "values are sure enough" in texts(at)


def test_of_very_many_that_failed_some_are_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.screens import extract

    monkeypatch.setattr(extract, "MOST_FAILED", 2)
    docs = [store.take(io.BytesIO(bytes([n])), f"{n}.pdf", "office", 10).document.doc for n in range(4)]
    number = store.catalog.ledger.start_run(fields_json(FIELDS), "quote", "quote-1", docs)
    for doc in docs:
        store.catalog.ledger.fail_run_document(number, doc, LATE, final=True)
    at = run(number)
    assert texts(at).count("Not a date.") == 2
    assert "And 2 more." in captions(at)


def _library() -> None:
    from ui.screens import library

    library.show()


def test_the_library_shows_a_page_too(run_of_seven: int) -> None:
    at = in_harness.run(_library)
    assert "7 documents: 7 ready" in texts(at)
    assert shown(at) == ["0.pdf", "1.pdf", "2.pdf"]
    checked(at.pagination(key="page_library_office").set_value(3).run())
    assert shown(at) == ["6.pdf"]
    checked(at.text_input(key="find_library_office").set_value("5").run())
    assert shown(at) == ["5.pdf"]
