"""The headings of tables: which columns a table has and where they stand, those with an unknown name included.

A heading is a row of the page, or two, that names at least two of the columns that are asked for. What else stands in
it is a column, too, whose meaning may show from what is in it (`docqa.readers.layout.unnamed`). Not here: the rows
below (`docqa.readers.layout.tables`), and how columns are called (`docqa.readers.layout.columns`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from docqa.readers.layout.columns import COLUMN_CONCEPTS
from docqa.readers.layout.labels import Guide, Mark, Phrasebook
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.runs import WORD, Sheet

_SHAPES = {concept.name: concept.shape for concept in COLUMN_CONCEPTS}
_NUMERIC = (Shape.AMOUNT, Shape.NUMBER)
_UNNAMED = "unnamed:"
_JOINED = 0.5  #: line heights between words of one heading, or …
_BLANK = 1.4  #: … so many blanks, where those are wide and no two columns are named
_BLANKS = 400  #: that are looked at for how wide they are
#: Of several names in one heading the one that counts; else the first: "code of the product" is no product.
_FIRST = ("article", "line_total")
_PRICES = ("price", "preis", "prix", "precio", "prezzo", "prijs")  #: is a price, where an amount is named, too


@dataclass(frozen=True, slots=True)
class Column:
    """A column under its heading, in square pixels; `edge` is where its figures end, as far as rows have shown that."""

    concept: str
    left: float
    right: float
    edge: float | None = None

    @property
    def is_text(self) -> bool:
        """Whether texts are expected in it."""
        return _SHAPES.get(self.concept) is Shape.TEXT

    @property
    def is_numeric(self) -> bool:
        """Whether figures are expected in it."""
        return _SHAPES.get(self.concept) in _NUMERIC

    @property
    def is_unnamed(self) -> bool:
        """Whether its heading is none that is known."""
        return self.concept.startswith(_UNNAMED)


@dataclass(slots=True)
class _Name:
    """What stands together in a heading, in one line or two, and the labels in it."""

    left: float
    right: float
    letters: str
    concepts: list[str]


def find_heading(
    sheet: Sheet, marks: Sequence[Mark], book: Phrasebook, guides: Sequence[Guide]
) -> tuple[int, list[Column]] | None:
    """The last row of the best heading and its columns from left to right; None if no row names two of them.

    `marks` are the labels of the book that stand on the sheet.
    """
    wanted = {guide.concept for guide in guides}
    rows: dict[int, list[Mark]] = {}
    for mark in marks:
        rows.setdefault(sheet.runs[mark.run].row, []).append(mark)
    best: tuple[int, int, list[Column]] | None = None
    blank: float | None = None
    for row in sorted(rows):
        there = {_counted_as(mark.concept, wanted) for line in (row, row + 1) for mark in rows.get(line, ())}
        if len(there & wanted) < min(2, len(wanted)) or not _is_heading_row(sheet, row):
            continue  # nearly every row
        blank = _BLANK * _blank(sheet) if blank is None else blank
        for last in (row, row + 1) if row + 1 in sheet.rows and _is_heading_row(sheet, row + 1) else (row,):
            names = _names(sheet, range(row, last + 1), rows, blank)
            columns = _columns(names, book)
            found = len(wanted & {_counted_as(column.concept, wanted) for column in columns})
            if found >= min(2, len(wanted)) and len(columns) > 1 and (best is None or found > best[0]):
                best = (found, last, columns)
    return None if best is None else best[1:]


def same_columns(some: Sequence[Column], others: Sequence[Column]) -> bool:
    """Whether a later heading is that of the same table: it names the same columns."""
    return {one.concept for one in some if not one.is_unnamed} == {one.concept for one in others if not one.is_unnamed}


def _counted_as(concept: str, wanted: Set[str]) -> str:
    """What a column counts as: "position" is an item's number or, without a description, the item itself."""
    return "description" if concept == "position" and concept not in wanted else concept


def _is_heading_row(sheet: Sheet, row: int) -> bool:
    """Headings hold next to no digits and no sentences."""
    text = " ".join(sheet.string(index) for index in sheet.rows.get(row, ()))
    return sum(map(str.isdigit, text)) <= 2 and len(text) < 160


def _names(sheet: Sheet, lines: range, marks: dict[int, list[Mark]], gap: float) -> list[_Name]:
    """What the rows of a heading say, one above the other where they stand so."""
    names: list[_Name] = []
    for row in lines:
        for left, right, start, end in _pieces(sheet, row, marks.get(row, ()), gap):
            letters = "".join(WORD.findall(sheet.folded[start:end]))
            inside = [mark for mark in marks.get(row, ()) if start <= mark.start and mark.end <= end]
            concepts = [mark.concept for mark in sorted(inside, key=lambda mark: mark.start)]
            above = [one for one in names if min(right, one.right) - max(left, one.left) > 0]
            if len(above) == 1 and row > lines[0]:
                one = above[0]
                one.left, one.right = min(left, one.left), max(right, one.right)
                # Two lines may name two things that stand one above the other: the item is the one that is wanted.
                both = ["description"] if "description" in concepts else one.concepts + concepts
                one.letters, one.concepts = one.letters + letters, both
            elif not above:
                names.append(_Name(left, right, letters, concepts))
    return sorted(names, key=lambda one: one.left)


def _columns(names: Sequence[_Name], book: Phrasebook) -> list[Column]:
    """A column for each name; one that was given before is unknown, but for amounts, of which the last one counts."""
    columns: list[Column] = []
    for number, one in enumerate(names):
        meant = book.meanings.get(one.letters, [("", 0.0)])[0][0]
        concept = meant or next((name for name in _FIRST if name in one.concepts), next(iter(one.concepts), ""))
        before = next((place for place, other in enumerate(columns) if other.concept == concept), None)
        if before is not None and concept == "line_total":
            priced = any(word in names[before].letters for word in _PRICES)
            known = any(other.concept == "unit_price" for other in columns)
            other = "unit_price" if priced and not known else f"{_UNNAMED}{before}"
            columns[before] = replace(columns[before], concept=other)
        elif before is not None:
            concept = ""
        columns.append(Column(concept or f"{_UNNAMED}{number}", one.left, one.right))
    return columns


def _blank(sheet: Sheet) -> float:
    """How wide a blank usually is on a page, in pixels: a quarter of a line in some fonts, more than half in others.

    The lower quartile: columns that stand close are no blanks.
    """
    words, ends = sheet.page.words, {run.end for run in sheet.runs}
    gaps = [
        (word.box[0] - before.box[2]) * sheet.page.width
        for (before, word), start in zip(pairwise(words), sheet.starts, strict=False)
        if start + len(before.text) not in ends
    ]
    some = sorted(gaps[:_BLANKS])
    return some[len(some) // 4] if some else 0.0


def _pieces(sheet: Sheet, row: int, marks: Sequence[Mark], blank: float) -> Iterator[tuple[float, float, int, int]]:
    """What stands together in a row: left and right, and where it begins and ends in the sheet's text."""
    begins = {sheet.words(mark.start, mark.end)[0] for mark in marks}
    within = {word for mark in marks for word in sheet.words(mark.start, mark.end)}
    for number in sheet.rows.get(row, ()):
        run, words = sheet.runs[number], sheet.page.words
        inside = sheet.words(run.start, run.end)
        first = inside[0]
        for index in inside:
            gap = (words[index + 1].box[0] - words[index].box[2]) * sheet.page.width if index < inside[-1] else None
            narrow = index in within and index + 1 in begins
            if gap is None or gap > max(_JOINED * run.height, 0.0 if narrow else blank):
                left, right = words[first].box[0] * sheet.page.width, words[index].box[2] * sheet.page.width
                yield left, right, sheet.starts[first], sheet.starts[index] + len(words[index].text)
                first = index + 1
