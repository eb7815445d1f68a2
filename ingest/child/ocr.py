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
import statistics
import sys
from typing import NamedTuple

import numpy as np
from PIL import Image

from docqa.errors import DamagedFile
from ingest.child import tesseract
from ingest.child.confine import allow_processor_time, confine, private_stdout
from ingest.child.lines import reading_order, row_words
from ingest.child.recogniser import Engine, Pixels
from ingest.child.upright import Found, tilted, turned_back, upright
from ingest.languages import LANGUAGES, RIGHT_TO_LEFT, UNKNOWN, installed, languages_of, script_of
from ingest.readingorder import RawWord
from ingest.sandbox.wire import FAILURES, read_frame, write_frame

_LEGIBLE_SHARE = 0.7  #: of the writing on a page; under it, its script is likely another one
_SECOND_QUALITY = 0.5  #: confidence under which Tesseract's reading is no reading, either
_DEFAULT_LANGUAGES = ("eng",)  #: for Tesseract, if it was chosen and neither settings nor script say more
_SOME_BOXES = 5  #: pieces of writing under which nothing is said of the page's script


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
    turns, found = upright(engine, pixels)
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
        x0, y0, x1, y1 = tilted(box, found.slope, width / 2, height / 2)
        placed.append((text, *turned_back(x0 / width, y0 / height, x1 / width, y1 / height, turns), line))
    return placed, min(1.0, statistics.fmean(line.confidence for line in found.lines))


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
