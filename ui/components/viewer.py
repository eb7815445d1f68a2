"""The page viewer: one page of a document as an image, with the places that matter boxed.

Pages are turned in the browser (images come by URL, see `ui.routes`), so turning one asks nothing of the script.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docqa.types import Box
from ui.components import load

_MARGIN = 0.003  #: of the page, around a box, so that its frame does not touch the letters
_viewer = load("viewer")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the viewer shows: a page, the boxes on it, and what they stand for."""

    doc: str
    label: str
    page: int
    pages: int
    version: str  #: changes with the images, so that the browser may keep them for good
    boxes: tuple[Box, ...] = ()
    caption: str = ""  #: what is boxed, e.g. the name of a field
    value: str = ""  #: the value of that field
    quote: str = ""
    verified: bool = False  #: whether the quote was found on the page
    note: str = ""  #: what is wrong with the value, if anything
    types: str = ""  #: CSS selector of the box beside the page that is typed into when another place is opened
    opened: int = 0  #: counts; the viewer goes to the page and pulses whenever it changes


def viewer(shown: Shown, key: str, on_close: Callable[[], None]) -> None:
    """Show a page."""
    data = {
        "doc": shown.doc,
        "label": shown.label,
        "page": shown.page,
        "pages": shown.pages,
        "version": shown.version,
        "boxes": [list(_wider(box)) for box in shown.boxes],
        "caption": shown.caption,
        "value": shown.value,
        "quote": shown.quote,
        "verified": shown.verified,
        "note": shown.note,
        "types": shown.types,
        "opened": shown.opened,
    }
    _viewer(key=key, data=data, height="content", on_close_change=on_close)


def _wider(box: Box) -> Box:
    """A little room around the words."""
    return (
        max(box[0] - _MARGIN, 0.0),
        max(box[1] - _MARGIN, 0.0),
        min(box[2] + _MARGIN, 1.0),
        min(box[3] + _MARGIN, 1.0),
    )
