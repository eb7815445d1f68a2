"""Fit the confidence that is shipped: on half of the measuring documents, and on copies of those made worse.

    python tests/bench/fields_fit.py STORE WORK [--data FOLDER] [--save]

STORE holds the documents of the measuring data and is never written to. A few hundred cells of good documents hold no
wrong date and hardly a wrong total to learn from. Two things give some without another document: copies of the same
pages, smaller, blurred and askew, are read again (made in WORK by the first run, in about ten minutes), and each value
that was read rightly is taken off its page, so that whatever is read then is wrong. Weights are fitted to all of it,
and from there to the documents as they are. Prints what that is worth, each tenth of the documents rated by a fit to
the other nine and their copies. Only `--save` looks at the half that was held back: it writes the calibration, with the
figures measured there.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pymupdf
from fields_accuracy import ROOT, by_family, fields_of
from fields_speed import beside
from PIL import Image, ImageEnhance, ImageFilter

from docqa.evaluate import FieldRecord, Judged, believability, is_right, judge_fields
from docqa.extract.calibration import (
    BELIEFS,
    SHIPPED,
    accuracy_at,
    calibration_error,
    fitted,
    load_calibration,
    save_calibration,
)
from docqa.extract.confidence import Calibration, Signs
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.extract.rowsigns import MARKS
from docqa.readers.layout import read_fields
from docqa.settings import Settings
from docqa.types import Box, FieldSpec, Page, Word

#: How much a cell counts in the first fit beside one of a document as it is: copies say the same again, and a value
#: that is missing altogether is rarer than a fit on every value missing once would have it.
COPIED, TAKEN = 0.7, 0.3
FIRST_PULL = 1.0  #: of the first fit, which has more to learn from and less to hold to than one that starts from it
FOLDS = 10
#: Least width in pixels, share of the size, blur in pixels, contrast, JPEG quality.
WORSE = {"poor": (800, 0.7, 0.5, 0.8, 45), "bad": (600, 0.5, 0.8, 0.6, 30)}
PAGES = 3  #: of a copy
FITTED_ON = (
    "the built-in reader on half (by content) of 137 receipts, invoices, agreements and registration forms of public "
    "data sets (SROIE, ZUGFeRD, invoice2data, Kleister NDA, VRDU FARA), on copies of those made worse and with values "
    "taken away; the other half is measured; the weights of second readings are beliefs"
)
Asked = Mapping[str, tuple[Sequence[FieldSpec], FieldRecord]]  #: by document


def main() -> None:
    """Fill, fit, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DOCQA_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--save", action="store_true", help="measure on the half held back, and write the calibration")
    given = parser.parse_args()
    families = by_family(given.data / "fields.jsonl")
    asked = {r.doc: (fields_of(family), r) for family, records in families.items() for r in records if r.doc}
    pages = pages_of(given.store)
    mine = {doc: own for doc, own in pages.items() if doc in asked and not is_held_back(doc)}
    real = [one for doc, own in mine.items() for one in filled(doc, own, asked)]
    copies = [one for doc, own in copied(given.work, given.data, asked) for one in filled(doc, own, asked)]
    taken = [one for seen in real for one in without(seen, mine[seen.doc], asked)]
    print(f"{len(real)} cells, {len(copies)} of copies, {len(taken)} where the value was taken away")
    rate(real, copies, taken)
    if given.save:
        fit = fitted_to_all(real, copies, taken)
        measured, today = on_the_other_half(given.store, families, fit), datetime.now(UTC).date().isoformat()
        save_calibration(with_rows(replace(fit, fitted_on=FITTED_ON, fitted_at=today, measured=measured)), SHIPPED)
        print("held back:", measured)


def with_rows(fit: Calibration) -> Calibration:
    """A calibration of fields with what is shipped for the rows of tables (`line_items_fit.py`)."""
    shipped = load_calibration()
    rows = {name: weight for name, weight in shipped.weights.items() if name.startswith(MARKS)}
    measured = {name: value for name, value in (shipped.measured or {}).items() if name.startswith("rows")}
    said = "".join(shipped.fitted_on.partition("; line items: ")[1:])
    return replace(
        fit,
        weights={**fit.weights, **rows},
        measured={**(fit.measured or {}), **measured},
        fitted_on=f"{fit.fitted_on}{said}",
    )


def on_the_other_half(
    folder: Path, families: Mapping[str, Sequence[FieldRecord]], fit: Calibration
) -> Mapping[str, float]:
    """What a fit is worth on the half that was held back, filled as an extraction of all documents fills it."""
    with tempfile.TemporaryDirectory() as copy:
        store = beside(folder, Path(copy))
        there = {document.doc for document in store.catalog.documents()}
        judged = [
            one
            for family, records in families.items()
            for one in judge_fields(
                store, Settings(), fields_of(family), [r for r in records if r.doc in there], BUILT_IN
            )
        ]
    return believability([one for one in judged if one.held_back], fit)


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_held_back(doc: str) -> bool:
    """Whether a document belongs to the half that nothing is fitted on."""
    return Judged(doc, "", None, right=False).held_back


def pages_of(folder: Path) -> dict[str, list[Page]]:
    """The pages of a store's documents."""
    with tempfile.TemporaryDirectory() as copy:
        store = beside(folder, Path(copy))
        return {one.doc: list(store.library.pages(one.doc)) for one in store.catalog.documents() if one.pages_done}


def copied(work: Path, data: Path, asked: Asked) -> Iterable[tuple[str, list[Page]]]:
    """The worse copies as docqa reads them, each with the document that it is a copy of."""
    store, known = work / "store", work / "copies.json"
    if not known.exists():
        made = make_copies(work / "copies", data, asked)
        command = [sys.executable, "-m", "docqa", "--store", str(store), "ingest", "--no-vectors", str(work / "copies")]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        known.write_text(json.dumps(made), encoding="utf-8")
    origin = json.loads(known.read_text(encoding="utf-8"))
    return [(origin[doc], pages) for doc, pages in pages_of(store).items()]


def make_copies(folder: Path, data: Path, asked: Asked) -> dict[str, str]:
    """Write copies of the documents that may be learned from; for each the document that it is a copy of.

    Agreements are left out: they are long, and never come as photographs.
    """
    folder.mkdir(parents=True)
    chance, made = random.Random(3), {}
    for line in (data / "fields.jsonl").read_text(encoding="utf-8").splitlines():
        named = json.loads(line)
        file = data / named["doc"]
        doc = hashlib.sha256(file.read_bytes()).hexdigest()
        if named["source"] == "kleister-nda" or doc not in asked or is_held_back(doc):
            continue
        for how in WORSE if named["source"] == "sroie" else ("poor",):
            images = [worse(image, how, chance) for image in drawn(file)]
            copy = folder / f"{doc[:12]}-{how}.pdf"
            images[0].save(copy, "PDF", save_all=True, append_images=images[1:], resolution=100, quality=60)
            made[hashlib.sha256(copy.read_bytes()).hexdigest()] = doc
    return made


def drawn(file: Path) -> list[Image.Image]:
    if file.suffix != ".pdf":
        return [Image.open(file)]
    with pymupdf.open(file) as document:
        maps = [page.get_pixmap(dpi=150) for page in document.pages(0, min(PAGES, len(document)))]
    return [Image.frombytes("RGB", (one.width, one.height), one.samples) for one in maps]


def worse(image: Image.Image, how: str, chance: random.Random) -> Image.Image:
    """A page as from a worse scanner: smaller, askew, blurred, pale, and saved with loss."""
    width, share, blur, contrast, quality = WORSE[how]
    share = max(share, min(1.0, width / image.width))
    small = image.convert("L").resize((int(image.width * share), int(image.height * share)), Image.Resampling.LANCZOS)
    askew = small.rotate(chance.uniform(-0.8, 0.8), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    pale = ImageEnhance.Contrast(askew.filter(ImageFilter.GaussianBlur(blur))).enhance(contrast)
    saved = io.BytesIO()
    pale.save(saved, "JPEG", quality=quality)
    return Image.open(saved).convert("RGB")


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def filled(doc: str, pages: Sequence[Page], asked: Asked) -> list[Judged]:
    """The cells of a document, or of a copy of it, whose true value is known."""
    fields, record = asked[doc]
    readings = Readings(BUILT_IN, read_fields(fields, pages))
    cells = fill_cells(doc, fields, {page.number: page for page in pages}, readings, {}, load_calibration())
    return [
        Judged(doc, one.name, cells[one.name], is_right(cells[one.name], record.fields[one.name], one.type))
        for one in fields
        if one.name in record.fields
    ]


def without(seen: Judged, pages: Sequence[Page], asked: Asked) -> list[Judged]:
    """What is read in a field, and is wrong, where the words of its value are taken off the page."""
    cell = seen.cell
    if not seen.right or cell is None or cell.value is None:
        return []
    bare = [
        replace(page, words=tuple(word for word in page.words if not any(stands_in(word, box) for box in cell.boxes)))
        if page.number == cell.page
        else page
        for page in pages
    ]
    return [one for one in filled(seen.doc, bare, asked) if one.field == seen.field and not one.right]


def stands_in(word: Word, box: Box) -> bool:
    """Whether the middle of a word is in a box."""
    across, down = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    return box[0] <= across <= box[2] and box[1] <= down <= box[3]


# ── fitting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def fitted_to_all(real: Iterable[Judged], copies: Iterable[Judged], taken: Iterable[Judged]) -> Calibration:
    """Weights fitted to all, and from there to the documents as they are."""
    observed = [(signs, 1.0) for signs in taught(real)]
    every = [*observed, *((one, COPIED) for one in taught(copies)), *((one, TAKEN) for one in taught(taken))]
    first = fitted(Calibration(BELIEFS), [signs for signs, _ in every], [worth for _, worth in every], FIRST_PULL)
    return fitted(first, [signs for signs, _ in observed])


def taught(cells: Iterable[Judged]) -> list[tuple[Signs, bool]]:
    """Signs, and what was right. A cell that failed a check is as sure as that allows: it teaches nothing."""
    valued = ((one, one.cell) for one in cells if one.cell is not None and one.cell.value is not None)
    return [(cell.signs, one.right) for one, cell in valued if not cell.doubts]


def rate(real: Sequence[Judged], copies: Sequence[Judged], taken: Sequence[Judged]) -> None:
    """Print what a fit is worth on documents that it has not seen, as they are and as worse copies."""
    docs = sorted({one.doc for one in real})
    random.Random(0).shuffle(docs)
    rated: dict[str, list[tuple[tuple[float, float], bool]]] = {"as they are": [], "worse copies": []}
    for fold in range(FOLDS):
        out = set(docs[fold::FOLDS])
        fit = fitted_to_all(*([one for one in cells if one.doc not in out] for cells in (real, copies, taken)))
        for name, cells in (("as they are", real), ("worse copies", copies)):
            for one in (one for one in cells if one.doc in out):
                chance = fit.confidence(one.cell) if one.cell is not None else None
                rated[name].append(((chance or 0.0, one.sureness[1]), one.right))
    for name, ranked in rated.items():
        claimed = [(sure, right) for (sure, _), right in ranked if sure > 0]
        at = " ".join(f"{share:.0%} {accuracy_at(ranked, share)}" for share in (0.5, 0.6, 0.7, 0.8))
        error = calibration_error(claimed)
        print(f"{name}: {len(ranked)} cells, calibration error {error}, right among the surest: {at}")


if __name__ == "__main__":
    main()
