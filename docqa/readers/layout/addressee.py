"""Where a letter has its addressee: at the head of the lines of an address, under the sender's own head.

Not here: what a name looks like (`docqa.readers.layout.names`).
"""

from __future__ import annotations

import re

from docqa.readers.layout.runs import Sheet

#: Five digits before a town, four in Switzerland and the Netherlands, or a British code.
POSTCODE = re.compile(r"\b(?:[A-Z]{1,2}-)?\d{4,6}\b(?: ?[A-Z]{2}\b)?|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b")


def heads_an_address(sheet: Sheet, run: int) -> bool:
    """Whether lines of an address stand below, aligned, the last of them with a postcode: the window of a letter.

    The address of the sender stands in one line, centred, at the foot, or at the very top.
    """
    first = sheet.runs[run]
    if not 0.05 < first.box[1] / sheet.page.height < 0.35 or _opens(sheet, run):
        return False
    last = run
    while last + 1 < len(sheet.runs) and last - run < 5 and _goes_on(sheet, run, last):
        last += 1
    return (
        _begins(sheet, run, last)
        and last - run >= 2
        and any(POSTCODE.search(sheet.string(at)) for at in range(run + 2, last + 1))
    )


def _begins(sheet: Sheet, run: int, last: int) -> bool:
    """Whether no line of the same block stands above its first one."""
    if run == 0 or not _aligned_below(sheet, run - 1, run):
        return True
    return last > run and _pitch(sheet, run - 1) > _apart(sheet, run)


def _goes_on(sheet: Sheet, first: int, last: int) -> bool:
    """Whether the line below the last of a block belongs to it."""
    return _aligned_below(sheet, last, last + 1) and (last == first or _pitch(sheet, last) < _apart(sheet, first))


def _pitch(sheet: Sheet, run: int) -> float:
    """How far below a line the next one stands."""
    return sheet.runs[run + 1].box[1] - sheet.runs[run].box[1]


def _apart(sheet: Sheet, first: int) -> float:
    """From which distance on a line belongs to no block whose first two lines are these."""
    return 1.35 * _pitch(sheet, first)


def _opens(sheet: Sheet, run: int) -> bool:
    """Whether nothing stands above a line or beside it: then it is the head of the sender's paper."""
    return sheet.runs[run].row == 0 and len(sheet.rows[0]) == 1


def _aligned_below(sheet: Sheet, above: int, below: int) -> bool:
    """Whether a line begins where the one right above it does, in letters of the same size."""
    first, second = sheet.runs[above], sheet.runs[below]
    level = abs(second.box[0] - first.box[0]) < 0.5 * first.height
    alike = 0.75 < second.height / max(first.height, 1.0) < 1.33
    return level and alike and 0 < second.box[1] - first.box[1] < 1.9 * first.height
