"""Pieces that several families of documents share: tables, labelled values, amounts of money, signatures, ticks.

No wording of any document is here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from .paper import GRAY, INK, PALE, PEN, Align, Color, Ink, Point, Sheet

CENT = Decimal("0.01")
SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": ("\N{NO-BREAK SPACE}", ",")}


def money(value: Decimal | str, language: str = "en", places: int = 2) -> str:
    """Print an amount the way its country does: 1,234.56 or 1.234,56 or 1 234,56."""
    thousands, point = SEPARATORS[language]
    whole, _, fraction = f"{Decimal(value):,.{places}f}".partition(".")
    return whole.replace(",", thousands) + (point + fraction if places else "")


def percent_of(value: Decimal, percent: str) -> Decimal:
    """A percentage of an amount, rounded to the cent."""
    return (value * Decimal(percent) / 100).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice: what, how many of what unit, and the price of one."""

    what: str
    quantity: str
    price: str
    note: str = ""  #: a second, smaller line below the description
    rate: str = ""  #: the tax rate in percent, where lines differ in it
    unit: str = ""

    @property
    def total(self) -> Decimal:
        """Quantity times price, rounded to the cent."""
        return (Decimal(self.quantity) * Decimal(self.price)).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    width: float
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Look:
    """How a table looks."""

    ink: Ink = Ink(size=9.5)
    head_ink: Ink = Ink("bold", 8.5)
    head_fill: Color | None = None
    stripe: Color | None = None
    rule: Color | None = PALE
    grid: Color | None = None  #: a line around every cell
    row: float = 20


def table(
    sheet: Sheet, x: float, y: float, columns: Sequence[Column], rows: Sequence[Sequence[str]], look: Look, head: bool
) -> float:
    """Draw a table with its top at `y` and return its bottom. A line break in a cell makes a smaller second line."""
    width = sum(column.width for column in columns)
    if head:
        if look.head_fill or look.grid:
            sheet.box((x, y), (width, look.row), fill=look.head_fill, color=look.grid)
        _cells(sheet, x, y, columns, [column.title for column in columns], look.head_ink, look)
        if look.grid is None and look.head_fill is None:
            sheet.rule(x, y + look.row, x + width, INK, 0.9)
        y += look.row
    for index, row in enumerate(rows):
        height = look.row + (look.ink.size * 1.15 if any("\n" in cell for cell in row) else 0)
        if look.stripe and index % 2:
            sheet.box((x, y), (width, height), fill=look.stripe)
        _cells(sheet, x, y, columns, row, look.ink, look)
        y += height
        if look.rule:
            sheet.rule(x, y, x + width, look.rule, 0.5)
        if look.grid:
            _grid(sheet, x, y - height, y, columns, look.grid)
    return y


def _cells(
    sheet: Sheet, x: float, y: float, columns: Sequence[Column], cells: Sequence[str], ink: Ink, look: Look
) -> None:
    """Write the cells of one row, 5 points inside their columns."""
    for column, cell in zip(columns, cells, strict=True):
        at = {"right": x + column.width - 5, "center": x + column.width / 2}.get(column.align, x + 5)
        first, _, second = cell.partition("\n")
        baseline = y + look.row / 2 + ink.size * 0.35
        if first:
            sheet.text(at, baseline, first, replace(ink, align=column.align))
        if second:
            small = replace(ink, size=ink.size - 1.5, color=GRAY, align=column.align)
            sheet.text(at, baseline + ink.size * 1.2, second, small)
        x += column.width


def _grid(sheet: Sheet, x: float, top: float, bottom: float, columns: Sequence[Column], color: Color) -> None:
    """Draw the lines around the cells of one row."""
    sheet.box((x, top), (sum(column.width for column in columns), bottom - top), color=color)
    for column in columns[:-1]:
        x += column.width
        sheet.upright(x, top, bottom, color)


def pairs(
    sheet: Sheet, x: float, y: float, values: Sequence[tuple[str, str]], gap: float, label: Ink, value: Ink
) -> float:
    """Write labels with their values at the distance `gap` to the right, and return the baseline that follows."""
    for name, text in values:
        sheet.text(x, y, name, label)
        sheet.text(x + gap, y, text, value)
        y += max(label.step, value.step)
    return y


def signature(sheet: Sheet, x: float, y: float, width: float, seed: int, color: Color = PEN) -> None:
    """Draw a made-up signature: up and down strokes of uneven height, some long, joined to a curve and leaning."""
    dice = random.Random(seed)
    knots: list[Point] = [(0.0, -4.0)]
    while knots[-1][0] < width:
        first = len(knots) < 3
        up = dice.uniform(15, 21) if first or dice.random() < 0.2 else dice.uniform(3, 8)
        down = dice.uniform(6, 11) if dice.random() < 0.22 else dice.uniform(-1, 1)
        ahead = knots[-1][0]
        knots.append((ahead + dice.uniform(3, 6), -up))
        knots.append((ahead + dice.uniform(2, 11), down))
    knots.append((width + 14, dice.uniform(-9, 2)))
    lean = dice.uniform(0.25, 0.6)
    sheet.stroke([(x + px - lean * py, y - 6 + py) for px, py in smooth(knots)], color, 1.05)
    if dice.random() < 0.6:
        bow = [(0.15 * width, 3.0), (0.6 * width, dice.uniform(1, 4)), (width + 10, dice.uniform(-2, 1))]
        sheet.stroke([(x + px, y + py) for px, py in smooth(bow)], color, 0.8)


def smooth(knots: Sequence[Point], steps: int = 8) -> list[Point]:
    """A curve through all knots (Catmull-Rom)."""
    padded = [knots[0], *knots, knots[-1]]
    curve: list[Point] = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for t in (step / steps for step in range(steps)):
            curve.append((_between(a[0], b[0], c[0], d[0], t), _between(a[1], b[1], c[1], d[1], t)))
    return [*curve, knots[-1]]


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    """The value between `b` and `c` at `t`, with the slopes that the neighbours `a` and `d` suggest."""
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def tick_box(sheet: Sheet, x: float, y: float, label: str, ticked: bool, ink: Ink) -> None:
    """Draw a check box with its label to the right; `y` is the label's baseline."""
    side = 9.5
    sheet.box((x, y - side + 1.5), (side, side), fill=(1, 1, 1), color=INK, width=0.8)
    if ticked:
        sheet.stroke([(x + 1.6, y - 4.2), (x + 4.2, y - 0.6), (x + 11.5, y - 11.5)], PEN, 1.6)
    sheet.text(x + side + 6, y, label, ink)


def comb(sheet: Sheet, x: float, y: float, text: str, ink: Ink, cells: int, side: float = 16) -> None:
    """Draw a row of one-letter boxes with its top at `y` and write the text into them."""
    sheet.box((x, y), (cells * side, side + 2), fill=(1, 1, 1), color=GRAY)
    for index in range(1, cells):
        sheet.upright(x + index * side, y, y + side + 2, GRAY, 0.4)
    for index, letter in enumerate(text):
        if letter != " ":
            middle = replace(ink, align="center")
            sheet.text(x + (index + 0.5) * side, y + side / 2 + 1 + ink.size * 0.36, letter, middle)
