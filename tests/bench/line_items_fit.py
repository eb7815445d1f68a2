"""Fit the confidence of line items that is shipped: on half of the invoices that say what is in them, and drawn ones.

    python tests/bench/line_items_fit.py STORE WORK [--data FOLDER] [--save]

STORE holds the documents of the measuring data and is never written to. Eight invoices with some twenty rows are too
few to learn from, and what is read of them is nearly always right. So invoices are drawn (`drawn_invoices.py`), and
both are read again as from a bad scanner; all of that is made in WORK by the first run (some twenty minutes). Weights
are fitted to the half of the documents that may be looked at and to one set of those drawn, each cell of a row by
itself and each table as a whole; real cells count more. Prints what that is worth on tenths that a fit has not seen.
Only `--save` looks at the half held back, and at another set of those drawn: it puts the weights into the calibration
that is shipped, beside those of fields, which stay as they are, with the figures measured there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from drawn_invoices import draw_all
from fields_accuracy import ROOT
from fields_fit import WORSE, drawn, is_held_back, pages_of, worse
from line_items import Compared, Truths, compare, truths_drawn, truths_in_files

from docqa.extract.calibration import (
    SHIPPED,
    accuracy_at,
    calibration_error,
    fitted,
    load_calibration,
    save_calibration,
)
from docqa.extract.confidence import Calibration, Signs
from docqa.extract.rowsigns import BELIEFS_IN_ROWS, IN_A_ROW, MARKS, OF_A_TABLE
from docqa.types import Cell

#: How much a cell counts: what is drawn says the same many times.
WORTH = {"real": 1.0, "real, worse": 1.0, "drawn": 0.3, "drawn, worse": 0.3}
#: To fit to, and held back: how many invoices are drawn, by which seed, and how many are read again from worse copies.
SETS = (("mine", 200, 1, 120), ("held", 100, 2, 30))
PULL = 2.0
FOLDS = 10
FITTED_ON = (
    "line items: half (by content) of 17 invoices that carry their items as XML (ZUGFeRD, Factur-X), invoices drawn "
    "for it, and worse copies of both; the other half, which one rule was made in sight of, and others "
    "drawn are measured"
)


def main() -> None:
    """Draw, copy, compare, fit, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DOCQA_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--save", action="store_true", help="measure on the half held back, and write the calibration")
    given = parser.parse_args()
    mine, held = all_compared(given.store, given.work, given.data)
    for what, taught in (("cells", cells_taught), ("tables", tables_taught)):
        rate(what, mine, taught)
    if given.save:
        save(mine, held)


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────

ByOrigin = dict[str, list[Compared]]  #: "real", "drawn", and worse copies of both


def all_compared(store: Path, work: Path, data: Path) -> tuple[ByOrigin, ByOrigin]:
    """Every document and copy that was read: those to fit to, and those held back, which were drawn apart."""
    real = truths_in_files(data)
    files = {doc: data / "docs/zugferd" / label for doc, (_, label, _) in real.items()}
    found: tuple[ByOrigin, ByOrigin] = ({}, {})
    for by_origin, (name, count, seed, copied) in zip(found, SETS, strict=True):
        made = drawn_in(work / name, count, seed)
        mine = {doc: truth for doc, truth in real.items() if is_held_back(doc) == (name == "held")}
        some = [work / name / "drawn" / label for _, label, _ in list(made.values())[:copied]]
        origin = copies_in(work / name, [*some, *(files[doc] for doc in mine)])
        stores = {"real": store, "drawn": work / name / "drawn-store", "worse": work / name / "copies-store"}
        for where, folder in stores.items():
            for doc, pages in pages_of(folder).items():
                of = origin.get(doc, doc) if where == "worse" else doc
                truth = mine.get(of) or made.get(of)
                if truth is not None:
                    kind = "real" if of in mine else "drawn"
                    compared = compare(of, truth, pages)
                    by_origin.setdefault(f"{kind}, worse" if where == "worse" else kind, []).append(compared)
    return found


def drawn_in(folder: Path, count: int, seed: int) -> Truths:
    """The drawn invoices, read into a store beside them."""
    if not (folder / "drawn-store").exists():
        draw_all(folder / "drawn", count, seed)
        take_in(folder / "drawn-store", folder / "drawn")
    return truths_drawn(folder / "drawn")


def copies_in(folder: Path, files: Sequence[Path]) -> Mapping[str, str]:
    """For each worse copy, read into a store of its own, the document it was made of."""
    known = folder / "copies.json"
    if not known.exists():
        (folder / "copies").mkdir(parents=True, exist_ok=True)
        chance, made = random.Random(5), {}
        for file in files:
            how = chance.choice(list(WORSE))
            images = [worse(image, how, chance) for image in drawn(file)]
            copy = folder / "copies" / f"{file.stem}-{how}.pdf"
            images[0].save(copy, "PDF", save_all=True, append_images=images[1:], resolution=100, quality=60)
            made[hashlib.sha256(copy.read_bytes()).hexdigest()] = hashlib.sha256(file.read_bytes()).hexdigest()
        take_in(folder / "copies-store", folder / "copies")
        known.write_text(json.dumps(made), encoding="utf-8")
    found: Mapping[str, str] = json.loads(known.read_text(encoding="utf-8"))
    return found


def take_in(store: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "docqa", "--store", str(store), "ingest", "--no-vectors", str(folder)]
    subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.DEVNULL)  # it says that it passes items.json over


# ── fitting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Taught = Sequence[tuple[Cell, bool]]


def cells_taught(compared: Iterable[Compared]) -> Taught:
    """The cells of rows that have a value of which is known whether it is right."""
    return [
        (one.cell, one.right)
        for table in compared
        for one in table.cells
        if one.cell is not None and one.cell.value is not None and one.right is not None
    ]


def tables_taught(compared: Iterable[Compared]) -> Taught:
    """Tables: right are those with every row, no other, and no wrong cell."""
    return [
        (one.table, one.whole and all(cell.right is not False for cell in one.cells))
        for one in compared
        if one.table is not None and one.table.value is not None
    ]


def fit(by_origin: Mapping[str, Sequence[Compared]], taught: Callable[[Iterable[Compared]], Taught]) -> Calibration:
    """Weights fitted to all; cells that failed a check teach nothing, as they are as sure as that allows.

    Not from there to the real ones, as the fields' are: the rules for tables were made with those eight in sight.
    """
    observed: list[tuple[Signs, bool]] = []
    worth: list[float] = []
    for name, some in by_origin.items():
        cells = [(cell.signs, right) for cell, right in taught(some) if not cell.doubts]
        observed += cells
        worth += [WORTH[name]] * len(cells)
    return fitted(Calibration(BELIEFS_IN_ROWS), observed, worth, PULL)


def rate(
    what: str, by_origin: Mapping[str, Sequence[Compared]], taught: Callable[[Iterable[Compared]], Taught]
) -> None:
    """Print what a fit is worth on documents that it has not seen, by where they come from."""
    docs = sorted({one.doc for some in by_origin.values() for one in some})
    random.Random(0).shuffle(docs)
    rated: dict[str, list[tuple[float, bool]]] = {name: [] for name in by_origin}
    for fold in range(FOLDS):
        out = set(docs[fold::FOLDS])
        calibration = fit(
            {name: [one for one in some if one.doc not in out] for name, some in by_origin.items()}, taught
        )
        for name, some in by_origin.items():
            rated[name] += judged([one for one in some if one.doc in out], calibration, taught)
    for name, pairs in rated.items():
        tell(f"{what}, {name}", pairs)


def judged(
    compared: Iterable[Compared], calibration: Calibration, taught: Callable[[Iterable[Compared]], Taught]
) -> list[tuple[float, bool]]:
    return [(calibration.confidence(cell) or 0.0, right) for cell, right in taught(compared)]


def tell(what: str, pairs: Sequence[tuple[float, bool]]) -> None:
    if pairs:
        at = " ".join(f"{share:.0%} {accuracy_at(pairs, share)}" for share in (0.5, 0.6, 0.8, 1.0))
        print(f"{what}: {len(pairs)}, calibration error {calibration_error(pairs)}, right among the surest: {at}")


def save(mine: Mapping[str, Sequence[Compared]], held: Mapping[str, Sequence[Compared]]) -> None:
    """Put the weights beside those of fields, with what they are worth on the half held back."""
    shipped = load_calibration()
    weights = {name: weight for name, weight in shipped.weights.items() if not name.startswith(MARKS)}
    measured = {name: value for name, value in (shipped.measured or {}).items() if "row" not in name}
    for what, taught, mark in (("cells", cells_taught, IN_A_ROW), ("tables", tables_taught, OF_A_TABLE)):
        calibration = fit(mine, taught)
        weights |= {name: weight for name, weight in calibration.weights.items() if name.startswith(mark)}
        for name, some in held.items():
            pairs = judged(some, calibration, taught)
            tell(f"held back, {what}, {name}", pairs)
            if what == "cells" and name in ("real", "drawn"):
                key = "rows_drawn" if name == "drawn" else "rows"
                measured |= {
                    f"{key}_cells": float(len(pairs)),
                    f"{key}_calibration_error": calibration_error(pairs) or 0.0,
                    f"{key}_accuracy_at_0.6": accuracy_at(pairs, 0.6) or 0.0,
                }
    before = shipped.fitted_on.split("; line items: ")[0]
    save_calibration(replace(shipped, weights=weights, measured=measured, fitted_on=f"{before}; {FITTED_ON}"), SHIPPED)


if __name__ == "__main__":
    main()
