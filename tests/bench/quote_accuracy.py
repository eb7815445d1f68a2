"""Are true quotes found, false ones refused: `python tests/bench/quote_accuracy.py --store DIR [--pages 300]`, by hand.

Pages are drawn from a store (of data/docs, with its scans), quotes are made from their words by
`tests/verify/misquotes.py`: true ones as readers give them, false ones as they invent them. Printed for each kind of
change: how many, how many were verified; and over all: recall (true quotes that were verified) and precision (verified
quotes that are true), pages of scans and pages with a text layer apart. With --show N the first N of each kind that
went wrong are printed, too. --transcripts FILE is ocr.jsonl: its lines, as people typed them, are looked for on the
recognised page; a line whose digits recognition got wrong cannot be found, so its share is printed apart and not part
of the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "verify")]

from misquotes import Case, cases, scanned  # noqa: E402

from docqa.store import Store  # noqa: E402
from docqa.types import Page  # noqa: E402
from docqa.verify import locate  # noqa: E402

FEWEST_WORDS = 15  #: of a page worth quoting from


def drawn(store: Store, number: int, seed: int) -> list[Page]:
    """Pages by chance: half of the documents' share is by document, so that long reports do not crowd out letters."""
    chance = random.Random(seed)
    documents = [document for document in store.catalog.documents() if document.pages_done]
    chance.shuffle(documents)
    pages: list[Page] = []
    while len(pages) < number and documents:
        for document in documents:
            [page] = store.library.pages(document.doc, [chance.randint(1, document.pages_done)]) or [None]
            if page is not None and len(page.words) >= FEWEST_WORDS and page not in pages[-400:]:
                pages.append(page)
            if len(pages) >= number:
                break
    return pages


def main() -> None:
    """Make the quotes, look for them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--each", type=int, default=1, help="quotes of each kind from each page")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="how many that went wrong to print of each kind")
    parser.add_argument("--transcripts", type=Path, help="ocr.jsonl")
    arguments = parser.parse_args()
    store = Store.existing(arguments.store)
    pages = drawn(store, arguments.pages, arguments.seed)
    made = list(cases(pages, arguments.seed, arguments.each))
    began = time.perf_counter()
    verified = {id(case): locate(case.quote, case.page) is not None for case in made}
    seconds = time.perf_counter() - began
    scans = sum(map(scanned, pages))
    print(
        f"{len(pages)} pages, {scans} of them recognised; {len(made)} quotes, {1000 * seconds / len(made):.1f} ms each"
    )
    report(made, verified, arguments.show)
    if arguments.transcripts:
        transcripts(store, arguments.transcripts, arguments.show)


def report(made: list[Case], verified: dict[int, bool], show: int) -> None:
    """The table by kind, then recall and precision for all pages, scans, and text layers."""
    for true in (True, False):
        print("\n" + ("true quotes, verified" if true else "false quotes, refused"))
        for kind in dict.fromkeys(case.kind for case in made if case.true is true):
            of_kind = [case for case in made if case.kind == kind]
            wrong = [case for case in of_kind if verified[id(case)] is not true]
            print(f"  {kind:28} {len(of_kind) - len(wrong):5} of {len(of_kind):5}  {1 - len(wrong) / len(of_kind):.3f}")
            for case in wrong[:show]:
                print(f"      {case.page.doc[:8]} p{case.page.number} {case.page.text_source}: {case.quote[:200]!r}")
    print()
    for name, chosen in (
        ("all pages", made),
        ("recognised pages", [c for c in made if scanned(c.page)]),
        ("text layers", [c for c in made if not scanned(c.page)]),
    ):
        marks = Counter((case.true, verified[id(case)]) for case in chosen)
        true, false = marks[True, True] + marks[True, False], marks[False, True] + marks[False, False]
        taken = marks[True, True] + marks[False, True]
        if true and false and taken:
            print(
                f"{name}: {true} true, {false} false; recall {marks[True, True] / true:.4f}, "
                f"precision {marks[True, True] / taken:.4f}, false ones verified {marks[False, True]}"
            )


def transcripts(store: Store, file: Path, show: int) -> None:
    """Lines as people read them, on pages as recognition read them."""
    found, missed, digits = 0, [], 0
    for line in file.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        doc = hashlib.sha256((file.parent / record["doc"]).read_bytes()).hexdigest()
        for page in store.library.pages(doc, [record["page"]]):
            numbers = Counter(re.findall(r"\d+", page.text))
            for said in (said for said in record["lines"] if len(re.sub(r"\W", "", said)) >= 6):
                if Counter(re.findall(r"\d+", said)) - numbers:
                    digits += 1
                elif locate(said, page):
                    found += 1
                else:
                    missed.append(said)
    total = found + len(missed)
    print(f"\ntyped lines on recognised pages: {found} of {total} found ({found / max(1, total):.3f}); ", end="")
    print(f"{digits} more have digits that were recognised otherwise")
    for said in missed[: 10 * show]:
        print(f"      {said!r}")


if __name__ == "__main__":
    main()
