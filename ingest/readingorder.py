"""The order in which the words of a page are read.

A text layer comes in the order of its file, which is good in well-made files: columns one after the other, rows of a
table together. Only where it cannot be right (written from the bottom up, or one font after the other) are the words
put in order by where they stand. Knows nothing but boxes; fractions of the page throughout.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RawWord = tuple[str, float, float, float, float, int]

#: Share of the pairs of lines, one above the other, that a file has the wrong way round; more is implausible. Of 584
#: sampled pages 13 have more. Encyclopedia pages with a box beside the text, well ordered, have up to 0.24; what is
#: made of them is refused by `_SIDE_BY_SIDE` where it reads across.
_INVERTED = 0.2
#: Rows with two long pieces from which on an order is thought to run across columns that were not recognised: then the
#: file's stays, in doubt the better one.
_SIDE_BY_SIDE, _LONG_PIECE = 6, 4  #: rows; words
_MANY_LINES = 400  #: more are judged by every second, third … one: the pairs grow with the square
_SAME_ROW = 0.5  #: share of the lower line's height that two pieces of one row share
_GAP = 0.005  #: of the width: how far the next word of a row may reach into the one before
_COLUMN_LINES = 6  #: long lines on each side of a gap before it is taken for the gap between columns of prose
_LONG = 0.6  #: share of its column that a line of prose fills


class Piece(NamedTuple):
    """Words that stand in a row without a wide gap: one line of a column, one cell of a table."""

    words: tuple[RawWord, ...]
    x0: float
    y0: float
    x1: float
    y1: float


def join_rows(words: Sequence[RawWord]) -> list[RawWord]:
    """Number the lines; what follows on the same height to the right continues the line.

    MuPDF starts a new line at every wide gap, which takes table rows apart. Columns of prose stay apart, because a file
    names the lines of one column after another.
    """
    joined: list[RawWord] = []
    line, previous = -1, None
    for word in words:
        _, x0, y0, x1, y1, mark = word
        if previous is None or not (mark == previous[5] or _continues(previous, word)):
            line += 1
        joined.append((word[0], x0, y0, x1, y1, line))
        previous = word
    return joined


def _continues(left: RawWord, right: RawWord) -> bool:
    overlap = min(left[4], right[4]) - max(left[2], right[2])
    return right[1] >= left[3] - _GAP and overlap > _SAME_ROW * min(left[4] - left[2], right[4] - right[2])


def is_implausible(words: Sequence[RawWord]) -> bool:
    """Whether the words, in the order they come, go up the page more often than anybody would read.

    Counted over pairs of lines that share some of their width: the next column begins higher up, but to the right.
    """
    pieces = _pieces(words)
    pieces = pieces[:: 1 + len(pieces) // _MANY_LINES]
    if len(pieces) < 4:
        return False
    x0, y0, x1, y1 = np.array([piece[1:] for piece in pieces]).T
    later = np.triu(np.ones((len(pieces), len(pieces)), bool), 1)
    beside = np.minimum.outer(x1, x1) - np.maximum.outer(x0, x0) > 0
    above = np.less.outer(y1, (y0 + y1) / 2).T  # the later one ends above the middle of the earlier
    below = np.less.outer(y1, (y0 + y1) / 2)
    wrong, right = int((later & beside & above).sum()), int((later & beside & below).sum())
    return wrong > _INVERTED * (wrong + right)


def mended(words: Sequence[RawWord]) -> list[RawWord]:
    """The words in reading order if the order they come in cannot be it, else as they are."""
    if not is_implausible(words):
        return list(words)
    rows = _ordered(_pieces(words))
    across = sum(sum(len(piece.words) >= _LONG_PIECE for piece in row) > 1 for row in rows)
    return list(words) if across >= _SIDE_BY_SIDE else _numbered(rows)


def in_reading_order(words: Sequence[RawWord]) -> list[RawWord]:
    """The words from top to bottom, rows from left to right, columns of prose one after the other; lines numbered."""
    return _numbered(_ordered(_pieces(words)))


def _numbered(rows: Sequence[Sequence[Piece]]) -> list[RawWord]:
    return [(*word[:5], number) for number, row in enumerate(rows) for piece in row for word in piece.words]


def _pieces(words: Sequence[RawWord]) -> list[Piece]:
    grouped = (tuple(group) for _, group in itertools.groupby(words, key=lambda word: word[5]))
    return [
        Piece(g, min(w[1] for w in g), min(w[2] for w in g), max(w[3] for w in g), max(w[4] for w in g))
        for g in grouped
    ]


def _ordered(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Rows of one column after the other, between what runs across them."""
    gutter = _gutter(pieces)
    if gutter is None:
        return _rows(pieces)
    across = sorted((p for p in pieces if p.x0 < gutter < p.x1), key=lambda p: p.y0 + p.y1)
    beside = [p for p in pieces if not p.x0 < gutter < p.x1]
    rows: list[list[Piece]] = []
    for heading in across:
        above = [p for p in beside if p.y0 + p.y1 < heading.y0 + heading.y1]
        rows += [*_columns(above, gutter), [heading]]
        beside = [p for p in beside if p not in above]
    return rows + _columns(beside, gutter)


def _columns(pieces: Sequence[Piece], gutter: float) -> list[list[Piece]]:
    left, right = [p for p in pieces if p.x1 <= gutter], [p for p in pieces if p.x0 >= gutter]
    return [*_ordered(left), *_ordered(right)]


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """The x of a gap between columns of prose: hardly a line crosses it, and both sides have lines that fill them."""
    if len(pieces) < 2 * _COLUMN_LINES:
        return None
    left_edge, right_edge = min(p.x0 for p in pieces), max(p.x1 for p in pieces)
    for x in np.linspace(left_edge, right_edge, 41)[4:-4]:
        left, right = [p for p in pieces if p.x1 <= x], [p for p in pieces if p.x0 >= x]
        if len(left) + len(right) >= 0.9 * len(pieces) and _is_prose(left) and _is_prose(right):
            return float(x)
    return None


def _is_prose(pieces: Sequence[Piece]) -> bool:
    if len(pieces) < _COLUMN_LINES:
        return False
    width = max(p.x1 for p in pieces) - min(p.x0 for p in pieces)
    long = [p for p in pieces if p.x1 - p.x0 > _LONG * width and len(p.words) >= 3]
    return len(long) >= max(_COLUMN_LINES, 0.5 * len(pieces))


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Group pieces that share more than half of their height with the row so far."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.y0 + piece.y1):
        row = rows[-1] if rows else []
        if row and _shared_height(row[-1], piece) > _SAME_ROW:
            row.append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.x0) for row in rows]


def _shared_height(a: Piece, b: Piece) -> float:
    return (min(a.y1, b.y1) - max(a.y0, b.y0)) / max(1e-6, min(a.y1 - a.y0, b.y1 - b.y0))
