"""Reading tables by their headings: the items of an invoice, one row of cells for each.

Below a heading (`docqa.readers.layout.headings`) an amount belongs to the column it is aligned with, a text to the
column it begins under. A row that has an amount in the column that every item has one in begins a new item; one that
has figures in other columns only is a part of it, where a table prints an item's figures at different heights. A row of
text alone goes on with the item above it, or begins the next one where a table prints its texts first. The table ends
at the first row labelled as a sum, or that is one, or a tax on what stands above; without one it goes on on the next
page, under the same columns. Not here: whether the rows add up to the printed sums (`docqa.extract.checks`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice, permutations

from docqa.readers.layout.candidates import Scene
from docqa.readers.layout.headings import Column, find_heading, same_columns
from docqa.readers.layout.labels import Guide, Mark, column_guides, column_phrasebook, find_marks
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.runs import Sheet
from docqa.readers.layout.unnamed import named, with_edges
from docqa.types import FieldSpec, Reading

_NUMERIC = (Shape.AMOUNT, Shape.NUMBER)
#: Which column every item has a value in, the surest first.
_ANCHORS = ("line_total", "unit_price", "quantity")
_SUMS = ("net", "tax", "total", "cash")  #: labels of the rows below a table
_SUBTOTALS = frozenset(
    ["subtotal", "sub total", "sub-total", "zwischensumme", "sous total", "sous-total", "subtotale", "subtotaal"]
)
#: How a row begins that carries a sum over the end of a page.
_CARRIED = (
    "übertrag", "zwischensumme", "carried", "brought forward", "balance forward", "report ", "report:", "à reporter",
    "a reporter", "riporto", "suma y sigue", "suma anterior", "transport", "seitensumme", "page total",
)  # fmt: skip
_NEAR = 0.1  #: of the page's width: how far from its heading an amount may stand
_EXACT = 1.0  #: line heights: the same where a row of text goes on in the amount, or the column's edge is known
_GAP = 6.0  #: line heights without a row after which a table is over
_BESIDE = 3.0  #: line heights between figures of one item
_UNIT = 4  #: letters of a unit, which may stand behind its figure
_A_WORD = 3  #: letters of the shortest description
_RATE = re.compile(r"(?<![\w.,])(\d{1,2}(?:[.,]\d{1,4})?)\s?%")
_CENT = Decimal("0.01")
_ROWS = 500
_LOOKED_AT = 40  #: rows below a heading by which its columns are known

_Cells = dict[str, list["_Piece"]]  #: the words or the amount of each column of a row, by its concept


@dataclass(frozen=True, slots=True)
class _Piece:
    """A cell's worth of a row: where it stands in the sheet's text, and on the page in square pixels."""

    start: int
    end: int
    left: float
    right: float
    within: bool = False  #: of an amount: a text goes on in it


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
    subtotal: bool  #: … that may be one of several, or is carried over the end of a page
    heading: bool  #: names several things and has no figures: another table begins

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
    names: Sequence[Mark]  #: of columns

    @property
    def rows(self) -> Iterator[_Row]:
        """The rows from the top down."""
        sheet, marks = self.sheet, self.scene.marks[self.index]
        labels = [
            mark
            for mark in marks
            if mark.concept in _SUMS and mark.before <= (mark.concept == "tax") and mark.weight > 0.6  # "plus VAT"
        ]
        figures = {sheet.runs[sheet.run_at(span.start)].row for span in self.scene.amounts[self.index]}
        sums = {row for mark in labels if (row := sheet.runs[mark.run].row) in figures or mark.behind == 0}
        parts = {sheet.runs[mark.run].row for mark in labels if sheet.text[mark.start : mark.end].lower() in _SUBTOTALS}
        named: dict[int, set[int]] = defaultdict(set)
        for mark in (*labels, *self.names):
            named[sheet.runs[mark.run].row].add(mark.run)
        for number, runs in sheet.rows.items():
            if number > self.heading:
                carried = sheet.string(runs[0]).lower().startswith(_CARRIED)
                several = len(named.get(number, ())) > 1 and number not in figures
                yield self._row(runs, number in sums, carried or number in parts, several)

    def amount(self, pieces: Sequence[_Piece]) -> Decimal | None:
        """The amount that a cell holds."""
        starts = {piece.start for piece in pieces}
        return next((Decimal(span.value) for span in self.scene.amounts[self.index] if span.start in starts), None)

    def is_share(self, row: _Row, amount: Decimal | None, whole: Decimal | None) -> bool:
        """Whether an amount is a percentage of another figure of its row, or of the `whole`: a tax or a discount.

        The rate is printed in the row, in a column of its own or behind a text ("abzgl. 3 % Nachlass").
        """
        if not amount:
            return False
        known = [value for piece in row.amounts if (value := self.amount([piece])) is not None]
        others = [value for value in known if value != amount]
        printed = [Decimal(rate.replace(",", ".")) for rate in _RATE.findall(self.sheet.text[row.start : row.end])]
        parts = {Decimal(100), *printed, *(100 - rate for rate in printed)}
        products = [abs(one * other) * part / 100 for one, other in permutations(others, 2) for part in parts]
        if any(abs(product - abs(amount)) <= _CENT for product in products):
            return False  # quantity times price, perhaps less a discount
        shares = [*permutations(others, 2), *((base, rate) for base in others for rate in printed)]
        shares += [(whole, rate) for rate in printed if whole and not others]
        return any(base and 0 < rate < 100 and abs(base * rate / 100 - abs(amount)) <= _CENT for base, rate in shares)

    def letters(self, pieces: Sequence[_Piece]) -> int:
        """How many letters a cell holds."""
        return sum(char.isalpha() for piece in pieces for char in self.sheet.text[piece.start : piece.end])

    def _row(self, runs: Sequence[int], summed: bool, subtotal: bool, heading: bool) -> _Row:
        boxes = [self.sheet.runs[number].box for number in runs]
        amounts: list[_Piece] = []
        texts: list[_Piece] = []
        for number in runs:
            run = self.sheet.runs[number]
            there = self.scene.amounts[self.index]
            spans = [(span.start, span.end) for span in there if run.start <= span.start and span.end <= run.end]
            amounts += [self._piece(*span, within=self._within(run.start, span[0])) for span in spans]
            for start, end in _words(self.sheet.text, run.start, run.end):
                if not any(start < span[1] and span[0] < end for span in spans):
                    texts.append(self._piece(start, end))
        start, end = (min(self.sheet.runs[n].start for n in runs), max(self.sheet.runs[n].end for n in runs))
        top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
        return _Row(top, bottom, start, end, tuple(amounts), tuple(texts), summed, subtotal, heading)

    def _within(self, start: int, amount: int) -> bool:
        """Whether words of a text stand close before an amount."""
        if amount <= start or not any(map(str.isalpha, self.sheet.text[start:amount])):
            return False
        own = self.sheet.words(amount, amount + 1)[0]
        if own <= self.sheet.words(start, start + 1)[0]:
            return False  # glued to the first word
        _, (_, top, right, bottom), _ = self.sheet.page.words[own - 1]
        gap = self.sheet.page.words[own].box[0] - right
        return gap * self.sheet.page.width < 0.5 * (bottom - top) * self.sheet.page.height

    def _piece(self, start: int, end: int, within: bool = False) -> _Piece:
        left, _, right, _ = self.sheet.box(start, end)
        return _Piece(start, end, left, right, within)


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
    cells: _Cells
    amount: Decimal | None  #: what it comes to
    bottom: float  #: of the row that holds its amounts
    named: bool  #: a text stands beside its amounts
    share: bool  #: priced by the hundred, or of the kind


def read_table(table: FieldSpec, scene: Scene) -> list[Reading]:
    """Every cell of a table that was found, row by row."""
    guides = column_guides(table.columns)
    book = column_phrasebook(guides)
    items: list[_Item] = []
    columns: list[Column] = []
    open_end = False  # the table went on to the foot of the last page
    for index, sheet in enumerate(scene.sheets):
        marks = find_marks(sheet, book)
        heading = find_heading(sheet, marks, book, guides)
        if heading is not None and (not items or same_columns(heading[1], columns)):
            row, columns = heading
        elif open_end:
            row = -1
        else:
            continue
        open_end = not _read_rows(_Reach(sheet, index, row, scene, marks), columns, guides, items)
        if len(items) >= _ROWS:
            break
    return list(_readings(table, guides, _like_most(items), scene))


def _like_most(items: Sequence[_Item]) -> list[_Item]:
    """The items without discounts and surcharges: what lacks most of what other items have, and a text beside it."""
    filled = Counter(name for item in items for name in item.cells)
    usual = {name for name, times in filled.items() if times * 2 >= len(items)}
    whole = [len(usual & item.cells.keys()) * 2 > len(usual) for item in items]
    own = [item.named and (item.amount is None or item.amount >= 0) for item in items]
    return [item for item, like, kept in zip(items, whole, own, strict=True) if like or kept]


def _readings(table: FieldSpec, guides: Sequence[Guide], items: Sequence[_Item], scene: Scene) -> Iterator[Reading]:
    for number, item in enumerate(items[:_ROWS], start=1):
        sheet = scene.sheets[item.sheet]
        for guide in guides:
            if pieces := item.cells.get(guide.concept):
                text = " ".join(sheet.text[piece.start : piece.end] for piece in pieces)
                words = tuple(dict.fromkeys(word for piece in pieces for word in sheet.words(piece.start, piece.end)))
                beside = item.start <= pieces[0].start and pieces[0].end <= item.end
                place = (item.start, item.end) if beside else (pieces[0].start, pieces[0].end)
                score = 0.8 if len(item.cells) > 1 else 0.5
                column = guide.spec.name
                quote = sheet.quote(*place)
                yield Reading(table.name, text, sheet.page.number, quote, score, 0.0, number, column, words)


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _seen(reach: _Reach, rows: Sequence[_Row], columns: Sequence[Column], guides: Sequence[Guide]) -> list[Column]:
    """The columns as the rows below them show them: where figures end, and what those are that nobody knows by name."""
    wanted = {guide.concept for guide in guides}
    edges: dict[str, list[float]] = defaultdict(list)
    letters: Counter[str] = Counter()
    figures: list[Mapping[str, Decimal]] = []
    for row in rows:
        if figures and row.summed and not row.subtotal:
            break
        cells = _placed(reach.sheet, row, columns, known=False)
        lone = {name: there for name, there in cells.items() if len(there) == 1}
        known = {name: amount for name, there in lone.items() if (amount := reach.amount(there)) is not None}
        if known and not row.subtotal:
            figures.append(known)
        for name, there in cells.items():
            letters[name] += reach.letters(there)
            edges[name] += [piece.right for piece in there if name in known and not piece.within]
    tolerance = 0.4 * reach.sheet.line_height
    return named(with_edges(columns, edges, tolerance), letters, [row for row in figures if len(row) > 1], wanted)


def _anchor(columns: Sequence[Column], guides: Sequence[Guide]) -> str:
    """The column that every item has a value in."""
    there = {column.concept for column in columns}
    numeric = [guide.concept for guide in guides if guide.shape in _NUMERIC and guide.concept in there]
    return next((name for name in _ANCHORS if name in there), numeric[-1] if numeric else columns[0].concept)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_rows(reach: _Reach, headed: Sequence[Column], guides: Sequence[Guide], items: list[_Item]) -> bool:
    """Add the items below a heading, or from the top of the page; True if the table ends on this page."""
    rows = reach.rows
    first = list(islice(rows, _LOOKED_AT))
    columns = _seen(reach, first, headed, guides)
    table = _Table(reach, columns, _anchor(columns, guides), items)
    return any(table.ends_at(row) for row in chain(first, rows))


@dataclass(slots=True)
class _Table:
    """A table on one page, as far as its rows were looked at."""

    reach: _Reach
    columns: Sequence[Column]
    anchor: str
    items: list[_Item]
    waiting: list[_Piece] = field(default_factory=list)  #: texts above the amounts they belong to
    texts_first: bool = False
    bottom: float | None = None  #: of the last row that belonged to the table
    reached: float = 0.0  #: bottom of the last row that may have
    part: tuple[_Cells, _Row] | None = None  #: figures whose amount may stand below

    @property
    def text(self) -> str | None:
        """The column of texts that may take several rows."""
        texts = [column.concept for column in self.columns if column.is_text]
        return "description" if "description" in texts else next(iter(texts), None)

    def ends_at(self, row: _Row) -> bool:
        """Take in a row; True if the table is over."""
        if self.bottom is not None and (row.heading or row.top - max(self.bottom, self.reached) > _GAP * row.height):
            return True
        cells = _placed(self.reach.sheet, row, self.columns)
        if row.subtotal:
            return False  # of a group of items: others may follow
        amount = self.reach.amount(cells.get("line_total", ()))
        labelled = row.summed and (self.bottom is not None or bool(row.amounts))
        sums_up = _sums_up(amount, self.items)
        several = len(self.items) > 1  # an item may cost as much as the one above it
        if (labelled and sums_up and several) or (
            (labelled or sums_up) and not _is_item(cells, self.anchor, self.columns)
        ):
            return True
        share = self.reach.is_share(row, amount, sum(item.amount or 0 for item in self.items) or None)
        if share and self.items and not any(item.share for item in self.items):
            return amount is not None and amount > 0  # after a discount others may follow
        if self.anchor in cells:
            self._add(row, cells, amount, share=share)
        elif self._figures(cells):
            self._keep(row, cells)
        elif self.text is not None and self.text in cells:
            self._go_on(row, cells[self.text])
            self.reached = row.bottom
        return False

    def _figures(self, cells: _Cells) -> set[str]:
        return {column.concept for column in self.columns if column.is_numeric and column.concept in cells}

    def _add(self, row: _Row, cells: _Cells, amount: Decimal | None, *, share: bool) -> None:
        """Begin an item, with the figures and texts above it that are its own."""
        text = self.text
        if self.bottom is None:
            beside = self.reach.letters(cells.get(text or "", ()))
            self.texts_first = bool(self.waiting) and beside < _A_WORD  # what stands there is a code
        if self.texts_first and text is not None:
            cells[text] = [*self.waiting, *cells.get(text, ())]
        if self.part is not None:
            above, there = self.part
            if row.top - there.bottom < _BESIDE * row.height and not self._figures(above) & self._figures(cells):
                both = {*above, *cells}
                cells = {name: [*above.get(name, ()), *cells.get(name, ())] for name in both}
        place = (self.reach.index, row.start, row.end)
        self.items.append(_Item(*place, cells, amount, row.bottom, named=text in cells, share=share))
        self.waiting, self.bottom, self.part = [], row.bottom, None

    def _keep(self, row: _Row, cells: _Cells) -> None:
        """Figures without an amount: of the item above, if it lacks them and is near, else perhaps of the next one."""
        item = self.items[-1] if self.bottom is not None else None
        near = item is not None and row.top - item.bottom < 0.5 * row.height
        if item is not None and near and not self._figures(cells) & self._figures(item.cells):
            for name, there in cells.items():
                item.cells.setdefault(name, []).extend(there)
        else:
            self.part = (cells, row)
        self.reached = row.bottom

    def _go_on(self, row: _Row, texts: list[_Piece]) -> None:
        """A row of text alone."""
        if self.text is None:
            return
        near = self.bottom is not None and row.top - self.bottom < 1.2 * row.height
        if self.part is not None and row.top - self.part[1].bottom < 1.2 * row.height:
            self.part[0].setdefault(self.text, []).extend(texts)
        elif not self.texts_first and near:
            self.items[-1].cells.setdefault(self.text, []).extend(texts)
            self.bottom = row.bottom
        else:
            self.waiting += texts


def _sums_up(amount: Decimal | None, items: Sequence[_Item]) -> bool:
    """Whether an amount is what the items before it come to together."""
    known = [item.amount for item in items if item.amount is not None]
    return amount is not None and 0 < len(known) == len(items) and sum(known) == amount


def _is_item(cells: _Cells, anchor: str, columns: Sequence[Column]) -> bool:
    """Whether a row has a value in every second column at least: an item may be called "Total care"."""
    return anchor in cells and len(cells) * 2 > len(columns) + 1


def _placed(sheet: Sheet, row: _Row, columns: Sequence[Column], *, known: bool = True) -> _Cells:
    """The cells of a row: each amount in the column of numbers it is aligned with, each word where it begins.

    As long as columns are not `known` to hold something else, an amount may stand in any that it stands under.
    """
    cells: _Cells = {}
    height = sheet.line_height
    distances = sorted(
        (_apart(piece, column), place, column.concept)
        for place, piece in enumerate(row.amounts)
        for column in columns
        if _takes_figures(column, piece, known=known) and _aligned(piece, column, sheet.page.width, height)
    )
    used: set[int] = set()
    for _, place, concept in distances:
        if place not in used and concept not in cells:
            used.add(place)
            cells[concept] = [row.amounts[place]]
    figures = {column.concept: column.is_numeric for column in columns}
    words = [*row.texts, *(piece for place, piece in enumerate(row.amounts) if place not in used)]
    texts: _Cells = {}
    for word in words:
        concept = _column_of(word, columns, height)
        if not figures[concept]:
            texts.setdefault(concept, []).append(word)
    for concept, there in texts.items():
        # A figure among words is a part of their text, but for its unit.
        if concept not in cells or sum(piece.end - piece.start for piece in there) > _UNIT:
            cells[concept] = sorted([*cells.get(concept, ()), *there], key=lambda piece: piece.start)
    return cells


def _takes_figures(column: Column, piece: _Piece, *, known: bool) -> bool:
    """Whether a column is one of numbers, or may be one."""
    if known or column.is_numeric:
        return column.is_numeric or (column.is_unnamed and column.edge is not None)
    return column.concept != "description" and piece.left < column.right and piece.right > column.left


def _aligned(piece: _Piece, column: Column, width: float, height: float) -> bool:
    """Whether an amount may stand in a column: closely, where it stands in a text."""
    return _apart(piece, column) < (_EXACT * height if piece.within else _NEAR * width)


def _apart(piece: _Piece, column: Column) -> float:
    """How far an amount is from standing under its heading: by its left edge, its right edge or its middle."""
    if column.edge is not None:
        return abs(piece.right - column.edge)
    middle = abs(piece.left + piece.right - column.left - column.right) / 2
    return min(abs(piece.left - column.left), abs(piece.right - column.right), middle)


def _column_of(word: _Piece, columns: Sequence[Column], height: float) -> str:
    """The last column that begins left of the word; the first one for what stands further left."""
    found = columns[0].concept
    for column in columns:
        if column.left - height <= word.left:
            found = column.concept
    return found
