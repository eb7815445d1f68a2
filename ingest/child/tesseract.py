"""The second OCR engine: the `tesseract` program, for scripts that the first one cannot read.

It is asked over pipes, with a deadline, and writes no file. Which languages it reads depends on what is installed
besides it (`ingest.languages`).
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ingest.child.lines import Line, Part
from ingest.languages import PROGRAM, installed

_ALIASES = {"Hiragana": "Japanese", "Katakana": "Japanese", "Korean": "Hangul"}  #: names that its detection uses, too
_WORD_LEVEL = "5"  #: rows of the TSV that are words
_SURE_ORIENTATION = 5.0  #: Tesseract's own measure, without a unit; 18-25 on clean pages, 3 on a poor one (measured)
_MIN_CONFIDENCE = 0.2  #: what is less sure is mostly dirt


class Look(NamedTuple):
    """What Tesseract's script detection says of a page."""

    script: str
    turns: int  #: quarter turns counter-clockwise after which the page stands upright


def look(image: bytes, seconds: float) -> Look | None:
    """The script of an image (JPEG) and how it lies; None where there is too little to tell."""
    if not installed():
        return None
    answer = _run(["stdin", "stdout", "--psm", "0"], image, seconds) or ""
    said = dict(re.findall(r"^([A-Z][a-z ]+): (\S+)$", answer, re.MULTILINE))
    script = said.get("Script", "").removesuffix("_vert")
    if not script:
        return None
    sure = float(said.get("Orientation confidence", 0)) >= _SURE_ORIENTATION
    return Look(_ALIASES.get(script, script), -int(said.get("Rotate", 0)) // 90 % 4 if sure else 0)


def read(image: bytes, languages: Sequence[str], seconds: float) -> list[Line]:
    """The lines of an image (JPEG) with their words in logical order. Nothing if the program takes too long or fails.

    Of the page's layout it knows little (`--psm 3` finds columns in ragged lines), so lines come in no reliable order.
    """
    answer = _run(["stdin", "stdout", "-l", "+".join(languages), "tsv"], image, seconds) or ""
    rows = csv.DictReader(io.StringIO(answer), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = [row for row in rows if row["level"] == _WORD_LEVEL and row["text"].strip()]
    lines = groupby(words, key=lambda row: (row["block_num"], row["par_num"], row["line_num"]))
    return [line for _, run in lines for line in _line(list(run))]


def _line(words: list[dict[str, str]]) -> Iterator[Line]:
    kept = [word for word in words if float(word["conf"]) >= 100 * _MIN_CONFIDENCE]
    if not kept:
        return
    parts = tuple(_part(word) for word in kept)
    x0, y0 = min(part.x0 for part in parts), min(part.y0 for part in parts)
    x1, y1 = max(part.x1 for part in parts), max(part.y1 for part in parts)
    letters = sum(len(word["text"]) for word in kept)
    confidence = sum(float(word["conf"]) * len(word["text"]) for word in kept) / letters / 100
    yield Line(" ".join(part.text for part in parts), confidence, x0, y0, x1, y1, parts)


def _part(word: dict[str, str]) -> Part:
    left, top, width, height = (float(word[side]) for side in ("left", "top", "width", "height"))
    text = word["text"].strip().replace("\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}")
    return Part(text, left, top, left + width, top + height)


def _run(arguments: list[str], image: bytes, seconds: float) -> str | None:
    """What the program prints; None if it fails or takes too long. Raises FileNotFoundError where it is not."""
    try:
        done = subprocess.run([PROGRAM, *arguments], input=image, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
