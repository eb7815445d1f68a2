"""Each screen in Streamlit's own test harness: what it shows, and what its buttons do. No browser, no JavaScript."""

from __future__ import annotations

import io
import re
import wave
from contextlib import closing

import pytest
from fake_server import FakeServer, Hang, Say
from in_harness import checked, run, texts
from small_store import CONTRACT, add_document, add_failed
from streamlit.testing.v1 import AppTest

from docqa.model import client_for, connection
from docqa.settings import ModelSettings, Settings
from docqa.store import Store
from docqa.types import (
    Answer,
    Citation,
    Document,
    Notice,
    NoticeCode,
    NotRead,
    Problem,
    Receipt,
    Status,
    Verdict,
)
from ui import resources, server
from ui.components import answer as answer_component
from ui.components.answer import reader_note
from ui.screens import parts


def _library() -> None:
    from ui.screens import library

    library.show()


def _ask() -> None:
    from ui.screens import ask

    ask.show()


class TestLibrary:
    def test_an_empty_store_shows_the_way_in(self, store: Store) -> None:
        at = run(_library)
        assert at.selectbox(key="library_collection").value == "documents"
        assert not at.dataframe
        assert any("Nothing is in this collection yet" in caption.value for caption in at.caption)

    def test_every_document_has_its_status_in_words(self, store: Store, invoice: Document) -> None:
        add_failed(store, "broken.pdf", "invoices")
        store.take(io.BytesIO(b"new"), "new.pdf", "invoices", 99)
        at = run(_library)
        table = at.dataframe[0].value
        assert list(table["Document"]) == ["broken.pdf", "invoice.pdf", "new.pdf"]
        assert list(table["Status"]) == ["failed", "ready", "being read"]
        assert list(table["Pages"]) == ["", "2", ""]
        assert table["Problem"][0] == "The file cannot be opened. Copy it again."
        assert "3 documents: 1 being read, 1 ready, 1 failed" in texts(at)

    def test_failed_documents_can_be_tried_again(self, store: Store) -> None:
        failed = add_failed(store, "broken.pdf", "invoices")
        at = run(_library)
        checked(at.button(key="again").click().run())
        assert store.catalog.document(failed.doc).status is Status.QUEUED
        assert [button.key for button in at.button] == []

    def test_partial_documents_can_be_tried_again(self, store: Store, invoice: Document) -> None:
        missing = Problem("pages_missing", "1 of 3 pages could not be read.", "Look.")
        records = store.catalog.page_records(invoice.doc)
        store.catalog.finish_document(
            invoice.doc, Status.PARTIAL, pipeline="1", pages=3, page_records=records, problem=missing, seconds=1
        )
        at = run(_library)
        assert (list(at.dataframe[0].value["Pages"]), list(at.dataframe[0].value["Status"])) == (
            ["2 of 3"],
            ["partial"],
        )
        checked(at.button(key="again").click().run())
        assert store.catalog.pending("1") == [invoice.doc]

    def test_notices_are_listed_and_shown_whole_on_demand(self, store: Store, invoice: Document) -> None:
        hidden = "<img src=x onerror=alert(1)> **bold** \u202eolleh " + "long " * 50
        notices = [Notice(NoticeCode.HIDDEN_TEXT, 1, hidden), Notice(NoticeCode.BLANK_PAGE, 2)]
        store.catalog.finish_document(invoice.doc, Status.READY, pipeline="1", pages=2, notices=notices, seconds=1)
        at = run(_library)
        assert list(at.dataframe[0].value["Notes"]) == ["blank pages, hidden text"]
        assert not at.expander
        at.session_state["library_chosen"] = invoice.doc
        checked(at.run())
        (notes,) = at.expander
        assert not notes.proto.expanded
        shown = [text.value for text in notes.text]
        assert shown[0] == "Page 2 is blank."
        assert shown[1].startswith("Page 1 hides text: “<img src=x onerror=alert(1)> **bold** \ufffdolleh long")
        assert shown[1].count("long") == 50
        assert not any("onerror" in block.value for block in at.markdown)

    def test_a_password_can_be_given_to_a_locked_document(self, store: Store) -> None:
        locked = add_failed(store, "locked.pdf", "invoices")
        problem = Problem("needs_password", "It is encrypted.", "Type the password.")
        store.catalog.finish_document(locked.doc, Status.NEEDS_PASSWORD, pipeline="1", problem=problem, seconds=1)
        at = run(_library)
        assert not at.text_input
        at.session_state["library_chosen"] = locked.doc
        checked(at.run())
        (field,) = at.text_input
        assert field.proto.type == field.proto.PASSWORD
        (button,) = [button for button in at.button if "password" in button.label]
        checked(button.click().run())
        assert "cannot be a password" in texts(at)
        assert store.catalog.document(locked.doc).status is Status.NEEDS_PASSWORD
        at.text_input[0].set_value("open sesame")
        (button,) = [button for button in at.button if "password" in button.label]
        checked(button.click().run())
        assert store.catalog.passwords("invoices") == ["open sesame"]
        assert store.catalog.document(locked.doc).status is Status.QUEUED
        assert not at.text_input
        assert "library_password" not in at.session_state or not at.session_state["library_password"]

    def test_only_the_chosen_collection_is_listed(self, store: Store, invoice: Document) -> None:
        add_document(store, "nda.pdf", "contracts", CONTRACT)
        at = run(_library)
        checked(at.selectbox(key="library_collection").select("invoices").run())
        assert list(at.dataframe[0].value["Document"]) == ["invoice.pdf"]

    def test_a_document_opens_beside_the_table(self, store: Store, invoice: Document) -> None:
        at = run(_library)
        at.session_state["page_beside_library_invoices"] = parts.page_of(invoice, 2)
        checked(at.run())
        assert len(at.columns) == 2


class TestAsk:
    QUESTION = "What is the total amount due on the invoice?"

    def test_an_empty_store_says_what_to_do_first(self, store: Store) -> None:
        assert "Upload some documents first" in texts(run(_ask))

    def test_an_empty_chat_offers_questions(self, store: Store, invoice: Document) -> None:
        at = run(_ask)
        assert "1 document with 2 pages can be searched." in texts(at)
        assert len([button for button in at.button if str(button.key).startswith("sample_")]) == 3

    def test_an_answer_is_kept_in_a_chat_with_its_address(self, store: Store, invoice: Document) -> None:
        at = run(_ask)
        checked(at.chat_input(key="question").set_value(self.QUESTION).run())
        ((chat, title),) = store.catalog.chats.all()
        assert title == self.QUESTION
        assert at.query_params["chat"] == str(chat)
        (turn,) = store.catalog.chats.turns(chat)
        assert turn.answer.verdict is Verdict.FOUND
        assert turn.answer.citations[0].verified
        assert "unanswered" not in at.session_state
        assert self.QUESTION in texts(at)

    def test_a_reload_shows_the_chat_of_the_address(self, store: Store, invoice: Document) -> None:
        chat = store.catalog.chats.start("Earlier")
        store.catalog.chats.add_turn(chat, answer_about(invoice))
        assert self.QUESTION in texts(run(_ask, chat=str(chat)))

    @pytest.mark.parametrize("chat", ["99", "x", "-1", "²", ""])
    def test_an_address_without_such_a_chat_is_a_new_chat(self, store: Store, invoice: Document, chat: str) -> None:
        assert "can be searched" in texts(run(_ask, chat=chat))

    def test_a_sample_question_is_asked_at_once(self, store: Store, invoice: Document) -> None:
        at = run(_ask)
        checked(at.button(key="sample_0").click().run())
        assert len(store.catalog.chats.all()) == 1

    def test_a_model_that_is_away_leaves_the_question_to_be_asked_again(
        self, settings: Settings, store: Store, invoice: Document
    ) -> None:
        model = ModelSettings(base_url="http://127.0.0.1:9/v1", connect_timeout=0.5)
        resources.use(settings.model_copy(update={"model": model}))
        at = run(_ask)
        checked(at.chat_input(key="question").set_value(self.QUESTION).run())
        assert self.QUESTION in texts(at)
        assert at.session_state["unanswered"].problem.code == "model_unreachable"
        assert at.session_state["unanswered"].problem.message in texts(at)
        assert store.catalog.chats.all() == []
        at.segmented_control(key="reader").set_value("Quotes only")
        checked(at.button(key="ask_again").click().run())
        assert len(store.catalog.chats.all()) == 1

    def test_a_model_that_hangs_leaves_the_question_to_be_asked_again(
        self, settings: Settings, store: Store, invoice: Document, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "QUIET", 0.05)
        monkeypatch.setattr(connection, "SECOND_OPINION", 0.2)
        with FakeServer(Hang()) as server:
            model = ModelSettings(base_url=server.url)
            with closing(client_for(model)) as client:
                client.capabilities()
                server.models_order = Hang()
                resources.use(settings.model_copy(update={"model": model}))
                at = checked(run(_ask).chat_input(key="question").set_value(self.QUESTION).run())
        assert at.session_state["unanswered"].problem.code == "model_timeout"
        assert "hangs" in texts(at)

    def test_without_a_model_server_there_is_no_reader_to_choose(self, store: Store, invoice: Document) -> None:
        at = run(_ask)
        assert not at.segmented_control
        assert "built-in reader" in at.caption[0].value

    def test_a_spoken_question_lands_in_the_question_box(
        self, settings: Settings, store: Store, invoice: Document
    ) -> None:
        sound = io.BytesIO()
        with wave.open(sound, "wb") as writer:
            writer.setparams((1, 2, 48_000, 0, "NONE", ""))
            writer.writeframes(b"\x00\x20\x00\xe0" * 24_000)
        with FakeServer(Say("What is the *total*?")) as server:
            model = ModelSettings(base_url=server.url)
            resources.use(settings.model_copy(update={"model": model}))
            at = run(_ask)
            at = checked(at.audio_input(key="recording_0").set_value(("q.wav", sound.getvalue(), "audio/wav")).run())
            assert at.chat_input(key="question").proto.value == "What is the *total*?"
            assert store.catalog.chats.all() == []  # nothing is asked before a person has read it
            at = checked(at.run())
            assert at.audio_input(key="recording_1").value is None
            assert len(server.chats) == 1

    def test_a_recording_that_cannot_be_used_says_why(
        self, settings: Settings, store: Store, invoice: Document
    ) -> None:
        resources.use(settings.model_copy(update={"model": ModelSettings(base_url="http://127.0.0.1:9/v1")}))
        at = run(_ask)
        checked(at.audio_input(key="recording_0").set_value(("q.wav", b"RIFF", "audio/wav")).run())
        assert "The recording is not a WAV file." in texts(at)

    def test_without_a_model_server_nobody_listens(self, store: Store, invoice: Document) -> None:
        assert not run(_ask).audio_input

    def test_the_search_can_be_narrowed(self, store: Store, invoice: Document) -> None:
        add_document(store, "nda.pdf", "contracts", CONTRACT)
        at = run(_ask)
        checked(at.selectbox(key="ask_collection").select("contracts").run())
        checked(at.chat_input(key="question").set_value(self.QUESTION).run())
        (turn,) = store.catalog.chats.turns(store.catalog.chats.all()[0][0])
        assert {store.catalog.document(doc).label for doc, _ in turn.answer.pages_read} == {"nda.pdf"}

    def test_chats_can_be_reopened_and_left(self, store: Store, invoice: Document) -> None:
        chat = store.catalog.chats.start("*Earlier* ![](http://x)")
        store.catalog.chats.add_turn(chat, answer_about(invoice))
        at = run(_ask)
        assert at.button(key=f"chat_{chat}").label == r"\*Earlier\* \!\[\]\(http\:\/\/x\)"
        checked(at.button(key=f"chat_{chat}").click().run())
        assert self.QUESTION in texts(at)
        checked(at.button(key="new_chat").click().run())
        assert "can be searched" in texts(at)


def _broken() -> None:
    from docqa.errors import StoreDamaged
    from ui import server

    server._show_script_error(StoreDamaged("<b>It</b> is damaged."))


def _crashed() -> None:
    from ui import server

    server._show_script_error(ValueError("secret details"))


class TestFrame:
    def test_an_error_of_the_program_is_a_sentence_and_a_hint(self) -> None:
        assert texts(run(_broken)) == "<b>It</b> is damaged.\nRun `docqa check` to see what is affected."

    def test_a_crash_shows_no_details(self) -> None:
        assert "secret" not in texts(run(_crashed))

    def test_the_app_starts_with_ask(self, store: Store, invoice: Document) -> None:
        at = checked(AppTest.from_file(str(server.HERE / "app.py"), default_timeout=20).run())
        assert at.header[0].value == "Ask your documents"

    @pytest.mark.parametrize("text", ["**bold**", "[a](http://b)", "![a](http://b)", ":red[a]", "$x$", "<b>", ":home:"])
    def test_labels_lose_their_marks(self, text: str) -> None:
        label = parts.as_label(text)
        assert label.replace("\\", "") == text
        assert all(label[place - 1] == "\\" for place, c in enumerate(label) if c in "*[]()!:$<>")

    def test_a_long_label_is_cut(self) -> None:
        assert parts.as_label("word " * 50, 20) == "word word word word…"

    def test_the_built_in_reader_says_that_it_only_quotes(self) -> None:
        assert "only quotes" in reader_note("quote", 1.0)
        assert reader_note("vision:gemma-4-12b", 1.25) == "Read by gemma-4-12b. 1.2 s"


def answer_about(document: Document) -> Answer:
    citation = Citation(document.doc, document.label, 1, "Total amount due", ((0.1, 0.1, 0.2, 0.2),), True)
    question = TestAsk.QUESTION
    return Answer(question, Verdict.FOUND, "1,190.00 EUR [1]", (citation,), ((document.doc, 1),), "vision:m", 1.0)


class TestAnswer:
    """What the answer's component is given; the script that draws it writes text only (hostile/test_planted.py)."""

    @pytest.fixture
    def given(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
        data: dict[str, object] = {}
        monkeypatch.setattr(answer_component, "_answer", lambda **call: data.update(call["data"]))
        return data

    def test_an_unverified_answer_and_its_figures_are_marked(self, given: dict[str, object]) -> None:
        citation = Citation("d", "lease.pdf", 1, "the rent is 9", (), verified=False)
        shown = Answer("?", Verdict.UNVERIFIED, "9", (citation,), (("d", 1),), "vision:m", 1.0, unsupported=("9",))
        answer_component.answer(shown, {"d": "lease.pdf"}, "key", lambda: None, "")
        assert (given["verdict"], given["unsupported"], given["receipt"]) == ("unverified", ["9"], None)
        assert given["nearest"] == [{"label": "lease.pdf", "page": 1}]

    def test_a_receipt_names_what_was_not_read(self, given: dict[str, object]) -> None:
        left = NotRead("e", "locked.pdf", Problem("needs_password", "It is locked.", ""))
        receipt = Receipt(read=411, of=412, failed=(left,), matching=12, pages=1502)
        shown = Answer("?", Verdict.FOUND, "", (), (), "quote", 1.0, receipt=receipt)
        answer_component.answer(shown, {}, "key", lambda: None, "")
        assert given["receipt"] == {
            "matching": "12 of 412 documents hold a passage that matches.",
            "read": "Read: 411 of 412 documents, 1,502 pages (the best ones of a long document).",
            "failed": [{"label": "locked.pdf", "problem": "It is locked."}],
        }


@pytest.mark.parametrize(
    "planted", ["<img src=http://evil.example>", "[x](http://evil.example)", "$$\\href{evil.example}$$"]
)
def test_what_a_document_says_is_never_read_as_markup(store: Store, invoice: Document, planted: str) -> None:
    citation = Citation(invoice.doc, invoice.label, 1, planted, (), verified=False)
    chats = store.catalog.chats
    chat = chats.start(planted)
    chats.add_turn(
        chat, Answer(planted, Verdict.UNVERIFIED, planted, (citation,), ((invoice.doc, 1),), "vision:m", 1.0)
    )
    at = run(_ask, chat=str(chat))
    marked_up = [*at.markdown, *at.caption, *at.header, *at.title, *at.subheader, *at.latex]
    assert not [element for element in marked_up if "evil.example" in element.value]
    labels = [button.label for button in at.button if "evil" in button.label]
    assert labels and all(re.search(r"[<\[($]", re.sub(r"\\.", "", label)) is None for label in labels)
