"""The uploader: several files or a whole folder, three at a time, straight to PUT /upload.

Streamlit's own uploader keeps every byte in the server's memory and gives up on a folder of some hundred files.
"""

from __future__ import annotations

from collections.abc import Callable

from docqa.settings import IngestSettings
from ui.components import load

_uploader = load("uploader")


def uploader(collection: str, limits: IngestSettings, large: bool, key: str, on_taken: Callable[[], None]) -> None:
    """Take files into a collection; `large` is the form for an empty one. `on_taken` is called as files arrive."""
    data = {
        "collection": collection,
        "maxMb": limits.max_file_mb,
        "maxArchiveMb": limits.max_archive_mb,
        "large": large,
    }
    _uploader(key=key, data=data, on_taken_change=on_taken)
