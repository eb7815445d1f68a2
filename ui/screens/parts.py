"""What the screens share: problems in words, status in words and colour, and the page that is open beside a screen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from docqa.types import Document, Problem, Status
from ui import resources
from ui.components.viewer import Shown, viewer

STATUS_WORDS = {
    Status.QUEUED: "being read",
    Status.READY: "ready",
    Status.PARTIAL: "partial",
    Status.FAILED: "failed",
    Status.NEEDS_PASSWORD: "needs password",
}
STATUS_COLOURS = {
    Status.QUEUED: "#1f5a8c",
    Status.READY: "#14613b",
    Status.PARTIAL: "#a3211a",
    Status.FAILED: "#a3211a",
    Status.NEEDS_PASSWORD: "#8a5200",
}
READERS = {"Model": "vision", "Quotes only": "quote"}
READABLE = frozenset({Status.READY, Status.PARTIAL})
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")


def show_problem(problem: Problem, key: str) -> None:
    """A sentence, and what to do about it. As text: file names and servers' answers may be part of it."""
    with st.container(key=f"problem-{key}"):
        st.text(problem.message)
        if problem.hint:
            st.text(problem.hint)


def as_label(text: str, length: int = 60) -> str:
    """Foreign text for a button or an option, whose labels Streamlit reads as markdown: cut, and every mark escaped."""
    short = text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
    return _MARKUP.sub(r"\\\1", " ".join(short.split()))


def choose_reader(question: str, built_in: str) -> str:
    """Who reads, in the words of `open_reader`. Without a model server there is nothing to choose."""
    if resources.settings().model.base_url is None:
        st.caption(f"No model server is set up. {built_in}")
        return "quote"
    first = next(iter(READERS))
    chosen = st.segmented_control(
        question, list(READERS), key="reader", default=first, required=True, persist_state="session"
    )
    return READERS[chosen or first]


def list_entry(label: str, key: str, chosen: bool, on_click: Callable[[], None], more: str | None = None) -> None:
    """One of the earlier chats or runs, in the list on the left; `more` is shown to who points at it."""
    kind: Literal["secondary", "tertiary"] = "secondary" if chosen else "tertiary"
    st.button(label, key=key, type=kind, width="stretch", on_click=on_click, help=more)


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def page_of(document: Document, page: int) -> Shown:
    """A page of a document as the viewer shows it, nothing boxed."""
    pages = max(document.pages or 0, page)
    return Shown(document.doc, document.label, page, pages, version=_version(document.doc))


def open_page(place: str, shown: Shown) -> None:
    """Open a page beside a screen; `side_by_side` shows it from the next run on."""
    count = st.session_state.get("pages_opened", 0) + 1
    st.session_state["pages_opened"] = count
    st.session_state[f"page_beside_{place}"] = replace(shown, opened=count)


def opened_page(place: str) -> Shown | None:
    """The page that stands open beside a screen."""
    shown: Shown | None = st.session_state.get(f"page_beside_{place}")
    return shown


def close_page(place: str) -> None:
    """Close the page beside a screen."""
    st.session_state.pop(f"page_beside_{place}", None)


def side_by_side(place: str) -> DeltaGenerator:
    """Where the screen goes: the left half while a page stands open on the right, else the whole width."""
    shown = opened_page(place)
    if shown is None:
        return st.container()
    left, right = st.columns([10, 9], gap="medium")
    with right:
        viewer(shown, key=f"viewer_{place}", on_close=partial(close_page, place))
    return left


def _version(doc: str) -> str:
    """Changes when a page image does: a document may be read again by a later docqa."""
    records = resources.store().catalog.page_records(doc)
    return hashlib.sha256("".join(record.image_sha256 for record in records).encode()).hexdigest()[:12]
