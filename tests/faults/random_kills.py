"""Kill runs at random moments, run again, kill again, and in the end let a run finish and look at the store.

    python -m tests.faults.random_kills [--kills 100] [--seed 7]

A store is killed once, twice or five times in a row before it may finish. After two at most every good document must be
ready; after five some may have used up their three attempts, and `--retry` has to bring them back. Prints one line of
JSON for every store and a summary; exit code 1 if anything did not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from docqa.store import Store
from docqa.types import Status
from tests.faults import stand_ins
from tests.faults.folders import is_damaged, letters
from tests.faults.forked import Fork, docqa
from tests.faults.invariants import invariants

_IN_A_ROW = (1, 2, 2, 5)  #: kills of one store; two leave each document the last of its attempts


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    stand_ins.install()
    chance = random.Random(asked.seed)
    killed, bad, set_aside = 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        inputs = letters(place / "inputs", 6, 4)
        whole = Fork(docqa(place / "whole", "ingest", inputs), place, "whole")
        whole.wait()
        while killed < asked.kills:
            row = min(chance.choice(_IN_A_ROW), asked.kills - killed)
            result = _killed_in_a_row(place, inputs, row, whole.seconds, chance)
            killed += int(result["killed"])  # type: ignore[call-overload]
            bad += bool(result["wrong"])
            set_aside += int(result["set_aside"])  # type: ignore[call-overload]
            print(json.dumps(result), flush=True)
    summary = {"kills": killed, "bad": bad, "set_aside": set_aside, "seed": asked.seed}
    print(json.dumps(summary | {"whole_run_seconds": round(whole.seconds, 2)}))
    return 1 if bad else 0


def _killed_in_a_row(place: Path, inputs: Path, row: int, seconds: float, chance: random.Random) -> dict[str, object]:
    store, killed, moments = place / "store", 0, []
    while killed < row:
        run = Fork(docqa(store, "ingest", inputs), place, "run")
        moment = chance.uniform(0, seconds)
        time.sleep(moment)
        run.kill()
        if run.wait() != -signal.SIGKILL:
            break  # it had been faster
        killed += 1
        moments.append(round(moment, 2))
    again = Fork(lambda: _finished(store, inputs, retry=row > 2), place, "again")
    wrong = again.complaints().splitlines() if again.wait() != 0 else []
    wrong += [line["wrong"] for line in again.lines() if "wrong" in line]
    set_aside = sum(line["set_aside"] for line in again.lines() if "set_aside" in line)
    shutil.rmtree(store, ignore_errors=True)
    return {"killed": killed, "at": moments, "set_aside": set_aside, "wrong": wrong}


def _finished(store: Path, inputs: Path, *, retry: bool) -> int:
    """Run to the end, say what is wrong, and if attempts may have been used up, once more with --retry."""
    docqa(store, "ingest", inputs)()
    _say(invariants(store, inputs.iterdir(), None if retry else is_damaged))
    documents = Store.existing(store).catalog.documents()
    lost = sum(d.status is not Status.READY and not is_damaged(d.label) for d in documents)
    print(json.dumps({"set_aside": lost}))
    if retry:
        docqa(store, "ingest", inputs, "--retry")()
        _say(invariants(store, inputs.iterdir(), is_damaged))
    return 0


def _say(wrong: list[str]) -> None:
    for sentence in wrong:
        print(json.dumps({"wrong": sentence}), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
