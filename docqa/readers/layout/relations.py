"""How close a value stands to a label: behind it in the sentence, right of it in the row, below it in the column.

Everything is a number from 0 to 1. Not here: what labels mean and which value wins (`docqa.readers.layout`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from docqa.extract.values import find_amounts, find_dates, fold_letters
from docqa.readers.layout.candidates import Candidate
from docqa.readers.layout.labels import Mark
from docqa.readers.layout.lexicon import CONCEPTS, FILLERS, Shape, phrases
from docqa.readers.layout.runs import Run, Sheet
from docqa.types import Box

_FILLERS = frozenset(phrases(FILLERS))
_FLOWING = (Shape.DATE, Shape.PLACE, Shape.DURATION, Shape.PARTY)  #: values that stand in sentences, too
_BLOCKS = frozenset(concept.name for concept in CONCEPTS if concept.shape is Shape.NAME)
_STACKED = (Shape.NAME, Shape.ADDRESS)  #: values that stand in blocks under a heading


def closeness(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape, others: Sequence[Mark]) -> float:
    """How much the label's place speaks for it being this value's label."""
    if mark.run == found.run and mark.end <= found.start:
        near = _behind(sheet, mark, found, shape)
    elif mark.run != found.run and sheet.runs[mark.run].row == sheet.runs[found.run].row:
        near = _right(sheet, mark, found, shape)
        if shape in _STACKED and (_among_headings(sheet, mark, others) or _answered(sheet, mark)):
            near *= 0.5
    else:
        near = max(_below(sheet, mark, found, shape), _continued(sheet, mark, found, shape))
        near = max(near, _column_sum(sheet, mark, found, shape, others))
    if shape is Shape.MARK and near > 0.0 and _labels_what_follows(sheet, found):
        near *= 0.5
    near = max(near, _named_after(sheet, mark, found, shape))
    if near > 0.0 and _separated(sheet, mark, found, shape, others):
        near *= 0.5
    return near * _leading(mark, shape) * (_heading(sheet, mark) if shape in _STACKED else 1.0)


def _heading(sheet: Sheet, mark: Mark) -> float:
    """The label of a block fills its line or ends with a colon: "Customer House Ltd" is a name and no label."""
    rest = sheet.text[mark.end : sheet.runs[mark.run].end]
    return 1.0 if re.match(r"\W*$|\W{0,3}[:#]|\s?\([^()]*\)\W*$", rest) else 0.4


def _leading(mark: Mark, shape: Shape) -> float:
    """A label starts its line: "Expiry date" is not "date". In a sentence it need not."""
    if mark.before == 0 or shape in (Shape.PLACE, Shape.DURATION, Shape.PARTY):
        return 1.0
    if shape is Shape.DATE and mark.weight > 0.6 and mark.end - mark.start > 7:
        return 0.97  # "effective" and "dated as of" stand in sentences
    if shape in _STACKED:
        return 0.5
    if shape is Shape.AMOUNT and mark.before > 4:
        return 0.4  # a sum in a sentence is seldom the sum of the document
    if shape is Shape.DATE and mark.weight <= 0.5 and mark.before > 1:
        return 0.7  # "balance on 31 May" speaks of something else
    return 0.85 if mark.before <= 2 else 0.7


def _behind(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape) -> float:
    """In the same run after the label; every word between them that says something costs."""
    gap = sheet.text[mark.end : found.start]
    near = 1.0 - _distance(gap, 0.04 if shape in _FLOWING else 0.09)
    if shape is Shape.DATE and _names_more(sheet, mark, gap):
        near *= 0.3
    if re.search(r"[.;] +[A-ZÀ-Þ]", gap) and len(gap) > 6:
        near *= 0.5
    if shape is Shape.AMOUNT and _amount_follows(sheet, found):
        near *= 0.75
    elif shape in (Shape.CODE, Shape.NUMBER) and re.search(r"\d|[(\[]$", gap):
        near *= 0.8  # another number comes first, or it is an aside in brackets
    return max(0.0, near)


def _names_more(sheet: Sheet, mark: Mark, gap: str) -> bool:
    """Whether a bare "Date" is that of something: "Date of service" is not the document's."""
    bare = sheet.folded[mark.start : mark.end] in ("date", "datum", "fecha", "data")
    return bare and re.match(r"\s(?:of|de|di|der|des)\s(?!this\b)[^\W\d_]", gap) is not None


def _distance(gap: str, cost: float) -> float:
    words = [word for word in re.findall(r"[^\W\d_]+", fold_letters(gap)) if word not in _FILLERS]
    return min(0.9, cost * len(words))


def _amount_follows(sheet: Sheet, found: Candidate) -> bool:
    """In a row of amounts the last one is the sum, so it is what the label at the front means."""
    if _is_money(sheet.text[found.end : sheet.runs[found.run].end]):
        return True
    row = sheet.rows[sheet.runs[found.run].row]
    for index in row[row.index(found.run) + 1 :]:
        text = sheet.string(index)
        if not any(char.isdigit() for char in text):
            return False  # the label of another table beside this one
        if _is_money(text):
            return True
    return False


def _is_money(text: str) -> bool:
    return any(re.search(r"\.\d\d$", span.value) for span in find_amounts(text))


def _right(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape) -> float:
    """In a later run of the same row; the runs between count, and so does what the label's run says behind it."""
    label, value = sheet.runs[mark.run], sheet.runs[found.run]
    if value.box[0] < label.box[2] - 0.5 * label.height:
        return 0.0
    between = sum(label.box[0] < sheet.runs[index].box[0] < value.box[0] for index in sheet.rows[label.row])
    near = 0.96 - _distance(sheet.text[mark.end : label.end], 0.07)
    near -= _distance(sheet.text[value.start : found.start], 0.09)
    if shape is Shape.AMOUNT:
        return near * (0.75 if _amount_follows(sheet, found) else 1.0)
    return max(0.0, near - 0.12 * between)


def _among_headings(sheet: Sheet, mark: Mark, others: Sequence[Mark]) -> bool:
    """Whether the label stands in a row of bare labels, which head the columns below: "From | Bill to | Project"."""
    row = sheet.runs[mark.run].row
    bare = {
        other.run
        for other in others
        if sheet.runs[other.run].row == row
        and other.before == other.behind == 0
        and not re.match(r"\W*:", sheet.text[other.end : sheet.runs[other.run].end])
    }
    return mark.run in bare and len(bare) > 1


def _below(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape) -> float:
    """Under the label: in its column, within a few lines, and nothing else of the label's own to its right."""
    label, value = sheet.runs[mark.run], sheet.runs[found.run]
    drop = (value.box[1] - label.box[1]) / max(label.height, 1.0)
    reach = 7.0 if shape in _STACKED else 3.2
    if (
        mark.run == found.run
        or not 0.3 < drop < reach
        or mark.behind > 3
        or not _same_column(sheet, mark, found, label)
    ):
        return 0.0
    lines = max(0.0, drop - 1.2)
    near = 0.9 - 0.07 * lines - 0.05 * mark.behind
    if shape is Shape.DATE and in_a_column_of_dates(sheet, found):
        near *= 0.4
    elif _answered(sheet, mark):
        near *= 0.5
    if shape is Shape.TEXT and _LABELLED.match(sheet.text, found.start, found.end):
        near *= 0.4  # the next line of the form
    return near - _distance(sheet.text[value.start : found.start], 0.09)


_LABELLED = re.compile(r"[^\W\d_][\w .'’/-]{1,30}:(?:\s|$)")


def in_a_column_of_dates(sheet: Sheet, found: Candidate) -> bool:
    """Whether another date stands right above or below a date: in a table whose rows each have their own."""
    if found.start != sheet.runs[found.run].start:
        return False
    if found.run not in sheet.among_dates:
        sheet.among_dates[found.run] = _dates_around(sheet, sheet.runs[found.run])
    return sheet.among_dates[found.run]


def _dates_around(sheet: Sheet, here: Run) -> bool:
    column = [run for run in sheet.runs if run is not here and abs(run.box[0] - here.box[0]) < here.height]
    above = max((run for run in column if run.row < here.row), key=lambda run: run.row, default=None)
    below = min((run for run in column if run.row > here.row), key=lambda run: run.row, default=None)
    near = (run for run in (above, below) if run is not None and abs(run.box[1] - here.box[1]) < 3.5 * here.height)
    return any(span.start == 0 for run in near for span in find_dates(sheet.text[run.start : run.end]))


def _column_sum(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape, others: Sequence[Mark]) -> float:
    """In the row that sums up a table, the amount under a column's heading: "Total | net | tax | gross"."""
    if shape is not Shape.AMOUNT or sheet.runs[mark.run].row >= sheet.runs[found.run].row:
        return 0.0
    box, head = sheet.box(found.start, found.end), sheet.runs[mark.run].box
    sums = any(
        other.concept == "total" and other.before == 0 and sheet.runs[other.run].row == sheet.runs[found.run].row
        for other in others
    )
    return 0.82 if sums and min(head[2], box[2]) - max(head[0], box[0]) > 0.5 * (box[2] - box[0]) else 0.0


def _same_column(sheet: Sheet, mark: Mark, found: Candidate, label: Run) -> bool:
    box = sheet.box(found.start, found.end)
    left, _, right, _ = sheet.box(mark.start, mark.end)
    aligned = abs(box[0] - label.box[0]) < 1.5 * label.height
    overlap = min(right, box[2]) - max(left, box[0])
    first = sheet.rows[sheet.runs[found.run].row][0]
    headed = abs(sheet.runs[first].box[0] - label.box[0]) < 1.5 * label.height
    named = re.match(r"(?i)(?:name|nom|firma|nome|nombre|naam)\W*$", sheet.string(first)) is not None
    return (
        aligned
        or overlap > 0.3 * min(right - left, box[2] - box[0])
        or (named and headed)
        or _in_form_column(sheet, label, box)
    )


def _in_form_column(sheet: Sheet, label: Run, box: Box) -> bool:
    """In a form a label heads everything up to where the next label of its row begins."""
    heads = [sheet.runs[index].box[0] for index in sheet.rows[label.row]]
    limit = min((left for left in heads if left > label.box[2]), default=float(sheet.page.width))
    return len(heads) > 1 and label.box[0] - label.height < box[0] and (box[0] + box[2]) / 2 < limit


def _answered(sheet: Sheet, mark: Mark) -> bool:
    """Whether the label has something behind its colon, in its own run or the next: then it needs nothing below."""
    run = sheet.runs[mark.run]
    rest = sheet.text[mark.end : run.end]
    right = any(sheet.runs[index].box[0] > run.box[2] for index in sheet.rows[run.row])
    return re.match(r"\W*:\W*\w|\D*\d", rest) is not None or (right and rest.strip() == ":")


def _continued(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape) -> float:
    """The sentence goes on in the next line."""
    if shape not in _FLOWING or not 0 <= found.start - mark.end < 90 or found.run != mark.run + 1:
        return 0.0
    if sheet.runs[mark.run].end - sheet.runs[mark.run].start < 40:
        return 0.0
    return max(0.0, 0.95 - _distance(sheet.text[mark.end : found.start], 0.06))


def _named_after(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape) -> float:
    """A definition: the value, then its name in brackets: 31 January 2014 (the "Effective Date")."""
    if shape is Shape.MARK:
        return _ticked(sheet, mark, found)
    if not 0 <= mark.start - found.end < 20:
        return 0.0
    gap = sheet.text[found.end : mark.start]
    if shape is Shape.DURATION and re.fullmatch(r"['’]?s?\s(?:prior\s|advance\s)?", gap):
        return 0.9  # "thirty (30) days' prior written notice"
    defined = re.fullmatch(r"[\s,]*[(\[]\s*(?:(?:the|die|das|der|le|la|el|il|de)\s+[“\"„«'‘”]*|[“\"„«'‘”]+)\s*", gap)
    return 0.95 if defined is not None else 0.0


def _ticked(sheet: Sheet, mark: Mark, found: Candidate) -> float:
    """A box is ticked in front of its label, close to it and in the same row."""
    label, box = sheet.box(mark.start, mark.end), sheet.box(found.start, found.end)
    height = max(1.0, label[3] - label[1])
    level = abs((label[1] + label[3]) - (box[1] + box[3])) < height
    return 0.95 if level and -0.5 * height < label[0] - box[2] < 3 * height else 0.0


def _labels_what_follows(sheet: Sheet, found: Candidate) -> bool:
    """In "☐ Smoker ☒ Driver" the second box is the driver's: words follow it closely."""
    if sheet.text[found.start : found.end].isalpha() and found.end - found.start > 1:
        return False
    box, row = sheet.box(found.start, found.end), sheet.rows[sheet.runs[found.run].row]
    if sheet.text[found.end : sheet.runs[found.run].end].strip():
        return True
    after = row[row.index(found.run) + 1 :][:1]
    return any(sheet.runs[index].box[0] - box[2] < 3 * (box[3] - box[1]) for index in after)


def _separated(sheet: Sheet, mark: Mark, found: Candidate, shape: Shape, others: Sequence[Mark]) -> bool:
    """Whether another label stands between this one and the value, in the row or in the column."""
    place = sheet.box(found.start, found.end)
    row = sheet.runs[mark.run].row
    for other in others:
        if other.weight < 0.6 or other.concept == "name_label":
            continue
        if other.start < mark.end and mark.start < other.end:
            continue
        if sheet.runs[other.run].row == row == sheet.runs[found.run].row:
            between = sheet.box(mark.start, mark.end)[0] < sheet.box(other.start, other.end)[0] < place[0]
        else:
            between = mark.end <= other.start and other.end <= found.start and other.run != found.run
            # "No.: 4711" between a heading and the name below it belongs to the same block.
            between = (
                between
                and (shape not in _STACKED or other.concept in _BLOCKS)
                and row < sheet.runs[other.run].row < sheet.runs[found.run].row
                and other.before == 0
            )
        if between:
            return True
    return False
