"""Finding labels: where a page names a concept, tolerant to what OCR does to words.

Not here: which value a label belongs to (`docqa.readers.layout`), and the words themselves (`lexicon`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from rapidfuzz import fuzz, process

from docqa.extract.values import CURRENCIES, fold_letters
from docqa.readers.layout.lexicon import (
    CODE_WORDS,
    CONCEPTS,
    GROSS_QUALIFIERS,
    NAME_WORDS,
    NET_QUALIFIERS,
    NEUTRAL_WORDS,
    Concept,
    Shape,
    phrases,
)
from docqa.readers.layout.runs import Sheet
from docqa.types import FieldSpec, FieldType, TextSource

_WEAK = 0.7
_SHORT = 0.5  #: a weak label of up to four letters ("no", "du") stands everywhere, and a mere "number" for anything
_LONGEST = 6  #: words of a label
_FUZZY_FROM = 5  #: letters: in a shorter word one wrong letter makes another word
_TOLERANCE = 84.0
_WORD = re.compile(r"[^\W\d_]+")
_QUALIFIED = re.compile(r"(?i)\b(?:incl|inkl|einschl|excl|exkl|inclu|with|mit|ohne|zzgl|ex|sans|avec)\w*\.?$")
_ALONE = {"net?": "net", "gross?": "total"}
_SHAPES: dict[FieldType, Shape] = {
    FieldType.DATE: Shape.DATE,
    FieldType.AMOUNT: Shape.AMOUNT,
    FieldType.NUMBER: Shape.NUMBER,
    FieldType.INTEGER: Shape.NUMBER,
    FieldType.BOOLEAN: Shape.MARK,
    FieldType.CHOICE: Shape.CHOICE,
}


@dataclass(frozen=True, slots=True)
class Guide:
    """How one field is looked for: under which concept's labels, and what its values look like."""

    spec: FieldSpec
    concept: str
    shape: Shape
    own: tuple[str, ...]  #: labels made of the field's own words


@dataclass(frozen=True, slots=True)
class Mark:
    """A label on a sheet: `weight` says how well it is written and how much the label alone means."""

    concept: str
    start: int
    end: int
    run: int
    weight: float
    before: int  #: words of the same run before the label
    behind: int  #: … and after it


Phrasebook = dict[str, list[tuple[str, float]]]


def guide_for(spec: FieldSpec) -> Guide:
    """Decide by a field's name, and failing that its description, what it means."""
    words = field_words(spec.name)
    concept = _concept_of(words) or _concept_of(field_words(spec.description))
    fits = concept is not None and (spec.type not in _SHAPES or _SHAPES[spec.type] in (concept.shape, Shape.CHOICE))
    known = concept if fits else None
    shape = _SHAPES.get(spec.type) or (known.shape if known else _shape_of(words))
    if spec.choices and set(spec.choices) <= set(CURRENCIES.values()):
        shape = Shape.CURRENCY  # a page says "£", not GBP
    quoted = re.findall(r"[\"“'‘]([^\"”'’]{2,40})[\"”'’]", spec.description)
    own = (*_own_labels(words), *(" ".join(field_words(label)) for label in quoted))
    return Guide(spec, known.name if known else f"field:{spec.name}", shape, own)


def field_words(name: str) -> list[str]:
    """The words of a field's name: order_id and orderId are two words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return _WORD.findall(fold_letters(spaced).replace("_", " "))


def phrasebook(guides: Iterable[Guide]) -> Phrasebook:
    """Every label to look for, without blanks, with the concepts it names and how strongly."""
    book: Phrasebook = {label: list(meanings) for label, meanings in _lexicon_book().items()}
    for guide in guides:
        for label in guide.own:
            meanings = book.setdefault(label.replace(" ", ""), [])
            if guide.concept.startswith("field:") or not meanings:
                meanings[:] = [*(m for m in meanings if m[0] != guide.concept), (guide.concept, 1.0)]
    return book


def find_marks(sheet: Sheet, book: Phrasebook) -> list[Mark]:
    """The labels of a sheet; where two overlap the longer one holds ("due date" is no "date")."""
    windows = [window for index in range(len(sheet.runs)) for window in _windows(sheet, index)]
    known = _recognise({window.joined for window in windows}, book, fuzzy=sheet.page.text_source is TextSource.OCR)
    hits = [(window, *known[window.joined]) for window in windows if window.joined in known]
    hits.sort(key=lambda hit: (-len(hit[1]), -hit[2]))
    taken: list[_Window] = []
    marks: list[Mark] = []
    for window, label, quality in hits:
        if any(window.start < other.end and other.start < window.end for other in taken):
            continue
        taken.append(window)
        marks.extend(
            Mark(concept, window.start, window.end, window.run, weight * quality, window.before, window.behind)
            for concept, weight in book[label]
        )
    named = [_requalified(mark, sheet, marks) for mark in marks]
    return [mark for mark in named if not _inside_a_total(mark, named, sheet)]


def _inside_a_total(mark: Mark, marks: Sequence[Mark], sheet: Sheet) -> bool:
    """The tax in "Total incl. 19% VAT" names no tax: it belongs to the total's label."""
    return mark.concept == "tax" and any(
        other.run == mark.run
        and 0 <= mark.start - other.end <= 8
        and _QUALIFIED.search(sheet.text[other.start : other.end])
        for other in marks
        if other.concept in ("net", "total")
    )


@dataclass(frozen=True, slots=True)
class _Window:
    joined: str
    start: int
    end: int
    run: int
    before: int
    behind: int


def _windows(sheet: Sheet, index: int) -> Iterator[_Window]:
    run = sheet.runs[index]
    folded = fold_letters(sheet.text[run.start : run.end])
    words = [(match.group(), match.start(), match.end()) for match in _WORD.finditer(folded)]
    for first in range(len(words)):
        joined = ""
        for last in range(first, min(first + _LONGEST, len(words))):
            if last > first and not _joins(folded[words[last - 1][2] : words[last][1]]):
                break
            joined += words[last][0]
            start, end = run.start + words[first][1], run.start + words[last][2]
            yield _Window(joined, start, end, index, first, len(words) - 1 - last)


def _joins(gap: str) -> bool:
    """Whether two words can belong to one label: no digit, no colon and no sentence end between them."""
    return len(gap) <= 3 and re.fullmatch(r"[\s./'’&()°º#,\-–]*", gap) is not None


def _recognise(windows: set[str], book: Phrasebook, fuzzy: bool) -> dict[str, tuple[str, float]]:
    """For each written window the label it is, and how sure that is."""
    known = {window: (window, 1.0) for window in windows if window in book}
    if fuzzy:
        labels = [label for label in book if len(label) >= _FUZZY_FROM]
        for window in windows - known.keys():
            if len(window) >= _FUZZY_FROM:
                best = process.extractOne(window, labels, scorer=fuzz.ratio, score_cutoff=_TOLERANCE)
                if best is not None and abs(len(best[0]) - len(window)) <= 2:
                    known[window] = (best[0], best[1] / 100)
    return known


def _requalified(mark: Mark, sheet: Sheet, marks: Sequence[Mark]) -> Mark:
    """Let the words behind decide: "Total (excl. VAT)" is the net amount, "Total incl. VAT" is the total."""
    if mark.concept in _ALONE and mark.before == 0:
        return replace(
            mark, concept=_ALONE[mark.concept], weight=0.75 * mark.weight
        )  # "Excl. VAT" alone is a label, too
    if mark.concept not in ("total", "net"):
        return mark
    for other in marks:
        near = other.run == mark.run and 0 <= other.start - mark.end <= 4
        if near and other.concept == "net?":
            return replace(mark, concept="net", end=other.end, weight=max(mark.weight, 0.9))
        if near and other.concept == "gross?":
            return replace(mark, concept="total", end=other.end)
    return mark


@cache
def _lexicon_book() -> Phrasebook:
    book: Phrasebook = {}
    for concept in CONCEPTS:
        for weight, text in ((1.0, concept.strong), (_WEAK, concept.weak)):
            for phrase in phrases(text):
                meanings = book.setdefault(phrase.replace(" ", ""), [])
                short = weight < 1 and (len(phrase) <= 4 or phrase in CODE_WORDS)
                if concept.name not in (name for name, _ in meanings):
                    meanings.append((concept.name, _SHORT if short else weight))
    for name, text in (("net?", NET_QUALIFIERS), ("gross?", GROSS_QUALIFIERS)):
        for phrase in phrases(text):
            book.setdefault(phrase.replace(" ", ""), []).append((name, 1.0))
    return book


def _concept_of(words: Sequence[str]) -> Concept | None:
    """The concept that shares most words with the field's name, if no word of weight is left over.

    "order_date" is more than a date and "total_revenue" no total: such fields go by their own words.
    """
    best: tuple[int, Concept] | None = None
    for concept in CONCEPTS:
        for name in phrases(concept.names):
            size = len(name.split())
            covers = set(name.split()) <= set(words) <= set(name.split()) | NEUTRAL_WORDS
            if covers and (best is None or size > best[0]):
                best = (size, concept)
    return best[1] if best else None


def _shape_of(words: Sequence[str]) -> Shape:
    if CODE_WORDS & set(words):
        return Shape.CODE
    return Shape.NAME if NAME_WORDS & set(words) else Shape.TEXT


def _own_labels(words: Sequence[str]) -> tuple[str, ...]:
    """The ways to write a name of several words: "account number", "account no", "number of account"."""
    if not words:
        return ()
    labels = [" ".join(words)]
    if len(words) == 2:
        labels.append(f"{words[1]} of {words[0]}")
    if words[-1] in CODE_WORDS:
        labels += [" ".join([*words[:-1], short]) for short in ("no", "nr", "number", "id") if len(words) > 1]
    return tuple(labels)
