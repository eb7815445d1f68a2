"""RapidOCR, its two halves used one by one: boxes are found in a smaller image than they are read in.

Images in, corners and texts out. Not here: what is made of them on a page (`ingest.child.upright`).
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float32]  #: of one box: 4 x 2, clockwise from the top left, in pixels

_PARAMETERS = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # one page a process; more threads only compete
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.use_cls": False,  # whether lines stand on their heads is found out of the whole page
    "Global.max_side_len": 100_000,  # how far a page is shrunk is decided below
    "Global.log_level": "error",
    "Det.limit_side_len": 32,  # as above
}
_DETECT_PIXELS = 1.3e6  #: lines are found as well in half of the pixels, in half of the time; they are read in all
_LINE_HEIGHT = 48  #: pixels to which the recogniser wants a line scaled; it makes a step of every 8 pixels of width
_MARGIN = 40  #: grey pixels behind a line: the recogniser learnt with some, and reads line ends better with them
_WIDE_GAP = 8  #: steps from one character to the next that leave room for a space, whatever the recogniser says
_GAP = 1.35  #: times the usual steps: the narrow letters of a typewriter leave gaps that are no space, and yet ...
_SPACE = 0.02  #: ... with this share for a space in it, a gap of that width is one (both chosen on 20 receipts)
_STEP = 4  #: usual steps where a line is too short to tell


class Engine:
    """RapidOCR, its two halves used one by one: boxes are found in a smaller image than they are read in."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        self._engine = RapidOCR(params=_PARAMETERS)
        self._engine.recognize_txt([np.full((_LINE_HEIGHT, _LINE_HEIGHT, 3), 255, np.uint8)])  # loads the recogniser
        self._recogniser = self._engine.text_rec

    def boxes(self, pixels: Pixels) -> list[Corners]:
        """Corners of the pieces of writing, in no reliable order."""
        import cv2

        height, width = pixels.shape[:2]
        scale = min(1.0, math.sqrt(_DETECT_PIXELS / (height * width)))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
        found = self._engine(small, use_det=True, use_cls=False, use_rec=False).boxes
        stretch = np.array([width / size[0], height / size[1]])
        return [] if found is None else [np.asarray(box * stretch, np.float32) for box in found]

    def read(self, crops: Sequence[Pixels]) -> list[Answer]:
        """What is written in each of the images of a line.

        The recogniser is asked without RapidOCR's own preparation and decoding: those pad lines to the longest of a
        batch, and give no shares of the characters that did not win.
        """
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Pixels) -> Answer:
        line = _smoothed(crop)
        wide = max(_LINE_HEIGHT, line.shape[1]) + _MARGIN
        image = np.zeros((1, 3, _LINE_HEIGHT, wide), np.float32)  # zero is grey
        image[0, :, :, : line.shape[1]] = line.transpose(2, 0, 1) / 127.5 - 1
        shares = self._recogniser.session(image)[0]
        return _decoded(shares, self._recogniser.postprocess_op.character, len(shares) * line.shape[1] / wide)


def _smoothed(crop: Pixels) -> Pixels:
    """A line at the recogniser's height, without the grain of paper and the gaps between a printer's dots."""
    import cv2

    height, width = crop.shape[:2]
    even = cv2.GaussianBlur(crop, (0, 0), height / _LINE_HEIGHT)
    size = max(1, math.ceil(_LINE_HEIGHT * width / height)), _LINE_HEIGHT
    smaller = height > _LINE_HEIGHT
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


class Answer(NamedTuple):
    """What the recogniser made of a line, and where in it its characters but spaces are (shares of its width)."""

    text: str
    confidence: float
    at: tuple[float, ...]


def _decoded(shares: npt.NDArray[np.float32], letters: Sequence[str], total: float) -> Answer:
    """The text of a line from the shares of all letters (steps x letters; the first means none, the last is a space).

    `total` is the number of steps that the line is wide. A letter goes on through steps in which it wins again.
    """
    best = shares.argmax(axis=1)
    begins = np.flatnonzero((best != 0) & (np.diff(best, prepend=0) != 0))
    text = "".join(letters[best[step]] for step in begins)
    confidence = shares[begins, best[begins]].mean() if text else 0.0
    steps = [int(step) for step, letter in zip(begins, text, strict=True) if not letter.isspace()]
    return _answer(text, float(confidence), steps, total, shares[:, -1].tolist())


def _answer(text: str, confidence: float, steps: Sequence[int], total: float, space: Sequence[float] = ()) -> Answer:
    """With a space also where the recogniser hardly saw one but left a gap; `space` are its shares for it, by step."""
    advances = [after - before for before, after in itertools.pairwise(steps)]
    usual = statistics.median(advances) if len(advances) > 2 else _STEP
    spaced, last, position = "", None, 0
    for letter in text:
        if not letter.isspace():
            if last is not None and not spaced[-1].isspace() and _gap(last, steps[position], usual, space):
                spaced += " "
            last, position = steps[position], position + 1
        spaced += letter
    return Answer(spaced, confidence, tuple((step + 0.5) / total for step in steps))


def _gap(before: int, after: int, usual: float, space: Sequence[float]) -> bool:
    """There is room for a space between two characters at these steps, and a hint of one."""
    wide = after - before
    return wide > _WIDE_GAP or (wide >= _GAP * usual and max(space[before + 1 : after], default=0.0) > _SPACE)
