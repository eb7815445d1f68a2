"""A page as a sheet of runs: pieces of a line without a wide gap, grouped into rows by where they stand.

A text layer splits one printed row into several lines and an OCR engine joins several columns into one; runs and rows
are the same for both. Not here: what the runs mean (`docqa.readers.layout.labels`, `docqa.readers.layout.candidates`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from statistics import median
from typing import NamedTuple, TypeVar

from docqa.extract.values import fold_letters
from docqa.types import Box, Page

#: A gap wider than this many line heights separates two runs.
_GAP = 1.2
#: A run of at least so many characters reaches the margin: its sentence may go on in the next line.
_PROSE = 45
WORD = re.compile(r"[^\W\d_]+")
#: Stands where a short run ends, so that no value is read across the gap between two table cells.
WALL = "\x00"

Made = TypeVar("Made")


class Run(NamedTuple):
    """Consecutive words of one line. `start` and `end` are places in the sheet's text, `box` is in square pixels."""

    start: int
    end: int
    box: Box
    row: int  #: rows count from the top of the page

    @property
    def height(self) -> float:
        """The height of the line, in pixels."""
        return self.box[3] - self.box[1]


class Sheet:
    """One page with its text in reading order, its runs and its rows."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._boxes: dict[tuple[int, int], Box] = {}
        #: For runs that begin with a date, as far as somebody asked: whether others stand right above or below it.
        self.among_dates: dict[int, bool] = {}
        self.starts = _word_starts(page)
        self.text = " ".join(word.text for word in page.words)
        self.runs = _number_rows(_split_runs(page, self.starts))

    @cached_property
    def walled(self) -> str:
        """The text with a wall after each run, except where a long line goes on in the next."""
        text = list(self.text)
        for run in self.runs:
            if run.end < len(text) and run.end - run.start < _PROSE:
                text[run.end] = WALL
        return "".join(text)

    @cached_property
    def folded(self) -> str:
        """The text in small letters without accents, as long as it is."""
        return fold_letters(self.text)

    @cached_property
    def letters(self) -> list[list[tuple[str, int, int]]]:
        """For each run the words that are in its folded text, letters only, with start and end."""
        return [
            [(match.group(), *match.span()) for match in WORD.finditer(self.folded, run.start, run.end)]
            for run in self.runs
        ]

    @cached_property
    def run_starts(self) -> list[int]:
        """Where each run starts in the text, for looking runs up by place."""
        return [run.start for run in self.runs]

    @cached_property
    def rows(self) -> dict[int, list[int]]:
        """The runs of each row, by number, from left to right."""
        rows: dict[int, list[int]] = {}
        for index, run in enumerate(self.runs):
            rows.setdefault(run.row, []).append(index)
        return {row: sorted(runs, key=lambda index: self.runs[index].box[0]) for row, runs in sorted(rows.items())}

    @cached_property
    def line_height(self) -> float:
        """The usual height of a line of this page, in pixels."""
        return median(run.height for run in self.runs) if self.runs else 1.0

    def run_at(self, place: int) -> int:
        """The number of the run that holds this place of the text."""
        return max(0, bisect_right(self.run_starts, place) - 1)

    def string(self, run: int) -> str:
        """The text of one run."""
        return self.text[self.runs[run].start : self.runs[run].end]

    def box(self, start: int, end: int) -> Box:
        """The box in square pixels around the words that touch this piece of the text."""
        if (start, end) not in self._boxes:
            self._boxes[start, end] = self._box(start, end)
        return self._boxes[start, end]

    def _box(self, start: int, end: int) -> Box:
        return _around([self.page.words[index].box for index in self.words(start, end)], self.page)

    def words(self, start: int, end: int) -> range:
        """The words that touch this piece of the text, by their number on the page."""
        return range(bisect_right(self.starts, start) - 1, bisect_right(self.starts, max(start, end - 1)))

    def quote(self, start: int, end: int, limit: int = 200) -> str:
        """The words of the lines this piece stands in, at most `limit` characters, cut between words."""
        words, there = self.page.words, self.words(start, end)
        first, last = there[0], there[-1]
        left, right = first, last
        while left > 0 and words[left - 1].line == words[first].line and self._width(left - 1, right) <= limit:
            left -= 1
        while right + 1 < len(words) and words[right + 1].line == words[last].line:
            if self._width(left, right + 1) > limit:
                break
            right += 1
        return " ".join(word.text for word in words[left : right + 1])

    def _width(self, first: int, last: int) -> int:
        return self.starts[last] + len(self.page.words[last].text) - self.starts[first]


class Lazy(Sequence[Made]):
    """Something of each sheet, made when somebody asks for it: most fields are looked for on a few of many sheets."""

    def __init__(self, count: int, make: Callable[[int], Made]) -> None:
        self._count, self._make = count, make
        self._made: dict[int, Made] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Made:  # type: ignore[override]  # nobody takes a slice
        if not 0 <= index < self._count:
            raise IndexError(index)
        if index not in self._made:
            self._made[index] = self._make(index)
        return self._made[index]


def _word_starts(page: Page) -> list[int]:
    return list(accumulate((len(word.text) + 1 for word in page.words[:-1]), initial=0)) if page.words else []


def _around(boxes: Sequence[Box], page: Page) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left) * page.width, min(top) * page.height, max(right) * page.width, max(bottom) * page.height


def _split_runs(page: Page, starts: list[int]) -> list[Run]:
    """Cut the words in reading order where the line changes, a wide gap opens, or the pen jumps back."""
    firsts = [0]
    for index, (before, word) in enumerate(pairwise(page.words), start=1):
        _, (_, top, right, bottom), line = before
        gap, height = (word.box[0] - right) * page.width, (bottom - top) * page.height
        if line != word.line or gap > _GAP * height or gap < -2 * height:
            firsts.append(index)
    return [_run(page, starts, first, end) for first, end in pairwise((*firsts, len(page.words))) if end > first]


def _run(page: Page, starts: list[int], first: int, end: int) -> Run:
    words = page.words[first:end]
    return Run(starts[first], starts[end - 1] + len(words[-1].text), _around([word.box for word in words], page), 0)


def _number_rows(runs: list[Run]) -> list[Run]:
    """Give runs whose middles are level the same row number."""
    rows: list[tuple[float, float]] = []  # middle and height of each row's first run
    numbers = [0] * len(runs)
    for index in sorted(range(len(runs)), key=lambda index: _middle(runs[index])):
        middle, height = _middle(runs[index]), runs[index].height
        level = bool(rows) and abs(middle - rows[-1][0]) < 0.5 * min(height, rows[-1][1])
        if not level:
            rows.append((middle, height))
        numbers[index] = len(rows) - 1
    return [Run(run.start, run.end, run.box, number) for run, number in zip(runs, numbers, strict=True)]


def _middle(run: Run) -> float:
    return (run.box[1] + run.box[3]) / 2
