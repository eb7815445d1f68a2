"""The library screen: what is there, how far it is read, what went wrong, and the way in for new documents."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from docqa.errors import UsageError
from docqa.notices import WORDS, sentences
from docqa.store import FIRST_COLLECTION, check_collection
from docqa.store.catalog import MAX_PASSWORD
from docqa.types import Document, Problem, Status
from ui import resources
from ui.components.uploader import uploader
from ui.components.watched import show_watched
from ui.screens import paging, parts

WATCH_SECONDS = 2.0  #: between two drawings of the table while documents are read
IDLE_SECONDS = 20.0  #: … while none is: another person, or the command line, may add some
_CHOSEN = "library_chosen"  #: the id of the document that was clicked
_CHANGED = "library_changed"  #: set by a click until the screen was drawn for it
_PASSWORD = "library_password"
_REFUSED = "library_password_refused"  #: why what was typed in cannot be a password
_WAITING = Problem("waiting", "The document is still being read.", "Its pages can be opened when that is done.")
_MENDABLE = frozenset({Status.FAILED, Status.PARTIAL})
ROW_HEIGHT = 36  #: pixels
MOST_ROWS = 18  #: shown at once; a longer table scrolls


def show() -> None:
    """The screen, top to bottom."""
    with st.sidebar:
        collection = _choose_collection()
        show_watched(resources.store())
    if collection is None:
        return
    with parts.side_by_side(_place(collection)):
        documents = _documents(collection)
        uploader(
            collection,
            resources.settings().ingest,
            large=not documents,
            key="uploader",
            on_taken=_nothing,
        )
        if documents:
            at_work = any(document.status is Status.QUEUED for document in documents)
            st.fragment(_overview, run_every=WATCH_SECONDS if at_work else IDLE_SECONDS)(collection)
        else:
            _wait_for_documents(collection)


def _choose_collection() -> str | None:
    names = resources.store().catalog.collections()
    chosen = st.selectbox(
        "Collection",
        names or [FIRST_COLLECTION],
        key="library_collection",
        accept_new_options=True,
        persist_state="session",
    )
    st.caption("Type a new name to start another collection.")
    try:
        check_collection((chosen or "").strip())
    except UsageError as error:
        parts.show_problem(error.problem, key="collection")
        return None
    return str(chosen).strip()


def _overview(collection: str) -> None:
    """Counts, progress, table: a fragment that is drawn again and again, so that reading can be watched."""
    documents = _documents(collection)
    _summary(documents)
    _chosen_document(documents)
    shown = _page_of(collection, documents)
    st.dataframe(
        _table(shown),
        # a key made of the rows: when they change, an old selection must not point at another document
        key=f"documents_{_fingerprint(shown)}",
        hide_index=True,
        on_select=partial(_select, collection, shown),
        selection_mode="single-cell",
        row_height=ROW_HEIGHT,
        height="content" if len(shown) <= MOST_ROWS else MOST_ROWS * ROW_HEIGHT,
        column_config={
            "Document": st.column_config.TextColumn(width=260 if parts.opened_page(_place(collection)) else 420),
            "Status": st.column_config.TextColumn(width=135),
            "Pages": st.column_config.TextColumn(width=90),
            "Notes": st.column_config.TextColumn(width=190),
            "Problem": st.column_config.TextColumn(width="large"),
        },
    )
    st.caption("Click a document to open it.")
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the page opens beside the screen, outside this fragment


@st.fragment(run_every=WATCH_SECONDS)
def _wait_for_documents(collection: str) -> None:
    """An empty collection: look whether the first document has come in."""
    if _documents(collection):
        st.rerun()
    st.caption("Nothing is in this collection yet. Documents appear here as soon as they are uploaded.")


def _summary(documents: Sequence[Document]) -> None:
    """How many documents stand where, how far the reading is, and a second chance for those that failed."""
    counts = Counter(document.status for document in documents)
    again = [document.doc for document in documents if document.status in _MENDABLE]
    words = [f"{counts[status]:,} {parts.STATUS_WORDS[status]}" for status in Status if counts[status]]
    with st.container(horizontal=True, vertical_alignment="center", key="summary"):
        st.text(f"{parts.counted(len(documents), 'document', 'documents')}: {', '.join(words)}", width="stretch")
        if again:
            st.button(f"Try again ({len(again)})", key="again", on_click=_try_again, args=(again,))
    if waiting := counts[Status.QUEUED]:
        st.progress(1 - waiting / len(documents), f"Reading: {waiting:,} to go")
    elif by_words := sum(bool(document.pages_done) and not document.embedded for document in documents):
        st.caption(
            f"{parts.counted(by_words, 'document is', 'documents are')} found by words for now; by meaning soon."
        )


def _chosen_document(documents: Sequence[Document]) -> None:
    """What the table has no room for, of the document that was clicked: its problem, its password, its notes."""
    for document in documents:
        if document.doc != st.session_state.get(_CHOSEN):
            continue
        problem = _WAITING if document.status is Status.QUEUED else document.problem
        if problem is not None:
            named = replace(problem, message=f"{document.label}: {problem.message}")
            parts.show_problem(named, key="document")
        if document.status is Status.NEEDS_PASSWORD:
            _ask_for_password(document)
        if document.notices:
            _show_notices(document)


def _ask_for_password(document: Document) -> None:
    """A field for what opens the document, and with it every other of its collection that it opens."""
    with st.form("password", clear_on_submit=True, border=False):
        field, button = st.columns([3, 2], vertical_alignment="bottom")
        field.text_input("Password", type="password", key=_PASSWORD, max_chars=MAX_PASSWORD)
        button.form_submit_button("Read it with this password", on_click=_add_password, args=(document.collection,))
    st.caption("The password is kept with the collection, for its other encrypted documents.")
    if (refused := st.session_state.pop(_REFUSED, None)) is not None:
        parts.show_problem(refused, key="password")


def _add_password(collection: str) -> None:
    try:
        resources.store().catalog.add_password(collection, st.session_state[_PASSWORD])
    except UsageError as error:
        st.session_state[_REFUSED] = error.problem


def _show_notices(document: Document) -> None:
    """What its pages are noted for, whole. As text: it quotes the document."""
    words = ", ".join(WORDS[code] for code in document.notices)
    with st.expander(f"{parts.as_label(document.label)}: {words}"):
        for sentence in sentences(resources.store().catalog.notices(document.doc), short=False):
            st.text(sentence)


def _page_of(collection: str, documents: Sequence[Document]) -> list[Document]:
    """A page of them, or of those whose name was asked for: the whole table would go to the browser every time."""
    found = {document.doc: document for document in paging.found_by_name(_place(collection), documents)}
    return [found[doc] for doc in paging.page_of(_place(collection), list(found), None)]


def _table(documents: Sequence[Document]) -> Styler:
    table = pd.DataFrame(
        {
            "Document": [document.label for document in documents],
            "Status": [parts.STATUS_WORDS[document.status] for document in documents],
            "Pages": [_pages(document) for document in documents],
            "Notes": [", ".join(WORDS[code] for code in document.notices) for document in documents],
            "Problem": [_sentences(document) for document in documents],
        }
    )
    colours = [f"color: {parts.STATUS_COLOURS[document.status]}; font-weight: 600" for document in documents]
    return table.style.apply(lambda column: colours, subset=["Status"])


def _pages(document: Document) -> str:
    if document.pages is None:
        return ""
    done = document.pages_done
    return str(document.pages) if done in (0, document.pages) else f"{done} of {document.pages}"


def _sentences(document: Document) -> str:
    return "" if document.problem is None else f"{document.problem.message} {document.problem.hint}".strip()


def _select(collection: str, documents: Sequence[Document]) -> None:
    """A row was chosen: open the document, or say why there is nothing to open."""
    cells = st.session_state[f"documents_{_fingerprint(documents)}"].selection.cells
    chosen = documents[cells[0][0]] if cells else None
    st.session_state[_CHANGED] = True
    st.session_state[_CHOSEN] = chosen.doc if chosen else None
    parts.close_page(_place(collection))
    if chosen is not None and chosen.status in parts.READABLE:
        numbers = [record.number for record in resources.store().catalog.page_records(chosen.doc)]
        parts.open_page(_place(collection), parts.page_of(chosen, min(numbers, default=1)))


def _try_again(docs: Sequence[str]) -> None:
    resources.store().catalog.retry(docs)


def _documents(collection: str) -> list[Document]:
    catalog = resources.store().catalog
    return catalog.documents(collection) if collection in catalog.collections() else []


def _place(collection: str) -> str:
    """Names the page beside a collection."""
    return f"library_{collection}"


def _fingerprint(documents: Sequence[Document]) -> str:
    return hashlib.sha256("".join(document.doc for document in documents).encode()).hexdigest()[:12]


def _nothing() -> None:
    """A rerun is all that an arrival has to cause."""
