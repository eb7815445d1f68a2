"""Tables as far as lines of text show them: rows of figures, the years that head their columns, the label above them.

A passage from the middle of a table says "Inventories 4,365 4,034" and not of which years, nor of what. Not here: cells
and ruling, which words and boxes alone do not give.
"""

from __future__ import annotations

import re

#: One cell of a table of figures, as a whole word; a dash stands for none.
_FIGURE = re.compile(r"[(+\-−–$€£¥]*\d[\d.,'’]*[)%*]*|[—–-]")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_HEAD = 120  #: characters the heads of all columns have at most
_LABEL = 60  #: characters a label of rows has at most
_APART = 3  #: lines without figures after which what follows is another table


class Columns:
    """Follows the lines of a page and knows the heads and the label that a row of figures would stand under."""

    def __init__(self) -> None:
        self._heads = self._label = ""
        self._unfigured = 0  #: lines without figures since the last row

    def read(self, text: str, heading: bool) -> None:
        """Take in the next line; a heading ends the table."""
        if heading:
            self._heads = self._label = ""
        digits = _DIGIT.search(text) is not None
        if digits and _is_figures(text):
            self._unfigured = 0
        elif digits and _is_heads(text):
            self._heads, self._label, self._unfigured = text, "", 0
        else:
            self._unfigured += 1
            self._label = text if _is_label(text) else ""
            if self._unfigured > _APART:
                self._heads = ""

    def told(self) -> str:
        """What the next row stands under, "December 31, 2022 2021 Current assets:"; empty outside a table."""
        return f"{self._heads} {self._label}".strip() if self._heads else ""


def _is_figures(text: str) -> bool:
    """Whether a line has two cells of figures or more, and no more words than a label has."""
    words = text.split()
    figures = sum(_FIGURE.fullmatch(word) is not None and not _YEAR.fullmatch(word) for word in words)
    return figures >= 2 and 3 * figures >= len(words)


def _is_heads(text: str) -> bool:
    """Whether a line heads columns of years."""
    years = len(_YEAR.findall(text))
    return years >= 2 and len(text) <= _HEAD and len(text.split()) <= 5 * years


def _is_label(text: str) -> bool:
    return len(text) < _LABEL and not text.endswith((".", ",")) and _LETTERS.search(text) is not None
