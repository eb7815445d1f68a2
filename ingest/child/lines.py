"""The order in which the lines that an OCR found on a page are read, and the words they are cut into.

Positions are pixels of a page whose lines run level. Not here: finding and reading the lines (`ingest.child.ocr`,
`ingest.child.tesseract`), and the order of a PDF's text layer (`ingest.readingorder`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ingest.readingorder import RawWord

_GUTTER_LINES = 8  #: lines needed on each side of a gap before it is taken for the gap between two columns


class Part(NamedTuple):
    """A word of a line, with its box in pixels."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


class Line(NamedTuple):
    """A line as an engine found it: text, confidence, box in pixels, its words where the engine measured them."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float
    parts: tuple[Part, ...] = ()


def reading_order(lines: Sequence[Line], width: float, right_to_left: bool = False) -> list[list[Line]]:
    """Rows from top to bottom, each in reading direction; two columns of prose one after the other."""
    gutter = _gutter(lines, width)
    if gutter is None:
        return _rows(lines, right_to_left)
    left = [line for line in lines if line.x1 <= gutter]
    right = [line for line in lines if line.x0 >= gutter]
    across = [line for line in lines if line.x0 < gutter < line.x1]
    top = min(line.y0 for line in (*left, *right))
    above = [line for line in across if line.y1 <= top + (line.y1 - line.y0)]
    below = [line for line in across if line not in above]
    first, second = (right, left) if right_to_left else (left, right)
    return [row for part in (above, first, second, below) for row in _rows(part, right_to_left)]


def _rows(lines: Sequence[Line], right_to_left: bool) -> list[list[Line]]:
    """Group lines that share more than half of their height with the row so far."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.y0 + line.y1):
        row = rows[-1] if rows else []
        if row and _shared_height(row[-1], line) > 0.5:
            row.append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: -line.x1 if right_to_left else line.x0) for row in rows]


def _shared_height(a: Line, b: Line) -> float:
    return (min(a.y1, b.y1) - max(a.y0, b.y0)) / max(1.0, min(a.y1 - a.y0, b.y1 - b.y0))


def _gutter(lines: Sequence[Line], width: float) -> float | None:
    """The x of the gap between two columns of prose: hardly a line crosses it, and both sides have long lines."""
    for x in np.linspace(0.4, 0.6, 21) * width:
        left = [line for line in lines if line.x1 <= x and line.x1 - line.x0 > 0.25 * width]
        right = [line for line in lines if line.x0 >= x and line.x1 - line.x0 > 0.25 * width]
        crossing = sum(line.x0 < x < line.x1 for line in lines)
        if min(len(left), len(right)) >= _GUTTER_LINES and crossing <= 0.1 * len(lines):
            return float(x)
    return None


def row_words(row: Sequence[Line], number: int) -> list[RawWord]:
    """The words of a row, all with this line number."""
    return [(*part, number) for line in row for part in line.parts or cut(line)]


def cut(line: Line) -> list[Part]:
    """Cut a line at its spaces; a word's share of its line's width is its share of the characters."""
    step = (line.x1 - line.x0) / max(1, len(line.text))
    parts: list[Part] = []
    for space, run in itertools.groupby(enumerate(line.text), key=lambda item: item[1].isspace()):
        if not space:
            letters = list(run)
            x0, x1 = line.x0 + letters[0][0] * step, line.x0 + (letters[-1][0] + 1) * step
            parts.append(Part("".join(letter for _, letter in letters), x0, line.y0, x1, line.y1))
    return parts
