"""How likely a cell is right: a number that was fitted to known answers, not a feeling.

Each cell has signs: how well the reader's rules fit, how far the next best value was, whether amounts confirm each
other, whether a second reading agrees, how well the page was read. A logistic model turns them into a chance.

Not here: the signs of a table's rows (`docqa.extract.rowsigns`), where its weights come from and what they are worth
(`docqa.extract.calibration`), and the checks (`docqa.extract.checks`). Needs nothing large, like all that a process
that fills fields imports.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from docqa.extract.values import same_value
from docqa.readers.layout.labels import guide_for
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.names import has_legal_form
from docqa.types import Cell, FieldSpec, Page, Reading, TextSource

#: A cell that failed a check is never surer than this: somebody should look at it.
DOUBTED = 0.5
_CLEAR = 0.4  #: margin from which more says nothing
BADLY_READ = 0.2  #: how unsure OCR may be of a page on the mean before more says nothing
_MISREAD = 4.0  #: letters of a text that OCR probably took for others, from which more says nothing
_LIMITS = (0.01, 0.995)  #: no fit on a few hundred cells can promise more

_TEXTS = (Shape.NAME, Shape.ADDRESS, Shape.PARTY, Shape.DURATION, Shape.TEXT)
#: Capitals and small letters, or letters and digits, mixed within a word as only OCR mixes them; marks without a blank.
_ODD = re.compile(
    r"[a-z][A-Z]|[A-Z]{2}[a-z]|[^\W\d_]\d[^\W\d_]|/\d\b|^[a-z]|\b[^\W\d_]{1,2} [a-z]{3}"
    r"|[^\W\d_]{2}\d\b(?!/)|[^\W\d_]\d\W?\)|\)\w|[\"“”]|[^\W\d_]\.[^\W\d_]{2}"
)
#: A code to which OCR joined the next word or the line of a form.
_ODD_CODE = re.compile(r"\d[a-z]{2}|_")
#: Five digits before a town, four in Switzerland and the Netherlands, six in India, or a British code.
_POSTCODE = re.compile(r"\b\d{4,6}\b|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b")
_SHORT = 3  #: characters: what identifies something is seldom as short, what stands beside its label often is

Signs = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of signs, and where they come from."""

    weights: Mapping[str, float]
    fitted_on: str = ""
    fitted_at: str = ""
    cells: int = 0
    measured: Mapping[str, float] | None = None

    def chance(self, signs: Signs) -> float:
        """The chance that a cell with such signs is right; signs that nobody fitted count nothing.

        What "always" counts is that of fields, unless the signs say otherwise: those of tables do.
        """
        known = {"always": 1.0, **dict(signs)}
        total = sum(self.weights.get(name, 0.0) * value for name, value in known.items())
        low, high = _LIMITS
        return round(min(high, max(low, 1 / (1 + math.exp(-max(-30.0, min(30.0, total)))))), 4)

    def confidence(self, cell: Cell) -> float | None:
        """The chance that a cell is right, less where it failed a check; None if it has no value."""
        if cell.value is None:
            return None
        chance = self.chance(cell.signs)
        return min(chance, DOUBTED) if cell.doubts else chance


def signs_of(field: FieldSpec, cell: Cell, margin: float, pages: Mapping[int, Page], second: Reading | None) -> Signs:
    """What speaks for and against a cell, as numbers from 0 to 1, before the checks of the document."""
    page = pages.get(cell.page or 0)
    shape = guide_for(field).shape
    ocr = page is not None and page.text_source is TextSource.OCR
    # Dates, amounts and codes are known by their form; a text is only known by its place, and rarely has a rival.
    kind, reader = "a text" if shape in _TEXTS else "a form", cell.reader.split(":")[0]
    unsure = 1.0 - page.quality if page is not None and ocr and shape in _TEXTS else 0.0
    signs = {
        f"is {shape}": 1.0,
        f"{reader} score of {kind}": cell.score,
        f"{reader} unsure of {kind}": float(cell.score < 0.6),
        f"margin of {kind}": max(0.0, min(margin / _CLEAR, 1.0)),
        "text of a badly read page": min(unsure / BADLY_READ, 1.0),
        "letters probably misread": min(unsure * len(cell.text or "") / _MISREAD, 1.0),
        "oddly printed": float(oddly_printed(shape, cell, ocr=ocr)),
        "name without a legal form": float(shape is Shape.NAME and not has_legal_form(cell.text or "")),
        "address without a postcode": float(shape is Shape.ADDRESS and not _POSTCODE.search(cell.text or "")),
    }
    if second is not None and cell.text:
        same = same_value(cell.text, second.text, field.type)
        signs["second reading agrees" if same else "second reading differs"] = 1.0
    return tuple((name, round(value, 4)) for name, value in signs.items() if value)


def oddly_printed(shape: Shape, cell: Cell, *, ocr: bool) -> bool:
    """Whether a value looks as if some of it was read wrong, was lost, or belongs to something else."""
    text = cell.text or ""
    if shape is Shape.CODE:
        return len(text) <= _SHORT or (ocr and _ODD_CODE.search(text) is not None)
    if shape is Shape.AMOUNT:
        return ocr and "." not in (cell.value or "")  # OCR loses the point more often than tills print none
    return ocr and shape in _TEXTS and _ODD.search(text) is not None
