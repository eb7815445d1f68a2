"""The scripts that the first OCR engine cannot read, and the languages in which the second one is installed for them.

The worker looks here whether what the settings ask for is there; the OCR child, what it may ask Tesseract for. Not
here: asking it for the words of a page (`ingest.child.tesseract`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache

from docqa.errors import BadSettings

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

_TOGETHER = 2  #: languages read at once: each makes it slower
_ASK_SECONDS = 10.0


@cache
def installed() -> frozenset[str]:
    """The languages that can be read here; none without the program."""
    try:
        told = subprocess.run(
            [PROGRAM, "--list-langs"], capture_output=True, timeout=_ASK_SECONDS, check=False, input=b""
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(told.stdout.decode("utf-8", "replace").split()) - {"osd"} if told.returncode == 0 else frozenset()


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
