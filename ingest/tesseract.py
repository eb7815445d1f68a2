"""The second OCR engine: the `tesseract` program, for scripts that the first one cannot read.

It is asked over pipes, with a deadline, and writes no file. Only the OCR child calls it with a page (`ingest.ocr`); the
worker only looks whether it is there. Which languages it reads depends on what is installed besides it.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

from docqa.errors import BadSettings
from ingest.readingorder import Line, Part

PROGRAM = "tesseract"

#: Scripts that RapidOCR's small model does not read, and Tesseract's names of languages that are written in them. The
#: first ones are used, as many as `_TOGETHER`. https://tesseract-ocr.github.io/tessdoc/Data-Files-in-different-versions
LANGUAGES: dict[str, tuple[str, ...]] = {
    "Arabic": ("ara", "fas", "urd"),
    "Armenian": ("hye",),
    "Bengali": ("ben",),
    "Cyrillic": ("rus", "ukr", "bul", "srp", "bel", "mkd"),
    "Devanagari": ("hin", "mar", "nep"),
    "Georgian": ("kat",),
    "Greek": ("ell",),
    "Gujarati": ("guj",),
    "Gurmukhi": ("pan",),
    "Hangul": ("kor",),
    "Hebrew": ("heb",),
    "Japanese": ("jpn",),
    "Kannada": ("kan",),
    "Khmer": ("khm",),
    "Lao": ("lao",),
    "Malayalam": ("mal",),
    "Myanmar": ("mya",),
    "Sinhala": ("sin",),
    "Tamil": ("tam",),
    "Telugu": ("tel",),
    "Thai": ("tha",),
}
UNKNOWN = "unknown"  #: writing in a script that nobody could name
RIGHT_TO_LEFT = ("Arabic", "Hebrew")

_ALIASES = {"Hiragana": "Japanese", "Katakana": "Japanese", "Korean": "Hangul"}  #: names that its detection uses, too
_TOGETHER = 2  #: languages read at once: each makes it slower
_ASK_SECONDS = 10.0
_WORD_LEVEL = "5"  #: rows of the TSV that are words
_SURE_ORIENTATION = 5.0  #: Tesseract's own measure, without a unit; 18-25 on clean pages, 3 on a poor one (measured)
_MIN_CONFIDENCE = 0.2  #: what is less sure is mostly dirt


class Look(NamedTuple):
    """What Tesseract's script detection says of a page."""

    script: str
    turns: int  #: quarter turns counter-clockwise after which the page stands upright


@cache
def installed() -> frozenset[str]:
    """The languages that can be read here; none without the program."""
    try:
        answer = _run(["--list-langs"], b"", _ASK_SECONDS)
    except FileNotFoundError:
        return frozenset()
    return frozenset(answer.split()) - {"osd"} if answer else frozenset()


def check_choice(engine: str, languages: Sequence[str]) -> None:
    """Raise BadSettings if the settings ask for Tesseract, or for a language of it, that is not there."""
    if (engine == "tesseract" or languages) and not installed():
        raise BadSettings("The settings ask for Tesseract, which is not installed.", "Install tesseract-ocr.")
    if missing := sorted(set(languages) - installed()):
        raise BadSettings(f"Tesseract has no data for {', '.join(missing)}.", "Install it, or change ocr_languages.")


def languages_of(script: str) -> tuple[str, ...]:
    """The installed languages to read a script with."""
    return tuple(language for language in LANGUAGES.get(script, ()) if language in installed())[:_TOGETHER]


def script_of(languages: Sequence[str]) -> str | None:
    """The script that the first of these languages is written in, if it is one of those above."""
    return next((script for script, known in LANGUAGES.items() if languages and languages[0] in known), None)


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
