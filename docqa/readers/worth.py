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


def by_worth(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> list[int]:
    """The numbers of all pages, best first: the best page of each field, then the second best of each, and so on.

    Pages that speak for no field come last, in the order of the document.
    """
    scores = _scores(fields, pages)
    ranked = [sorted((number for number, worth in one.items() if worth), key=lambda n: -one[n]) for one in scores]
    rounds = zip_longest(*ranked)
    speaking = (number for found in rounds for number in found if number is not None)
    return list(dict.fromkeys(chain(speaking, (page.number for page in pages))))


def pages_with_rows(table: FieldSpec, pages: Sequence[Page]) -> set[int]:
    """The numbers of the pages on which the built-in reader finds rows of a table."""
    return {reading.page for reading in read_fields([table], pages)}


def _scores(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> list[Scores]:
    """What each page is worth to each field."""
    labels, words = _labels(fields, pages), _words(fields, pages)
    found: dict[str, Scores] = {field.name: {} for field in fields}
    for reading in read_fields(fields, pages):
        of_field = found[reading.field]
        of_field[reading.page] = max(reading.score, of_field.get(reading.page, 0.0))
    return [
        {
            page.number: found[field.name].get(page.number, 0.0)
            + _LABEL * labels[field.name].get(page.number, 0.0)
            + _WORDS * words[field.name].get(page.number, 0.0)
            for page in pages
        }
        for field in fields
    ]


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
