"""Where a value stands on the pages: as it was read, or as the same date, amount or number in any notation.

A value is looked for in the words it was read from, where the reader names them; then in the quote it was read from, or
in the lines that quote is made of, then on the page that was named, then on the other pages. What is nowhere is
unproven, whoever read it. Not here: quotes of answers (`docqa.verify`), and whether the value is the right one
(`docqa.extract.checks`).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from docqa.extract.values import Span, find_amounts, find_dates, normalise, split_list
from docqa.readers.layout.runs import Sheet
from docqa.types import Box, FieldSpec, FieldType, Page, Reading, Word
from docqa.verify import Match, boxes_of, locate

_NUMBERS = (FieldType.AMOUNT, FieldType.NUMBER, FieldType.INTEGER)
#: A cut (NUL) that parts what belongs together. "RM" and "2.50" do not, in "RM2.50".
_PARTED = re.compile(r"[^\W\d_]\0[^\W\d_]|\d\0\d|\S[-/_'&@]\0\S|\S\0[-/_'&@]\S|\d[.,]\0\d|\d\0[.,]\d")
#: What makes an amount one below zero, as a word of its own.
_SIGN = re.compile(r"[-\u00ad‐‑‒–−﹣－()]|(?i:cr)\)?")
#: A minus, or what parts words from an amount.
_SPACED_DASH = re.compile(r"[-‐‑]\s")


@dataclass(frozen=True, slots=True)
class Proof:
    """The page a value stands on and the boxes of its words."""

    page: int
    boxes: tuple[Box, ...]


def prove(field: FieldSpec, reading: Reading, pages: Mapping[int, Page], day_first: bool | None) -> Proof | None:
    """Find what was read; None if it is nowhere.

    A tick or a choice need not be printed as the value is spelled, so that its quote is the proof.
    """
    named = pages.get(reading.page)
    if named is not None and (boxes := _boxes_of_named(reading, named)):
        return Proof(named.number, boxes)
    quote = locate(reading.quote, named) if named is not None else None
    if named is not None and quote is not None:
        if field.type in (FieldType.BOOLEAN, FieldType.CHOICE):
            return Proof(named.number, quote.boxes)
        part = _part(named, quote)
        if boxes := _boxes(field, reading.text, part, day_first):
            return Proof(named.number, boxes)
    elif named is not None and (boxes := _boxes(field, reading.text, _lines_of(named, reading.quote), day_first)):
        return Proof(named.number, boxes)
    for page in _named_first(reading.page, pages):
        if boxes := _boxes(field, reading.text, page, day_first):
            return Proof(page.number, boxes)
    return None


def _boxes_of_named(reading: Reading, page: Page) -> tuple[Box, ...]:
    """Boxes of the words a reading names, if they say what was read; none if they do not, or none were named."""
    if not reading.words or not 0 <= min(reading.words) <= max(reading.words) < len(page.words):
        return ()
    words = [page.words[number] for number in reading.words]
    return boxes_of(words) if _says(" ".join(word.text for word in words), reading.text) else ()


def _says(printed: str, text: str) -> bool:
    """Whether a text stands in some words and is no part of a longer word, number or code: no five of a forty-five."""
    start = printed.find(text)
    edges = (start, start + len(text))
    return (
        text != ""
        and start >= 0
        and not any(_PARTED.search(f"{printed[max(0, at - 2) : at]}\0{printed[at : at + 2]}") for at in edges)
    )


def _part(page: Page, quote: Match) -> Page:
    """The words of a quote as a page; all values that were read from the same line are looked for in the same one.

    A quote need not have the sign that stands apart from its amount: "5.00 -", "5.00 CR".
    """
    parts: dict[tuple[int, int], Page] = page.__dict__.setdefault("_parts", {})
    if (quote.first, quote.last) not in parts:
        first = quote.first - 1 if _is_sign(page, quote.first - 1, quote.first) else quote.first
        last = quote.last + 1 if _is_sign(page, quote.last + 1, quote.last) else quote.last
        parts[quote.first, quote.last] = replace(page, words=page.words[first : last + 1])
    return parts[quote.first, quote.last]


def _is_sign(page: Page, place: int, beside: int) -> bool:
    """Whether a word beside another one, in its line, says that an amount is below zero."""
    if not 0 <= place < len(page.words) or page.words[place].line != page.words[beside].line:
        return False
    return _SIGN.fullmatch(page.words[place].text) is not None


def _lines_of(page: Page, quote: str) -> Page:
    """The lines that a quote is made of, as a page: a table's row may be read in another order than its lines."""
    parts: dict[str, Page] = page.__dict__.setdefault("_lines_of", {})
    if quote not in parts:
        said = set(quote.split())
        lines = (line for line in page.lines if sum(word.text in said for word in line) > len(line) / 2)
        parts[quote] = replace(page, words=tuple(word for line in lines for word in line))
    return parts[quote]


def _named_first(number: int, pages: Mapping[int, Page]) -> Iterator[Page]:
    if number in pages:
        yield pages[number]
        yield from (page for page in pages.values() if page.number != number)


def _boxes(field: FieldSpec, text: str, page: Page, day_first: bool | None) -> tuple[Box, ...]:
    """Boxes of the value on a page, of every item if it is a list; none if one of them is not there."""
    items = split_list(text) if field.type is FieldType.LIST else [text]
    found = [_place(field, item, page, day_first) for item in items]
    return tuple(box for boxes in found for box in boxes) if all(found) else ()


def _place(field: FieldSpec, text: str, page: Page, day_first: bool | None) -> tuple[Box, ...]:
    match = locate(text, page)
    if match is not None and not _has_another_sign(field, text, page, match):
        return match.boxes
    sign = text.strip()
    if sign and all(unicodedata.category(char) == "Sc" for char in sign):  # a currency sign, glued to its amount
        return next((boxes_of([word]) for word in page.words if sign in word.text), ())
    if field.type is not FieldType.DATE and field.type not in _NUMBERS:
        return _literally(text, page)
    try:
        value = normalise(text, FieldSpec(field.name, field.type), day_first)
    except ValueError:
        return ()
    if field.type is FieldType.DATE:
        spans = find_dates(" ".join(word.text for word in page.words), day_first)
    else:
        spans = _amounts(page)
    return next((_boxes_at(span, page.words) for span in spans if _same(span, value, field.type)), ())


def _literally(text: str, page: Page) -> tuple[Box, ...]:
    """Boxes of words that are a text mark by mark, such as "=1+2", of which few are letters or digits."""
    words, said = [word.text for word in page.words], text.split()
    places = (at for at in range(len(words) - len(said) + 1) if said and words[at : at + len(said)] == said)
    first = next(places, None)
    return () if first is None else boxes_of(page.words[first : first + len(said)])


def _has_another_sign(field: FieldSpec, text: str, page: Page, match: Match) -> bool:
    """Whether the amount that was found is one below zero and the one that was read is not, or the other way round.

    "5.00" stands in "5.00 CR" and in "-EUR 5.00" letter by letter, and is no proof of 5.00. A dash with a blank behind
    it ("Skonto - 5.00") may or may not be a minus, and is none of the proof's business.
    """
    if field.type not in _NUMBERS:
        return False
    try:
        value = Decimal(normalise(text, FieldSpec(field.name, field.type)))
    except ValueError:
        return False
    start, end = (sum(len(word.text) + 1 for word in page.words[:place]) for place in (match.first, match.last + 1))
    there = [span for span in _amounts(page) if span.start < end - 1 and start < span.end]
    same = [span for span in there if abs(Decimal(span.value)) == abs(value)]
    printed = " ".join(word.text for word in page.words)
    return bool(same) and not any(
        Decimal(span.value) == value or _SPACED_DASH.match(printed, span.start) for span in same
    )


def _amounts(page: Page) -> list[Span]:
    """The amounts of a page, or of a part of it, each within a cell: where the words have no wide gap between them."""
    if "_amounts" not in page.__dict__:
        page.__dict__["_amounts"] = find_amounts(Sheet(page).walled)
    spans: list[Span] = page.__dict__["_amounts"]
    return spans


def _same(span: Span, value: str, type: FieldType) -> bool:
    return span.value == value if type is FieldType.DATE else Decimal(span.value) == Decimal(value)


def _boxes_at(span: Span, words: Sequence[Word]) -> tuple[Box, ...]:
    """Boxes of the words that a piece of the words, joined by blanks, touches."""
    starts, place = [], 0
    for word in words:
        starts.append(place)
        place += len(word.text) + 1
    first, last = bisect_right(starts, span.start) - 1, bisect_right(starts, max(span.start, span.end - 1)) - 1
    return boxes_of(words[first : last + 1])
