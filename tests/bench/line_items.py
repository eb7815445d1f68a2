"""How right the line items of invoices are: rows found, missed and invented, and the cells of each column.

    python tests/bench/line_items.py STORE [--data FOLDER] [--drawn FOLDER STORE] [--held-back] [--wrong]

STORE holds the documents of the measuring data and is never written to. The truth is in the XML file that some invoices
carry (ZUGFeRD, Factur-X), which docqa never reads: it is taken from the files themselves. `--drawn` adds invoices that
`drawn_invoices.py` drew, and the store they were read into. Each document is filled with the preset for invoices by the
built-in reader. Only the half of the documents that rules may be made on is measured, decided by a document's content;
`--held-back` measures the other half instead. `--wrong` prints what is wrong in the half that may be looked at.

A row read and a row of the truth belong together, in order, so that most cells agree. Amounts are compared as numbers
without their sign: a credit note prints what its file counts the other way. A description is right if it holds the
item's name and at least every third word of it is said of the item in the truth. What the truth does not say, or says
and the pages do not print (a price after a discount), is counted neither way.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pymupdf
from fields_accuracy import ROOT
from fields_fit import is_held_back, pages_of

from docqa.extract.calibration import accuracy_at, calibration_error, load_calibration
from docqa.extract.fields import load_fields, presets
from docqa.extract.fill import BUILT_IN, Readings, fill_cells
from docqa.extract.values import find_amounts
from docqa.readers.layout import read_fields
from docqa.types import Cell, FieldSpec, FieldType, Page
from docqa.verify.tokens import letters_of

COLUMNS = ("description", "quantity", "unit_price", "line_total")
#: Where the figures of a line stand in the XML (UN/CEFACT CII, BT-129, BT-146 and BT-148, BT-131).
PATHS = {
    "quantity": (".//{*}BilledQuantity",),
    "unit_price": (".//{*}NetPriceProductTradePrice/{*}ChargeAmount",
                   ".//{*}GrossPriceProductTradePrice/{*}ChargeAmount"),
    "line_total": (".//{*}LineTotalAmount",),
}  # fmt: skip
SAID = (".//{*}SpecifiedTradeProduct//*", ".//{*}IncludedNote/{*}Content")


@dataclass(frozen=True)
class Line:
    """A true row: for each column of figures what may be read, the item's name, and all words that are said of it."""

    name: str
    words: frozenset[str]
    figures: Mapping[str, frozenset[Decimal]]


@dataclass(frozen=True)
class Seen:
    """A cell that was read, or should have been (None): `right` is None where nothing can be said of it."""

    doc: str
    family: str
    column: str
    cell: Cell | None
    right: bool | None
    row: int = 0  #: of those read, from 1


@dataclass(frozen=True)
class Compared:
    """A document's rows read against its true ones."""

    doc: str
    family: str
    label: str
    cells: Sequence[Seen]
    found: int
    missed: int
    invented: int
    table: Cell | None

    @property
    def whole(self) -> bool:
        """Whether every row is there and no other."""
        return not self.missed and not self.invented


def main() -> None:
    """Fill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DOCQA_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--drawn", type=Path, nargs=2, metavar=("FOLDER", "STORE"))
    parser.add_argument("--held-back", action="store_true")
    parser.add_argument("--wrong", action="store_true", help="print what is wrong, of the half that may be looked at")
    given = parser.parse_args()
    sources = [(given.store, truths_in_files(given.data))]
    if given.drawn:
        sources.append((given.drawn[1], truths_drawn(given.drawn[0])))
    for store, truths in sources:
        compared = [one for one in compare_all(store, truths) if is_held_back(one.doc) == given.held_back]
        tell(compared, show_wrong=given.wrong and not given.held_back)


# ── the truth ────────────────────────────────────────────────────────────────────────────────────────────────────────


Truths = Mapping[str, tuple[str, str, Sequence[Line]]]  #: by document: family, label, rows


def truths_in_files(data: Path) -> Truths:
    """The lines in the XML of the measuring invoices; one without lines says nothing of its table."""
    found = {}
    for text in (data / "fields.jsonl").read_text(encoding="utf-8").splitlines():
        known = json.loads(text)
        if known["source"] != "zugferd":
            continue
        file = data / known["doc"]
        with pymupdf.open(file) as document:
            lines = list(lines_of(ET.fromstring(document.embfile_get(0))))
        if lines:
            found[hashlib.sha256(file.read_bytes()).hexdigest()] = ("zugferd", file.name, lines)
    return found


def lines_of(invoice: ET.Element) -> Iterator[Line]:
    """The lines that hold an item: those with notes alone are left out."""
    for line in invoice.iter():
        if not line.tag.endswith("}IncludedSupplyChainTradeLineItem"):
            continue
        figures = {
            column: frozenset(abs(Decimal(one.text)) for path in paths for one in line.findall(path) if one.text)
            for column, paths in PATHS.items()
        }
        named = line.find(".//{*}SpecifiedTradeProduct/{*}Name")
        if figures["line_total"] and named is not None and named.text:
            said = [one.text or "" for path in SAID for one in line.findall(path)]
            # The name is the last of its lines where numbers of the article stand before it.
            name = named.text.split("\n")[-1] if "GTIN" in named.text else named.text
            yield Line(name, words_of(" ".join(said)), figures)


def truths_drawn(folder: Path) -> Truths:
    """What was drawn."""
    found = {}
    for name, rows in json.loads((folder / "items.json").read_text(encoding="utf-8")).items():
        lines = [
            Line(
                row["description"],
                words_of(" ".join([row["description"], *row["more"]])),
                {one: frozenset([Decimal(row[one])] if one in row else []) for one in PATHS},
            )
            for row in rows
        ]
        found[hashlib.sha256((folder / name).read_bytes()).hexdigest()] = ("drawn", name, lines)
    return found


def words_of(text: str) -> frozenset[str]:
    return frozenset(filter(None, map(letters_of, text.split())))


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def compare_all(store: Path, truths: Truths) -> list[Compared]:
    """Every document of a store whose truth is known."""
    pages = pages_of(store)
    return [compare(doc, truths[doc], pages[doc]) for doc in truths if doc in pages]


def compare(doc: str, truth: tuple[str, str, Sequence[Line]], pages: Sequence[Page]) -> Compared:
    """Fill a document and hold its table against the truth."""
    family, label, lines = truth
    fields = load_fields(presets()["invoice"])
    table = filled(doc, fields, pages)
    return against(doc, family, label, printed_only(lines, pages), table)


def filled(doc: str, fields: Sequence[FieldSpec], pages: Sequence[Page]) -> Cell:
    """The table of line items."""
    spec = next(one for one in fields if one.type is FieldType.TABLE)
    readings = Readings(BUILT_IN, read_fields(fields, pages))
    return fill_cells(doc, fields, {one.number: one for one in pages}, readings, {}, load_calibration())[spec.name]


def printed_only(lines: Sequence[Line], pages: Sequence[Page]) -> list[Line]:
    """The lines with those figures that stand on the pages."""
    printed = {abs(Decimal(span.value)) for page in pages for line in page.lines
               for span in find_amounts(" ".join(word.text for word in line))}  # fmt: skip
    return [
        Line(line.name, line.words, {column: values & printed for column, values in line.figures.items()})
        for line in lines
    ]


def against(doc: str, family: str, label: str, lines: Sequence[Line], table: Cell) -> Compared:
    """The rows of a table against the true ones."""
    judged = [[[is_right(cell, line) for cell in row] for line in lines] for row in table.rows]
    pairs = paired([[sum(one is True for one in cells) for cells in row] for row in judged])
    cells: list[Seen] = []
    for number, row in enumerate(table.rows, start=1):
        line = pairs.get(number - 1)
        for cell in row:
            right = False if line is None else is_right(cell, lines[line])
            if cell.value is not None or (line is not None and is_said(cell.field, lines[line])):
                cells.append(Seen(doc, family, cell.field, cell, right, number))
    for place, line in enumerate(lines):
        if place not in pairs.values():
            cells += [Seen(doc, family, column, None, False) for column in COLUMNS if is_said(column, line)]
    found = len(pairs)
    return Compared(doc, family, label, cells, found, len(lines) - found, len(table.rows) - found, table)


def is_said(column: str, line: Line) -> bool:
    return column == "description" or bool(line.figures.get(column))


def is_right(cell: Cell, line: Line) -> bool | None:
    """Whether a cell is what a line says; None where it says nothing."""
    if not is_said(cell.field, line):
        return None
    if cell.value is None:
        return False
    if cell.field != "description":
        return abs(Decimal(cell.value)) in line.figures[cell.field]
    read = [letters_of(word) for word in cell.value.split()]
    named = letters_of(line.name) in letters_of(cell.value)
    return named and sum(word in line.words for word in read if word) * 3 >= sum(map(bool, read))


def paired(scores: Sequence[Sequence[int]]) -> dict[int, int]:
    """Which row read is which true one, in order, so that most cells agree, at least one."""
    count = len(scores[0]) if scores else 0
    best = [[0] * (count + 1) for _ in range(len(scores) + 1)]
    for read in range(len(scores) - 1, -1, -1):
        for true in range(count - 1, -1, -1):
            both = best[read + 1][true + 1] + scores[read][true] if scores[read][true] else 0
            best[read][true] = max(best[read + 1][true], best[read][true + 1], both)
    pairs, read, true = {}, 0, 0
    while read < len(scores) and true < count:
        if scores[read][true] and best[read][true] == best[read + 1][true + 1] + scores[read][true]:
            pairs[read] = true
            read, true = read + 1, true + 1
        elif best[read][true] == best[read + 1][true]:
            read += 1
        else:
            true += 1
    return pairs


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def tell(compared: Sequence[Compared], *, show_wrong: bool) -> None:
    """Rows, then a line a column, then what the confidence of the cells is worth."""
    if not compared:
        return
    found, missed, invented = (sum(getattr(one, name) for one in compared) for name in ("found", "missed", "invented"))
    whole = sum(one.whole for one in compared)
    print(
        f"{compared[0].family}: {len(compared)} documents, {whole} with every row and no other; "
        f"{found} rows found, {missed} missed, {invented} invented"
    )
    cells = [cell for one in compared for cell in one.cells]
    for column in COLUMNS:
        of_column = [one for one in cells if one.column == column and one.right is not None]
        read = [one for one in of_column if one.cell is not None and one.cell.value is not None]
        right = sum(one.right is True for one in read)
        true = right + sum(one.right is False and not is_extra(one, compared) for one in of_column)
        print(f"    {column}: precision {right}/{len(read)}, recall {right}/{true}")
    tell_confidence(cells)
    for one in compared if show_wrong else ():
        wrong = [(c.row, c.column, None if c.cell is None else c.cell.text) for c in one.cells if c.right is False]
        if wrong or not one.whole:
            print("   ", one.label, f"missed {one.missed} invented {one.invented}", wrong[:12])


def is_extra(one: Seen, compared: Sequence[Compared]) -> bool:
    """Whether a cell belongs to a row that is none."""
    return one.row in invented_rows(next(doc for doc in compared if doc.doc == one.doc))


def invented_rows(one: Compared) -> set[int]:
    """The rows of which nothing is right."""
    return {cell.row for cell in one.cells if cell.row} - {cell.row for cell in one.cells if cell.right is True}


def tell_confidence(cells: Iterable[Seen]) -> None:
    """How far the confidence of the cells that were read can be believed."""
    read = [(one.cell, one.right) for one in cells if one.cell is not None and one.cell.value is not None]
    rated = [(cell.confidence, right) for cell, right in read if cell.confidence is not None and right is not None]
    if rated:
        at = " ".join(f"{share:.0%} {accuracy_at(rated, share)}" for share in (0.5, 0.6, 0.8, 1.0))
        print(f"    {len(rated)} cells, calibration error {calibration_error(rated)}, right among the surest: {at}")


if __name__ == "__main__":
    main()
