"""Reading fields by layout: labels, where values stand to them, and what values look like. No model.

A pure function of words with boxes. It knows no kind of document: what it knows are the names of things
(`docqa.readers.lexicon`), how values are printed (`docqa.extract.values`) and how people lay out pages: a value stands
behind its label, to the right of it in the row, or below it in the column. Not here: checking what was read against the
page (`docqa.verify`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from docqa.extract.values import day_first_evidence
from docqa.readers.candidates import Candidate, Scene, find_candidates
from docqa.readers.labels import Guide, Mark, find_marks, guide_for, phrasebook
from docqa.readers.lexicon import CODE_FORMS, CONCEPTS, Shape
from docqa.readers.relations import closeness
from docqa.readers.runs import Sheet
from docqa.types import FieldSpec, FieldType, Page, Reading

#: Below this nothing is said: a wrong value is worse than none.
_FLOOR = 0.4
_ITEMS = 8  #: of a list
_SHAPE_OF = {concept.name: concept.shape for concept in CONCEPTS}
_WORDY = (Shape.NAME, Shape.TEXT, Shape.ADDRESS)


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with what the rules think of it."""

    candidate: Candidate
    score: float


def read_fields(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> list[Reading]:
    """Read the fields of one document from its pages.

    A field that is not there, or not surely enough, has no reading; a list field has one reading for each item.
    """
    guides = [guide_for(spec) for spec in fields]
    scene = _scene(guides, pages)
    ranked = {guide.spec.name: _rank(guide, scene) for guide in guides}
    sums = _Sums.of(scene)
    readings: list[Reading] = []
    for guide in guides:
        best = _best(guide, sums.weigh(guide, ranked[guide.spec.name]))
        readings.extend(_reading(guide, scored, scene) for scored in best)
    return readings


def _scene(guides: Sequence[Guide], pages: Sequence[Page]) -> Scene:
    book = phrasebook(guides)
    sheets = [Sheet(page) for page in pages]
    marks = [find_marks(sheet, book) for sheet in sheets]
    return Scene(sheets, marks, day_first_evidence("\n".join(sheet.walled for sheet in sheets)))


def _reading(guide: Guide, scored: Scored, scene: Scene) -> Reading:
    found = scored.candidate
    sheet = scene.sheets[found.sheet]
    quote = sheet.quote(found.start, found.end)
    text = sheet.text[found.start : found.end]
    return Reading(guide.spec.name, text, sheet.page.number, quote, round(min(1.0, scored.score), 3))


# ── ranking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rank(guide: Guide, scene: Scene) -> list[Scored]:
    """All candidates of a field, the surest first; of equals the first on the page, of totals the last."""
    rows = [_marks_by_row(sheet, marks) for sheet, marks in zip(scene.sheets, scene.marks, strict=True)]
    scored = [Scored(c, _score(guide, c, scene, rows[c.sheet])) for c in find_candidates(guide, scene)]
    last = -1 if guide.concept == "total" else 1
    return sorted(scored, key=lambda s: (-round(s.score, 3), last * s.candidate.sheet, last * s.candidate.start))


def _marks_by_row(sheet: Sheet, marks: Sequence[Mark]) -> dict[int, list[Mark]]:
    rows: dict[int, list[Mark]] = {}
    for mark in marks:
        rows.setdefault(sheet.runs[mark.run].row, []).append(mark)
    return rows


def _score(guide: Guide, found: Candidate, scene: Scene, rows: dict[int, list[Mark]]) -> float:
    """What the best label of its own makes of a candidate, less if another label has the better claim."""
    sheet = scene.sheets[found.sheet]
    own, foreign, agreeing = 0.0, 0.0, 0
    near = _near_marks(sheet, found, rows, guide.shape)
    places = {(mark.start, mark.end) for mark in near if mark.concept == guide.concept}
    named = False
    for mark in near:
        claim = mark.weight * closeness(sheet, mark, found, guide.shape, near)
        if mark.concept == guide.concept:
            own = max(own, claim)
            agreeing += claim > 0.4
        elif mark.concept == "name_label":
            named = named or claim > 0.8
        elif (mark.start, mark.end) not in places and _competes(guide, mark, _level(sheet, mark, found)):
            foreign = max(foreign, claim)
    formed = guide.shape is Shape.CODE and guide.concept in CODE_FORMS and _has_form(guide.concept, found.value)
    own += 0.2 if (named or formed) and 0.25 < own < 0.8 else 0.0
    score = max(own + (0.12 if agreeing > 1 and own < 0.8 else 0.0), _prior(guide, found, scene))
    if foreign > max(own, 0.45):
        score *= 0.4
    later = {"effective_date": 0.06}.get(guide.concept, 0.0 if guide.shape is Shape.AMOUNT else 0.02)
    early = 1.0 - later * min(found.sheet, 5)
    return score * early * _plausible(guide, found, sheet)


def _near_marks(sheet: Sheet, found: Candidate, rows: dict[int, list[Mark]], shape: Shape) -> list[Mark]:
    """The labels in the candidate's row, in the rows above it, and in the line before it."""
    row = sheet.runs[found.run].row
    reach = 6 if shape in _WORDY else 3
    near = [mark for number in range(row - reach, row + 1) for mark in rows.get(number, ())]
    before = sheet.runs[max(0, found.run - 1)].row
    last = sheet.run_at(found.end - 1)
    others = {before, sheet.runs[last].row, sheet.runs[min(last + 1, len(sheet.runs) - 1)].row}
    near += [mark for number in others if not row - reach <= number <= row for mark in rows.get(number, ())]
    if shape is Shape.AMOUNT and any(mark.concept == "total" for mark in rows.get(row, ())):
        # The heading of a column whose sum this may be stands as far up as the table is long.
        near += [mark for number in range(row - 40, row - reach) for mark in rows.get(number, ()) if mark.before == 0]
    return near


def _level(sheet: Sheet, mark: Mark, found: Candidate) -> bool:
    return sheet.runs[mark.run].row == sheet.runs[found.run].row


def _competes(guide: Guide, mark: Mark, level: bool) -> bool:
    """A label for another thing of the same shape; in the same row as a text any label is one."""
    if mark.weight < 0.6:
        return False
    shape = _SHAPE_OF.get(mark.concept)
    numbers = (Shape.AMOUNT, Shape.NUMBER)
    beside = level and guide.shape in _WORDY and mark.weight > 0.8
    return shape is guide.shape or beside or (shape in numbers and guide.shape in numbers)


def _prior(guide: Guide, found: Candidate, scene: Scene) -> float:
    """What a candidate is worth without a label: by its form, or as the date at the head of the first page."""
    if guide.shape is Shape.DATE and found.sheet == 0:
        return _date_prior(guide.concept, found, scene)
    if guide.concept == "iban" and _has_form("iban", found.value):
        return 0.5
    return found.prior


def _has_form(concept: str, value: str) -> bool:
    return re.fullmatch(CODE_FORMS[concept], value) is not None


def _date_prior(concept: str, found: Candidate, scene: Scene) -> float:
    sheet = scene.sheets[0]
    top = sheet.runs[found.run].box[1] / sheet.page.height
    alone = len(sheet.string(found.run)) - (found.end - found.start) <= 12
    if concept == "effective_date":
        return 0.66 if alone and top < 0.4 else 0.0
    if concept not in ("date", "invoice_date"):
        return 0.0
    numbered = (m for m in scene.marks[0] if m.concept == "invoice_number" and m.weight > 0.6 and m.before == 0)
    if any(_level(sheet, mark, found) for mark in numbered) and top < 0.5:
        return 0.62  # "Invoice no. 4711 of 3 May 2021"
    timed = re.match(
        r"\s*(?:\(?\w{0,3}\)?)?[ ,\x00]*(?:at|um|a|à)?\s*\d{1,2}[:.]\d{2}", sheet.walled[found.end : found.end + 16]
    )
    return (0.5 if concept == "date" else 0.42) - 0.08 * top + (0.06 if timed else 0.0) + (0.04 if alone else 0.0)


def _plausible(guide: Guide, found: Candidate, sheet: Sheet) -> float:
    """An amount has decimals or a currency, a total is more than nothing, and some codes have a form."""
    if guide.concept in CODE_FORMS and guide.shape is Shape.CODE:
        return 1.0 if _has_form(guide.concept, found.value) else 0.3
    if guide.shape is not Shape.AMOUNT:
        return 1.0
    printed = sheet.text[found.start : found.end]
    bare = "." not in found.value and printed.lstrip("-(").isdigit()
    nothing = guide.concept in ("total", "net") and Decimal(found.value) <= 0
    return (0.6 if bare else 1.0) * (0.4 if nothing else 1.0)


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _best(guide: Guide, ranked: Sequence[Scored]) -> list[Scored]:
    sure = [scored for scored in ranked if scored.score >= _FLOOR]
    if guide.spec.type is FieldType.LIST:
        distinct = {scored.candidate.value: scored for scored in reversed(sure)}
        return sorted(distinct.values(), key=lambda s: (s.candidate.sheet, s.candidate.start))[:_ITEMS]
    if not sure:
        return []
    first = sure[0]
    rival = next((s for s in sure if s.candidate.value != first.candidate.value), None)
    # Two values that are equally good make each of them doubtful.
    doubt = 0.1 if rival is not None and first.score - rival.score < 0.03 else 0.0
    return [replace(first, score=first.score - doubt)] if first.score - doubt >= _FLOOR - 0.1 else []


@dataclass(frozen=True)
class _Sums:
    """What the amounts of a document say about each other: net and tax make the total, cash less change is it."""

    values: dict[str, dict[Decimal, float]]
    printed: Counter[Decimal]

    @classmethod
    def of(cls, scene: Scene) -> _Sums:
        """Read the amounts that other amounts are checked against."""
        values: dict[str, dict[Decimal, float]] = {}
        printed: Counter[Decimal] = Counter()
        for name in ("net", "tax", "total", "cash", "change"):
            guide = Guide(FieldSpec(name, FieldType.AMOUNT), name, Shape.AMOUNT, ())
            values[name] = {}
            for scored in _rank(guide, scene):
                value = Decimal(scored.candidate.value)
                printed[value] += name == "total"
                if scored.score >= _FLOOR and value > 0:
                    values[name][value] = max(values[name].get(value, 0.0), scored.score)
        return cls(values, printed)

    def weigh(self, guide: Guide, ranked: Sequence[Scored]) -> list[Scored]:
        """Raise the amounts that fit the others."""
        if guide.concept not in ("total", "net", "tax") or guide.shape is not Shape.AMOUNT:
            return list(ranked)
        weighed = [replace(s, score=s.score + self._bonus(guide.concept, s)) for s in ranked]
        return sorted(weighed, key=lambda s: -round(s.score, 3))

    def _bonus(self, concept: str, scored: Scored) -> float:
        value = Decimal(scored.candidate.value)
        if scored.score < 0.3:
            return max(self._paid_bonus(value) if concept == "total" else 0.0, self._implied_bonus(concept, value))
        bonus = 0.15 if value in self._expected(concept) else 0.0
        if concept == "total":
            largest = max(self.values["total"], default=value)
            bonus += 0.12 * float(min(Decimal(1), value / largest)) if largest > 0 and value > 0 else 0.0
            bonus += 0.05 if value in self._paid() else 0.0
        return bonus

    def _implied_bonus(self, concept: str, value: Decimal) -> float:
        """An amount without a label that two surely labelled ones imply is what is missing between them."""
        implied = value in self._expected(concept, sure=0.75) and value not in self._sure(concept)
        return 0.46 if implied and value > 0 else 0.0

    def _paid_bonus(self, value: Decimal) -> float:
        """What was paid less the change is the total, even where no label says so."""
        sure = self.printed[value] > 1 or bool(self.values["change"])
        return 0.48 if value > 0 and sure and value in self._paid() else 0.0

    def _paid(self) -> set[Decimal]:
        return {paid - back for paid in self.values["cash"] for back in self.values["change"] or {Decimal(0): 1.0}}

    def _expected(self, concept: str, sure: float = 0.0) -> set[Decimal]:
        """What the other two of net, tax and total say this one should be."""
        net, tax, total = (self._sure(name, sure) for name in ("net", "tax", "total"))
        if concept == "total":
            return {n + t for n in net for t in tax if n > t}
        if concept == "net":
            return {t - x for t in total for x in tax if t > x}
        return {t - n for t in total for n in net if t > n}

    def _sure(self, concept: str, floor: float = 0.0) -> set[Decimal]:
        return {value for value, score in self.values[concept].items() if score >= floor}
