"""Documents a second of an extraction without a model server, against a bare loop that only loads their words.

    python tests/bench/fields_speed.py STORE FIELDS [--rounds 3] [--jobs 2]

STORE is never written to: the catalog is copied, the library is read where it is. Each round does both, one after the
other, and prints one line of JSON; the last line is the medians. The bare loop reads every page's words from the
library and nothing else: no catalog, no comparison with what was stored, no fields, no ledger. It is one process, as
such a loop is; the product is as many as it starts. Both are therefore given twice: by the clock, and by the seconds of
processor they took, which says what a core does and does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from docqa.extract.fields import load_fields
from docqa.extract.run import carry_on, start_run
from docqa.settings import ExtractSettings, Settings
from docqa.store import Store
from docqa.types import FieldSpec


def bare(store: Store, docs: list[str]) -> None:
    for doc in docs:
        store.library.pages(doc)


def product(store: Store, docs: list[str], fields: tuple[FieldSpec, ...], settings: Settings) -> None:
    carry_on(store, settings, start_run(store, settings, fields, "quote", docs))


def measured(count: int, work: Callable[[], None]) -> tuple[float, float]:
    """Documents a second by the clock, and a second of processor, processes that were started included."""
    started, used = time.perf_counter(), processor()
    work()
    return count / (time.perf_counter() - started), count / (processor() - used)


def processor() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in times)


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
    arguments.add_argument("--family", default="", help="only documents whose label holds this")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = arguments.parse_args()
    fields = load_fields(given.fields)
    settings = Settings(extract=ExtractSettings(jobs=given.jobs))
    rounds = []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as copy:  # without the cells of the round before
            store = beside(given.store, Path(copy))
            documents = [one for one in store.catalog.documents() if 0 < one.pages_done <= given.pages]
            docs = [one.doc for one in documents if given.family in one.label]
            store.library.pages(docs[0])
            loop, loop_core = measured(len(docs), lambda s=store, d=docs: bare(s, d))  # type: ignore[misc]
            run, run_core = measured(len(docs), lambda s=store, d=docs: product(s, d, fields, settings))  # type: ignore[misc]
        rounds.append(
            round_ := {
                "documents": len(docs),
                "pages": sum(one.pages_done for one in documents if given.family in one.label),
                "jobs": given.jobs,
                "bare": round(loop, 2),
                "product": round(run, 2),
                "ratio": round(run / loop, 3),
                "bare_a_core": round(loop_core, 2),
                "product_a_core": round(run_core, 2),
                "ratio_a_core": round(run_core / loop_core, 3),
                "load": round(os.getloadavg()[0], 1),
            }
        )
        print(json.dumps(round_), flush=True)
    print(json.dumps({name: median(one[name] for one in rounds) for name in rounds[0]}))


if __name__ == "__main__":
    main()
