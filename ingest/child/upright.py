"""A page turned upright and made level, the lines that are found on it then, and how much of the writing they are.

Pixels throughout, but for `turned_back`. Not here: reading what is in a box (`ingest.child.recogniser`), and the order
of the lines (`ingest.child.lines`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.child.lines import Line, Part
from ingest.child.recogniser import Answer, Corners, Engine, Pixels

_KEPT = 0.5  #: confidence under which what was read in a box is no text
_UNSURE = 0.85  #: mean confidence under which the page is also tried upside down, which gives 0.76 (measured)
_DENSE = 0.8  #: characters per height of a line's box; read lines have 1.2-2.7, lines of other scripts 0-0.6 (measured)
_SAMPLE = 8  #: widest lines by which it is told whether a page stands on its head
_LEVEL = math.radians(0.3)  #: slope under which a page counts as level


class Found(NamedTuple):
    """What was found in an image: lines as they are after the page was made level, and how they were tilted before."""

    lines: list[Line]
    slope: float  #: radians, clockwise
    legible: float  #: share of the writing, by length, that was read
    boxes: int  #: pieces of writing, read or not
    dense: list[Line]  #: the lines that are as full of characters as lines are, and not Greek
    greek: bool = False  #: most of the few letters that were read are Greek


def upright(engine: Engine, pixels: Pixels) -> tuple[int, Found]:
    """The number of quarter turns counter-clockwise after which the page reads best, and what is found then."""
    boxes = engine.boxes(pixels)
    crops = [_crop(pixels, box) for box in boxes]
    answers = engine.read(crops)
    turns = 1 if _on_its_side(boxes) else 0
    if turns or (answers and statistics.fmean(answer.confidence for answer in answers) < _UNSURE):
        turns += 2 * _on_its_head(engine, crops, answers)
    if turns:
        pixels = np.ascontiguousarray(np.rot90(pixels, turns))
        boxes = engine.boxes(pixels)
        answers = engine.read([_crop(pixels, box) for box in boxes])
    return turns, _found(boxes, answers, pixels.shape[1] / 2, pixels.shape[0] / 2)


def _crop(pixels: Pixels, box: Corners) -> Pixels:
    """A piece of writing made level; what is much taller than wide is turned counter-clockwise."""
    from rapidocr.utils.process_img import get_rotate_crop_image

    return np.asarray(get_rotate_crop_image(pixels, box), np.uint8)


def _on_its_side(boxes: Sequence[Corners]) -> bool:
    """Most writing runs up or down. Short pieces say nothing: a single digit is taller than wide anyway."""
    long = [(wide, high) for wide, high in map(_sides, boxes) if max(wide, high) > 3 * min(wide, high)]
    return len(long) >= 3 and sum(high > wide for wide, high in long) > 0.6 * len(long)


def _sides(box: Corners) -> tuple[float, float]:
    return float(np.linalg.norm(box[1] - box[0])), float(np.linalg.norm(box[3] - box[0]))


def _on_its_head(engine: Engine, crops: Sequence[Pixels], answers: Sequence[Answer]) -> bool:
    """The widest lines read better the other way round."""
    widest = sorted(range(len(crops)), key=lambda number: crops[number].shape[1], reverse=True)[:_SAMPLE]
    turned = engine.read([np.ascontiguousarray(np.rot90(crops[number], 2)) for number in widest])
    return sum(answer.confidence for answer in turned) > sum(answers[number].confidence for number in widest)


def _found(boxes: Sequence[Corners], answers: Sequence[Answer], x: float, y: float) -> Found:
    """The lines, made level about (x, y), and how much of the writing they are."""
    slope = _slope(boxes)
    lines: list[Line] = []
    dense: list[Line] = []
    legible, total = 0.0, 0.0
    for box, answer in zip(boxes, answers, strict=True):
        wide = max(_sides(box))
        total += wide
        if answer.confidence < _KEPT or not answer.text.strip():
            continue
        level = turned(box, -slope, x, y) if slope else box
        lines.append(_line(answer, *level.min(axis=0).tolist(), *level.max(axis=0).tolist()))
        if _dense(box, answer) and not _greek(answer.text):
            legible += wide
            dense.append(lines[-1])
    greek = _greek("".join(answer.text for answer in answers))
    return Found(lines, slope, legible / total if total else 1.0, len(boxes), dense, greek)


def _greek(text: str) -> bool:
    """Most letters are Greek, which the model knows from formulas: of the language it reads half, without accents."""
    letters = [letter for letter in text if letter.isalpha()]
    greek = sum("\N{GREEK CAPITAL LETTER ALPHA}" <= letter <= "\N{GREEK SMALL LETTER OMEGA}" for letter in letters)
    return 2 * greek > len(letters)


def _dense(box: Corners, answer: Answer) -> bool:
    """As many characters as a line of this length must have: of a foreign script the model reads only what looks alike.

    Its confidence does not tell, being that of the few characters (0.9 on a page of Russian).
    """
    short, long = sorted(_sides(box))
    return len(answer.at) * short >= _DENSE * long if long > 3 * short else True


def _slope(boxes: Sequence[Corners]) -> float:
    """How far the long lines of a page run down to the right, in radians: the median by length; 0 if they are level."""
    long = [(*(box[1] - box[0]).tolist(), _sides(box)) for box in boxes]
    slopes = sorted((math.atan2(down, right), wide) for right, down, (wide, high) in long if wide > 3 * high)
    half, so_far = sum(wide for _, wide in slopes) / 2, 0.0
    for slope, wide in slopes:
        so_far += wide
        if so_far >= half:
            return slope if abs(slope) > _LEVEL else 0.0
    return 0.0


def _line(answer: Answer, x0: float, y0: float, x1: float, y1: float) -> Line:
    """A line with its words where the recogniser saw their characters, which is right to about half of one."""
    line = Line(answer.text, answer.confidence, x0, y0, x1, y1)
    at, parts, first = answer.at, [], 0
    for text in answer.text.split():
        last = first + len(text) - 1
        left = x0 if first == 0 else x0 + (x1 - x0) * (at[first] - _half(at, first, last))
        right = x1 if last == len(at) - 1 else x0 + (x1 - x0) * (at[last] + _half(at, first, last))
        parts.append(Part(text, max(x0, left), y0, min(x1, max(left, right)), y1))
        first = last + 1
    return line._replace(parts=tuple(parts))


def _half(at: Sequence[float], first: int, last: int) -> float:
    """Half the width of a character of a word, as a share of the line's width."""
    a, b = (first, last) if last > first else (0, len(at) - 1)
    return (at[b] - at[a]) / max(1, b - a) / 2


def tilted(box: Sequence[float], slope: float, x: float, y: float) -> tuple[float, float, float, float]:
    """The bounds of a box after turning it clockwise about a point."""
    if not slope:
        return box[0], box[1], box[2], box[3]
    corners = turned(np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]]), slope, x, y)
    return (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())


def turned(points: npt.NDArray[Any], slope: float, x: float, y: float) -> npt.NDArray[Any]:
    """Points (n x 2, y downwards) turned clockwise about (x, y)."""
    turn = np.array([[math.cos(slope), math.sin(slope)], [-math.sin(slope), math.cos(slope)]])
    turned: npt.NDArray[Any] = (points - (x, y)) @ turn + (x, y)
    return turned


def turned_back(x0: float, y0: float, x1: float, y1: float, turns: int) -> tuple[float, float, float, float]:
    """A box of the page after `turns` quarter turns counter-clockwise, on the page before them."""
    for _ in range(turns):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return tuple(min(1.0, max(0.0, float(edge))) for edge in (x0, y0, x1, y1))  # type: ignore[return-value]
