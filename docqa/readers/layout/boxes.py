"""Options with boxes beside them: which of the words of a form somebody ticked.

An option's box stands before it all along a row, or behind it all along the row. Where several options stand side by
side and no box tells them apart, as after OCR that does not see boxes, none of them is an answer. Not here: which
field an option belongs to (`docqa.readers.layout`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from itertools import pairwise

from docqa.readers.layout.runs import Sheet

#: Ticked and empty boxes as they are printed or drawn by hand.
TICKED = r"☒|☑|✓|✔|✗|\[\s?[xX✓]\s?\]|\(\s?[xX]\s?\)|(?<![^\s\x00])[xX](?![^\s\x00])"
EMPTY_BOX = r"☐|□|▢|\[\s?\]|(?<![^\s\x00])\(\s?\)"
YES_NO = r"(?i)(?<!\w)(?:yes|no|ja|nein|nee|oui|non|s[iíì]|não|sim|true|false)(?!\w)"

Span = tuple[int, int]  #: start and end in the sheet's text

_LONGEST = 40  #: characters of an option
_BLOT = 2  #: characters of what may stand between two options: a slash, or a box as OCR misread it


class Told(Enum):
    """What the boxes of a row say of an option."""

    TICKED = auto()
    NOT = auto()  #: its box is empty, or the boxes of its row leave open which option is meant
    ALONE = auto()  #: it has no box, and stands beside no other option


def told(sheet: Sheet, options: Sequence[Span]) -> dict[Span, Told]:
    """What boxes say of each option; `options` are all that a field can have on this sheet, wherever they stand."""
    boxes = _boxes(sheet)
    answers: dict[Span, Told] = {}
    for row in _by_row(sheet, options):
        order = _words_in(sheet, row[0])
        for group in _side_by_side(sheet, row, order, boxes):
            answers.update(_judged(sheet, group, order, boxes))
    return answers


def beside(sheet: Sheet, options: Sequence[Span]) -> list[Span]:
    """The boxes that belong to options: those right before or behind one."""
    boxes = _boxes(sheet)
    words = set()
    for row in _by_row(sheet, options):
        order = _words_in(sheet, row[0])
        for option in row:
            words |= {word for word in _neighbours(sheet, option, order) if word in boxes}
    return [(sheet.starts[word], sheet.starts[word] + len(sheet.page.words[word].text)) for word in sorted(words)]


def answers(sheet: Sheet) -> tuple[list[Span], list[Span]]:
    """The yes and no of a sheet that are answers, of "☐ yes ☒ no" the no; and the boxes that belong to any of them."""
    words = [match.span() for match in re.finditer(YES_NO, sheet.walled) if not _asked(sheet, match.start())]
    said = told(sheet, words)
    return [word for word in words if said[word] is not Told.NOT], beside(sheet, words)


def options_in(lines: Iterable[str]) -> tuple[str, ...]:
    """The words beside the boxes of lines such as "☒ yes ☐ no", each once; empty if no line has two of them."""
    found: dict[str, None] = {}
    for line in lines:
        parts = [part.strip(" ,;/|\x00") for part in re.split(rf"{TICKED}|{EMPTY_BOX}", line)]
        answers = [part if (word := re.match(YES_NO, part)) is None else word.group() for part in parts if part]
        if re.search(EMPTY_BOX, line) and len(answers) > 1 and max(map(len, answers)) <= _LONGEST:
            found |= dict.fromkeys(answers)
    return tuple(found)


def _asked(sheet: Sheet, start: int) -> bool:
    """Whether a yes is part of a question: "if yes, which"."""
    front = sheet.text[max(0, start - 12) : start]
    return re.search(r"(?i)\b(?:if|wenn|falls|si|se|sí|indien|in case of)\s$", front) is not None


def _judged(sheet: Sheet, group: Sequence[Span], order: list[int], boxes: dict[int, bool]) -> dict[Span, Told]:
    near = [_neighbours(sheet, option, order) for option in group]
    before = [boxes.get(left) for left, _ in near]
    behind = [boxes.get(right) for _, right in near]
    marks = next((side for side in (before, behind) if None not in side), None)
    if marks is None:
        boxed = len(group) > 1 or any(mark is not None for mark in (*before, *behind))
        return dict.fromkeys(group, Told.NOT if boxed else Told.ALONE)
    clear = sum(map(bool, marks)) == 1
    return {option: Told.TICKED if mark and clear else Told.NOT for option, mark in zip(group, marks, strict=True)}


def _boxes(sheet: Sheet) -> dict[int, bool]:
    """The words of a sheet that are boxes, or parts of one, and whether it is ticked."""
    found: dict[int, bool] = {}
    for form, ticked in ((EMPTY_BOX, False), (TICKED, True)):
        for match in re.finditer(form, sheet.walled):
            found.update(dict.fromkeys(sheet.words(*match.span()), ticked))
    return found


def _by_row(sheet: Sheet, options: Iterable[Span]) -> list[list[Span]]:
    rows: dict[int, list[Span]] = {}
    for option in options:
        rows.setdefault(sheet.runs[sheet.run_at(option[0])].row, []).append(option)
    return [sorted(row, key=lambda option: sheet.box(*option)[0]) for row in rows.values()]


def _words_in(sheet: Sheet, option: Span) -> list[int]:
    """The words of an option's row from left to right."""
    row = sheet.rows[sheet.runs[sheet.run_at(option[0])].row]
    words = [word for run in row for word in sheet.words(sheet.runs[run].start, sheet.runs[run].end)]
    return sorted(words, key=lambda word: sheet.page.words[word].box[0])


def _neighbours(sheet: Sheet, option: Span, order: list[int]) -> tuple[int, int]:
    """The words right before and behind an option in its row; -1 where there is none, or it is glued to the option."""
    own = sheet.words(*option)
    first, last = order.index(own[0]), order.index(own[-1])
    return order[first - 1] if first else -1, order[last + 1] if last + 1 < len(order) else -1


def _side_by_side(sheet: Sheet, row: Sequence[Span], order: list[int], boxes: dict[int, bool]) -> Iterator[list[Span]]:
    """The options of a row in groups between which nothing stands but boxes and blots."""
    group = [row[0]]
    for one, other in pairwise(row):
        between = order[order.index(sheet.words(*one)[-1]) + 1 : order.index(sheet.words(*other)[0])]
        if all(word in boxes or len(sheet.page.words[word].text) <= _BLOT for word in between):
            group.append(other)
        else:
            yield group
            group = [other]
    yield group
