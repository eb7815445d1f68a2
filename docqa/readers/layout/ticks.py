"""Ticked and empty boxes, and the words yes and no, in a text.

Not here: which question they answer (`docqa.readers.layout.relations`).
"""

from __future__ import annotations

import re

from docqa.extract.values import Span
from docqa.readers.layout.lexicon import EMPTY_BOX, TICKED, YES_NO

_BOX, _WORD = f"(?P<box>{TICKED}|{EMPTY_BOX})", f"(?P<word>{YES_NO.removeprefix('(?i)')})"
_BOX_FIRST = re.compile(f"{_BOX} {{0,2}}{_WORD}", re.IGNORECASE)
_WORD_FIRST = re.compile(f"{_WORD} {{0,2}}{_BOX}", re.IGNORECASE)
_CELL = re.compile(r"[^\x00]+")
_FORMS = ((TICKED, "true"), (EMPTY_BOX, "false"), (YES_NO, ""))


def find_ticks(text: str) -> list[Span]:
    """Boxes and words; of "☐ Yes ☒ No" the word whose box is ticked, and nothing else."""
    pairs = [pair for cell in _CELL.finditer(text) for pair in _pairs(text, *cell.span())]
    ticked = [Span(*pair.span("word"), pair["word"]) for pair in pairs if re.fullmatch(TICKED, pair["box"])]
    return ticked + [
        Span(*match.span(), value or match.group())
        for form, value in _FORMS
        for match in re.finditer(form, text)
        if not any(pair.start() < match.end() and match.start() < pair.end() for pair in pairs)
    ]


def _pairs(text: str, start: int, end: int) -> list[re.Match[str]]:
    """The words of a cell with their boxes, which stand before all of them or behind all of them."""
    before, behind = (list(form.finditer(text, start, end)) for form in (_BOX_FIRST, _WORD_FIRST))
    return behind if len(behind) > len(before) else before
