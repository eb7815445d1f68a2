"""The orders in which the words of a page can be read: as stored, by rows, and by columns.

Text layers and recognition store tables and columns in orders of their own; people and models read a table by rows and
prose by columns. Pure geometry over the boxes of words. Not here: what the words say.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from docqa.types import Page, Word

GAP = 3.0  #: letters of empty space on a line that part two cells or columns; a justified line stays below (measured)
NARROW = 1.1  #: letters of space between two groups of digits of one number, at most
_OVERLAP = 0.5  #: share of the lower height that two cells of a row have in common
_BELOW = 2.5  #: heights of a line under another one that still goes on with it
_PROSE = 4  #: words of a line of prose, at least; a cell of a table has fewer

Strand = tuple[int, ...]  #: words, by their number on the page, that are read one after another


@dataclass(frozen=True)
class Segment:
    """Words of one line without a wide gap between them: a cell, or a line of one column."""

    words: Strand
    x0: float
    y0: float
    x1: float
    y1: float

    def beside(self, other: Segment) -> bool:
        """Whether both stand in one row."""
        shared = min(self.y1, other.y1) - max(self.y0, other.y0)
        return shared > _OVERLAP * min(self.y1 - self.y0, other.y1 - other.y0)

    def in_column(self, other: Segment) -> bool:
        """Whether one stands above the other."""
        shared = min(self.x1, other.x1) - max(self.x0, other.x0)
        return shared > 0.3 * min(self.x1 - self.x0, other.x1 - other.x0)


class Layout:
    """The segments of a page and the strands they are read in."""

    def __init__(self, page: Page) -> None:
        self._words = page.words
        self.segments = [segment for line in _lines(page.words) for segment in _cut(line, page.words)]
        self._of = {word: n for n, segment in enumerate(self.segments) for word in segment.words}

    @cached_property
    def rows(self) -> list[list[int]]:
        """Segments that stand side by side, from left to right; rows from top to bottom."""
        rows: list[list[int]] = []
        for n in sorted(range(len(self.segments)), key=lambda n: self.segments[n].y0 + self.segments[n].y1):
            if rows and self.segments[rows[-1][0]].beside(self.segments[n]):
                rows[-1].append(n)
            else:
                rows.append([n])
        return [sorted(row, key=lambda n: self.segments[n].x0) for row in rows]

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {segment: n for n, row in enumerate(self.rows) for segment in row}

    @property
    def stored(self) -> list[Strand]:
        """One strand: every word as the page has it."""
        return [tuple(range(len(self._words)))]

    @property
    def by_rows(self) -> list[Strand]:
        """One strand, from row to row."""
        return [tuple(word for row in self.rows for segment in row for word in self.segments[segment].words)]

    @property
    def by_columns(self) -> list[Strand]:
        """A strand for each run of segments that stand closely under one another."""
        chains: list[list[int]] = []
        for row in self.rows:
            for n in row:
                chain = next((c for c in reversed(chains) if self._goes_on(c[-1], n)), None)
                if chain is None:
                    chains.append([n])
                else:
                    chain.append(n)
        return [tuple(word for n in chain for word in self.segments[n].words) for chain in chains]

    def _goes_on(self, above: int, below: int) -> bool:
        upper, lower = self.segments[above], self.segments[below]
        height = upper.y1 - upper.y0
        return upper.in_column(lower) and lower.y1 - upper.y1 >= 0 and lower.y0 - upper.y1 < _BELOW * height

    def whole(self, strand: Sequence[int]) -> bool:
        """Whether words can be read one after another without putting a figure beside somebody else's label.

        A row of a table may be left for the next one only by those who began it at its first cell, or down a column.
        """
        met = [self._of[word] for word in strand]
        seen: set[int] = set()
        for a, b in zip(met, met[1:], strict=False):
            seen.add(a)
            if a != b and not self._flows(a, b, seen):
                return False
        return True

    def _flows(self, a: int, b: int, seen: set[int]) -> bool:
        left, right = self.segments[a], self.segments[b]
        if self._words[left.words[0]].line == self._words[right.words[0]].line:
            return True
        row_a, row_b = self.rows[self._row_of[a]], self.rows[self._row_of[b]]
        if left.in_column(right) and right.y0 + right.y1 > left.y0 + left.y1:
            return True
        if left.beside(right):
            between = (self.segments[n] for n in row_a if n not in (a, b))
            return right.x0 > left.x0 and not any(left.x0 < one.x0 < right.x0 for one in between)
        if right.y0 + right.y1 < left.y0 + left.y1:  # back up the page: the next column of prose
            return len(left.words) >= _PROSE and len(right.words) >= _PROSE
        return row_a[0] in seen or (len(row_a) == 1 and len(row_b) == 1)

    def narrow(self, a: int, b: int) -> bool:
        """Whether two words can hold the groups of digits of one number: side by side with hardly a space between."""
        left, right = self._words[a], self._words[b]
        letter = min((word.box[2] - word.box[0]) / max(1, len(word.text)) for word in (left, right))
        return left.line == right.line and abs(right.box[0] - left.box[2]) <= NARROW * letter + 1e-6


def _lines(words: Sequence[Word]) -> list[list[int]]:
    lines: dict[int, list[int]] = {}
    for n, word in enumerate(words):
        lines.setdefault(word.line, []).append(n)
    return list(lines.values())


def _cut(line: Sequence[int], words: Sequence[Word]) -> list[Segment]:
    """The segments of one line."""
    letter = statistics.median((words[n].box[2] - words[n].box[0]) / max(1, len(words[n].text)) for n in line)
    parts: list[list[int]] = []
    for n in line:
        if parts and words[n].box[0] - words[parts[-1][-1]].box[2] <= GAP * letter:
            parts[-1].append(n)
        else:
            parts.append([n])
    return [_segment(part, words) for part in parts]


def _segment(part: Sequence[int], words: Sequence[Word]) -> Segment:
    boxes = [words[n].box for n in part]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return Segment(tuple(part), left, top, max(box[2] for box in boxes), max(box[3] for box in boxes))
