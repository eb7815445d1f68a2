"""Components of the interface: each a Python module with an .html, a .css and a .js file of the same name.

They run in the page itself (Streamlit's components v2), so the rule for text of documents, models and people holds in
every .js file here: textContent, never innerHTML.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

FOLDER = Path(__file__).parent


def load(name: str) -> ComponentRenderer:
    """Register the component whose files are called so."""
    # contents, not paths: Streamlit takes paths only from packages that carry a manifest for its frontend build
    html, css, js = ((FOLDER / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component(f"docqa_{name}", html=html, css=css, js=js)
