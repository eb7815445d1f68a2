"""Reading fields by layout: labels, where values stand to them, and what values look like. No model.

A pure function of words with boxes. It knows no kind of document: what it knows are the names of things (`lexicon`),
how values are printed (`docqa.extract.values`) and how people lay out pages: a value stands behind its label, to the
right of it in the row, or below it in the column. `labels` finds labels (`pairs` those nobody knows), `candidates`
values (`names`, `parties`, `addressee` and `places` say who and where, `boxes` what was ticked), `relations` how close
they are, `sums` what adds up, `titles` what kind of document it calls itself. `tables` reads rows under `headings`
(`columns` knows their names, `unnamed` what stands in those without), `runs` has the geometry. Not here: checking what
was read against the page (`docqa.extract.proof`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from docqa.extract.evidence import likely_day_first, shared_signs
from docqa.readers.layout.candidates import Candidate, Scene, find_candidates
from docqa.readers.layout.labels import Guide, Mark, find_marks, guide_for, phrasebook
from docqa.readers.layout.lexicon import CODE_FORMS, CONCEPTS, Shape
from docqa.readers.layout.relations import closeness, in_a_column_of_dates
from docqa.readers.layout.runs import Sheet
from docqa.readers.layout.sums import CHECKED, Sums, column_total
from docqa.readers.layout.tables import read_table
from docqa.types import FieldSpec, FieldType, Page, Reading

#: Below this nothing is said: a wrong value is worse than none.
_FLOOR = 0.4
#: What a document says at its beginning.
_FIRST_PAGE = ("effective_date", "seller", "buyer", "party")
_ITEMS = 8  #: of a list
_CLAIM = 0.45  #: below this another label has no claim to a value
_BOTH = 0.1  #: how much better a name is that has a label and stands where such names stand
_SUMMED = 0.15  #: how much better the sum of a column is than its first amount
_COLUMNS = 400  #: amounts of a document whose columns are added up; a long report has thousands
#: "Act of 1938" is a law and no number of anything.
_LAW_OF = r"(?i)\b(?:act|law|gesetz|loi|ley|legge|wet)\s+(?:of|von|vom|de|del|du|van)\s+(?:19|20)\d\d$"
_SHAPE_OF = {concept.name: concept.shape for concept in CONCEPTS}
_HEADING_REACH = 40  #: rows above a sum in which the heading of its column may stand
_WORDY = (Shape.NAME, Shape.TEXT, Shape.ADDRESS)
#: Shapes whose values are only ever believed without a label on the first sheet, if at all (`_prior`).
_LABELLED = (*_WORDY, Shape.DATE, Shape.DURATION, Shape.MARK, Shape.NUMBER)


class Scored(NamedTuple):
    """A candidate with what the rules think of it; `margin` is how far behind the next best other value came."""

    candidate: Candidate
    score: float
    margin: float = 0.0


def read_fields(fields: Sequence[FieldSpec], pages: Sequence[Page]) -> list[Reading]:
    """Read the fields of one document from its pages.

    A field that is not there, or not surely enough, has no reading; a list field has one reading for each item.
    """
    guides = [guide_for(spec) for spec in fields if spec.type is not FieldType.TABLE]
    scene = _scene(guides, pages)
    ranked = {guide.spec.name: _rank(guide, scene) for guide in guides}
    sums = _read_sums(guides, ranked, scene)
    readings: list[Reading] = []
    for guide in guides:
        best = _best(guide, _weigh(guide, ranked[guide.spec.name], sums))
        readings.extend(_reading(guide, scored, scene) for scored in best)
    for table in (spec for spec in fields if spec.type is FieldType.TABLE):
        readings.extend(read_table(table, scene))
    return readings


def _scene(guides: Sequence[Guide], pages: Sequence[Page]) -> Scene:
    book = phrasebook(tuple(guides))
    sheets = [Sheet(page) for page in pages]
    marks = [find_marks(sheet, book) for sheet in sheets]
    text = "\n".join(page.text for page in pages)
    return Scene(sheets, marks, likely_day_first(text), shared_signs(text))


def _reading(guide: Guide, scored: Scored, scene: Scene) -> Reading:
    found = scored.candidate
    sheet = scene.sheets[found.sheet]
    quote = sheet.quote(found.start, found.end)
    text = sheet.text[found.start : found.end]
    score = round(min(1.0, scored.score), 3)
    words = tuple(sheet.words(found.start, found.end))
    return Reading(guide.spec.name, text, sheet.page.number, quote, score, round(scored.margin, 3), words=words)


# ── ranking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rank(guide: Guide, scene: Scene) -> list[Scored]:
    """All candidates of a field, the surest first; of equals the first on the page, of totals the last."""
    own = [_rows_of(guide.concept, sheet, marks) for sheet, marks in zip(scene.sheets, scene.marks, strict=True)]
    sheets = [index for index, rows in enumerate(own) if index == 0 or rows or not _only_by_label(guide)]
    scored = [Scored(c, _score(guide, c, scene, own[c.sheet])) for c in find_candidates(guide, scene, sheets)]
    last = -1 if guide.concept == "total" else 1
    if guide.shape is Shape.AMOUNT:
        scored = _with_column_totals(scored, scene)
    return sorted(scored, key=lambda s: (-round(s.score, 3), last * s.candidate.sheet, last * s.candidate.start))


def _with_column_totals(scored: list[Scored], scene: Scene) -> list[Scored]:
    """Give the sum at the foot of a column a better score than the first amount under its heading.

    Only in tables: where the rows have labels of their own, those say which amount is which.
    """
    labelled = [_labelled_rows(sheet, marks) for sheet, marks in zip(scene.sheets, scene.marks, strict=True)]
    free = [
        (place, one)
        for place, one in enumerate(scored[:_COLUMNS])
        if scene.sheets[one.candidate.sheet].runs[one.candidate.run].row not in labelled[one.candidate.sheet]
    ]
    raised = list(scored)
    for _, first in free:
        if first.score >= _FLOOR:
            column = _column_under(first, free, scene)
            total = column_total([Decimal(scored[place].candidate.value) for place in column])
            if total is not None:
                at = column[total]
                raised[at] = raised[at]._replace(score=max(raised[at].score, first.score + _SUMMED))
    return raised


def _labelled_rows(sheet: Sheet, marks: Sequence[Mark]) -> set[int]:
    amounts = (
        mark
        for mark in marks
        if mark.before == 0 and (_SHAPE_OF.get(mark.concept) is Shape.AMOUNT or mark.concept.startswith("field:"))
    )
    return {sheet.runs[mark.run].row for mark in amounts}


def _column_under(first: Scored, free: Sequence[tuple[int, Scored]], scene: Scene) -> list[int]:
    """The places of an amount and those below it that end where it ends, from the top down."""
    sheet = scene.sheets[first.candidate.sheet]
    box = sheet.box(first.candidate.start, first.candidate.end)
    column = []
    for place, other in free:
        if other.candidate.sheet == first.candidate.sheet:
            there = sheet.box(other.candidate.start, other.candidate.end)
            below = other is first or there[1] > box[3] - 0.5 * (box[3] - box[1])
            if below and abs(there[2] - box[2]) < 0.6 * (box[3] - box[1]):
                column.append((there[1], place))
    return [place for _, place in sorted(column)]


def _only_by_label(guide: Guide) -> bool:
    """Whether a value on a later sheet is worth nothing without a label: then sheets without one need no look."""
    return guide.shape in (*_LABELLED, Shape.PHONE) or (guide.shape is Shape.CODE and guide.concept != "iban")


def _rows_of(concept: str, sheet: Sheet, marks: Sequence[Mark]) -> list[int]:
    """The rows with labels of a concept, from the top down."""
    return sorted({sheet.runs[mark.run].row for mark in marks if mark.concept == concept})


def _score(guide: Guide, found: Candidate, scene: Scene, own_rows: list[int]) -> float:
    """What the best label of its own makes of a candidate, less if another label has the better claim."""
    sheet = scene.sheets[found.sheet]
    prior = _prior(guide, found, scene)
    if prior <= 0.0 and not _in_reach(own_rows, sheet.runs[found.run].row, guide.shape):
        return 0.0  # nearly every candidate of a long page: there is nothing to compare
    near = _near_marks(scene, found, guide.shape)
    own = _own_claim(guide, found, scene, near)
    if max(own, prior) <= 0.0:
        return 0.0
    both = _BOTH if guide.shape is Shape.NAME and min(own, prior) > _FLOOR else 0.0
    score = (max(own, prior) + both) * _plausible(guide, found, sheet)
    if _claimed_by_another(guide, found, scene, near, max(own, _CLAIM)):
        score *= 0.4
    later = 0.06 if guide.concept in _FIRST_PAGE else 0.0 if guide.shape is Shape.AMOUNT else 0.02
    return score * (1.0 - later * min(found.sheet, 5))


def _in_reach(rows: list[int], row: int, shape: Shape) -> bool:
    """Whether one of some rows may be looked at for a label, see `_near_marks`."""
    reach = _HEADING_REACH if shape is Shape.AMOUNT else _reach(shape)
    place = bisect_left(rows, row - reach)
    return place < len(rows) and rows[place] <= row


def _own_claim(guide: Guide, found: Candidate, scene: Scene, near: Sequence[Mark]) -> float:
    """What the field's own labels make of a candidate; several that agree are surer than one."""
    claims = [
        mark.weight * _closeness(scene, mark, found, guide.shape, near)
        for mark in near
        if mark.concept == guide.concept
    ]
    own = max(claims, default=0.0)
    if not 0.25 < own < 0.8:
        return own
    named = guide.shape is Shape.NAME and _beside_name_label(found, scene, near)
    formed = guide.concept in CODE_FORMS and guide.shape is Shape.CODE and _has_form(guide.concept, found.value)
    agreeing = sum(claim > 0.4 for claim in claims) > 1
    return own + (0.2 if named or formed else 0.0) + (0.12 if agreeing else 0.0)


def _beside_name_label(found: Candidate, scene: Scene, near: Sequence[Mark]) -> bool:
    sheet = scene.sheets[found.sheet]
    names = (mark for mark in near if mark.concept == "name_label" and _level(sheet, mark, found))
    return any(_closeness(scene, mark, found, Shape.NAME, near) > 0.8 for mark in names)


def _claimed_by_another(guide: Guide, found: Candidate, scene: Scene, near: Sequence[Mark], claim: float) -> bool:
    """Whether a label for something else has a better claim, unless it is the very label that speaks for the field."""
    sheet = scene.sheets[found.sheet]
    places = {(mark.start, mark.end) for mark in near if mark.concept == guide.concept}
    return any(
        mark.weight * _closeness(scene, mark, found, guide.shape, near) > claim
        for mark in near
        if mark.weight > claim  # no label is closer than 1
        and mark.concept not in (guide.concept, "name_label")
        and (mark.start, mark.end) not in places
        and _competes(guide, mark, _level(sheet, mark, found))
    )


def _closeness(scene: Scene, mark: Mark, found: Candidate, shape: Shape, near: Sequence[Mark]) -> float:
    """How close a label is; each field asks it of the same labels and candidates."""
    key = (found.sheet, found.start, found.end, mark, shape)
    if key not in scene.closeness:
        scene.closeness[key] = closeness(scene.sheets[found.sheet], mark, found, shape, near)
    return scene.closeness[key]


def _near_marks(scene: Scene, found: Candidate, shape: Shape) -> list[Mark]:
    """The labels in the candidate's row, in the rows above it, and in the line before it."""
    last = scene.sheets[found.sheet].run_at(found.end - 1)
    key = (found.sheet, found.run, last, shape)
    if key not in scene.near:
        scene.near[key] = _marks_near(
            scene.sheets[found.sheet], scene.marks_by_row[found.sheet], found.run, last, shape
        )
    return scene.near[key]


def _marks_near(sheet: Sheet, rows: Mapping[int, list[Mark]], first: int, last: int, shape: Shape) -> list[Mark]:
    """The labels near what stands in some runs."""
    row, reach = sheet.runs[first].row, _reach(shape)
    near = [mark for number in range(row - reach, row + 1) for mark in rows.get(number, ())]
    around = (max(0, first - 1), last, min(last + 1, len(sheet.runs) - 1))
    others = {sheet.runs[number].row for number in around}
    near += [mark for number in others if not row - reach <= number <= row for mark in rows.get(number, ())]
    if shape is Shape.AMOUNT and any(mark.concept == "total" for mark in rows.get(row, ())):
        # The heading of a column whose sum this may be stands as far up as the table is long.
        above = range(row - _HEADING_REACH, row - reach)
        near += [mark for number in above for mark in rows.get(number, ()) if mark.before == 0]
    return near


def _reach(shape: Shape) -> int:
    """Rows above a value in which its label may stand."""
    return 6 if shape in _WORDY else 3


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
    if in_a_column_of_dates(sheet, found):
        return 0.0  # each is the date of a row
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
    told = sheet.text[sheet.runs[found.run].start : found.start]
    if re.search(r"[^\W\d_]{2,} [^\W\d_]{2,}$", told.rstrip(" :,.")) and not timed:
        return 0.0  # "Previous balance of 31 May" speaks of something else
    return (0.5 if concept == "date" else 0.42) - 0.08 * top + (0.06 if timed else 0.0) + (0.04 if alone else 0.0)


def _plausible(guide: Guide, found: Candidate, sheet: Sheet) -> float:
    """An amount has decimals or a currency, a total is not nothing, and some codes have a form."""
    if guide.concept in CODE_FORMS and guide.shape is Shape.CODE:
        return 1.0 if _has_form(guide.concept, found.value) else 0.3
    if guide.shape is Shape.CODE and re.search(_LAW_OF, sheet.text[max(0, found.start - 12) : found.end]):
        return 0.5
    if guide.shape is not Shape.AMOUNT:
        return 1.0
    printed = sheet.text[found.start : found.end]
    bare = "." not in found.value and printed.lstrip("-(").isdigit()
    bare = bare or re.search(r"\.\d$", found.value) is not None  # one decimal is a rate's or a quantity's
    nothing = guide.concept in ("total", "net") and Decimal(found.value) == 0
    # A credit note has amounts below nothing; elsewhere they are discounts and corrections.
    return (0.6 if bare else 1.0) * (0.4 if nothing else 0.9 if found.value.startswith("-") else 1.0)


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
    # Two values that are equally good make each of them doubtful: the score falls, the reader is not silenced.
    margin = first.score - (rival.score if rival is not None else 0.0)
    return [first._replace(score=first.score - (0.1 if margin < 0.03 else 0.0), margin=margin)]


def _read_sums(guides: Sequence[Guide], known: Mapping[str, list[Scored]], scene: Scene) -> Sums:
    """Read the amounts other amounts are checked against, without their signs; nothing if no field asks for any."""
    scores: dict[str, dict[Decimal, float]] = {}
    printed = Counter(abs(Decimal(span.value)) for spans in scene.amounts for span in spans)
    same = {guide.concept: known[guide.spec.name] for guide in guides if guide.shape is Shape.AMOUNT}
    for name in CHECKED if any(_is_checked(guide) for guide in guides) else ():
        ranked = same.get(name) or _rank(Guide(FieldSpec(name, FieldType.AMOUNT), name, Shape.AMOUNT, ()), scene)
        sure = [(abs(Decimal(s.candidate.value)), s.score) for s in ranked if s.score >= _FLOOR]
        scores[name] = {value: score for value, score in reversed(sure) if value > 0}
    return Sums(scores, printed)


def _weigh(guide: Guide, ranked: Sequence[Scored], sums: Sums) -> list[Scored]:
    """Raise the amounts that fit the others."""
    if not _is_checked(guide):
        return list(ranked)
    weighed = [
        s._replace(score=s.score + sums.bonus(guide.concept, abs(Decimal(s.candidate.value)), s.score)) for s in ranked
    ]
    return sorted(weighed, key=lambda s: -round(s.score, 3))


def _is_checked(guide: Guide) -> bool:
    return guide.concept in ("net", "tax", "total") and guide.shape is Shape.AMOUNT
