"""Labels and what stands beside them, on pages of which nothing is known: what a new kind of document is asked for.

A label is a few words without digits that end in a colon, or that have a value behind them in the row or right below.
A grid is a row of headings with rows of values under it. Both are only what a page looks like: whether a label recurs,
and whether its value can be read by it, is for `docqa.extract.suggest` to say. Not here: labels that are known
(`docqa.readers.layout.labels`) and reading rows (`docqa.readers.layout.tables`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from docqa.readers.layout.boxes import options_in
from docqa.readers.layout.candidates import Candidate, Scene, find_candidates
from docqa.readers.layout.labels import Guide
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.runs import WORD, Run, Sheet
from docqa.types import FieldSpec, FieldType

MAX_LABEL_WORDS = 6  #: what `docqa.readers.layout.labels` reads as one label
MAX_LABEL = 40  #: characters
_MAX_VALUE = 90  #: characters of a text that is still a value and not a paragraph
_NEAR = 3  #: characters between a colon and a value: blanks, a currency's sign
_SHORT = 4  #: letters a label has that no colon ends
_DROP = 2.4  #: line heights from a label down to its value
_NUMBERED = r"[\s•·*>|\-–—]*(?:(?:\(?\d{1,2}[.)]|\(?[a-z]\))\s*)*"  #: "1. " and "(a) " before a label
_TIME = re.compile(r"\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\b\.?)?")
_MOST_HEADING = 32  #: characters of a column's heading
_TYPED = (Shape.MARK, Shape.DATE, Shape.AMOUNT, Shape.CODE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A label as printed and the value it stands by; `sheet` counts from 0, `top` and `left` are fractions."""

    label: str
    shape: Shape  #: of the value: date, amount, number, code, mark or text
    value: str
    sheet: int
    top: float
    left: float
    start: int  #: of the value in the sheet's text
    sure: bool  #: a colon or the value's own form says that the two belong together
    colon: bool = False  #: it is the colon that says so


@dataclass(frozen=True, slots=True)
class Grid:
    """A row of headings with rows of values under it: each heading as printed with the shape of its values."""

    columns: tuple[tuple[str, Shape], ...]
    rows: int
    sheet: int
    top: float
    taken: frozenset[int]  #: the rows of the sheet that belong to it


def find_pairs(scene: Scene, grids: Sequence[Grid] = ()) -> list[Pair]:
    """The labels of a document with their values, from the top down; the rows of `grids` are left out."""
    pairs: list[Pair] = []
    typed = {shape: _by_sheet(shape, scene) for shape in _TYPED}
    for index, sheet in enumerate(scene.sheets):
        taken = frozenset[int]().union(*(grid.taken for grid in grids if grid.sheet == index))
        pairs += _SheetPairs(sheet, index, {shape: typed[shape][index] for shape in _TYPED}, taken).find()
    return pairs


def label_of(printed: str) -> str | None:
    """The label in a piece of text, without its number and its colon; None if it is none."""
    head = re.match(_NUMBERED, printed)
    label = printed[head.end() if head else 0 :].strip(" .:;,#*•-–—/(<|=")
    words = WORD.findall(label)
    fits = 1 <= len(words) <= MAX_LABEL_WORDS and len(label) <= MAX_LABEL and label[:1].isalpha()
    plain = not re.search(r"[\d:;!?@“”\"\[\]{}|=<>\x00]", label) and "," not in re.sub(r"\(.*?\)", "", label)
    plain = plain and sum(map(len, words)) >= 2
    return label if fits and plain and label.count("(") == label.count(")") else None


@dataclass(frozen=True, slots=True)
class _SheetPairs:
    sheet: Sheet
    index: int
    typed: Mapping[Shape, Sequence[Candidate]]  #: what has the form of a value, in order
    taken: Set[int]

    def find(self) -> list[Pair]:
        """Every pair of the sheet."""
        found: list[Pair] = []
        for number, run in enumerate(self.sheet.runs):
            if run.row not in self.taken:
                colons = list(self._by_colons(number, run))
                found += colons or self._without_colon(number, run)
        return found + list(self._ticked())

    # ── in one run ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _by_colons(self, number: int, run: Run) -> Iterator[Pair]:
        """Every "label: value" of a run; where nothing follows the last colon, what stands beside or below."""
        text, begin = self.sheet.text, run.start
        # Not in a time, a ratio or an address of the web.
        colons = list(re.finditer(r"(?<!\d)\s?[:：](?!//)", text[run.start : run.end]))
        for place, colon in enumerate(colons):
            at, after = run.start + colon.start(), run.start + colon.end()
            label = label_of(text[begin:at]) or _last_words(text[begin:at], place)
            if label is None:
                continue
            following = run.start + colons[place + 1].start() if place + 1 < len(colons) else run.end
            if text[after : run.end].strip():
                value = self._at(after, following, last=following == run.end)
                if value is not None:
                    yield self._pair(label, run, *value, sure=True, colon=True)
                    begin = value[2]
            else:
                yield from self._elsewhere(label, number, run, colon=True)

    def _without_colon(self, number: int, run: Run) -> list[Pair]:
        """A run that is a label, or a label with a value of some form behind it."""
        whole = label_of(self.sheet.string(number))
        if whole is not None and whole[:1].isupper():
            return list(self._elsewhere(whole, number, run, colon=False))
        first = min((c for c in self._within(run)), key=lambda c: c.start, default=None)
        label = label_of(self.sheet.text[run.start : first.start]) if first is not None else None
        if label is None or first is None or sum(map(str.isalpha, label)) < _SHORT:
            return []  # "SEP 89" is a date
        value = self._at(first.start, run.end, last=True)
        if value is None or value[0] is Shape.TEXT or not label[:1].isupper() or run.end - value[2] > _NEAR:
            return []  # a sentence with a number in it
        return [self._pair(label, run, *value, sure=True)]

    def _within(self, run: Run) -> Iterator[Candidate]:
        for shape in _TYPED[1:]:
            yield from (c for c in self.typed[shape] if run.start < c.start < run.end)

    # ── beside and below ─────────────────────────────────────────────────────────────────────────────────────────────

    def _elsewhere(self, label: str, number: int, run: Run, *, colon: bool) -> Iterator[Pair]:
        """The pair of a run that is only a label: with the next run of its row, else with the one below it."""
        right, below = self._right(number, run), self._below(number, run)
        for other in (right, below):
            if other is None:
                continue
            there = self.sheet.runs[other]
            led = re.match(r"\s*[:：]\s*", self.sheet.string(other))
            start = there.start + (led.end() if led else 0)
            value = self._at(start, there.end, last=True)
            colon = colon or bool(led)
            heads = value is not None and value[0] is Shape.TEXT and not colon
            if value is None or (heads and other == right and below is not None and label_of(value[1])):
                continue  # two labels side by side head two columns
            yield self._pair(label, run, *value, sure=colon or value[0] is not Shape.TEXT, colon=colon)
            return

    def _right(self, number: int, run: Run) -> int | None:
        row = self.sheet.rows[run.row]
        after = row[row.index(number) + 1 :][:1]
        return next((other for other in after if not self._is_head(other)), None)

    def _below(self, number: int, run: Run) -> int | None:
        """The nearest run under a label that begins where it does, or overlaps it."""
        best: tuple[float, int] | None = None
        for row in (run.row + 1, run.row + 2, run.row + 3):
            for other in self.sheet.rows.get(row, ()):
                box = self.sheet.runs[other].box
                drop = (box[1] - run.box[1]) / max(run.height, 1.0)
                aligned = abs(box[0] - run.box[0]) < 1.5 * run.height
                shared = min(run.box[2], box[2]) - max(run.box[0], box[0])
                under = aligned or shared > 0.5 * min(run.box[2] - run.box[0], box[2] - box[0])
                if 0.4 < drop < _DROP and under and (best is None or drop < best[0]):
                    best = (drop, other)
        return None if best is None or best[1] == number or self._is_head(best[1]) else best[1]

    def _is_head(self, number: int) -> bool:
        """Whether a run is a label itself, as its colon or its number says."""
        text = self.sheet.string(number)
        head = re.match(r"(.*?\S)\s?[:：](?!\d)", text) or re.match(r"(\(?\d{1,2}[.)]\s+[^\W\d_].*)", text)
        return head is not None and label_of(head.group(1)) is not None

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _at(self, start: int, end: int, *, last: bool) -> tuple[Shape, str, int, int] | None:
        """The value that begins here: its shape, how it is kept, where it ends and where it begins."""
        text = self.sheet.text
        while start < end and text[start] in " \x00:#":
            start += 1
        if timed := _TIME.match(text, start, end):
            return Shape.TEXT, timed.group(), timed.end(), start
        rest = text[start:end].rstrip(" ,;:")
        if len(rest) <= _MAX_VALUE and options_in([rest]):  # "☒ yes ☐ no" is no lone box
            return Shape.TEXT, rest, start + len(rest), start
        for shape in _TYPED:
            found = self._first(shape, start)
            word = shape is Shape.MARK and found is not None and text[found.start : found.end].isalpha()
            if found is not None and found.end <= end and not (word and end - found.end > 1):
                return self._typed(shape, found, end)
        piece = text[start:end].rstrip(" ,;:")
        if not last and (words := piece.rsplit(" ", 1)) and len(words) == 2:
            piece = words[0]  # the last word before the next colon is that colon's label
        if not 1 < len(piece) <= _MAX_VALUE or sum(map(str.isalpha, piece)) < 2:
            return None
        return Shape.TEXT, piece, start + len(piece), start

    def _typed(self, shape: Shape, found: Candidate, end: int) -> tuple[Shape, str, int, int] | None:
        text = self.sheet.text
        if shape in (Shape.AMOUNT, Shape.CODE) and re.match(
            r"\s?[^\W\d_]{3,}", text[found.end : min(end, found.end + 5)]
        ):
            rest = text[found.start : end].rstrip(" ,;:")  # "12 High Street" and "30 days" are texts
            return (Shape.TEXT, rest, found.start + len(rest), found.start) if len(rest) <= _MAX_VALUE else None
        if shape is Shape.AMOUNT and re.fullmatch(r"\d+", text[found.start : found.end]):
            plain = not found.value.startswith("0") and len(found.value) <= 4
            return (Shape.NUMBER if plain else Shape.CODE), found.value, found.end, found.start
        return shape, found.value, found.end, found.start

    def _first(self, shape: Shape, start: int) -> Candidate | None:
        """The candidate of a shape that begins here, or right behind a sign."""
        found = self.typed[shape]
        place = bisect_left(found, start, key=lambda c: c.start)
        near = place < len(found) and found[place].start - start <= _NEAR
        gap = self.sheet.text[start : found[place].start] if near else "x"
        return found[place] if near and not re.search(r"\w", gap) else None

    def _pair(
        self, label: str, run: Run, shape: Shape, value: str, end: int, start: int, *, sure: bool, colon: bool = False
    ) -> Pair:
        top, left = run.box[1] / self.sheet.page.height, run.box[0] / self.sheet.page.width
        return Pair(label, shape, value, self.index, top, left, start, sure, colon)

    def _ticked(self) -> Iterator[Pair]:
        """Boxes with the words behind them."""
        for mark in self.typed[Shape.MARK]:
            run = self.sheet.runs[mark.run]
            printed = self.sheet.text[mark.start : mark.end]
            if run.row in self.taken or (printed.isalpha() and len(printed) > 1):
                continue  # a yes or no is a value like others
            if ":" in self.sheet.text[run.start : mark.start] and options_in([self.sheet.string(mark.run)]):
                continue  # an option of a question
            label = label_of(self.sheet.text[mark.end : run.end])
            after = self._right(mark.run, run)
            if label is None and not self.sheet.text[mark.end : run.end].strip() and after is not None:
                near = self.sheet.runs[after].box[0] - run.box[2] < 3 * run.height
                label = label_of(self.sheet.string(after)) if near else None
            if label is not None:
                yield self._pair(label, run, Shape.MARK, mark.value, mark.end, mark.start, sure=True)


def _last_words(piece: str, place: int) -> str | None:
    """The word right before a colon, where values and labels follow each other in one line."""
    words = piece.split()
    return label_of(words[-1]) if place and words else None


def _by_sheet(shape: Shape, scene: Scene) -> list[list[Candidate]]:
    """All that has the form of a value, for each sheet in order."""
    guide = Guide(FieldSpec("any", FieldType.TEXT), "field:any", shape, ())
    sheets: list[list[Candidate]] = [[] for _ in scene.sheets]
    for found in sorted(find_candidates(guide, scene, range(len(scene.sheets))), key=lambda one: one.start):
        sheets[found.sheet].append(found)
    return sheets


# ── grids ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def find_grids(scene: Scene) -> list[Grid]:
    """The tables of a document: at least three headings, and at least two rows with values under them."""
    found: list[Grid] = []
    for index, sheet in enumerate(scene.sheets):
        taken: frozenset[int] = frozenset()
        for row in sheet.rows:
            grid = _grid(scene, index, row) if row not in taken else None
            if grid is not None:
                taken |= grid.taken
                found.append(grid)
    return found


def _grid(scene: Scene, index: int, row: int) -> Grid | None:
    sheet = scene.sheets[index]
    heads = sheet.rows[row]
    labels = [label_of(sheet.string(head)) for head in heads]
    named = [label for label in labels if label is not None and len(label) <= _MOST_HEADING]
    if len(heads) < 3 or len(named) < len(heads):
        return None
    shapes: list[Counter[Shape]] = [Counter() for _ in heads]
    taken, rows, missed = {row}, 0, 0
    for below in range(row + 1, max(sheet.rows) + 1):
        hits = list(_under(scene, index, heads, sheet.rows.get(below, ())))
        if len({column for column, _ in hits}) >= 2 and any(shape is not Shape.TEXT for _, shape in hits):
            rows, missed = rows + 1, 0
            taken.add(below)
            for column, shape in hits:
                shapes[column][shape] += 1
        else:
            missed += 1
            if missed > 1:
                break
    if rows < 2:
        return None
    typed = tuple((label, shape.most_common(1)[0][0]) for label, shape in zip(named, shapes, strict=True) if shape)
    top = sheet.runs[heads[0]].box[1] / sheet.page.height
    return Grid(typed, rows, index, top, frozenset(taken))


def _under(scene: Scene, index: int, heads: Sequence[int], runs: Sequence[int]) -> Iterator[tuple[int, Shape]]:
    """The column of each run of a row with the shape of what stands there."""
    sheet = scene.sheets[index]
    for number in runs:
        run = sheet.runs[number]
        for column, head in enumerate(heads):
            there = sheet.runs[head].box
            shared = min(run.box[2], there[2]) - max(run.box[0], there[0])
            edge = min(abs(run.box[0] - there[0]), abs(run.box[2] - there[2]))
            if edge < run.height or shared > 0.4 * min(run.box[2] - run.box[0], there[2] - there[0]):
                yield column, _shape_of(scene, index, run)
                break


def _shape_of(scene: Scene, index: int, run: Run) -> Shape:
    """What a whole cell looks like."""
    for shape, spans in ((Shape.DATE, scene.dates[index]), (Shape.AMOUNT, scene.amounts[index])):
        for span in spans:
            if run.start <= span.start <= run.start + 1 and run.end - span.end <= 1:
                whole = shape is Shape.AMOUNT and span.value.isdigit()
                return Shape.NUMBER if whole else shape
    return Shape.TEXT
