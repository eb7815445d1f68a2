"""Reading tables by their headings: the items of an invoice, one row of cells for each.

A heading is a row of the page that names at least two columns. Below it an amount belongs to the column it is aligned
with, a text to the column it begins under. A row that has an amount in the column that every item has one in begins a
new item; a row of text alone goes on with the item above it, or begins the next one where a table prints its texts
first. The table ends at the first row labelled as a sum; without one it goes on on the next page, under the same
columns. Not here: whether the rows add up to the printed sums (`docqa.extract.checks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal

from docqa.readers.layout.candidates import Scene
from docqa.readers.layout.columns import COLUMN_CONCEPTS
from docqa.readers.layout.labels import Guide, Mark, column_guides, column_phrasebook, find_marks
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.runs import Sheet
from docqa.types import FieldSpec, Reading

_NUMERIC = (Shape.AMOUNT, Shape.NUMBER)
_SHAPES = {concept.name: concept.shape for concept in COLUMN_CONCEPTS}
#: Which column every item has a value in, the surest first.
_ANCHORS = ("line_total", "unit_price", "quantity")
_SUMS = ("net", "tax", "total", "cash")  #: labels of the rows below a table
_SUBTOTALS = frozenset(
    ["subtotal", "sub total", "sub-total", "zwischensumme", "sous total", "sous-total", "subtotale", "subtotaal"]
)
_NEAR = 0.1  #: of the page's width: how far from its heading an amount may stand
_GAP = 6.0  #: line heights without a row after which a table is over
_ROWS = 500


@dataclass(frozen=True, slots=True)
class _Column:
    concept: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """A cell's worth of a row: where it stands in the sheet's text, and on the page in square pixels."""

    start: int
    end: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the page with its amounts and its other words."""

    top: float
    bottom: float
    start: int
    end: int
    amounts: tuple[_Piece, ...]
    texts: tuple[_Piece, ...]
    summed: bool  #: labelled as a sum
    subtotal: bool  #: … that may be one of several

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where on a page a table may be: below the row of its heading; -1 for the whole page."""

    sheet: Sheet
    index: int
    heading: int
    scene: Scene

    @property
    def rows(self) -> Iterator[_Row]:
        """The rows from the top down."""
        sheet, marks = self.sheet, self.scene.marks[self.index]
        labels = [mark for mark in marks if mark.concept in _SUMS and mark.before == 0 and mark.weight > 0.6]
        sums = {sheet.runs[mark.run].row for mark in labels}
        parts = {sheet.runs[mark.run].row for mark in labels if sheet.text[mark.start : mark.end].lower() in _SUBTOTALS}
        for number, runs in sheet.rows.items():
            if number > self.heading:
                yield self._row(runs, number in sums, number in parts)

    def amount(self, pieces: Sequence[_Piece]) -> Decimal | None:
        """The amount that a cell holds."""
        starts = {piece.start for piece in pieces}
        return next((Decimal(span.value) for span in self.scene.amounts[self.index] if span.start in starts), None)

    def _row(self, runs: Sequence[int], summed: bool, subtotal: bool) -> _Row:
        boxes = [self.sheet.runs[number].box for number in runs]
        amounts: list[_Piece] = []
        texts: list[_Piece] = []
        for number in runs:
            run = self.sheet.runs[number]
            there = self.scene.amounts[self.index]
            spans = [(span.start, span.end) for span in there if run.start <= span.start and span.end <= run.end]
            amounts += [self._piece(*span) for span in spans]
            for start, end in _words(self.sheet.text, run.start, run.end):
                if not any(start < span[1] and span[0] < end for span in spans):
                    texts.append(self._piece(start, end))
        start, end = (min(self.sheet.runs[n].start for n in runs), max(self.sheet.runs[n].end for n in runs))
        top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
        return _Row(top, bottom, start, end, tuple(amounts), tuple(texts), summed, subtotal)

    def _piece(self, start: int, end: int) -> _Piece:
        left, _, right, _ = self.sheet.box(start, end)
        return _Piece(start, end, left, right)


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for word in text[start:end].split(" "):
        if word:
            yield start, start + len(word)
        start += len(word) + 1


@dataclass(slots=True)
class _Item:
    sheet: int
    start: int  #: of the row that holds its amounts
    end: int
    cells: dict[str, list[_Piece]]  #: the words or the amount of each column, by its concept
    amount: Decimal | None  #: what it comes to


def read_table(table: FieldSpec, scene: Scene) -> list[Reading]:
    """Every cell of a table that was found, row by row."""
    guides = column_guides(table.columns)
    book = column_phrasebook(guides)
    items: list[_Item] = []
    columns: list[_Column] = []
    open_end = False  # the table went on to the foot of the last page
    for index, sheet in enumerate(scene.sheets):
        heading = _heading(sheet, find_marks(sheet, book), guides)
        if heading is not None and (not columns or _same(heading[1], columns)):
            row, columns = heading
        elif open_end:
            row = -1
        else:
            continue
        open_end = not _read_rows(_Reach(sheet, index, row, scene), columns, guides, items)
        if len(items) >= _ROWS:
            break
    return list(_readings(table, guides, items, scene))


def _same(some: Sequence[_Column], others: Sequence[_Column]) -> bool:
    """Whether a later heading is that of the same table: it names the same columns."""
    return {column.concept for column in some} == {column.concept for column in others}


def _readings(table: FieldSpec, guides: Sequence[Guide], items: Sequence[_Item], scene: Scene) -> Iterator[Reading]:
    for number, item in enumerate(items[:_ROWS], start=1):
        sheet = scene.sheets[item.sheet]
        quote = sheet.quote(item.start, item.end)
        for guide in guides:
            if pieces := item.cells.get(guide.concept):
                text = " ".join(sheet.text[piece.start : piece.end] for piece in pieces)
                words = tuple(dict.fromkeys(word for piece in pieces for word in sheet.words(piece.start, piece.end)))
                score = 0.8 if len(item.cells) > 1 else 0.5
                column = guide.spec.name
                yield Reading(table.name, text, sheet.page.number, quote, score, 0.0, number, column, words)


# ── headings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _heading(sheet: Sheet, marks: Sequence[Mark], guides: Sequence[Guide]) -> tuple[int, list[_Column]] | None:
    """The last row of the best heading and its columns from left to right; None if no row names two of them."""
    wanted = {guide.concept for guide in guides}
    rows: dict[int, list[Mark]] = {}
    for mark in marks:
        rows.setdefault(sheet.runs[mark.run].row, []).append(mark)
    best: tuple[int, int, list[_Column]] | None = None
    for row in sorted(rows):
        named = [*rows[row], *(mark for mark in rows.get(row + 1, ()) if _is_heading_row(sheet, row + 1))]
        if not _is_heading_row(sheet, row):
            continue
        columns = _columns(sheet, named, wanted)
        found = len(wanted & {column.concept for column in columns})
        if found >= min(2, len(wanted)) and len(columns) > 1 and (best is None or found > best[0]):
            last = row + 1 if any(sheet.runs[mark.run].row == row + 1 for mark in named) else row
            best = (found, last, columns)
    return None if best is None else best[1:]


def _is_heading_row(sheet: Sheet, row: int) -> bool:
    """Headings hold next to no digits and no sentences."""
    text = " ".join(sheet.string(index) for index in sheet.rows.get(row, ()))
    return sum(map(str.isdigit, text)) <= 2 and len(text) < 160


def _columns(sheet: Sheet, named: Sequence[Mark], wanted: Set[str]) -> list[_Column]:
    """One column for each thing named, in the place where it is named first.

    "Position" is the number of an item, or, where nothing else is called the description, the item itself.
    """
    found: dict[str, _Column] = {}
    for mark in sorted(named, key=lambda mark: (sheet.runs[mark.run].row, mark.start)):
        left, _, right, _ = sheet.box(mark.start, mark.end)
        apart = all(right < other.left or left > other.right for other in found.values())
        if mark.concept not in found and apart:
            found[mark.concept] = _Column(mark.concept, left, right)
    if "position" in found and "description" in wanted - found.keys():
        found["description"] = replace(found.pop("position"), concept="description")
    return sorted(found.values(), key=lambda column: column.left)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_rows(reach: _Reach, columns: Sequence[_Column], guides: Sequence[Guide], items: list[_Item]) -> bool:
    """Add the items below a heading, or from the top of the page; True if the table ends on this page."""
    anchor = _anchor(columns, guides)
    text = next((column.concept for column in columns if _SHAPES.get(column.concept) is Shape.TEXT), None)
    numeric = {column.concept for column in columns if _SHAPES.get(column.concept) in _NUMERIC}
    waiting: list[_Piece] = []  # texts above the amounts they belong to
    texts_first = False
    bottom: float | None = None  # of the last row that belonged to the table
    for row in reach.rows:
        if bottom is not None and row.top - bottom > _GAP * row.height:
            return True
        cells = _placed(reach.sheet, row, columns)
        if row.subtotal:
            continue  # of a group of items: others may follow
        amount = reach.amount(cells.get("line_total", ()))
        ends = row.summed and (bottom is not None or row.amounts)
        if ends and (not _is_item(cells, anchor, columns) or _sums_up(amount, items)):
            return True
        if anchor in cells:
            texts_first = bool(waiting) if bottom is None else texts_first
            if texts_first and text is not None:
                cells[text] = [*waiting, *cells.get(text, ())]
            items.append(_Item(reach.index, row.start, row.end, cells, amount))
            waiting, bottom = [], row.bottom
        elif text is not None and text in cells and not cells.keys() & numeric:
            if not texts_first and bottom is not None and row.top - bottom < 1.2 * row.height:
                items[-1].cells.setdefault(text, []).extend(cells[text])
                bottom = row.bottom
            else:
                waiting += cells[text]
    return False


def _sums_up(amount: Decimal | None, items: Sequence[_Item]) -> bool:
    """Whether an amount is what the items before it come to together."""
    known = [item.amount for item in items if item.amount is not None]
    return amount is not None and 1 < len(known) == len(items) and sum(known) == amount


def _is_item(cells: dict[str, list[_Piece]], anchor: str, columns: Sequence[_Column]) -> bool:
    """Whether a row has a value in every second column at least: an item may be called "Total care"."""
    return anchor in cells and len(cells) * 2 > len(columns) + 1


def _anchor(columns: Sequence[_Column], guides: Sequence[Guide]) -> str:
    """The column that every item has a value in."""
    there = {column.concept for column in columns}
    numeric = [guide.concept for guide in guides if guide.shape in _NUMERIC and guide.concept in there]
    return next((name for name in _ANCHORS if name in there), numeric[-1] if numeric else columns[0].concept)


def _placed(sheet: Sheet, row: _Row, columns: Sequence[_Column]) -> dict[str, list[_Piece]]:
    """The cells of a row: each amount in the column of numbers it is aligned with, each word where it begins."""
    cells: dict[str, list[_Piece]] = {}
    numeric = {column.concept for column in columns if _SHAPES.get(column.concept) in _NUMERIC}
    distances = sorted(
        (_apart(piece, column), place, column.concept)
        for place, piece in enumerate(row.amounts)
        for column in columns
        if column.concept in numeric
    )
    used: set[int] = set()
    for apart, place, concept in distances:
        if apart < _NEAR * sheet.page.width and place not in used and concept not in cells:
            used.add(place)
            cells[concept] = [row.amounts[place]]
    words = [*row.texts, *(piece for place, piece in enumerate(row.amounts) if place not in used)]
    for word in sorted(words, key=lambda word: word.start):
        concept = _column_of(word, columns, sheet.line_height)
        if concept not in numeric:
            cells.setdefault(concept, []).append(word)
    return cells


def _apart(piece: _Piece, column: _Column) -> float:
    """How far an amount is from standing under its heading: by its left edge, its right edge or its middle."""
    middle = abs(piece.left + piece.right - column.left - column.right) / 2
    return min(abs(piece.left - column.left), abs(piece.right - column.right), middle)


def _column_of(word: _Piece, columns: Sequence[_Column], height: float) -> str:
    """The last column that begins left of the word; the first one for what stands further left."""
    found = columns[0].concept
    for column in columns:
        if column.left - height <= word.left:
            found = column.concept
    return found
