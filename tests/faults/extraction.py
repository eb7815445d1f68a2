"""Kill an extraction at each of its steps, or at random moments, run it again to the end, and look at the ledger.

    python -m tests.faults.extraction [--jobs 1|2] [--stride 3] [--first 1] [--mode before|after|both] [--random 20]

Afterwards every cell is there once and holds what it holds after a run that nobody disturbed; what was in the ledger
when the run was killed is there unchanged; and no process that read fields outlives the one that started it. Prints one
line of JSON for every kill and a summary; exit code 1 if anything did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from docqa.extract import run as extraction
from tests.faults import killed, stand_ins
from tests.faults.folders import letters
from tests.faults.forked import Fork, docqa

_FIELDS = """[[field]]
name = "page_of"
type = "text"
description = "Page"
[[field]]
name = "letter"
type = "text"
[[field]]
name = "date"
type = "date"
"""
_ENDS = (0, 3)  #: exit codes of a run that came to its end: one of the letters is damaged
_MARK = "DOCQA_FAULTS"  #: in the environment of a run and of what it starts
_ORPHAN_SECONDS = 10.0

Cells = dict[tuple[str, str], tuple[object, ...]]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--stride", type=int, default=1, help="only every so many steps")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--mode", choices=("before", "after", "both"), default="both")
    parser.add_argument("--random", type=int, default=0, help="that many kills at random moments instead")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    stand_ins.install()
    os.environ["DOCQA_EXTRACT__JOBS"] = str(asked.jobs)
    extraction.WORTH_PROCESSES = 0
    with tempfile.TemporaryDirectory() as name:
        office = Office(Path(name))
        if asked.random:
            results = list(at_random(office, asked.random, random.Random(asked.seed)))
        else:
            modes = ("before", "after") if asked.mode == "both" else (asked.mode,)
            results = [result for mode in modes for result in at_each_step(office, mode, asked.first, asked.stride)]
    bad = [result for result in results if result["wrong"]]
    kills = sum(bool(result["killed"]) for result in results)
    print(json.dumps({"kills": kills, "bad": len(bad), "jobs": asked.jobs, "cells": len(office.whole)}))
    return 1 if bad else 0


class Office:
    """A store with letters, and what an extraction that nobody disturbs leaves in its ledger."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.read = place / "read"
        self._fields = place / "fields.toml"
        self._fields.write_text(_FIELDS, encoding="utf-8")
        ingest = Fork(docqa(self.read, "ingest", letters(place / "inputs", 6, 3), "--no-vectors"), place, "ingest")
        assert ingest.wait() in _ENDS, ingest.complaints()
        undisturbed = self.copy("undisturbed")
        whole = Fork(self.extract(undisturbed), place, "whole")
        assert whole.wait() in _ENDS, whole.complaints()
        self.seconds = whole.seconds
        self.whole = cells(undisturbed)
        self.table = (undisturbed / "table.csv").read_bytes()

    def copy(self, name: str) -> Path:
        """The store as it is before an extraction."""
        return Path(shutil.copytree(self.read, self.place / name))

    def extract(self, store: Path) -> Callable[[], int]:
        """The command, as a function to fork."""
        return docqa(store, "extract", "--fields", self._fields, "--out", store / "table.csv")

    def gone_on(self, store: Path) -> list[str]:
        """Run it again, and everything that is wrong afterwards."""
        kept = cells(store) if (store / "catalog.sqlite").exists() else {}
        again = Fork(self.extract(store), self.place, "again")
        if again.wait() not in _ENDS:
            return [f"the second run ended with {again.wait()}: {again.complaints()[-600:]}"]
        found = cells(store)
        wrong = [f"{key} was there and is changed or lost" for key, cell in kept.items() if found.get(key) != cell]
        wrong += [f"{key} is {told(found, key)} instead of {told(self.whole, key)}" for key in self.different(found)]
        if (store / "table.csv").read_bytes() != self.table:
            wrong.append("the table is another one")
        return wrong + unfinished(store)

    def different(self, found: Cells) -> list[tuple[str, str]]:
        """The cells that do not hold what they should."""
        return [key for key in self.whole.keys() | found.keys() if told(found, key) != told(self.whole, key)]


def at_each_step(office: Office, mode: str, first: int, stride: int) -> Iterator[dict[str, object]]:
    """Kill at one step after the other, until a run has no step of that number any more."""
    for step in count(first, stride):
        store = office.copy(f"{mode} {step}")
        run = Fork(lambda s=step, folder=store: _killed(office, folder, s, mode), office.place, "killed")  # type: ignore[misc]
        code = run.wait()
        yield _looked_at(office, store, code, {"step": step, "mode": mode}, run.complaints())
        if code != -signal.SIGKILL:
            return


def at_random(office: Office, kills: int, chance: random.Random) -> Iterator[dict[str, object]]:
    """Kill at a moment of the run drawn by chance, twice in a row for every other store."""
    done = 0
    while done < kills:
        store = office.copy(f"random {done}")
        for _ in range(1 + done % 2):
            run = Fork(_marked(office.extract(store), store), office.place, "run")
            moment = chance.uniform(0, office.seconds)
            time.sleep(moment)
            run.kill()
            code = run.wait()
        done += 1
        yield _looked_at(office, store, code, {"after": round(moment, 2)}, run.complaints())


def _killed(office: Office, store: Path, step: int, mode: str) -> int:
    killed.install(killed.Steps(step, after=mode == "after"))
    return _marked(office.extract(store), store)()


def _marked(run: Callable[[], int], store: Path) -> Callable[[], int]:
    def marked() -> int:
        os.environ[_MARK] = str(store)
        return run()

    return marked


def _looked_at(office: Office, store: Path, code: int, what: dict[str, object], said: str) -> dict[str, object]:
    wrong = orphans(store)
    if code not in (-signal.SIGKILL, *_ENDS):
        wrong.append(f"the run that was to be killed ended with {code}: {said[-600:]}")
    wrong += office.gone_on(store)
    shutil.rmtree(store)
    result = what | {"killed": code == -signal.SIGKILL, "wrong": wrong}
    print(json.dumps(result), flush=True)
    return result


# ── what is in the ledger ────────────────────────────────────────────────────────────────────────────────────────────


def cells(store: Path) -> Cells:
    """The rows of the ledger, by document and field."""
    with closing(sqlite3.connect(store / "catalog.sqlite")) as catalog:
        catalog.row_factory = sqlite3.Row
        return {(row["doc"], row["field"]): tuple(row) for row in catalog.execute("SELECT * FROM cells")}


def told(found: Cells, key: tuple[str, str]) -> object:
    """What a cell holds, but for when it was filled and at which attempt."""
    if key not in found:
        return None
    *known, _, details = found[key]
    return (*known, {name: value for name, value in json.loads(str(details)).items() if name != "attempt"})


def unfinished(store: Path) -> list[str]:
    """Documents that the newest extraction did not finish, and attempts that nobody needed."""
    with closing(sqlite3.connect(store / "catalog.sqlite")) as catalog:
        rows = catalog.execute(
            """SELECT doc, done, attempts, problem_code FROM run_documents WHERE run = (SELECT max(run) FROM runs)
               AND doc IN (SELECT doc FROM documents WHERE pages_done)"""
        ).fetchall()
    return [f"{doc[:12]}: done {done}, {attempts} attempts, {code}" for doc, done, attempts, code in rows if not done]


def orphans(store: Path) -> list[str]:
    """Processes that a killed run left behind and that did not end by themselves."""
    end = time.monotonic() + _ORPHAN_SECONDS
    while (left := list(_marked_with(store))) and time.monotonic() < end:
        time.sleep(0.05)
    return [f"process {pid} was left behind" for pid in left]


def _marked_with(store: Path) -> Iterator[str]:
    mark = f"{_MARK}={store}\0".encode()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if mark in (process / "environ").read_bytes():
                    yield process.name
            except OSError:  # it has ended, or is somebody else's
                continue


if __name__ == "__main__":
    raise SystemExit(main())
