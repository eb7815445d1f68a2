"""The watched folders on the library screen, and what a chat says of a document that was withdrawn."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from docqa.store import Store
from docqa.types import Answer, Citation, Document, Verdict

FOLDER = "/mnt/share/![](http://x)"


def _library() -> None:
    from ui.screens import library

    library.show()


def _texts(at: AppTest) -> str:
    assert not at.exception, at.exception
    return "\n".join([text.value for text in at.text] + [caption.value for caption in at.caption])


def test_without_a_watched_folder_nothing_is_shown(store: Store) -> None:
    assert "Watched" not in _texts(AppTest.from_function(_library, default_timeout=60).run())


def test_a_watched_folder_shows_its_last_scan_and_its_problem(store: Store) -> None:
    store.catalog.watched.add(FOLDER, "cases")
    shown = _texts(AppTest.from_function(_library, default_timeout=60).run())
    assert FOLDER in shown
    assert "Not scanned yet." in shown
    store.catalog.watched.finish_scan(FOLDER, 1e9, files=1_200, waiting=2, problem="The share sleeps.")
    shown = _texts(AppTest.from_function(_library, default_timeout=60).run())
    assert "2001" in shown
    assert "1,200 files, 2 not taken yet" in shown
    assert "The share sleeps." in shown


def test_a_chat_about_a_withdrawn_document_can_be_read(store: Store, invoice: Document) -> None:
    citation = Citation(invoice.doc, invoice.label, 1, "Total amount due", ((0.1, 0.1, 0.2, 0.2),), True)
    answer = Answer("How much?", Verdict.FOUND, "1,190.00", (citation,), ((invoice.doc, 1),), "vision:m", 1.0)
    chat = store.catalog.chats.start("Earlier")
    store.catalog.chats.add_turn(chat, answer)
    with store.catalog._database.write() as sql:
        sql.execute("DELETE FROM labels")
    at = AppTest.from_function(_click_the_citation, default_timeout=60)
    at.query_params["chat"] = str(chat)
    at.session_state["chat"], at.session_state["answer"] = chat, answer
    at.run()
    assert "How much?" in _texts(at)
    assert [toast.value for toast in at.toast] == [
        "This document is not there any more. The answer with its quotes stays."
    ]


def _click_the_citation() -> None:
    import streamlit as st

    from ui.screens import ask

    st.session_state["clicked"] = {"open": "citation 0"}
    ask._open(st.session_state["chat"], "clicked", st.session_state["answer"])
    ask.show()
