"""Pages drawn from pieces of writing, for tests of what is read by layout."""

from __future__ import annotations

from collections.abc import Sequence

from docqa.types import Page, TextSource, Word

WIDTH, HEIGHT = 1000, 1400
LETTER, LINE = 10, 20  # pixels

#: A piece of writing: how far from the left, how far from the top (in lines), what.
Piece = tuple[int, float, str]


def draw(pieces: Sequence[Piece], number: int = 1, source: TextSource = TextSource.TEXT_LAYER) -> Page:
    """A page on which each piece is a line of its own in reading order, as text layers have it."""
    words: list[Word] = []
    for line, (left, row, text) in enumerate(pieces):
        place = left
        for part in text.split(" "):
            right, top = place + LETTER * len(part), row * 1.3 * LINE
            box = (place / WIDTH, top / HEIGHT, right / WIDTH, (top + LINE) / HEIGHT)
            words.append(Word(part, box, line))
            place = right + LETTER
    return Page("doc", number, WIDTH, HEIGHT, tuple(words), source, 1.0)
