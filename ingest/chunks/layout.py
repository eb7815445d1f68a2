"""How a page is laid out, as far as its words and boxes tell: titles, headings, running heads, prose.

Papers of any office and language: only letters, figures, sizes and gaps count, and the few words with which letters
name their subject. Fonts are not known here, so what is merely bold has to stand apart to be seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from docqa.types import Page, TextSource

HEADING = 120  #: characters a title or heading has at most
_CAPITALS = 60  #: characters a heading in capitals has at most
_WEAK = 80  #: characters a heading that only stands apart has at most
_PROSE = 90  #: characters from which on a line is prose
_TALLER = 1.2  #: times the page's usual line height: a heading
_TITLE = 1.1  #: times the usual line height: a title
#: The boxes of OCR fit the letters of each word, so that "type" is a quarter taller than "corona".
_TITLE_OCR = 1.3
_APART = 1.5  #: times the page's usual step from line to line: further below the line above than lines of one text
_SHORT = 0.7  #: of the text's width: a heading leaves the rest of its line empty
_UPPER = 0.5  #: of the page's height: titles stand above

_FIGURES = re.compile(r"\d[.,]\d")  #: in capitals beside a currency, "1,360.00 EUR", that is an amount
_YEAR = re.compile(r"(?:19|20)\d\d")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_NUMBERED = re.compile(r"§+ ?\d|\(?[\dIVX]{1,4}(?:\.\d{1,2})*[.)] |\d{1,2}(?:\.\d{1,2})+ ")
_SENTENCE = re.compile(r"[.!?;,:][\"'”’»)]?$")
#: How English, German, French, Spanish, Italian and Dutch letters begin the line that says what they are about.
_SUBJECT = re.compile(
    r"\W*(?:re|subject|betreff|betr|betrifft|objet|concerne|asunto|oggetto|betreft|onderwerp)\s?[.:]+\s*(?=\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line of a page: its text and, in fractions of the page, where it stands and how tall its words are."""

    text: str
    left: float
    top: float
    right: float
    height: float
    sideways: bool  #: printed along the edge of the page: its words are taller than wide
    worded: bool  #: has a word in it, not only figures and marks


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual on a page, in fractions of it: a word's height, the step to the next line, the text's edges."""

    height: float
    step: float
    left: float
    right: float


def printed_lines(page: Page) -> list[PrintedLine]:
    """The lines of a page, in reading order."""
    lines = []
    for words in page.lines:
        text = " ".join([word.text for word in words])
        lefts, tops, rights, bottoms = zip(*[word.box for word in words], strict=True)
        heights = sorted([bottom - top for top, bottom in zip(tops, bottoms, strict=True)])
        sideways = len(text) > 3 * len(words) and sum(heights) * page.height > (sum(rights) - sum(lefts)) * page.width
        height = heights[len(heights) // 2]
        worded = _LETTERS.search(text) is not None
        lines.append(PrintedLine(text, min(lefts), min(tops), max(rights), height, sideways, worded))
    return lines


def usual(lines: Sequence[PrintedLine]) -> Usual:
    """The page's own measure, each line counting by its length; all zero where there are no lines."""
    if not lines:
        return Usual(0, 0, 0, 0)
    heights = sorted(line.height for line in lines for _ in range(1 + len(line.text) // 8))
    steps = sorted(b.top - a.top for a, b in zip(lines, lines[1:], strict=False) if b.top > a.top)
    step = steps[len(steps) // 2] if steps else 0.0
    return Usual(heights[len(heights) // 2], step, min(line.left for line in lines), max(line.right for line in lines))


def running_heads(lines: Sequence[PrintedLine]) -> frozenset[str]:
    """What the first lines of a page say: where the next page begins with the same, it says nothing about it."""
    return frozenset(_spelled(line.text) for line in [line for line in lines if line.worded][:3])


def is_running_head(line: PrintedLine, page_before: frozenset[str]) -> bool:
    """Whether the page before began with this line too, whatever the page number in it."""
    return bool(page_before) and _spelled(line.text) in page_before


def is_prose(line: PrintedLine) -> bool:
    """Whether a line runs on, or goes on from one before it."""
    return len(line.text) > _PROSE or line.text[0].islower()


def is_section_heading(line: PrintedLine, page: Usual) -> bool:
    """Taller than the text around it, or short and in capitals."""
    text = line.text
    if len(text) > HEADING or not line.worded or text[0].islower():
        return False
    if line.height > _TALLER * page.height:
        return not text.endswith((",", ";"))
    return len(text) < _CAPITALS and text.isupper() and not _FIGURES.search(text)


def is_heading(line: PrintedLine, above: PrintedLine | None, page: Usual) -> bool:
    """A short line that begins with a capital or a number, is no sentence, and stands apart from the line above it."""
    if above is None or not line.worded or line.top - above.top <= _APART * page.step:
        return False
    text = line.text
    if len(text) > _WEAK or line.right > page.left + _SHORT * (page.right - page.left):
        return False
    number = _NUMBERED.match(text)
    if not (text[0].isupper() or number):
        return False
    said = text[number.end() :] if number else text
    return not (_SENTENCE.search(text) or _FIGURES.search(said) or _YEAR.search(said))


def tallest(first_page: Page, lines: Sequence[PrintedLine]) -> str | None:
    """The tallest title of the upper half, if one stands out at all; the lines of one title are joined."""
    times = _TITLE_OCR if first_page.text_source is TextSource.OCR else _TITLE
    least = times * usual(lines).height
    titles: list[tuple[float, str]] = []
    last: PrintedLine | None = None
    for line in lines:
        if line.height <= least or not _may_be_title(line):
            last = None
            continue
        if last and _goes_on(last, line) and len(titles[-1][1]) + len(line.text) < HEADING:
            titles[-1] = (titles[-1][0], f"{titles[-1][1]} {line.text}")
        else:
            titles.append((line.height, line.text))
        last = line
    return max(titles, key=lambda title: title[0])[1] if titles else None


def subject(lines: Sequence[PrintedLine]) -> str | None:
    """What a letter says it is about."""
    for line in lines:
        if line.top < _UPPER and len(line.text) <= HEADING and (found := _SUBJECT.match(line.text)):
            return line.text[found.end() :]
    return None


def first_capitals(lines: Sequence[PrintedLine]) -> str | None:
    """The first line of the upper half in capitals, of two words or more and without figures."""
    for line in lines:
        text = line.text
        if text.isupper() and _may_be_title(line) and len(_LETTERS.findall(text)) > 1 and not re.search(r"\d", text):
            return text
    return None


def _may_be_title(line: PrintedLine) -> bool:
    """Not what a drop cap leaves of its word, nor an amount, nor what runs along the edge, nor dirt as OCR reads it."""
    text = line.text
    if line.top >= _UPPER or line.sideways or len(text) > HEADING or not line.worded or text[0].islower():
        return False
    return not _FIGURES.search(text) and 2 * sum(map(str.isalpha, text)) > len(text)


def _goes_on(last: PrintedLine, line: PrintedLine) -> bool:
    return abs(last.height - line.height) < 0.1 * last.height and 0 < line.top - last.top < 2 * last.height


def _spelled(text: str) -> str:
    """A line without page numbers."""
    return _NO_LETTERS.sub("", text).casefold()
