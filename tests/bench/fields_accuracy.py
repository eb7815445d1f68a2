"""How often the built-in reader fills a field rightly, by family of documents, and what its confidence is worth.

    python tests/bench/fields_accuracy.py STORE [--data FOLDER] [--wrong]

STORE holds the documents of the measuring data and is never written to. Each family is asked for its fields by name and
type alone, without a description. Prints, for the half that was held back when rules were made (decided by a document's
content) and for all, how many cells of each field are right; then calibration error and accuracy at coverage over all
families together. `--wrong` also prints the wrong cells of the other half.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from fields_speed import beside

from docqa.evaluate import FieldRecord, Judged, judge_fields, read_field_records
from docqa.extract.calibration import accuracy_at, brier, calibration_error
from docqa.settings import Settings
from docqa.types import FieldSpec, FieldType

ROOT = Path(__file__).parents[2]
AMOUNT, DATE, TEXT, CHOICE = FieldType.AMOUNT, FieldType.DATE, FieldType.TEXT, FieldType.CHOICE
_AMOUNTS = dict.fromkeys(("total", "total_amount", "net_total", "tax_total", "amount", "amount_untaxed"), AMOUNT)
_DATES = dict.fromkeys(("date", "invoice_date", "effective_date"), DATE)
#: What each family is asked for; all that is not an amount, a date or a choice is a text.
FAMILIES = {
    "sroie": ("company", "date", "total", "address"),
    "zugferd": (
        "invoice_number", "invoice_date", "total_amount", "net_total", "tax_total", "seller_name", "buyer_name",
        "currency",
    ),
    "invoice2data": ("invoice_number", "date", "amount", "amount_untaxed", "currency", "issuer"),
    "kleister-nda": ("effective_date", "jurisdiction", "party", "term"),
    "fara-scan": ("registration_number", "registrant_name"),
}  # fmt: skip


def main() -> None:
    """Fill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DOCQA_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--wrong", action="store_true", help="print the wrong cells that rules may be made on")
    arguments = parser.parse_args()
    every: list[Judged] = []
    with tempfile.TemporaryDirectory() as copy:
        store = beside(arguments.store, Path(copy))
        there = {document.doc for document in store.catalog.documents()}
        for family, records in by_family(arguments.data / "fields.jsonl").items():
            known = [record for record in records if record.doc in there]
            judged = judge_fields(store, Settings(), fields_of(family), known, "quote")
            tell(family, judged, show_wrong=arguments.wrong)
            every += judged
    for name, cells in (("held back", [one for one in every if one.held_back]), ("all", every)):
        sure = [(one.cell.confidence or 0.0, one.right) for one in cells if one.cell and one.cell.value is not None]
        ranked = [(one.sureness, one.right) for one in cells]
        at = " ".join(f"{share:.0%} {accuracy_at(ranked, share)}" for share in (0.5, 0.6, 0.8))
        worth = f"calibration error {calibration_error(sure)}, Brier score {brier(sure)}"
        print(f"{name}: {len(cells)} cells, {worth}, right among the surest: {at}")


def by_family(file: Path) -> dict[str, list[FieldRecord]]:
    """The records of each family, documents as sha256."""
    sources = [json.loads(line)["source"] for line in file.read_text(encoding="utf-8").splitlines()]
    records = read_field_records(file)
    return {family: [r for r, source in zip(records, sources, strict=True) if source == family] for family in FAMILIES}


def fields_of(family: str) -> list[FieldSpec]:
    """The fields by name and type alone."""
    return [FieldSpec(name, (_AMOUNTS | _DATES).get(name, TEXT)) for name in FAMILIES[family]]


def tell(family: str, judged: Sequence[Judged], *, show_wrong: bool) -> None:
    """One line a field."""
    for name in FAMILIES[family]:
        cells = [one for one in judged if one.field == name]
        held = [one for one in cells if one.held_back]
        print(f"{family} {name}: held back {right(held)}, all {right(cells)}", flush=True)
        for one in cells:
            if show_wrong and not one.held_back and not one.right:
                print("   ", one.doc[:12], None if one.cell is None else (one.cell.text, one.cell.confidence))


def right(cells: Iterable[Judged]) -> str:
    """So many of so many."""
    listed = [one.right for one in cells]
    return f"{sum(listed)}/{len(listed)}"


if __name__ == "__main__":
    main()
