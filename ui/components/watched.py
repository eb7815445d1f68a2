"""The watched folders: what the last scan of each saw, and what is wrong. Of Streamlit's own parts, no JavaScript."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from docqa.store import Store
from docqa.store.watched import WatchedFolder


def show_watched(store: Store) -> None:
    """List the watched folders; nothing where there are none."""
    folders = store.catalog.watched.folders()
    if not folders:
        return
    st.caption("Watched folders")
    for number, folder in enumerate(folders):
        with st.container(key=f"watched-{number}", gap="small"):
            st.text(folder.folder)  # as text: people name folders as they like
            st.caption(last_scan(folder))
            if folder.problem:
                st.text(folder.problem)


def last_scan(folder: WatchedFolder) -> str:
    """When a folder was looked into and what was there, in a sentence."""
    if folder.scanned_at is None:
        return "Not scanned yet."
    at = datetime.fromisoformat(folder.scanned_at).astimezone().strftime("%d %b %Y, %H:%M:%S")
    waiting = f", {folder.waiting:,} not taken yet" if folder.waiting else ""
    return f"Last scan {at}: {folder.files:,} file{'' if folder.files == 1 else 's'}{waiting}."
