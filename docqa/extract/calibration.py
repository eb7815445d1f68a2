"""Where the weights of confidence come from, and what they are worth: their file, their fit, their measures.

Weights are in a small JSON file that says on what they were fitted; the one that is shipped can be fitted again on an
office's own corrections, to which the shipped weights are the starting point that few corrections move little.

Not here: rating a cell (`docqa.extract.confidence`), and comparing cells with the truth (`docqa.evaluate`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from docqa.errors import BadSettings
from docqa.extract.confidence import Calibration, Signs
from docqa.wholefile import write_whole

SHIPPED = Path(__file__).parent / "calibration.json"
CALIBRATION = "calibration.json"  #: in a store's folder: what was fitted to the office's own corrections
#: Weights from which a first fit starts. A few hundred cells without a model server show little or nothing of these.
BELIEFS: Mapping[str, float] = {
    "confirmed by arithmetic": 1.0,
    "second reading agrees": 1.5,
    "second reading differs": -1.5,
}
PULL = 2.0  #: how strongly a fit is held to the weights it starts from, in observations of one sign
_STEPS = 50  #: of Newton's method; ten are usually enough
_PROMISES = (0.99, 0.95, 0.9)  #: of the cells that nobody looks at so many should be right; the first that can be had

Rank = TypeVar("Rank", float, tuple[float, float])


class _Kept(BaseModel):
    """What is in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fitted_on: str  #: which documents, in words
    fitted_at: str  #: ISO 8601
    cells: int
    measured: Mapping[str, float]  #: on the half that was held back
    weights: Mapping[str, float]


def load_calibration(file: Path = SHIPPED) -> Calibration:
    """Read a file that `save_calibration` wrote. Raises BadSettings if it is none."""
    try:
        kept = _Kept.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        hint = "Fit it again, or delete it to use the shipped one."
        raise BadSettings(f"{file} holds no calibration.", hint) from error
    return Calibration(kept.weights, kept.fitted_on, kept.fitted_at, kept.cells, kept.measured)


def save_calibration(calibration: Calibration, file: Path) -> None:
    """Write it as JSON, one weight a line; the file is there whole or as it was. Raises UsageError, DiskFull."""
    weights = {name: round(weight, 4) for name, weight in sorted(calibration.weights.items())}
    kept = _Kept(
        fitted_on=calibration.fitted_on,
        fitted_at=calibration.fitted_at,
        cells=calibration.cells,
        measured=calibration.measured or {},
        weights=weights,
    )
    write_whole(file, (json.dumps(kept.model_dump(), indent=2, ensure_ascii=False) + "\n").encode())


def calibration_in(folder: Path) -> Calibration:
    """The calibration that counts in a store: what was fitted to its own corrections, else the shipped one.

    Raises BadSettings.
    """
    own = folder / CALIBRATION
    return _loaded(own, own.stat().st_mtime_ns) if own.exists() else _loaded(SHIPPED, 0)


@lru_cache(maxsize=4)
def _loaded(file: Path, changed: int) -> Calibration:
    return load_calibration(file)


def fitted(
    start: Calibration, observed: Iterable[tuple[Signs, bool]], worth: Sequence[float] | None = None, pull: float = PULL
) -> Calibration:
    """Weights moved to fit what was observed: the signs of cells, and whether each was right.

    `worth` says how much each cell counts, 1 if it is None; `pull` how many cells with a sign it takes to move its
    weight. Penalised logistic regression by Newton's method; without observations the weights stay as they are.
    """
    listed = [({"always": 1.0, **dict(signs)}, right) for signs, right in observed]
    if not listed:
        return start
    names = sorted({name for signs, _ in listed for name in signs} | set(start.weights))
    table = np.array([[signs.get(name, 0.0) for name in names] for signs, _ in listed])
    right = np.array([float(one) for _, one in listed])
    before = np.array([start.weights.get(name, 0.0) for name in names])
    counted = np.array(worth) if worth is not None else np.ones(len(listed))
    weights = _newton(table, right, counted, before, pull)
    return Calibration(dict(zip(names, weights.tolist(), strict=True)), cells=len(listed))


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
