"""Which pages of a long document matter to a form: what its words say, without a model and without an embedder.

A page speaks for a field by what the built-in reader read for it there, by a label of the field, and by the words of
the field's name and description, of which those count more that few pages hold. Not here: asking about the pages
(`docqa.readers.formfill`), and finding pages of all documents (`docqa.find`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

from docqa.readers.layout import read_fields
from docqa.readers.layout.labels import find_marks, guide_for, phrasebook
from docqa.readers.layout.runs import Sheet
from docqa.readers.quote import terms
from docqa.types import FieldSpec, FieldType, Page

#: A reading has score 0.4 to 1 and is nearly always the right place; a label or all words alone come behind it.
_LABEL, _WORDS = 0.5, 0.4

Scores = dict[int, float]  #: by page number


class Worth:
    """What each page of a document is worth to each field of a form."""

    def __init__(self, fields: Sequence[FieldSpec], pages: Sequence[Page]) -> None:
        labels, words = _labels(fields, pages), _words(fields, pages)
        self._scores: dict[str, Scores] = {
            field.name: {
                page.number: _LABEL * labels[field.name].get(page.number, 0.0) + _WORDS * words[field.name][page.number]
                for page in pages
            }
            for field in fields
        }
        for name, best in _read(fields, pages).items():
            for number, score in best.items():
                self._scores[name][number] += score

    def best_first(self, fields: Sequence[FieldSpec], numbers: Sequence[int]) -> list[int]:
        """Numbers of pages: the best page of each field, then the second best of each, and so on.

        Pages that speak for none of the fields come last, in the order they were given.
        """
        scores = [self._scores[field.name] for field in fields]
        ranked = [sorted((n for n in numbers if of_field[n]), key=lambda n: -of_field[n]) for of_field in scores]
        speaking = (n for found in zip_longest(*ranked) for n in found if n is not None)
        return list(dict.fromkeys(chain(speaking, numbers)))


def pages_with_rows(table: FieldSpec, pages: Sequence[Page]) -> set[int]:
    """The numbers of the pages on which the built-in reader finds rows of a table."""
    return {reading.page for reading in read_fields([table], pages)}


def _read(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> Mapping[str, Scores]:
    """The score of what the built-in reader read for each field, on the page where it read it."""
    found: dict[str, Scores] = {field.name: {} for field in fields}
    for reading in read_fields(fields, pages):
        of_field = found[reading.field]
        of_field[reading.page] = max(reading.score, of_field.get(reading.page, 0.0))
    return found


def _labels(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> Mapping[str, Scores]:
    """How well a label of each field is written on each page, 0..1."""
    guides = [guide_for(field) for field in fields if field.type is not FieldType.TABLE]
    book = phrasebook(tuple(guides))
    found: dict[str, Scores] = {field.name: {} for field in fields}
    for page in pages:
        for mark in find_marks(Sheet(page), book):
            for guide in guides:
                if guide.concept == mark.concept:
                    of_field = found[guide.spec.name]
                    of_field[page.number] = max(mark.weight, of_field.get(page.number, 0.0))
    return found


def _words(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> Mapping[str, Scores]:
    """The share of each field's words that stand on each page, 0..1, rare words counting more."""
    on_page = {page.number: terms(page.text) for page in pages}
    holding = Counter(chain.from_iterable(on_page.values()))
    rarity = {term: math.log(len(pages) / count) for term, count in holding.items()}
    found: dict[str, Scores] = {}
    for field in fields:
        asked = _terms_of(field) & rarity.keys()
        whole = sum(rarity[term] for term in asked)
        found[field.name] = {
            number: sum(rarity[term] for term in asked & there) / whole if whole else 0.0
            for number, there in on_page.items()
        }
    return found


def _terms_of(field: FieldSpec) -> frozenset[str]:
    said = " ".join([field.name.replace("_", " "), field.description, *field.choices])
    return terms(said).union(*(_terms_of(column) for column in field.columns))
