"""Fields proposed from sample documents: what recurs in them, where it can be read.

Three sources are tried: the things docqa knows names for (`docqa.readers.layout.lexicon`, under the names of the preset
that fits best), labels that recur with a value beside them, and tables. Whatever comes of them is then read from the
same documents by the built-in reader, and only what it can fill is proposed, so that an extraction with the proposal
fills most of its cells. The result is a beginning for a person to edit. Not here: finding labels on a page
(`docqa.readers.layout.pairs`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from statistics import fmean, median

from rapidfuzz import fuzz, process

from docqa.extract.evidence import likely_day_first
from docqa.extract.fields import MAX_COLUMNS, RESERVED, fields_toml, in_plain_letters, load_fields, presets
from docqa.extract.values import fold_letters, fold_space, normalise
from docqa.readers.layout import read_fields
from docqa.readers.layout.boxes import YES_NO, options_in
from docqa.readers.layout.candidates import Scene
from docqa.readers.layout.columns import COLUMN_CONCEPTS
from docqa.readers.layout.labels import column_guides, field_words, guide_for
from docqa.readers.layout.lexicon import CODE_WORDS, CONCEPTS, DOCUMENT_WORDS, Concept, Shape, phrases
from docqa.readers.layout.names import compact
from docqa.readers.layout.pairs import Grid, Pair, find_grids, find_pairs
from docqa.readers.layout.runs import Sheet
from docqa.store import Store
from docqa.types import Document, FieldSpec, FieldType, Page, Reading, TextSource

MAX_DOCUMENTS = 30  #: looked at; of more, this many spread evenly
MAX_PAGES = 6  #: of a document, from its beginning: labels of forms and letters stand there
MAX_FIELDS = 40  #: proposed; the surest are kept
_MAX_TABLES = 3
_TRIED = 60  #: labels that are tried out
_SHARE = 0.35  #: of the documents a label has to recur in
_SURE = 0.7  #: score from which a label stands beside what was read, see `docqa.extract.fill`
_READ = 0.5  #: of the documents with a label: in so many its value has to be read
_AGREED = 0.5  #: … and so often it has to be the value the label was seen with
_SAME = 0.8  #: two fields that are the same in so many documents are one
_UNLABELLED = 0.6  #: of the documents a field of their kind has to be read in that has no label
#: Of a preset's fields found by their labels: the documents are of that kind. Receipts, invoices and agreements reach
#: 0.5 and more with theirs, a mixed folder 0.4 (measured).
_KIND = 0.45
_CHOICES = 6  #: values at most that make a choice
_CHOICE_FROM = 8  #: documents from which few values mean a choice
_ALIKE = 86.0  #: rapidfuzz ratio of two spellings of one label, read by OCR
_REPEATED = 3  #: a label that stands on a document more often than this belongs to a table
_EXAMPLE = 60  #: characters
_EQUAL = 0.9  #: … or if their values are equal in so many, which two values may be by chance
_EQUAL_FROM = 3  #: documents from which equal values are no chance
_FEW = 2  #: documents in which a label may stand by the same value twice
_FORM_FROM = 3  #: labels with a value that make a single document look like a form
_CHOICE_LENGTH = 40  #: characters
_NAME = 48  #: characters
_THIRD = 1 / 3  #: of a page
_TABLES_TRIED = 5
_COLUMN_FILLED = 0.3  #: of the documents that have the table


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A field with what speaks for it: it was read in `documents` of `of`, for instance as `untrusted_example`."""

    field: FieldSpec
    documents: int
    of: int
    untrusted_example: str


def suggest(store: Store, documents: Sequence[Document]) -> tuple[Suggestion, ...]:
    """Propose fields for documents of the store, in the order in which they stand on the page; empty if none recur.

    At most `MAX_DOCUMENTS` of the documents are looked at. Raises StoreDamaged.
    """
    readable = [document for document in documents if document.pages_done]
    step = max(1.0, len(readable) / MAX_DOCUMENTS)
    chosen = [readable[int(number * step)] for number in range(min(len(readable), MAX_DOCUMENTS))]
    pages = ([one.page for one in store.evidence(document, range(1, MAX_PAGES + 1))] for document in chosen)
    return suggest_from([there for there in pages if any(page.words for page in there)])


def suggest_from(documents: Sequence[Sequence[Page]]) -> tuple[Suggestion, ...]:
    """Propose fields for documents given as their pages."""
    samples = [_Sample(pages) for pages in documents]
    if not samples:
        return ()
    of_kind, others = _known_fields(samples)
    printed = _printed_fields(samples, [*of_kind, *others])
    # "Date of loss" says more than a date, but on an invoice the total is the total, whatever it is called.
    tried = _try_out([*of_kind, *(one.spec for one in printed), *others], samples)
    seen = {one.spec.name: one for one in printed}
    kept = [one for one in tried if _is_filled(one, seen.get(one.spec.name), samples)]
    fields = _without_twins(kept, len(samples))[:MAX_FIELDS]
    fields.sort(key=lambda one: one.place)
    return tuple(_suggestion(one, len(samples)) for one in [*fields, *_tables(samples)])


def suggestions_toml(suggestions: Iterable[Suggestion]) -> str:
    """The fields as a file that `parse_fields` reads, each below a comment that says what speaks for it."""
    blocks = []
    for one in suggestions:
        example = f", e.g. {commentable(one.untrusted_example)}" if one.untrusted_example else ""
        blocks.append(f"# in {one.documents} of {one.of} documents{example}\n{fields_toml([one.field])}")
    return "\n".join(blocks)


def commentable(untrusted_text: str) -> str:
    """Foreign text for a comment: one line, without control characters and those that reorder a line, cut."""
    shown = fold_space("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in untrusted_text))
    return shown if len(shown) <= _EXAMPLE else f"{shown[: _EXAMPLE - 1].rstrip()}…"


def _suggestion(tried: _Tried, documents: int) -> Suggestion:
    example = next((tried.values[number] for number in sorted(tried.values)), "")
    if tried.spec.type is FieldType.TABLE:
        example = f"{example} rows"
    return Suggestion(tried.spec, len(tried.values), documents, example)


# ── the sample ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Sample:
    """One document: its pages and what they look like."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self.pages = pages
        sheets = [Sheet(page) for page in pages]
        self.day_first = likely_day_first("\n".join(page.text for page in pages))
        self.scene = Scene(sheets, [[] for _ in sheets], self.day_first)
        self.grids = find_grids(self.scene)
        self.pairs = find_pairs(self.scene, self.grids)
        self.lines = {_letters(sheet.string(number)) for sheet in sheets for number in range(len(sheet.runs))}
        self.scanned = any(page.text_source is not TextSource.TEXT_LAYER for page in pages)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A field with what the built-in reader read of it, by number of the document."""

    spec: FieldSpec
    readings: Mapping[int, Sequence[Reading]]  #: those whose value fits the field
    values: Mapping[int, str]
    place: tuple[float, float, float]  #: page, top and left of what was read, in the middle of the documents

    @property
    def sure(self) -> int:
        """In how many documents a label stands beside what was read."""
        return sum(found[0].score >= _SURE for found in self.readings.values())


def _try_out(specs: Sequence[FieldSpec], samples: Sequence[_Sample]) -> list[_Tried]:
    """Read every field in every document."""
    readings: dict[str, dict[int, list[Reading]]] = {spec.name: {} for spec in specs}
    for number, sample in enumerate(samples):
        for reading in read_fields(specs, sample.pages):
            readings[reading.field].setdefault(number, []).append(reading)
    return [_tried(spec, readings[spec.name], samples) for spec in specs]


def _tried(spec: FieldSpec, readings: Mapping[int, list[Reading]], samples: Sequence[_Sample]) -> _Tried:
    values: dict[int, str] = {}
    for number, found in readings.items():
        try:
            values[number] = normalise("; ".join(one.text for one in found), spec, samples[number].day_first)
        except ValueError:
            continue  # an extraction would reject it, too
    kept = {number: readings[number] for number in values}
    places = [_place(found[0], samples[number]) for number, found in kept.items()] or [(0.0, 0.0, 0.0)]
    page, top, left = (median(place[axis] for place in places) for axis in range(3))
    return _Tried(spec, kept, values, (page, top, left))


def _place(reading: Reading, sample: _Sample) -> tuple[float, float, float]:
    """Where a reading stands: page, top and left."""
    for sheet in sample.scene.sheets:
        line = max(0, sheet.text.find(reading.quote))
        if sheet.page.number == reading.page and (at := sheet.text.find(reading.text, line)) >= 0:
            left, top, _, _ = sheet.box(at, at + 1)
            return reading.page, round(top / sheet.page.height, 2), left / sheet.page.width
    return reading.page, 1.0, 1.0


def _needed(documents: int) -> int:
    """In how many documents something has to recur."""
    return 1 if documents == 1 else max(2, math.ceil(_SHARE * documents))


def _without_twins(tried: Sequence[_Tried], documents: int) -> list[_Tried]:
    """Of fields that are read in the same place, or with the same value, the one that comes first."""
    kept: list[_Tried] = []
    for one in tried:
        if not any(_are_twins(one, other, documents) for other in kept):
            kept.append(one)
    return kept


def _are_twins(one: _Tried, other: _Tried, documents: int) -> bool:
    both = one.values.keys() & other.values.keys()
    if len(both) < 0.5 * len(one.values):
        return False
    placed = sum(_where(one.readings[n][0]) == _where(other.readings[n][0]) for n in both)
    equal = sum(one.values[n] == other.values[n] for n in both) if documents >= _EQUAL_FROM else 0
    return placed >= _SAME * len(both) or equal >= _EQUAL * len(both)


def _where(reading: Reading) -> tuple[int, str, str]:
    return reading.page, reading.quote, reading.text


# ── what docqa has names for ─────────────────────────────────────────────────────────────────────────────────────────

_TYPES = {Shape.DATE: FieldType.DATE, Shape.AMOUNT: FieldType.AMOUNT, Shape.PARTY: FieldType.LIST}


def _known_fields(samples: Sequence[_Sample]) -> tuple[list[FieldSpec], list[FieldSpec]]:
    """The fields of the preset that fits, and others of the lexicon, as far as they are read.

    Those of the preset need no label: documents of its kind have them.
    """
    kinds = {name: _by_concept(load_fields(file)) for name, file in presets().items()}
    catalogue = {concept: spec for fields in kinds.values() for concept, spec in fields.items()}
    catalogue |= {concept.name: _plain(concept) for concept in CONCEPTS if concept.names}
    tried = dict(zip(catalogue, _try_out(list(catalogue.values()), samples), strict=True))
    sure = {concept: one.sure / max(1, len(samples)) for concept, one in tried.items()}
    # A preset of many fields is not to lose for those that are missing, nor to win for being long.
    kind = max(kinds.values(), key=lambda fields: sum(sure[concept] for concept in fields) / math.sqrt(len(fields)))
    fitting = kind if fmean(sure[concept] for concept in kind) >= _KIND else {}
    needed, most = _needed(len(samples)), _UNLABELLED * len(samples)
    found = {
        concept: one
        for concept, one in tried.items()
        if one.sure >= needed or (concept in fitting and len(one.values) >= max(needed, most))
    }
    order = sorted(found, key=lambda concept: (concept not in fitting, -found[concept].sure))
    kept = _without_twins([found[concept] for concept in order], len(samples))
    names = {one.spec.name for one in kept}
    there = [concept for concept in order if catalogue[concept].name in names]
    of_kind = [fitting[concept] for concept in there if concept in fitting]
    taken = {spec.name for spec in of_kind}
    others = [catalogue[concept] for concept in there if concept not in fitting]
    return of_kind, [spec for spec in others if spec.name not in taken]


def _by_concept(fields: Iterable[FieldSpec]) -> dict[str, FieldSpec]:
    """A preset's fields by what they mean; tables are found in another way."""
    plain = [replace(one, required=False) for one in fields if one.type is not FieldType.TABLE]
    return {guide_for(one).concept: one for one in reversed(plain)}


def _plain(concept: Concept) -> FieldSpec:
    kind = _TYPES.get(concept.shape, FieldType.TEXT)
    return FieldSpec(concept.name, kind, f"The {concept.name.replace('_', ' ')} of the document")


# ── labels that recur ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Printed:
    """A label that recurs, as a field to be tried out, with the pair it makes in each document."""

    spec: FieldSpec
    pairs: Mapping[int, Pair]
    sure: bool


def _printed_fields(samples: Sequence[_Sample], known: Sequence[FieldSpec]) -> list[_Printed]:
    """The labels that recur with a value and name nothing that is known already, the most frequent first."""
    groups = sorted(_groups(samples).values(), key=lambda pairs: -len(pairs))
    meant = {guide_for(spec).concept for spec in known}
    names, taken = _Names(), {spec.name for spec in known}
    found: list[_Printed] = []
    for pairs in groups:
        if len(found) < _TRIED and _recurs(pairs, samples):
            spec = _spec_of(pairs, names)
            if guide_for(spec).concept not in meant and spec.name not in taken:
                found.append(_Printed(spec, pairs, _mostly_sure(pairs)))
    return found


def _groups(samples: Sequence[_Sample]) -> dict[str, dict[int, Pair]]:
    """The pairs of each label, by its letters and by document; on scans those that are nearly the same count as one."""
    groups: dict[str, dict[int, Pair]] = {}
    lines = Counter(line for sample in samples for line in sample.lines)
    needed = _needed(len(samples))
    for number, sample in enumerate(samples):
        counted = Counter(_letters(pair.label) for pair in sample.pairs)
        for pair in sorted(sample.pairs, key=lambda pair: not pair.sure):
            form = not pair.sure and len(samples) > 1 and lines[_letters(pair.value)] >= needed  # the form's own words
            if counted[_letters(pair.label)] <= _REPEATED and not form:
                groups.setdefault(_letters(pair.label), {}).setdefault(number, pair)
    frequent = [letters for letters, pairs in groups.items() if len(pairs) >= needed]
    for letters in [letters for letters, pairs in groups.items() if len(pairs) < needed]:
        scanned = any(samples[number].scanned for number in groups[letters])
        near = process.extractOne(letters, frequent, scorer=fuzz.ratio, score_cutoff=_ALIKE) if scanned else None
        if near is not None:
            for number, pair in groups.pop(letters).items():
                groups[near[0]].setdefault(number, pair)
    return groups


def _letters(label: str) -> str:
    """What two spellings of one label share: small letters without accents, blanks and a plural's s."""
    joined = compact(label)
    return joined[:-1] if len(joined) > 4 and joined.endswith("s") else joined


def _mostly_sure(pairs: Mapping[int, Pair]) -> bool:
    return 2 * sum(pair.sure for pair in pairs.values()) >= len(pairs)


def _speaks_for_itself(pair: Pair) -> bool:
    """Whether a pair needs no second document: a colon, a box, a date or an amount, or a label that says number."""
    plain = pair.shape in (Shape.MARK, Shape.DATE, Shape.AMOUNT)
    return pair.sure and (pair.colon or plain or bool(CODE_WORDS & set(field_words(pair.label))))


def _recurs(pairs: Mapping[int, Pair], samples: Sequence[_Sample]) -> bool:
    """Whether a label is one: it recurs, and what stands beside it differs from document to document."""
    if len(pairs) < _needed(len(samples)):
        return False
    if len(samples) == 1:
        there = [pair for pair in samples[0].pairs if _speaks_for_itself(pair)]
        return _speaks_for_itself(pairs[0]) and len(there) >= _FORM_FROM
    ticks = sum(pair.shape is Shape.MARK or bool(options_in([pair.value])) for pair in pairs.values())
    different = len({compact(pair.value) for pair in pairs.values()})
    if _mostly_sure(pairs):
        return different > 1 or ticks > 0 or len(pairs) == _FEW
    return len(pairs) >= max(_FEW + 1, len(samples) / 2) and 2 * different > len(pairs)


def _spec_of(pairs: Mapping[int, Pair], names: _Names) -> FieldSpec:
    """The field of a label: its name, its type by what stands beside it, its description with the label as printed."""
    label = Counter(pair.label for pair in pairs.values()).most_common(1)[0][0]
    shown = re.sub(r"[\"“”„«»'‘’`´]", "", label)
    first = next(iter(sorted(pairs.values(), key=lambda pair: (pair.sheet, pair.top))))
    description = f"Printed as “{shown}”, {_where_on_page(first)}"
    kind = _type_of(label, list(pairs.values()))
    options = options_in(pair.value for pair in pairs.values())
    if options and all(re.fullmatch(YES_NO, option) for option in options):
        return FieldSpec(names.new(label), FieldType.BOOLEAN, description)
    choices = options or (_choices_of(list(pairs.values())) if kind is FieldType.TEXT else ())
    return FieldSpec(names.new(label), FieldType.CHOICE if choices else kind, description, choices=choices)


def _where_on_page(pair: Pair) -> str:
    part = "at the top" if pair.top < _THIRD else "in the middle" if pair.top < 2 * _THIRD else "at the foot"
    return f"{part} of page {pair.sheet + 1}"


def _type_of(label: str, pairs: Sequence[Pair]) -> FieldType:
    shapes = Counter(pair.shape for pair in pairs)
    most = _SAME * len(pairs)
    if shapes[Shape.MARK] >= most:
        return FieldType.BOOLEAN
    if shapes[Shape.DATE] >= most:
        return FieldType.DATE
    if CODE_WORDS & set(field_words(label)) or _letters(label) in map(
        _letters, phrases(DOCUMENT_WORDS)
    ):  # "Exhibit 10.2"
        return FieldType.TEXT
    if shapes[Shape.NUMBER] >= most:
        return FieldType.INTEGER
    if shapes[Shape.AMOUNT] >= most:
        return FieldType.AMOUNT
    return FieldType.NUMBER if shapes[Shape.AMOUNT] + shapes[Shape.NUMBER] >= most else FieldType.TEXT


def _choices_of(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The few values a label stands by again and again; empty if they are not few."""
    values = Counter(pair.value for pair in pairs if pair.shape is Shape.TEXT)
    folded = {fold_letters(value) for value in values}
    few = 1 < len(values) <= _CHOICES and min(values.values()) > 1 and len(folded) == len(values)
    short = all(len(value) <= _CHOICE_LENGTH for value in values)
    return tuple(sorted(values)) if len(pairs) >= _CHOICE_FROM and few and short else ()


def _is_filled(tried: _Tried, printed: _Printed | None, samples: Sequence[_Sample]) -> bool:
    """Whether a field can be filled; one that goes by its label has to be read where the label was seen."""
    if len(tried.values) < _needed(len(samples)):
        return False
    if printed is None:
        return True
    read = [number for number in printed.pairs if number in tried.values]
    agreed = sum(_agrees(tried, number, printed.pairs[number], samples[number]) for number in read)
    return len(read) >= _READ * len(printed.pairs) and agreed >= _AGREED * len(read)


def _agrees(tried: _Tried, number: int, pair: Pair, sample: _Sample) -> bool:
    try:
        boxed = bool(options_in([pair.value]))  # then it is what is ticked there
        return boxed or normalise(pair.value, tried.spec, sample.day_first) == tried.values[number]
    except ValueError:
        return compact(tried.values[number]) in compact(pair.value)


class _Names:
    """Names for fields: small ASCII letters, each only once, none that every table has."""

    def __init__(self) -> None:
        self._taken = set(RESERVED)

    def new(self, label: str) -> str:
        """A name made of a label's words, those in brackets left out."""
        words = re.findall(r"[a-z]+", re.sub(r"['’`´]", "", in_plain_letters(label)))
        name = "_".join(words)[:_NAME].strip("_") or "field"
        free = next(one for one in _numbered(name) if one not in self._taken)
        self._taken.add(free)
        return free


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tables(samples: Sequence[_Sample]) -> list[_Tried]:
    """The tables that recur: of items, by the names docqa has for their columns, and others by their headings."""
    names = _Names()
    specs = [_items_table(), *_grid_tables(samples, names)]
    found = [table for spec in specs for table in _filled_table(spec, samples)]
    found.sort(key=lambda table: -sum(map(len, table.readings.values())))
    kept: list[_Tried] = []
    for table in found:
        if not any(_lines(table) & _lines(other) for other in kept):
            kept.append(table)
    return kept[:_MAX_TABLES]


def _lines(table: _Tried) -> set[tuple[int, int, str]]:
    """The lines of the pages a table's cells stand in."""
    return {(number, one.page, one.quote) for number, found in table.readings.items() for one in found}


def _items_table() -> FieldSpec:
    preset = next(one for one in load_fields(presets()["invoice"]) if one.type is FieldType.TABLE)
    named = {guide.concept: guide.spec for guide in column_guides(preset.columns)}
    columns = tuple(named.get(concept.name, _column(concept)) for concept in COLUMN_CONCEPTS)
    return replace(preset, columns=columns)


def _column(concept: Concept) -> FieldSpec:
    kind = {**_TYPES, Shape.NUMBER: FieldType.NUMBER}.get(concept.shape, FieldType.TEXT)
    return FieldSpec(concept.name, kind, f"The {concept.name.replace('_', ' ')}")


def _grid_tables(samples: Sequence[_Sample], names: _Names) -> Iterator[FieldSpec]:
    """Tables under headings that docqa has no names for."""
    groups: dict[frozenset[str], dict[int, Grid]] = {}
    for number, sample in enumerate(samples):
        for grid in sample.grids:
            key = frozenset(_letters(label) for label, _ in grid.columns)
            groups.setdefault(key, {}).setdefault(number, grid)
    for grids in sorted(groups.values(), key=lambda grids: -len(grids))[:_TABLES_TRIED]:
        if len(grids) >= _needed(len(samples)):
            yield _grid_table(next(iter(grids.values())), names)


def _grid_table(grid: Grid, names: _Names) -> FieldSpec:
    kinds = {**_TYPES, Shape.NUMBER: FieldType.NUMBER}
    columns, taken = [], _Names()
    for label, shape in grid.columns[:MAX_COLUMNS]:
        shown = re.sub(r"[\"“”„«»'‘’`´]", "", label)
        columns.append(FieldSpec(taken.new(label), kinds.get(shape, FieldType.TEXT), f"Printed as “{shown}”"))
    return FieldSpec(names.new("rows"), FieldType.TABLE, "The rows of a table", columns=tuple(columns))


def _filled_table(spec: FieldSpec, samples: Sequence[_Sample]) -> Iterator[_Tried]:
    """The table with the columns that are filled, if enough documents have it."""
    tried = _try_out([spec], samples)[0]
    kinds = {column.name: column for column in spec.columns}
    fitting = {n: [one for one in found if _fits(one, kinds[one.column])] for n, found in tried.readings.items()}
    tried = replace(tried, readings={n: found for n, found in fitting.items() if found})
    rows = {n: max(one.row for one in found) for n, found in tried.readings.items()}
    filled = Counter(name for found in tried.readings.values() for name in {one.column for one in found})
    columns = tuple(c for c in spec.columns if c.name != "position" and filled[c.name] > _COLUMN_FILLED * len(rows))
    measured = any(column.type is not FieldType.TEXT for column in columns)  # lines for signatures have headings, too
    if len(rows) >= _needed(len(samples)) and len(columns) > 1 and measured:
        yield replace(tried, spec=replace(spec, columns=columns), values={n: str(of) for n, of in rows.items()})


def _fits(reading: Reading, column: FieldSpec) -> bool:
    """Whether a cell holds a value of its column's type; prose under a heading's words does not."""
    try:
        normalise(reading.text, column)
    except ValueError:
        return False
    return True
