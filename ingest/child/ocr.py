"""The child that reads text in page images: RapidOCR with the PP-OCRv6 small models that its wheel carries.

Runs as `python -m ingest.child.ocr` and stays: loading the models takes a second. Frames in: page images (JPEG) that a
renderer made, so untrusted. Frames out: {"words", "quality", "unread"}, words as in `ingest.child.render`, quality the
mean confidence, unread the names of scripts that are on the page and could not be read; or {"error": n} for an image
that cannot be decoded. RapidOCR reads Latin scripts with their accents, and Chinese; what it cannot make out is given
to Tesseract (`ingest.child.tesseract`) where that is installed, or where the settings say so.
"""

from __future__ import annotations

import argparse
import io
import itertools
import math
import statistics
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from docqa.errors import DamagedFile
from ingest.child import tesseract
from ingest.child.confine import allow_processor_time, confine, private_stdout
from ingest.child.lines import Line, Part, reading_order, row_words
from ingest.languages import LANGUAGES, RIGHT_TO_LEFT, UNKNOWN, installed, languages_of, script_of
from ingest.readingorder import RawWord
from ingest.sandbox.wire import FAILURES, read_frame, write_frame

Pixels = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float32]  #: of one box: 4 x 2, clockwise from the top left, in pixels

_PARAMETERS = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # one page a process; more threads only compete
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.use_cls": False,  # upside-down lines are found below, by the whole page
    "Global.max_side_len": 100_000,  # how far a page is shrunk is decided below
    "Global.log_level": "error",
    "Det.limit_side_len": 32,  # as above
}
_DETECT_PIXELS = 1.3e6  #: lines are found as well in half of the pixels, in half of the time; they are read in all
_KEPT = 0.5  #: confidence under which what was read in a box is no text
_UNSURE = 0.85  #: mean confidence under which the page is also tried upside down, which gives 0.76 (measured)
_DENSE = 0.8  #: characters per height of a line's box; read lines have 1.2-2.7, lines of other scripts 0-0.6 (measured)
_LEGIBLE_SHARE = 0.7  #: of the writing on a page; under it, its script is likely another one
_SECOND_QUALITY = 0.5  #: confidence under which Tesseract's reading is no reading, either
_DEFAULT_LANGUAGES = ("eng",)  #: for Tesseract, if it was chosen and neither settings nor script say more
_SOME_BOXES = 5  #: pieces of writing under which nothing is said of the page's script
_SAMPLE = 8  #: widest lines by which it is told whether a page stands on its head
_LEVEL = math.radians(0.3)  #: slope under which a page counts as level
_LINE_HEIGHT = 48  #: pixels to which the recogniser wants a line scaled; it makes a step of every 8 pixels of width
_MARGIN = 40  #: grey pixels behind a line: the recogniser learnt with some, and reads line ends better with them
_WIDE_GAP = 8  #: steps from one character to the next that leave room for a space, whatever the recogniser says
_GAP = 1.35  #: times the usual steps: the narrow letters of a typewriter leave gaps that are no space, and yet ...
_SPACE = 0.02  #: ... with this share for a space in it, a gap of that width is one (both chosen on 20 receipts)
_STEP = 4  #: usual steps where a line is too short to tell


class Found(NamedTuple):
    """What was found in an image: lines as they are after the page was made level, and how they were tilted before."""

    lines: list[Line]
    slope: float  #: radians, clockwise
    legible: float  #: share of the writing, by length, that was read
    boxes: int  #: pieces of writing, read or not
    dense: list[Line]  #: the lines that are as full of characters as lines are, and not Greek
    greek: bool = False  #: most of the few letters that were read are Greek


class Choice(NamedTuple):
    """What the settings say of the engines."""

    engine: str  #: "auto", "rapidocr" or "tesseract"
    languages: tuple[str, ...]  #: for Tesseract; empty: by the script it finds
    seconds: float  #: that Tesseract may take for a page


def main() -> None:
    """Answer one frame after another until the pipe is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--page-seconds", type=int, default=120)
    parser.add_argument("--engine", choices=("auto", "rapidocr", "tesseract"), default="auto")
    parser.add_argument("--languages", default="")
    arguments = parser.parse_args()
    languages = tuple(filter(None, arguments.languages.split("+")))
    choice = Choice(arguments.engine, languages, arguments.page_seconds / 3)  # RapidOCR, then twice Tesseract at most
    out = private_stdout()
    engine = Engine()  # runs one thread, so that confinement still binds all
    may_execute = choice.engine != "rapidocr" and bool(installed())
    confine(out, arguments.memory_mb << 20, may_execute=may_execute)
    while frame := read_frame(sys.stdin.buffer):
        allow_processor_time(arguments.page_seconds)
        try:
            image = Image.open(io.BytesIO(frame[1]), formats=("JPEG",)).convert("RGB")
        except Exception:  # over damaged bytes, Pillow raises anything
            write_frame(out, {"error": FAILURES.index(DamagedFile)})
            continue
        words, quality, unread = read_page(engine, np.asarray(image)[:, :, ::-1], choice)
        write_frame(out, {"words": words, "quality": quality, "unread": unread})


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_page(engine: Engine, pixels: Pixels, choice: Choice) -> tuple[list[RawWord], float, list[str]]:
    """Words of a page (blue, green, red) in reading order, their quality, and the scripts that could not be read.

    Boxes are fractions of the image as it is displayed, however tilted or turned the page lies in it.
    """
    if choice.engine == "tesseract":
        words, quality, script = _by_tesseract(pixels, choice, _DEFAULT_LANGUAGES)
        return words, quality, [] if words or script is None else [script]
    turns, found = _upright(engine, pixels)
    if not _illegible(found):
        return (*_placed(found, pixels.shape[:2], turns), [])
    script = UNKNOWN
    if choice.engine == "auto":
        words, quality, seen = _by_tesseract(pixels, choice)
        if words and quality >= _SECOND_QUALITY:
            return words, quality, []
        script = seen or script
    if found.greek and script == UNKNOWN:
        script = "Greek"
    return (*_placed(found._replace(lines=found.dense), pixels.shape[:2], turns), [script])


def _placed(
    found: Found, size: tuple[int, ...], turns: int, right_to_left: bool = False
) -> tuple[list[RawWord], float]:
    """The words of what was found after some quarter turns, on a page of this size (height, width) before them."""
    if not found.lines:
        return [], 0.0
    height, width = size if turns % 2 == 0 else size[::-1]
    rows = reading_order(found.lines, width, right_to_left)
    words = [word for number, row in enumerate(rows) for word in row_words(row, number)]
    placed: list[RawWord] = []
    for text, *box, line in words:
        x0, y0, x1, y1 = _tilted(box, found.slope, width / 2, height / 2)
        placed.append((text, *_turned_back(x0 / width, y0 / height, x1 / width, y1 / height, turns), line))
    return placed, min(1.0, statistics.fmean(line.confidence for line in found.lines))


def _tilted(box: Sequence[float], slope: float, x: float, y: float) -> tuple[float, float, float, float]:
    """The bounds of a box after turning it clockwise about a point."""
    if not slope:
        return box[0], box[1], box[2], box[3]
    corners = _turned(np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]]), slope, x, y)
    return (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())


def _turned(points: npt.NDArray[Any], slope: float, x: float, y: float) -> npt.NDArray[Any]:
    """Points (n x 2, y downwards) turned clockwise about (x, y)."""
    turn = np.array([[math.cos(slope), math.sin(slope)], [-math.sin(slope), math.cos(slope)]])
    turned: npt.NDArray[Any] = (points - (x, y)) @ turn + (x, y)
    return turned


def _turned_back(x0: float, y0: float, x1: float, y1: float, turns: int) -> tuple[float, float, float, float]:
    """A box of the page after `turns` quarter turns counter-clockwise, on the page before them."""
    for _ in range(turns):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return tuple(min(1.0, max(0.0, float(edge))) for edge in (x0, y0, x1, y1))  # type: ignore[return-value]


# ── RapidOCR ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def _upright(engine: Engine, pixels: Pixels) -> tuple[int, Found]:
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
        level = _turned(box, -slope, x, y) if slope else box
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


# ── what RapidOCR cannot read ────────────────────────────────────────────────────────────────────────────────────────


def _illegible(found: Found) -> bool:
    """There is writing, and much of it could not be made out."""
    return found.boxes >= _SOME_BOXES and (found.greek or found.legible < _LEGIBLE_SHARE)


def _by_tesseract(
    pixels: Pixels, choice: Choice, otherwise: tuple[str, ...] = ()
) -> tuple[list[RawWord], float, str | None]:
    """The page as Tesseract reads it, in the languages of the settings, or else of the script that it sees.

    Where these are not installed, nothing is read but the name of the script; None if there is hardly any writing.
    """
    look = tesseract.look(_jpeg(pixels), choice.seconds)
    seen = look.script if look and look.script in LANGUAGES else UNKNOWN
    languages = choice.languages or languages_of(seen)
    if not languages and seen == UNKNOWN:
        languages = tuple(each for each in otherwise if each in installed())
    if not languages:
        return [], 0.0, seen if look else None
    turns = look.turns if look else 0
    lines = tesseract.read(_jpeg(np.rot90(pixels, turns)), languages, choice.seconds)
    right_to_left = script_of(languages) in RIGHT_TO_LEFT
    found = Found(lines, 0.0, 1.0, len(lines), lines)
    return (*_placed(found, pixels.shape[:2], turns, right_to_left), seen if look else None)


def _jpeg(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1])).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
