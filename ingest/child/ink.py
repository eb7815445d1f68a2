"""What can be seen on a rendered page: contrast under a word, paper, specks, and ink that no word explains.

Pixels in, numbers out. Boxes are pixels x0, y0, x1, y1 of the page image, one row a box. Not here: what the file says
about its text (`ingest.child.textlayer`), and reading text in pixels (`ingest.child.ocr`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

Boxes = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]  #: rows, columns, and red, green, blue unless it is gray

#: Levels of 255, in the channel that shows most: what differs less nobody sees as writing. #F0F0F0 on white is 15 off.
FAINT = 16
_LATTICE = (4, 16)  #: points looked at across and along a word; what shows nothing there is looked at in full
_RING = 0.7  #: share of the points around a word that have its own colour: then it is written in the paper's colour

_STEPS = np.linspace(0, 1, 8)
_AROUND = np.array([(a, b) for a in _STEPS for b in (0.0, 1.0)] + [(a, b) for a in (0.0, 1.0) for b in _STEPS])
_CORNERS = np.array([(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)])

_CELL = 4  #: pixels a side: blankness and coverage are judged on the page reduced by this
_DARKER = 40  #: levels by which a cell differs from the paper to be ink: a hairline of 1 pixel in black gives 64
#: Cells of ink with two neighbours of ink under which a page is blank. A digit in 10 points has 8 or more; dust of up
#: to 3 pixels has none.
_SPECKS = 6
_RULE = 25  #: cells in a row, 100 pixels, that make a ruled line: longer than any stroke of a letter
_PAPER = 0.5  #: share of a picture's cells in its commonest shade: less, and it is a photograph and no scanned paper
_SHADES = 16  #: levels in one shade


class PageInk:
    """The pixels of one page image."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        self.height, self.width = self._pixels.shape[:2]

    def shows(self, boxes: Boxes) -> Flags:
        """For each box, whether anything in it stands out."""
        whole = self._inside(boxes)
        found = self._contrast_on_lattice(whole) >= FAINT
        for row in np.flatnonzero(~found):
            x0, y0, x1, y1 = whole[row]
            part = self._pixels[y0:y1, x0:x1].reshape(-1, 3)
            found[row] = bool(len(part)) and int(np.ptp(part, axis=0).max()) >= FAINT
        return found

    def in_paper_colour(self, boxes: Boxes, colours: npt.NDArray[np.int64]) -> Flags:
        """For each box, whether what surrounds it has the colour (red, green, blue) it is written in."""
        grown = self._inside(boxes + (-1, -1, 1, 1))
        alike = self._alike(grown, colours, _CORNERS) > _RING
        alike[alike] = self._alike(grown[alike], colours[alike], _AROUND) > _RING
        return alike

    def _alike(
        self, grown: npt.NDArray[np.int64], colours: npt.NDArray[np.int64], points: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """The share of points (across, down, as fractions of each box) that have the colour of the box."""
        columns = grown[:, 0, None] + (points[:, 0] * (grown[:, 2] - grown[:, 0] - 1)[:, None]).astype(np.int64)
        rows = grown[:, 1, None] + (points[:, 1] * (grown[:, 3] - grown[:, 1] - 1)[:, None]).astype(np.int64)
        off = np.abs(self._pixels[rows, columns].astype(np.int16) - colours[:, None, :].astype(np.int16))
        return np.asarray((off.max(axis=2) < FAINT).mean(axis=1))

    def _contrast_on_lattice(self, whole: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        wide = (whole[:, 2] - whole[:, 0]) >= (whole[:, 3] - whole[:, 1])
        contrast = np.zeros(len(whole), np.int64)
        for chosen, (down, across) in ((wide, _LATTICE), (~wide, _LATTICE[::-1])):
            x0, y0, x1, y1 = whole[chosen].T
            columns = x0[:, None] + ((np.arange(across) + 0.5) / across * (x1 - x0)[:, None]).astype(int)
            rows = y0[:, None] + ((np.arange(down) + 0.5) / down * (y1 - y0)[:, None]).astype(int)
            seen = self._pixels[rows[:, :, None], columns[:, None, :], 1]  # green, the brightest part
            if seen.size:
                contrast[chosen] = np.ptp(seen.reshape(len(seen), -1), axis=1).astype(np.int64)
        return contrast

    def _inside(self, boxes: Boxes) -> npt.NDArray[np.int64]:
        """Whole pixels, at least one in each direction, none outside."""
        low = np.clip(np.floor(boxes[:, :2]), 0, (self.width - 1, self.height - 1)).astype(np.int64)
        high = np.clip(np.ceil(boxes[:, 2:]), low + 1, (self.width, self.height)).astype(np.int64)
        return np.hstack((low, high))

    def blank(self) -> bool:
        """Whether there is nothing on the page but paper and specks."""
        ink = self._ink(self._cells())
        around = np.zeros(ink.shape, np.int64)
        for axis in (0, 1):
            for step in (1, -1):
                around += np.roll(ink, step, axis)
        return int((ink & (around >= 2)).sum()) < _SPECKS

    def unexplained(self, words: Boxes, pictures: Boxes | None) -> float:
        """The share of the page's ink that stands in no word; of `pictures`, if given, and only on their paper.

        Ruled lines are not counted.
        """
        cells = self._cells()
        ink = _without_rules(self._ink(cells))
        counted = np.full(ink.shape, pictures is None)
        for box in () if pictures is None else pictures:
            place = self._in_cells(box)
            counted[place] |= _is_paper(cells[place])
        for box in words:
            counted[self._in_cells(box + (-_CELL, -_CELL, _CELL, _CELL))] = False
        total = int(ink.sum())
        return float((ink & counted).sum()) / total if total else 0.0

    def _cells(self) -> npt.NDArray[np.int64]:
        return np.asarray(Image.fromarray(self._pixels).convert("L").reduce(_CELL)).astype(np.int64)

    def _ink(self, cells: npt.NDArray[np.int64]) -> Flags:
        return np.asarray(np.abs(cells - _commonest(cells)) > _DARKER)

    def _in_cells(self, box: npt.NDArray[np.float64]) -> tuple[slice, slice]:
        x0, y0, x1, y1 = (max(0, round(float(edge) / _CELL)) for edge in box)
        return slice(y0, y1), slice(x0, x1)


def _without_rules(ink: Flags) -> Flags:
    """Ink without ruled lines: they say nothing."""
    left = ink.copy()
    for axis in (0, 1):
        if ink.shape[axis] > _RULE:
            starts = sliding_window_view(ink, _RULE, axis=axis).all(axis=2)
            for step in range(_RULE):
                place = [slice(None), slice(None)]
                place[axis] = slice(step, step + starts.shape[axis])
                left[tuple(place)] &= ~starts
    return left


def _commonest(cells: npt.NDArray[np.int64]) -> int:
    """The middle of the commonest shade."""
    return int(np.bincount(cells.ravel() // _SHADES).argmax()) * _SHADES + _SHADES // 2


def _is_paper(cells: npt.NDArray[np.int64]) -> bool:
    return cells.size > 0 and float((np.abs(cells - _commonest(cells)) <= _SHADES).mean()) > _PAPER
