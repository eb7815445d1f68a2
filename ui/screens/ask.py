"""The ask screen: a conversation with the documents, with the cited page beside it.

A chat lives in the catalog and its number in the address, so it survives a reload. A question that got no answer, for
whatever reason, stays on the screen with the reason and can be asked again; only answers enter the chat.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from docqa.ask import ask, open_reader
from docqa.ask.followup import conversation
from docqa.ask.survey import Progress
from docqa.ask.voice import RATE, hear
from docqa.errors import DocqaError, UnknownDocument
from docqa.find import Scope
from docqa.readers import LOOKED_AGAIN
from docqa.store.chats import Turn
from docqa.types import Answer, Citation, Problem, Verdict
from ui import resources
from ui.components.answer import Opened
from ui.components.answer import answer as show_answer
from ui.components.viewer import Shown
from ui.screens import parts

SAMPLES = (
    "What is the total amount due, and when?",
    "Who are the parties, and when does the contract end?",
    "Which deadlines are mentioned?",
)
ANYWHERE = "All collections"
ANY_DOCUMENT = "All documents"
TITLE_LENGTH = 80
EARLIER_CHATS = 30
MOST_DOCUMENTS = 1_000  #: in the list to choose from; the whole list goes to the browser with every change
STREAM_SECONDS = 0.08  #: between two drawings of a growing answer: each of them sends the whole text


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that has no answer yet, and why, as far as that is known."""

    question: str
    problem: Problem | None = None


def show() -> None:
    """The screen, top to bottom."""
    chat = _chat()
    turns = [] if chat is None else resources.store().catalog.chats.turns(chat)
    left: Unanswered | None = st.session_state.get("unanswered")
    with st.sidebar:
        st.button(
            "New chat", key="new_chat", icon=":material/edit_square:", width="stretch", on_click=_go, args=(None,)
        )
        scope = _scope()
        reader = parts.choose_reader("Answered by", "The built-in reader answers by quoting the best passages.")
        if resources.settings().model.base_url is not None:
            _spoken()
        _earlier_chats(chat)
    with parts.side_by_side(_place(chat)), st.container(key="conversation"):
        log = st.container(key="log", height=480, border=False, autoscroll=True)
        typed = st.chat_input("Ask a question about your documents", key="question", submit_mode="stop")
    question = typed or st.session_state.pop("ask_now", None)
    with log:
        beginning = st.empty()  # in a place of its own, so that it goes at once when the first answer streams
        for turn in turns:
            _turn(chat, turn)
        end = st.empty()
        if question:
            _answer(question, chat, scope, reader)
        elif left:
            _still_open(left, end.container())
        elif not turns:
            _welcome(beginning.container(key="welcome", gap="small"))


# ── what stands on the left ──────────────────────────────────────────────────────────────────────────────────────────


def _scope() -> Scope:
    """Where to look: everywhere, in a collection, or in one document."""
    catalog = resources.store().catalog
    collection = st.selectbox(
        "Search in", [ANYWHERE, *catalog.collections()], key="ask_collection", persist_state="session"
    )
    within = None if collection == ANYWHERE else collection
    documents = {d.doc: d for d in catalog.documents(within) if d.status in parts.READABLE}
    if len(documents) > MOST_DOCUMENTS:
        return Scope(within, None)
    chosen = st.selectbox(
        "Document",
        [ANY_DOCUMENT, *documents],
        key=f"ask_document_{within}",
        format_func=lambda doc: documents[doc].label if doc in documents else doc,
        label_visibility="collapsed",
        persist_state="session",
    )
    return Scope(within, chosen if chosen in documents else None)


def _spoken() -> None:
    """A recording becomes the text of the question box, to be read and mended before it is asked."""
    number = st.session_state.setdefault("recordings", 0)
    recording = st.audio_input("Speak a question", key=f"recording_{number}", sample_rate=RATE)
    if recording is None:
        return
    st.session_state["recordings"] = number + 1  # the next run has a new, empty recorder
    try:
        with st.spinner("Listening…"):
            st.session_state["question"] = hear(resources.settings().model, recording.getvalue())
        st.caption("Read what was understood, mend it, and press Enter.")
    except DocqaError as error:
        parts.show_problem(error.problem, key="spoken")


def _earlier_chats(current: int | None) -> None:
    chats = resources.store().catalog.chats.all()[:EARLIER_CHATS]
    if not chats:
        return
    st.caption("Earlier chats")
    with st.container(key="earlier_chats"):
        for chat, title in chats:
            parts.list_entry(parts.as_label(title, 42), f"chat_{chat}", chat == current, partial(_go, chat))


def _chat() -> int | None:
    """The chat in the address, if there is such a chat."""
    number = st.query_params.get("chat", "")
    known = {chat for chat, _ in resources.store().catalog.chats.all()}
    return int(number) if number.isdecimal() and int(number) in known else None


def _go(chat: int | None) -> None:
    """Open an earlier chat, or a new one."""
    if chat is None:
        st.query_params.pop("chat", None)
    else:
        st.query_params["chat"] = str(chat)
    st.session_state.pop("unanswered", None)


def _place(chat: int | None) -> str:
    """Names the page beside a chat: another chat has another one open, or none."""
    return f"ask_{chat}"


# ── the conversation ─────────────────────────────────────────────────────────────────────────────────────────────────


def _welcome(place: DeltaGenerator) -> None:
    """An empty chat: what can be asked."""
    readable = [d for d in resources.store().catalog.documents() if d.status in parts.READABLE]
    with place:
        st.header("Ask your documents", anchor=False)
        if not readable:
            st.text("There is nothing to ask yet. Upload some documents first: see Documents, above.")
            return
        pages = sum(document.pages_done for document in readable)
        held = parts.counted(len(readable), "document", "documents")
        st.text(f"{held} with {parts.counted(pages, 'page', 'pages')} can be searched. Every quote is checked.")
        with st.container(key="samples", gap="small"):
            for number, sample in enumerate(SAMPLES):
                st.button(sample, key=f"sample_{number}", on_click=_ask_now, args=(sample,))


def _turn(chat: int | None, turn: Turn) -> None:
    """A question with its answer."""
    key = f"answer_{turn.asked_at}"
    _question(turn.question, key)
    opened = st.session_state.get("ask_opened") if parts.opened_page(_place(chat)) else None
    active = opened[1] if opened and opened[0] == key else ""
    show_answer(turn.answer, _labels(turn.answer), key, partial(_open, chat, key, turn.answer), active)


def _question(question: str, name: str) -> None:
    with st.container(key=f"question-{name}"):
        st.text(question)


def _answer(question: str, chat: int | None, scope: Scope, reader: str) -> None:
    """Answer a question before the reader's eyes and keep the answer in the chat."""
    st.session_state["unanswered"] = Unanswered(question)  # stays if the person stops it or the page is left
    _question(question, "now")
    place = st.container(key="streaming")
    with st.container(key="stopped"):  # page.css shows it once nothing runs any more: a stopped script cannot
        _not_answered(question, "stopped")
    try:
        with place:
            answer = _streamed(question, chat, scope, reader)
        catalog = resources.store().catalog
        chat = chat or catalog.chats.start(question[:TITLE_LENGTH])
        catalog.chats.add_turn(chat, answer)
    except DocqaError as error:
        st.session_state["unanswered"] = Unanswered(question, error.problem)
    else:
        del st.session_state["unanswered"]
        st.query_params["chat"] = str(chat)
    st.rerun()


def _streamed(question: str, chat: int | None, scope: Scope, reader: str) -> Answer:
    settings, store = resources.settings(), resources.store()
    if not resources.embedder_is_loaded():
        with st.spinner("Loading the search, once…"):
            resources.embedder()
    with st.spinner("Finding pages and reading them…"):
        silence = st.empty()
        said = [turn.answer for turn in store.catalog.chats.turns(chat)] if chat is not None else []
        stream = ask(
            store,
            resources.finder(),
            open_reader(settings, reader, resources.embedder().embed_documents, silence.caption),
            question,
            scope,
            settings.find.pages_read,
            conversation(store, said),
            _counting(st.empty()),
        )
        return _drawn(stream, silence)


def _counting(place: DeltaGenerator) -> Progress:
    """Show how far a question about every document is; to draw is also how a stopped script ends."""

    def show(read: int, of: int) -> None:
        place.caption(f"Asking every document: {read:,} of {of:,} read.")

    return show


def _drawn(stream: Generator[str, None, Answer], silence: DeltaGenerator) -> Answer:
    """Draw the text as it grows, in place of what was said of the server's silence; return the whole answer."""
    slot, note, text, drawn = st.empty(), st.empty(), "", 0.0
    while True:
        try:
            text = _grown(text, next(stream))
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        if time.monotonic() - drawn > STREAM_SECONDS:
            silence.empty()
            slot.text(f"{text} ▌")  # text, not markdown: a model could be made to write an image or a link
            note.caption("Not complete. Quotes are checked at the end.")  # stays if the answer is stopped here
            drawn = time.monotonic()


def _grown(text: str, piece: str) -> str:
    """What is to be shown once another piece came: the reader may have looked again and take its words back."""
    return piece.removeprefix(LOOKED_AGAIN) if piece.startswith(LOOKED_AGAIN) else text + piece


def _still_open(left: Unanswered, place: DeltaGenerator) -> None:
    """A question that got no answer: why, and the way to ask it again."""
    with place:
        _question(left.question, "again")
        _not_answered(left.question, "again", left.problem)


def _not_answered(question: str, name: str, problem: Problem | None = None) -> None:
    if problem is not None:
        parts.show_problem(problem, key="ask")
    else:
        st.caption("This question was stopped before it was answered.")
    st.button("Ask again", key=f"ask_{name}", icon=":material/refresh:", on_click=_ask_now, args=(question,))


def _ask_now(question: str) -> None:
    st.session_state["ask_now"] = question


# ── from an answer to the page ───────────────────────────────────────────────────────────────────────────────────────


def _open(chat: int | None, key: str, answer: Answer) -> None:
    """A citation or one of the nearest pages was clicked."""
    clicked: Opened = st.session_state[key]["open"]
    st.session_state["ask_opened"] = (key, clicked)
    kind, _, number = clicked.partition(" ")
    try:
        if kind == "citation":
            shown = _cited_page(answer.citations[int(number)], int(number) + 1)
        else:
            doc, page = answer.pages_read[int(number)]
            found = parts.page_of(resources.store().catalog.document(doc), page)
            shown = replace(found, caption="One of the pages that were read")
    except UnknownDocument:  # withdrawn since: its file was deleted from a watched folder
        parts.close_page(_place(chat))
        st.toast("This document is not there any more. The answer with its quotes stays.")
    else:
        parts.open_page(_place(chat), shown)


def _cited_page(cited: Citation, number: int) -> Shown:
    shown = parts.page_of(resources.store().catalog.document(cited.doc), cited.page)
    caption = f"Citation {number}"
    return replace(shown, boxes=cited.boxes, caption=caption, quote=cited.quote, verified=cited.verified)


def _labels(answer: Answer) -> dict[str, str]:
    """The names of the documents that were read; needed only where nothing proves the answer."""
    if answer.verdict is Verdict.FOUND:
        return {}
    docs = {doc for doc, _ in answer.pages_read}
    return {document.doc: document.label for document in resources.store().catalog.documents(docs=docs)}
