"""Documents a second of an extraction without a model server, against a bare loop that only loads their words.

    python tests/bench/fields_speed.py STORE FIELDS [--rounds 3]

STORE is never written to: the catalog is copied, the library is read where it is. Each round does both, one after the
other, and prints one line of JSON; the last line is the medians. The bare loop reads every page's words from the
library and nothing else: no catalog, no comparison with what was stored, no fields, no ledger.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from docqa.extract.fields import load_fields
from docqa.extract.run import carry_on, start_run
from docqa.settings import Settings
from docqa.store import Store
from docqa.types import FieldSpec


def bare(store: Store, docs: list[str]) -> float:
    started = time.perf_counter()
    for doc in docs:
        store.library.pages(doc)
    return len(docs) / (time.perf_counter() - started)


def product(store: Store, docs: list[str], fields: tuple[FieldSpec, ...]) -> float:
    started = time.perf_counter()
    run = start_run(store, Settings(), fields, "quote", docs)
    carry_on(store, Settings(), run)
    return len(docs) / (time.perf_counter() - started)


def beside(folder: Path, copy: Path) -> Store:
    """A store with a catalog of its own over the library of another."""
    address = f"file:{folder / 'catalog.sqlite'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(copy / "catalog.sqlite")) as to:
        source.backup(to)
    for name in ("lance", "originals"):
        (copy / name).symlink_to((folder / name).resolve(), target_is_directory=True)
    return Store(copy)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("store", type=Path)
    arguments.add_argument("fields", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--pages", type=int, default=40, help="leave out longer documents")
    given = arguments.parse_args()
    fields = load_fields(given.fields)
    rounds = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as copy:  # without the cells of the round before
            store = beside(given.store, Path(copy))
            docs = [one.doc for one in store.catalog.documents() if 0 < one.pages_done <= given.pages]
            store.library.pages(docs[0])
            loop, run = bare(store, docs), product(store, docs, fields)
        rounds.append(round_ := {"documents": len(docs), "bare": loop, "product": run, "ratio": run / loop})
        print(json.dumps(round_), flush=True)
    print(json.dumps({name: median(one[name] for one in rounds) for name in rounds[0]}))


if __name__ == "__main__":
    main()
