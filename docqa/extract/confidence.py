"""How likely a cell is right: a number that was fitted to known answers, not a feeling.

Each cell has signs: how well the reader's rules fit, how far the next best value was, whether amounts confirm each
other, whether a second reading agrees, how well the page was read. A logistic model turns them into a chance. Its
weights are in a small JSON file that says on what they were fitted; the one that is shipped can be fitted again on an
office's own corrections, to which the shipped weights are the starting point that few corrections move little.

Not here: the checks (`docqa.extract.checks`), and measuring (`docqa.evaluate`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from docqa.errors import BadSettings
from docqa.extract.values import same_value
from docqa.readers.layout.labels import guide_for
from docqa.readers.layout.lexicon import Shape
from docqa.readers.layout.names import has_legal_form
from docqa.types import Cell, FieldSpec, FieldType, Page, Reading, TextSource
from docqa.wholefile import write_whole

SHIPPED = Path(__file__).parent / "calibration.json"
CALIBRATION = "calibration.json"  #: in a store's folder: what was fitted to the office's own corrections
#: A cell that failed a check is never surer than this: somebody should look at it.
DOUBTED = 0.5
#: Weights from which a first fit starts. A few hundred cells without a model server show little or nothing of these.
BELIEFS: Mapping[str, float] = {
    "confirmed by arithmetic": 1.0,
    "second reading agrees": 1.5,
    "second reading differs": -1.5,
}
PULL = 2.0  #: how strongly a fit is held to the weights it starts from, in observations of one sign
_CLEAR = 0.4  #: margin from which more says nothing
_BAD = 0.2  #: how unsure OCR may be of a page on the mean before more says nothing
_MISREAD = 4.0  #: letters of a text that OCR probably took for others, from which more says nothing
_STEPS = 50  #: of Newton's method; ten are usually enough
_PROMISES = (0.99, 0.95, 0.9)  #: of the cells that nobody looks at so many should be right; the first that can be had
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
Rank = TypeVar("Rank", float, tuple[float, float])


class _Kept(BaseModel):
    """What is in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fitted_on: str  #: which documents, in words
    fitted_at: str  #: ISO 8601
    cells: int
    measured: Mapping[str, float]  #: on the half that was held back
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of signs, and where they come from."""

    weights: Mapping[str, float]
    fitted_on: str = ""
    fitted_at: str = ""
    cells: int = 0
    measured: Mapping[str, float] | None = None

    @classmethod
    def load(cls, file: Path = SHIPPED) -> Calibration:
        """Read a file that `save` wrote. Raises BadSettings if it is none."""
        try:
            kept = _Kept.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            hint = "Fit it again, or delete it to use the shipped one."
            raise BadSettings(f"{file} holds no calibration.", hint) from error
        return cls(kept.weights, kept.fitted_on, kept.fitted_at, kept.cells, kept.measured)

    def save(self, file: Path) -> None:
        """Write it as JSON, one weight a line; the file is there whole or as it was. Raises UsageError, DiskFull."""
        weights = {name: round(weight, 4) for name, weight in sorted(self.weights.items())}
        kept = _Kept(
            fitted_on=self.fitted_on,
            fitted_at=self.fitted_at,
            cells=self.cells,
            measured=self.measured or {},
            weights=weights,
        )
        write_whole(file, (json.dumps(kept.model_dump(), indent=2, ensure_ascii=False) + "\n").encode())

    def chance(self, signs: Signs) -> float:
        """The chance that a cell with such signs is right; signs that nobody fitted count nothing."""
        total = self.weights.get("always", 0.0) + sum(self.weights.get(name, 0.0) * value for name, value in signs)
        low, high = _LIMITS
        return round(min(high, max(low, 1 / (1 + math.exp(-max(-30.0, min(30.0, total)))))), 4)

    def confidence(self, cell: Cell) -> float | None:
        """The chance that a cell is right, less where it failed a check; None if it has no value."""
        if cell.value is None:
            return None
        chance = self.chance(cell.signs)
        return min(chance, DOUBTED) if cell.doubts else chance

    def fitted(
        self, observed: Iterable[tuple[Signs, bool]], worth: Sequence[float] | None = None, pull: float = PULL
    ) -> Calibration:
        """These weights moved to fit what was observed: the signs of cells, and whether each was right.

        `worth` says how much each cell counts, 1 if it is None; `pull` how many cells with a sign it takes to move its
        weight. Penalised logistic regression by Newton's method; without observations the weights stay as they are.
        """
        listed = [({"always": 1.0, **dict(signs)}, right) for signs, right in observed]
        if not listed:
            return self
        names = sorted({name for signs, _ in listed for name in signs} | set(self.weights))
        table = np.array([[signs.get(name, 0.0) for name in names] for signs, _ in listed])
        right = np.array([float(one) for _, one in listed])
        start = np.array([self.weights.get(name, 0.0) for name in names])
        counted = np.array(worth) if worth is not None else np.ones(len(listed))
        weights = _newton(table, right, counted, start, pull)
        return Calibration(dict(zip(names, weights.tolist(), strict=True)), cells=len(listed))


def calibration_in(folder: Path) -> Calibration:
    """The calibration that counts in a store: what was fitted to its own corrections, else the shipped one.

    Raises BadSettings.
    """
    own = folder / CALIBRATION
    return _loaded(own, own.stat().st_mtime_ns) if own.exists() else _loaded(SHIPPED, 0)


@lru_cache(maxsize=4)
def _loaded(file: Path, changed: int) -> Calibration:
    return Calibration.load(file)


def _newton(
    table: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    worth: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    pull: float,
) -> npt.NDArray[np.float64]:
    """Weights of shape (signs,) for a table of shape (cells, signs)."""
    weights = start.copy()
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        slope = table.T @ (worth * (right - chances)) - pull * (weights - start)
        curve = (table * (worth * chances * (1 - chances))[:, None]).T @ table + pull * np.eye(len(start))
        step = np.linalg.solve(curve, slope)
        weights += step
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


# ── signs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def signs_of(field: FieldSpec, cell: Cell, margin: float, pages: Mapping[int, Page], second: Reading | None) -> Signs:
    """What speaks for and against a cell, as numbers from 0 to 1, before the checks of the document."""
    page = pages.get(cell.page or 0)
    shape = guide_for(field).shape if field.type is not FieldType.TABLE else Shape.TEXT
    ocr = page is not None and page.text_source is TextSource.OCR
    # Dates, amounts and codes are known by their form; a text is only known by its place, and rarely has a rival.
    kind, reader = "a text" if shape in _TEXTS else "a form", cell.reader.split(":")[0]
    unsure = 1.0 - page.quality if page is not None and ocr and shape in _TEXTS else 0.0
    signs = {
        f"is {shape}": 1.0,
        f"{reader} score of {kind}": cell.score,
        f"{reader} unsure of {kind}": float(cell.score < 0.6),
        f"margin of {kind}": max(0.0, min(margin / _CLEAR, 1.0)),
        "text of a badly read page": min(unsure / _BAD, 1.0),
        "letters probably misread": min(unsure * len(cell.text or "") / _MISREAD, 1.0),
        "oddly printed": float(_oddly_printed(shape, cell, ocr)),
        "name without a legal form": float(shape is Shape.NAME and not has_legal_form(cell.text or "")),
        "address without a postcode": float(shape is Shape.ADDRESS and not _POSTCODE.search(cell.text or "")),
    }
    if second is not None and cell.text:
        same = same_value(cell.text, second.text, field.type)
        signs["second reading agrees" if same else "second reading differs"] = 1.0
    return tuple((name, round(value, 4)) for name, value in signs.items() if value)


def _oddly_printed(shape: Shape, cell: Cell, ocr: bool) -> bool:
    """Whether a value looks as if some of it was read wrong, was lost, or belongs to something else."""
    text = cell.text or ""
    if shape is Shape.CODE:
        return len(text) <= _SHORT or (ocr and _ODD_CODE.search(text) is not None)
    if shape is Shape.AMOUNT:
        return ocr and "." not in (cell.value or "")  # OCR loses the point more often than tills print none
    return ocr and shape in _TEXTS and _ODD.search(text) is not None


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


def calibration_error(judged: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """Expected calibration error: how far confidence and share of right cells are apart, over bins of equal width.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017. None of nothing.
    """
    if not judged:
        return None
    grouped: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in judged:
        grouped.setdefault(min(bins - 1, int(confidence * bins)), []).append((confidence, right))
    apart = (abs(sum(c for c, _ in group) - sum(right for _, right in group)) for group in grouped.values())
    return round(sum(apart) / len(judged), 4)


def brier(judged: Sequence[tuple[float, bool]]) -> float | None:
    """The mean square between confidence and what was right, which both mistaken and blurred confidence raises.

    Brier, Verification of forecasts expressed in terms of probability, 1950. None of nothing.
    """
    return round(sum((chance - right) ** 2 for chance, right in judged) / len(judged), 4) if judged else None


def threshold_for(judged: Sequence[tuple[float, bool]], accuracy: float) -> tuple[float, float, float] | None:
    """The lowest confidence from which on at least so many cells are right: it, the share of cells, the accuracy.

    Cells of the same confidence go together. None where no threshold does it.
    """
    ranked = sorted(judged, key=lambda one: one[0], reverse=True)
    right, best = 0, None
    for number, (chance, correct) in enumerate(ranked, start=1):
        right += correct
        last = number == len(ranked) or ranked[number][0] < chance
        if last and chance > 0 and right / number >= accuracy:
            best = (chance, number / len(ranked), right / number)
    return best


def in_words(judged: Sequence[tuple[float, bool]]) -> str:
    """How many cells need no look, as a sentence; `judged` has the confidence of each cell and whether it was right."""
    for accuracy in _PROMISES:
        found = threshold_for(judged, accuracy)
        if found is not None:
            chance, share, right = found
            return (
                f"From a confidence of {chance:.3f} on, {share:.0%} of the cells need no look, "
                f"and {right:.1%} of those are right (measured on {len(judged):,} cells)."
            )
    return (
        f"At no confidence are {_PROMISES[-1]:.0%} of the cells right (measured on {len(judged):,} cells): look at all."
    )


def accuracy_at(judged: Sequence[tuple[Rank, bool]], coverage: float) -> float | None:
    """How many of the surest cells are right, if that share of all cells is taken without a look; None of nothing.

    Cells as sure as the last one taken are taken in proportion: no threshold could part them.
    """
    count = round(len(judged) * coverage)
    if not count:
        return None
    ranked = sorted(judged, key=lambda one: one[0], reverse=True)
    edge = ranked[count - 1][0]
    above = [right for confidence, right in ranked if confidence > edge]
    level = [right for confidence, right in ranked if confidence == edge]
    return round((sum(above) + (count - len(above)) * sum(level) / len(level)) / count, 4)
