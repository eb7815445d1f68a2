"""Quote to words to boxes: does what a reader quotes stand on the page, and where exactly?

A quote is aligned with the words of its page, letter by letter after folding away what readers and printers do
differently: case, ligatures, accents typed apart, white space, line breaks with their hyphens, typographic quotes and
dashes. Whole words that agree in every letter come first. Else some letters may differ (OCR), but never a digit or the
place of a decimal mark, and no word of negation may come or go: a quote that is nearly right about a figure is wrong.
What cannot be matched gets no boxes and is not verified.

Not here: whether the quote supports the answer.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from docqa.types import Box, Page, Word

MIN_SIMILARITY = 90.0  #: percent of letters that must agree (normalised insertions and deletions, rapidfuzz)
MIN_LETTERS = 3  #: a shorter quote is nearly on every page: it counts only as whole words
_NEGATION = re.compile(
    r"\b(no|not|cannot|never|none|nor|neither|nothing|nobody|non|without|nicht|nichts|kein|keine[nmrs]?|keinerlei|nie|"
    r"niemals|weder|ohne|ne|ni|pas|rien|jamais|aucune?|sans|niet|geen|zonder|senza|sin|nunca)\b|n't\b"
)
_FIGURES = re.compile(r"(\d+)|(?<=\d)[.,]\s*(?=\d\d?(?!\d))")  #: digits, or a mark that can only be a decimal one
_FOLDED = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "–": "-", "—": "-"})


@dataclass(frozen=True, slots=True)
class Match:
    """Where a quote stands: the words, first to last, and one box per line of the page they touch."""

    first: int
    last: int
    boxes: tuple[Box, ...]


def locate(quote: str, page: Page) -> Match | None:
    """Find a quote on its page; None if it is not there as quoted."""
    needle = letters_of(quote)
    for first, last in _places(needle, page.words) if needle else _signs(quote.strip(), page.words):
        words = page.words[first : last + 1]
        if _same_figures(quote, words):
            return Match(first, last, boxes_of(words))
    return None


def boxes_of(words: Sequence[Word]) -> tuple[Box, ...]:
    """One box around the words of each line."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return tuple(_around([word.box for word in line]) for line in lines.values())


def _places(needle: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """First and last word of each place where the letters stand: exactly, as whole words, and then nearly."""
    haystack, starts = _page_letters(words)
    if len(needle) > len(haystack):  # the alignment would look for the page in the quote, then
        return
    edges = {*starts, len(haystack)}
    start = haystack.find(needle)
    while start >= 0:
        end = start + len(needle)
        if start in edges and end in edges:
            yield _word_at(starts, start), _word_at(starts, end - 1)
        start = haystack.find(needle, start + 1)
    if len(needle) >= MIN_LETTERS:
        found = fuzz.partial_ratio_alignment(needle, haystack, score_cutoff=MIN_SIMILARITY)
        if found is not None and found.dest_end > found.dest_start:
            yield _trim(needle, words, _word_at(starts, found.dest_start), _word_at(starts, found.dest_end - 1))


@lru_cache(maxsize=1 << 16)  # the words of a page are compared once for each of its values
def letters_of(text: str) -> str:
    """What of a text is compared: letters and digits in one case, no accents, nothing else."""
    folded = unicodedata.normalize("NFKD", text.translate(_FOLDED)).casefold()
    return "".join(c for c in folded if c.isalnum())


def _signs(signs: str, words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Words that hold a sign such as € or ☑. Punctuation alone proves nothing."""
    if signs and all(unicodedata.category(sign).startswith("S") for sign in signs):
        yield from ((n, n) for n, word in enumerate(words) if signs in word.text)


def _page_letters(words: Sequence[Word]) -> tuple[str, list[int]]:
    """All letters of a page in a row, and where each word begins in them."""
    parts, starts, length = [], [], 0
    for word in words:
        starts.append(length)
        letters = letters_of(word.text)
        parts.append(letters)
        length += len(letters)
    return "".join(parts), starts


def _word_at(starts: Sequence[int], position: int) -> int:
    return bisect_right(starts, position) - 1


def _trim(needle: str, words: Sequence[Word], first: int, last: int) -> tuple[int, int]:
    """Leave out words at either end without which the match is better: alignments are generous at the edges."""

    def score(a: int, b: int) -> float:
        return fuzz.ratio(needle, "".join(letters_of(word.text) for word in words[a : b + 1]))

    best = score(first, last)
    while first < last and (shorter := score(first + 1, last)) > best:
        first, best = first + 1, shorter
    while first < last and (shorter := score(first, last - 1)) > best:
        last, best = last - 1, shorter
    while first > 0 and (longer := score(first - 1, last)) > best:
        first, best = first - 1, longer
    while last + 1 < len(words) and (longer := score(first, last + 1)) > best:
        last, best = last + 1, longer
    return first, last


def _same_figures(quote: str, words: Sequence[Word]) -> bool:
    """The same digits and decimal marks in the same order, and the same words of negation."""
    found = " ".join(word.text for word in words)
    return _figures(quote) == _figures(found) and _negations(quote) == _negations(found)


def _figures(text: str) -> str:
    """The digits, with a point where decimals begin: 1,190.00 is as good as 1190,00, but 119,000 is not."""
    return "".join(digits or "." for digits in _FIGURES.findall(unicodedata.normalize("NFKC", text)))


def _negations(text: str) -> list[str]:
    return sorted(found[0] for found in _NEGATION.finditer(text.translate(_FOLDED).casefold()))


def _around(boxes: Sequence[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
