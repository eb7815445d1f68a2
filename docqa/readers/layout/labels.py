"""Finding labels: where a page names a concept, tolerant to what OCR does to words.

Not here: which value a label belongs to (`docqa.readers.layout`), and the words themselves (`lexicon`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from docqa.extract.values import CURRENCIES, fold_letters
from docqa.readers.layout.columns import COLUMN_CONCEPTS
from docqa.readers.layout.lexicon import (
    ABBREVIATIONS,
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
from docqa.readers.layout.runs import WORD, Sheet
from docqa.types import FieldSpec, FieldType, TextSource

_WEAK = 0.7
_SHORT = 0.5  #: a weak label of up to four letters ("no", "du") stands everywhere, and a mere "number" for anything
_LONGEST = 6  #: words of a label
_FUZZY_FROM = 5  #: letters: in a shorter word one wrong letter makes another word
_TOLERANCE = 84.0
_COMPARED = 50_000  #: words that are remembered with the label they nearly are; documents say the same again and again
_EDGE = 3  #: letters at the beginning or the end of a label that OCR left as they were
_LENGTHS_APART = 2  #: letters a label may gain or lose
_JOINS = re.compile(r"[\s./'’&()°º#,\-–]{0,3}")  #: between two words of a label: no digit, colon or sentence end
#: Letters that OCR takes for each other, worn capitals above all: one stands for all that look alike.
_LOOKS = str.maketrans("tlijouqdce", "iiiioooocc")
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


class Mark(NamedTuple):
    """A label on a sheet: `weight` says how well it is written and how much the label alone means."""

    concept: str
    start: int
    end: int
    run: int
    weight: float
    before: int  #: words of the same run before the label
    behind: int  #: … and after it


Meanings = dict[str, list[tuple[str, float]]]  #: for each label, without blanks, what it names and how strongly


class Phrasebook:
    """Every label to look for, as it is written or nearly so."""

    def __init__(self, meanings: Meanings) -> None:
        self.meanings = meanings
        self.longest = max(map(len, meanings))
        #: How labels begin.
        self.beginnings = frozenset(label[:end] for label in meanings for end in range(1, len(label) + 1))
        self._by_look: dict[str, str] = {}
        self._compared: dict[str, tuple[str, float] | None] = {}
        self._by_edge: dict[tuple[str, int], list[str]] = {}
        for label in meanings:
            if len(label) >= _FUZZY_FROM:
                self._by_look.setdefault(label.translate(_LOOKS), label)
                for edge in {f"<{label[:_EDGE]}", f"{label[-_EDGE:]}>"}:
                    for length in range(len(label) - _LENGTHS_APART, len(label) + _LENGTHS_APART + 1):
                        self._by_edge.setdefault((edge, length), []).append(label)

    def nearly(self, written: str) -> tuple[str, float] | None:
        """The label that this is, or that OCR turned into this, and how sure that is.

        One wrong letter leaves the beginning or the end of a label as it was, so only labels that share one are
        compared; where letters were taken for others that look alike, none need be left.
        """
        if written not in self._compared:
            if len(self._compared) >= _COMPARED:
                self._compared.clear()
            self._compared[written] = (written, 1.0) if written in self.meanings else self._nearest(written)
        return self._compared[written]

    def _nearest(self, written: str) -> tuple[str, float] | None:
        size = len(written)
        if size < _FUZZY_FROM:
            return None
        near = self._by_edge.get((f"<{written[:_EDGE]}", size), []) + self._by_edge.get(
            (f"{written[-_EDGE:]}>", size), []
        )
        best = process.extractOne(written, near, scorer=fuzz.ratio, score_cutoff=_TOLERANCE) if near else None
        if best is not None:
            return best[0], best[1] / 100
        alike = self._by_look.get(written.translate(_LOOKS))
        return (alike, _TOLERANCE / 100) if alike is not None else None


@lru_cache(maxsize=512)
def guide_for(spec: FieldSpec) -> Guide:
    """Decide by a field's name, and failing that its description, what it means."""
    words = field_words(spec.name)
    concept = _concept_of(words) or _concept_of(field_words(spec.description))
    fits = concept is not None and (spec.type not in _SHAPES or _SHAPES[spec.type] in (concept.shape, Shape.CHOICE))
    if concept is not None and spec.type is FieldType.TEXT and concept.shape is Shape.AMOUNT:
        fits = fits and not CODE_WORDS & set(words)  # a tax code is no amount
    known = concept if fits else None
    shape = _SHAPES.get(spec.type) or (known.shape if known else _shape_of(words))
    if spec.choices and set(spec.choices) <= set(CURRENCIES.values()):
        shape = Shape.CURRENCY  # a page says "£", not GBP
    return Guide(spec, known.name if known else f"field:{spec.name}", shape, _labels_of(spec, words))


def field_words(name: str) -> list[str]:
    """The words of a field's name: order_id and orderId are two words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return WORD.findall(fold_letters(spaced).replace("_", " "))


@lru_cache(maxsize=64)
def column_guides(columns: tuple[FieldSpec, ...]) -> tuple[Guide, ...]:
    """Decide for each column of a table what it means."""
    guides = []
    for column in columns:
        words = field_words(column.name)
        concept = _concept_of(words, COLUMN_CONCEPTS)
        shape = _SHAPES.get(column.type) or (concept.shape if concept else Shape.TEXT)
        name = concept.name if concept else f"field:{column.name}"
        guides.append(Guide(column, name, shape, _labels_of(column, words)))
    return tuple(guides)


@lru_cache(maxsize=64)
def column_phrasebook(guides: tuple[Guide, ...]) -> Phrasebook:
    """The names of columns: those of the lexicon and those made of the columns' own words."""
    meanings: Meanings = {}
    for guide in guides:
        for label in guide.own:
            meanings.setdefault(label.replace(" ", ""), []).append((guide.concept, 1.0))
    for concept in COLUMN_CONCEPTS:
        for phrase in _spellings(concept.strong):
            meanings.setdefault(phrase.replace(" ", ""), [(concept.name, 1.0)])
    return Phrasebook(meanings)


@lru_cache(maxsize=64)
def phrasebook(guides: tuple[Guide, ...]) -> Phrasebook:
    """The labels of the lexicon and those made of the fields' own words."""
    meanings: Meanings = {label: list(named) for label, named in _lexicon_meanings().items()}
    for guide in guides:
        for label in guide.own:
            named = meanings.setdefault(label.replace(" ", ""), [])
            explained_away = all(one[0].startswith("other_") for one in named)  # true of none, too
            if guide.concept.startswith("field:") or explained_away:
                named[:] = [*(one for one in named if one[0] != guide.concept), (guide.concept, 1.0)]
    return Phrasebook(meanings)


def find_marks(sheet: Sheet, book: Phrasebook) -> list[Mark]:
    """The labels of a sheet; where two overlap the longer one holds ("due date" is no "date")."""
    hits = list(_hits(sheet, book, fuzzy=sheet.page.text_source is TextSource.OCR))
    hits.sort(key=lambda hit: (-len(hit.label), -hit.quality))
    taken = bytearray(len(sheet.text))
    marks: list[Mark] = []
    for hit in hits:
        if any(taken[hit.start : hit.end]):
            continue
        taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
        marks.extend(
            Mark(concept, hit.start, hit.end, hit.run, weight * hit.quality, hit.before, hit.behind)
            for concept, weight in book.meanings[hit.label]
        )
    named = [_requalified(mark, marks) for mark in marks]
    return [mark for mark in named if not _inside_a_total(mark, named, sheet)]


def by_row(sheet: Sheet, marks: Sequence[Mark]) -> dict[int, list[Mark]]:
    """The labels of each row that has some."""
    rows: dict[int, list[Mark]] = {}
    for mark in marks:
        rows.setdefault(sheet.runs[mark.run].row, []).append(mark)
    return rows


def _inside_a_total(mark: Mark, marks: Sequence[Mark], sheet: Sheet) -> bool:
    """The tax in "Total incl. 19% VAT" names no tax: it belongs to the total's label."""
    return mark.concept == "tax" and any(
        other.run == mark.run
        and 0 <= mark.start - other.end <= 8
        and _QUALIFIED.search(sheet.text[other.start : other.end])
        for other in marks
        if other.concept in ("net", "total")
    )


class _Hit(NamedTuple):
    label: str
    quality: float
    start: int
    end: int
    run: int
    before: int
    behind: int


def _hits(sheet: Sheet, book: Phrasebook, fuzzy: bool) -> Iterator[_Hit]:
    """Every row of words in a run that is a label; on a page read by OCR also what is nearly one."""
    meanings, beginnings, longest, folded = book.meanings, book.beginnings, book.longest, sheet.folded
    for index, words in enumerate(sheet.letters):
        count = len(words)
        for first, (joined, start, end) in enumerate(words):
            if not fuzzy and joined not in beginnings:
                continue  # nearly every word of a page
            for last in range(first, min(first + _LONGEST, count)):
                if last > first:
                    word, begin, then = words[last]
                    if not _joins(folded[end:begin]):
                        break
                    joined, end = joined + word, then
                found = book.nearly(joined) if fuzzy else (joined, 1.0) if joined in meanings else None
                if found is not None:
                    yield _Hit(*found, start, end, index, first, count - 1 - last)
                if len(joined) > longest or not (fuzzy or joined in beginnings):
                    break


def _joins(gap: str) -> bool:
    """Whether what stands between two words lets both belong to one label."""
    return gap == " " or _JOINS.fullmatch(gap) is not None


def _requalified(mark: Mark, marks: Sequence[Mark]) -> Mark:
    """Let the words behind decide: "Total (excl. VAT)" is the net amount, "Total incl. VAT" is the total."""
    if mark.concept in _ALONE and mark.before == 0:
        return mark._replace(
            concept=_ALONE[mark.concept], weight=0.75 * mark.weight
        )  # "Excl. VAT" alone is a label, too
    if mark.concept not in ("total", "net"):
        return mark
    for other in marks:
        near = other.run == mark.run and 0 <= other.start - mark.end <= 4
        if near and other.concept == "net?":
            return mark._replace(concept="net", end=other.end, weight=max(mark.weight, 0.9))
        if near and other.concept == "gross?":
            return mark._replace(concept="total", end=other.end)
    return mark


@cache
def _lexicon_meanings() -> Meanings:
    book: Meanings = {}
    for concept in CONCEPTS:
        for weight, text in ((1.0, concept.strong), (_WEAK, concept.weak)):
            for phrase in _spellings(text):
                named = book.setdefault(phrase.replace(" ", ""), [])
                short = weight < 1 and (len(phrase) <= 4 or phrase in CODE_WORDS)
                if concept.name not in (name for name, _ in named):
                    named.append((concept.name, _SHORT if short else weight))
    for name, text in (("net?", NET_QUALIFIERS), ("gross?", GROSS_QUALIFIERS)):
        for phrase in phrases(text):
            book.setdefault(phrase.replace(" ", ""), []).append((name, 1.0))
    return book


def _spellings(text: str) -> Iterator[str]:
    """The phrases of an entry of the lexicon, with their words abbreviated as forms and tills do it, too."""
    for phrase in phrases(text):
        yield phrase
        for word, short in ABBREVIATIONS:
            if word in phrase.split() and phrase != word:
                yield phrase.replace(word, short)


def _concept_of(words: Sequence[str], concepts: Sequence[Concept] = CONCEPTS) -> Concept | None:
    """The concept that shares most words with the field's name, if no word of weight is left over.

    "loan_date" is more than a date and "total_revenue" no total: such fields go by their own words.
    """
    best: tuple[int, Concept] | None = None
    for concept in concepts:
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


def _labels_of(spec: FieldSpec, words: Sequence[str]) -> tuple[str, ...]:
    """The labels a field is looked for under besides those of the lexicon: its name, and what its description names."""
    own = [*_own_labels(words), *_own_labels([_UMLAUT.sub(r"\1", word) for word in words])]
    named = [" ".join(field_words(label)) for label in _described(spec.description)]
    own += [label for label in named if len(label) >= _SHORTEST]
    if words and words[-1] in CODE_WORDS:
        own += [f"{label} {short}" for label in own if label in named for short in ("no", "nr", "n", "number")]
    return tuple(dict.fromkeys(own))


def _described(description: str) -> Iterator[str]:
    """The labels a description names: in quotes, in brackets with commas between, and a short one as a whole."""
    yield from re.findall(r"[\"“„'‘]([^\"”“'’]{2,40})[\"”“'’]", description)
    aside = [part for inside in _BRACKETS.findall(description) for part in re.split(r"[,;/|]", inside)]
    whole = _ARTICLE.sub("", _BRACKETS.sub(" ", description).strip(" .:,;"))
    for part in (*aside, whole):
        if 0 < len(part.split()) <= _DESCRIBED and not any(map(str.isdigit, part)):
            yield part


_BRACKETS = re.compile(r"\(([^()]*)\)")
_ARTICLE = re.compile(r"(?i)^(?:the|an?|der|die|das|les?|la|el|los|las|il|lo|het|de)\s+|^l['’]")
_UMLAUT = re.compile(r"([aou])e")  #: as names of fields spell what labels print: "groesse", "Größe"
_DESCRIBED = 4  #: words of a label that a description names; a longer one is a sentence
_SHORTEST = 3  #: letters of such a label


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
