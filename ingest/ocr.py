"""The child that reads text in page images: RapidOCR with the PP-OCRv6 small models that its wheel carries.

Runs as `python -m ingest.ocr` and stays: loading the models takes a second. Frames in: page images (JPEG) that a
renderer made, so untrusted. Frames out: {"words", "quality"}, words as in `ingest.render`, quality the mean confidence;
or {"error": n} for an image that cannot be decoded. It reads Latin scripts with their accents, and Chinese.
"""

from __future__ import annotations

import argparse
import io
import itertools
import statistics
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from docqa.errors import DamagedFile
from ingest.confine import allow_processor_time, confine, private_stdout
from ingest.render import FAILURES, RawWord
from ingest.wire import read_frame, write_frame

Pixels = npt.NDArray[np.uint8]

_PARAMETERS = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # one page a process; more threads only compete
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.use_cls": False,  # upside-down lines are found below, by the whole page
    "Global.log_level": "error",
}
_UNSURE = 0.85  #: mean confidence under which the page is also tried upside down, which gives 0.76 (measured)
_GUTTER_LINES = 8  #: lines needed on each side of a gap before it is taken for the gap between two columns


class Line(NamedTuple):
    """A line as the engine found it: text, confidence, box in pixels x0, y0, x1, y1."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float


def main() -> None:
    """Answer one frame after another until the pipe is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--page-seconds", type=int, default=120)
    arguments = parser.parse_args()
    out = private_stdout()
    engine = _Engine()  # runs one thread, so that confinement still binds all
    confine(out, arguments.memory_mb << 20)
    while frame := read_frame(sys.stdin.buffer):
        allow_processor_time(arguments.page_seconds)
        try:
            image = Image.open(io.BytesIO(frame[1]), formats=("JPEG",)).convert("RGB")
        except Exception:  # over damaged bytes, Pillow raises anything
            write_frame(out, {"error": FAILURES.index(DamagedFile)})
            continue
        words, quality = read_page(engine, np.asarray(image)[:, :, ::-1])
        write_frame(out, {"words": words, "quality": quality})


class _Engine:
    def __init__(self) -> None:
        from rapidocr import RapidOCR

        self._engine = RapidOCR(params=_PARAMETERS)

    def lines(self, pixels: Pixels) -> list[Line]:
        """The lines of an image (blue, green, red), as they are found, in no reliable order."""
        result = self._engine(np.ascontiguousarray(pixels))
        if result.boxes is None or not result.txts:
            return []
        found = zip(result.boxes, result.txts, result.scores, strict=True)
        return [Line(text, float(sure), *box.min(axis=0), *box.max(axis=0)) for box, text, sure in found]


def read_page(engine: _Engine, pixels: Pixels) -> tuple[list[RawWord], float]:
    """Words of a page image in reading order, with boxes in fractions of the image as it is displayed, and quality.

    A page that lies on its side, or stands on its head, is read the way it makes most sense; boxes stay where the
    words are on the page as displayed.
    """
    turns, lines = _upright(engine, pixels)
    if not lines:
        return [], 0.0
    height, width = np.rot90(pixels, turns).shape[:2]
    words = [word for number, row in enumerate(reading_order(lines, width)) for word in _row_words(row, number)]
    turned = [
        (w[0], *_turned_back(w[1] / width, w[2] / height, w[3] / width, w[4] / height, turns), w[5]) for w in words
    ]
    return turned, min(1.0, statistics.fmean(line.confidence for line in lines))


def _upright(engine: _Engine, pixels: Pixels) -> tuple[int, list[Line]]:
    """The number of quarter turns counter-clockwise after which the page reads best, and its lines then."""
    tried = {0: engine.lines(pixels)}
    if _on_its_side(tried[0]):
        tried |= {turns: engine.lines(np.rot90(pixels, turns)) for turns in (1, 3)}
    elif tried[0] and statistics.fmean(line.confidence for line in tried[0]) < _UNSURE:
        tried[2] = engine.lines(np.rot90(pixels, 2))
    return max(tried.items(), key=lambda item: sum(len(line.text) * line.confidence**2 for line in item[1]))


def _on_its_side(lines: Sequence[Line]) -> bool:
    """Most writing runs up or down. Short pieces say nothing: a single digit is taller than wide anyway."""
    long = [line for line in lines if max(line.x1 - line.x0, line.y1 - line.y0) > 3 * min(_sides(line))]
    return len(long) >= 3 and sum(line.y1 - line.y0 > line.x1 - line.x0 for line in long) > 0.6 * len(long)


def _sides(line: Line) -> tuple[float, float]:
    return line.x1 - line.x0, line.y1 - line.y0


def _turned_back(x0: float, y0: float, x1: float, y1: float, turns: int) -> tuple[float, float, float, float]:
    """A box of the page after `turns` quarter turns counter-clockwise, on the page before them."""
    for _ in range(turns):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return tuple(min(1.0, max(0.0, float(edge))) for edge in (x0, y0, x1, y1))  # type: ignore[return-value]


def reading_order(lines: Sequence[Line], width: float) -> list[list[Line]]:
    """Rows from top to bottom, each from left to right; two columns of prose one after the other."""
    gutter = _gutter(lines, width)
    if gutter is None:
        return _rows(lines)
    left = [line for line in lines if line.x1 <= gutter]
    right = [line for line in lines if line.x0 >= gutter]
    across = [line for line in lines if line.x0 < gutter < line.x1]
    top = min(line.y0 for line in (*left, *right))
    above = [line for line in across if line.y1 <= top + (line.y1 - line.y0)]
    below = [line for line in across if line not in above]
    return [*_rows(above), *_rows(left), *_rows(right), *_rows(below)]


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Group lines that share more than half of their height with the row so far."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.y0 + line.y1):
        row = rows[-1] if rows else []
        if row and _shared_height(row[-1], line) > 0.5:
            row.append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.x0) for row in rows]


def _shared_height(a: Line, b: Line) -> float:
    return (min(a.y1, b.y1) - max(a.y0, b.y0)) / max(1.0, min(a.y1 - a.y0, b.y1 - b.y0))


def _gutter(lines: Sequence[Line], width: float) -> float | None:
    """The x of the gap between two columns of prose: hardly a line crosses it, and both sides have long lines."""
    for x in np.linspace(0.4, 0.6, 21) * width:
        left = [line for line in lines if line.x1 <= x and line.x1 - line.x0 > 0.25 * width]
        right = [line for line in lines if line.x0 >= x and line.x1 - line.x0 > 0.25 * width]
        crossing = sum(line.x0 < x < line.x1 for line in lines)
        if min(len(left), len(right)) >= _GUTTER_LINES and crossing <= 0.1 * len(lines):
            return float(x)
    return None


def _row_words(row: Sequence[Line], number: int) -> list[RawWord]:
    """Cut lines into words; a word's share of its line's width is its share of the characters."""
    words: list[RawWord] = []
    for line in row:
        step = (line.x1 - line.x0) / max(1, len(line.text))
        for space, run in itertools.groupby(enumerate(line.text), key=lambda item: item[1].isspace()):
            if not space:
                letters = list(run)
                first, last = letters[0][0], letters[-1][0] + 1
                text = "".join(letter for _, letter in letters)
                words.append((text, line.x0 + first * step, line.y0, line.x0 + last * step, line.y1, number))
    return words


if __name__ == "__main__":
    main()
