"""Several processes ingest the same folder at once while others search it.

    python -m tests.faults.at_once [--writers 4] [--readers 2]

Prints one line of JSON; exit code 1 if a process failed, said that something is locked, or an invariant did not hold.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from docqa.store import Store
from tests.faults import stand_ins
from tests.faults.folders import is_damaged, letters
from tests.faults.forked import Fork, docqa
from tests.faults.invariants import invariants


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--readers", type=int, default=2)
    asked = parser.parse_args()
    stand_ins.install()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        store, inputs = place / "store", letters(place / "inputs", 10, 3)
        started = time.monotonic()
        writers = [Fork(docqa(store, "ingest", inputs), place, f"writer {n}") for n in range(asked.writers)]
        until = place / "done"
        readers = [Fork(lambda: _searching(store, until), place, f"reader {n}") for n in range(asked.readers)]
        for writer in writers:
            writer.wait()
        until.touch()
        everybody = {f"writer {n}": fork for n, fork in enumerate(writers)}
        everybody |= {f"reader {n}": fork for n, fork in enumerate(readers)}
        wrong = [f"{who} ended with {fork.wait()}" for who, fork in everybody.items() if fork.wait() not in (0, 3)]
        wrong += [f"{who}: {said}" for who, fork in everybody.items() if _unfit(said := fork.complaints())]
        seen = Fork(lambda: _looked_at(store, inputs), place, "seen")
        wrong += seen.complaints().splitlines() if seen.wait() else []
        wrong += [line["wrong"] for line in seen.lines()]
        searches = sum(line["searches"] for fork in readers for line in fork.lines() if "searches" in line)
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"writers": asked.writers, "searches": searches, "wrong": wrong, "seconds": seconds}))
    return 1 if wrong else 0


def _unfit(said: str) -> bool:
    """Whether a process said more than that it waits for another one."""
    return any("waiting for it" not in line for line in said.splitlines())


def _searching(store: Path, until: Path) -> int:
    """Search again and again; nothing may fail, whatever is written meanwhile."""
    while not (store / "catalog.sqlite").exists():
        time.sleep(0.01)
    searches = 0
    while not until.exists():
        code = docqa(store, "search", "harbour lantern")()
        if code:
            return code
        docqa(store, "check")()  # names what is in the making; must not fail
        searches += 1
    print(json.dumps({"searches": searches}))
    return 0


def _looked_at(store: Path, inputs: Path) -> int:
    wrong = invariants(store, inputs.iterdir(), is_damaged)
    wrong += [f"{d.label} took {d.attempts} attempts" for d in Store(store).catalog.documents() if d.attempts > 1]
    for sentence in wrong:
        print(json.dumps({"wrong": sentence}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
