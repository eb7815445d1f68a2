"""The script Streamlit runs for every view: the frame and the navigation; the screens are in `ui.screens`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.screens import ask, extract, library

HERE = Path(__file__).parent

# a page icon of our own, always: for a material icon Streamlit asks fonts.gstatic.com
st.set_page_config(page_title="docqa", page_icon=str(HERE / "icon.png"), layout="wide")
st.logo(str(HERE / "logo.png"), size="large")
st.html(HERE / "components" / "page.css")
st.navigation(
    [
        st.Page(ask.show, title="Ask", url_path="ask", icon=":material/forum:", default=True),
        st.Page(library.show, title="Documents", url_path="documents", icon=":material/folder_open:"),
        st.Page(extract.show, title="Extract", url_path="extract", icon=":material/table_view:"),
    ],
    position="top",
).run()
