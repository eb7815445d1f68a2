"""Sheets of paper: text, lines and shapes at given places, in points from the top left corner.

Fonts are the ones inside PyMuPDF, so that the same bytes come out on every machine; only the letters in use are
embedded. What is drawn and where is the business of the families; nothing here knows an invoice from a letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import pymupdf

Align = Literal["left", "right", "center", "justify"]
Color = tuple[float, float, float]
Point = tuple[float, float]
Word = tuple[str, str]  #: the word and the name of its font

A4: Point = (595, 842)
LETTER: Point = (612, 792)

INK: Color = (0.11, 0.12, 0.14)
GRAY: Color = (0.42, 0.44, 0.48)
PALE: Color = (0.80, 0.82, 0.85)
WHITE: Color = (1, 1, 1)
PEN: Color = (0.10, 0.19, 0.52)

FONTS = {
    "sans": "helv",
    "bold": "hebo",
    "italic": "heit",
    "serif": "tiro",
    "serif-bold": "tibo",
    "serif-italic": "tiit",
    "mono": "cour",
    "mono-bold": "cobo",
}
BOLD_OF = {"sans": "bold", "italic": "bold", "serif": "serif-bold", "serif-italic": "serif-bold", "mono": "mono-bold"}
_FACES: dict[str, Any] = {name: pymupdf.Font(code) for name, code in FONTS.items()}


@dataclass(frozen=True, slots=True)
class Made:
    """One finished file, with the text that is to be read on each of its pages (even where it is only a picture)."""

    name: str
    data: bytes
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ink:
    """How a piece of text looks."""

    font: str = "sans"
    size: float = 10
    color: Color = INK
    align: Align = "left"
    leading: float = 1.38  #: line distance as a multiple of the size

    @property
    def step(self) -> float:
        """The distance from one baseline to the next."""
        return self.size * self.leading


def text_width(text: str, font: str, size: float) -> float:
    """The width of a text in points."""
    return float(_FACES[font].text_length(text, fontsize=size))


def break_lines(words: Iterable[Word], width: float, size: float) -> list[list[Word]]:
    """Fill lines greedily with words, none wider than `width`."""
    lines: list[list[Word]] = [[]]
    used = 0.0
    for text, font in words:
        space = text_width(" ", font, size) if lines[-1] else 0.0
        need = text_width(text, font, size)
        if lines[-1] and used + space + need > width:
            lines.append([])
            used = space = 0.0
        lines[-1].append((text, font))
        used += space + need
    return lines


def split_words(text: str, font: str) -> list[Word]:
    """Split a text at its spaces; what stands between double asterisks is bold."""
    words: list[Word] = []
    for index, part in enumerate(text.split("**")):
        face = BOLD_OF.get(font, font) if index % 2 else font
        words += [(word, face) for word in part.split(" ") if word]
    return words


class Sheet:
    """A PDF under construction. Every call draws on its newest page; `y` is the baseline of text."""

    def __init__(self, title: str, author: str, date: str, size: Point = A4) -> None:
        stamp = f"D:{date.replace('-', '')}090000Z"
        self.size = size
        self._doc: Any = pymupdf.open()
        self._doc.set_metadata({"title": title, "author": author, "creationDate": stamp, "modDate": stamp})
        self._page: Any = None
        self._writer: Any = None
        self._color = INK

    def new_page(self) -> None:
        """Begin the next page."""
        self._flush()
        self._page = self._doc.new_page(width=self.size[0], height=self.size[1])

    def text(self, x: float, y: float, text: str, ink: Ink = Ink()) -> None:  # noqa: B008 - Ink is frozen
        """Write one line; `x` is its left end, right end or middle, as the ink's alignment says."""
        shift = {"right": 1.0, "center": 0.5}.get(ink.align, 0.0)
        left = x - shift * text_width(text, ink.font, ink.size)
        self._write(left, y, text, ink.font, ink)

    def paragraph(self, x: float, y: float, width: float, text: str, ink: Ink = Ink()) -> float:  # noqa: B008
        """Write a wrapped paragraph and return the baseline that follows it."""
        lines = break_lines(split_words(text, ink.font), width, ink.size)
        for index, line in enumerate(lines):
            stretch = ink.align == "justify" and index < len(lines) - 1
            self._line(x, y, line, ink, width if stretch else None)
            y += ink.step
        return y

    def lines(self, x: float, y: float, texts: Iterable[str], ink: Ink = Ink()) -> float:  # noqa: B008
        """Write given lines one below the other and return the baseline that follows them."""
        for text in texts:
            self.text(x, y, text, ink)
            y += ink.step
        return y

    def rule(self, x0: float, y: float, x1: float, color: Color = INK, width: float = 0.6) -> None:
        """Draw a horizontal line."""
        self._page.draw_line((x0, y), (x1, y), color=color, width=width)

    def upright(self, x: float, y0: float, y1: float, color: Color = INK, width: float = 0.6) -> None:
        """Draw a vertical line."""
        self._page.draw_line((x, y0), (x, y1), color=color, width=width)

    def box(
        self,
        corner: Point,
        size: Point,
        fill: Color | None = None,
        color: Color | None = None,
        width: float = 0.6,
        radius: float | None = None,
    ) -> None:
        """Draw a rectangle from its top left corner; `radius` rounds it, as a fraction of its shorter side."""
        rect = pymupdf.Rect(*corner, corner[0] + size[0], corner[1] + size[1])
        self._page.draw_rect(rect, color=color, fill=fill, width=width, radius=radius)

    def circle(
        self, middle: Point, radius: float, fill: Color | None = None, color: Color | None = None, width: float = 0.8
    ) -> None:
        """Draw a circle."""
        self._page.draw_circle(middle, radius, color=color, fill=fill, width=width)

    def polygon(self, points: Sequence[Point], fill: Color) -> None:
        """Fill a shape with straight sides."""
        self._page.draw_polyline(list(points), color=None, fill=fill, closePath=True)

    def stroke(self, points: Sequence[Point], color: Color = PEN, width: float = 1.1) -> None:
        """Draw an open line through the points, with round ends and corners, as a pen does."""
        self._page.draw_polyline(list(points), color=color, width=width, lineCap=1, lineJoin=1)

    def document(self) -> Any:  # noqa: ANN401 - PyMuPDF has no types
        """The PyMuPDF document with everything written to it."""
        self._flush()
        return self._doc

    def finish(self, name: str) -> Made:
        """Close the PDF: the same drawing gives the same bytes."""
        doc = self.document()
        texts = tuple(page.get_text() for page in doc)
        for page in doc:
            page.clean_contents()
        doc.subset_fonts()
        return Made(name, pdf_bytes(doc), texts)

    def _line(self, x: float, y: float, line: list[Word], ink: Ink, stretch_to: float | None) -> None:
        """Write one line of words; runs of one font go together unless the line is stretched to a width."""
        gap = 0.0
        if stretch_to and len(line) > 1:
            natural = sum(text_width(text, font, ink.size) for text, font in line)
            gap = (stretch_to - natural) / (len(line) - 1)
        runs = [(" ".join(w for w, _ in run), font) for font, run in groupby(line, key=lambda word: word[1])]
        for text, font in line if gap else runs:
            self._write(x, y, text, font, ink)
            x += text_width(text, font, ink.size) + (gap or text_width(" ", font, ink.size))

    def _write(self, x: float, y: float, text: str, font: str, ink: Ink) -> None:
        """Put text into the writer of this page; another colour needs another writer."""
        if self._writer is None or ink.color != self._color:
            self._flush()
            self._writer, self._color = pymupdf.TextWriter(self._page.rect), ink.color
        self._writer.append((x, y), text, font=_FACES[font], fontsize=ink.size)

    def _flush(self) -> None:
        if self._writer is not None:
            self._writer.write_text(self._page, color=self._color)
            self._writer = None


def pdf_bytes(doc: Any) -> bytes:  # noqa: ANN401 - PyMuPDF has no types
    """The document as bytes, without a random /ID."""
    data: bytes = doc.tobytes(garbage=4, deflate=True, deflate_fonts=True, no_new_id=True)
    return data
