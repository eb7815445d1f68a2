"""Kill a run at each of its steps in turn, run again to the end, and look at the store.

    python -m tests.faults.every_step [--stride 5] [--first 1] [--mode before|after|both]

Prints one line of JSON for every kill and a summary; exit code 1 if any invariant did not hold.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.faults import killed, stand_ins
from tests.faults.folders import is_damaged, three_kinds
from tests.faults.forked import Fork, docqa
from tests.faults.invariants import invariants


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stride", type=int, default=1, help="only every so many steps")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--mode", choices=("before", "after", "both"), default="both")
    asked = parser.parse_args()
    stand_ins.install(jobs=1)
    modes = ("before", "after") if asked.mode == "both" else (asked.mode,)
    results = []
    with tempfile.TemporaryDirectory() as place:
        for mode in modes:
            for result in _kills(Path(place), mode, asked.first, asked.stride):
                print(json.dumps(result), flush=True)
                results.append(result)
    bad = [result for result in results if result["wrong"]]
    print(json.dumps({"kills": len(results), "bad": len(bad), "worst_seconds": max(r["seconds"] for r in results)}))
    return 1 if bad else 0


def _kills(place: Path, mode: str, first: int, stride: int) -> Iterator[dict[str, object]]:
    """Kill at one step after the other, until a run has no step of that number any more."""
    inputs = three_kinds(place / f"inputs {mode}")
    for step in count(first, stride):
        started = time.monotonic()
        store = place / f"store {mode} {step}"
        run = Fork(lambda s=step, folder=store: _killed(folder, inputs, s, mode), place, "killed")  # type: ignore[misc]
        code = run.wait()
        again = Fork(lambda folder=store: _finished(folder, inputs), place, "again")  # type: ignore[misc]
        wrong = again.complaints().splitlines() if again.wait() not in (0, 3) else []
        wrong += [line["wrong"] for line in again.lines() if "wrong" in line]
        if code not in (-signal.SIGKILL, 0, 3):
            wrong.append(f"the run that was to be killed ended with {code}: {run.complaints()}")
        shutil.rmtree(store)
        yield {"step": step, "mode": mode, "wrong": wrong, "seconds": round(time.monotonic() - started, 2)}
        if code != -signal.SIGKILL:
            return


def _killed(store: Path, inputs: Path, step: int, mode: str) -> int:
    killed.install(killed.Steps(step, after=mode == "after"))
    return docqa(store, "ingest", inputs)()


def _finished(store: Path, inputs: Path) -> int:
    """The same command again, and what is wrong afterwards, in one process."""
    code = docqa(store, "ingest", inputs)()
    for wrong in invariants(store, inputs.iterdir(), is_damaged):
        print(json.dumps({"wrong": wrong}), flush=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
