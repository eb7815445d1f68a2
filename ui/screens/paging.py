"""Which documents of a long table are on the screen: those of a page, found by their names where somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from docqa.types import Document

PAGE_ROWS = 100  #: documents on a page of the table: their cells are read and sent with every click


def found_by_name(key: str, documents: Sequence[Document]) -> list[Document]:
    """Those whose name somebody asked for; there is no box to ask in where all are on one page."""
    if len(documents) <= PAGE_ROWS and not st.session_state.get(f"find_{key}"):
        return list(documents)
    asked = st.text_input(
        "Find a document", key=f"find_{key}", placeholder="Find a document", label_visibility="collapsed"
    )
    wanted = asked.strip().casefold()
    return [document for document in documents if wanted in document.label.casefold()]


def page_of(key: str, docs: Sequence[str], opened: str | None) -> Sequence[str]:
    """The documents of the page that was chosen, which follows the one that is opened; all where they are few."""
    pages = -(-len(docs) // PAGE_ROWS)
    if pages <= 1:
        return docs
    page_key, followed_key = f"page_{key}", f"paged_to_{key}"
    if opened is not None and st.session_state.get(followed_key) != opened and opened in docs:
        st.session_state[page_key] = docs.index(opened) // PAGE_ROWS + 1
    st.session_state[followed_key] = opened
    if not 1 <= st.session_state.get(page_key, 1) <= pages:
        st.session_state[page_key] = 1
    with st.container(horizontal=True, vertical_alignment="center"):
        page = st.pagination(pages, key=page_key)
        st.caption(f"{PAGE_ROWS * (page - 1) + 1:,} to {min(PAGE_ROWS * page, len(docs)):,} of {len(docs):,} documents")
    return docs[PAGE_ROWS * (page - 1) : PAGE_ROWS * page]
