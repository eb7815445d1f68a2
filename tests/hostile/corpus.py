"""Take a folder of hostile files through one run of `docqa ingest` with short deadlines, and judge how each one ended.

    python -m tests.hostile.corpus [--deadline 10] [--real-ocr] DATA_FOLDER

DATA_FOLDER holds hostile.jsonl, one object a line with "file" and "expected": "opens" (must be readable), "error" (must
end as a problem), "bounded" (either, in time). Prints one line of JSON for every file that ended otherwise or late,
and a summary; exit code 1 if the run died, a file has no status or problem, or one was late.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest import reading
from tests.faults import stand_ins
from tests.faults.forked import Fork, docqa
from tests.faults.invariants import invariants

_MARGIN = 2.0  #: seconds a child may be late: to be killed, and on a busy machine to be started
_CHILDREN = 3  #: that one document may use up (`ingest.reading`)
_WELL_ENDED = {"opens": {"ready", "duplicate"}, "error": {"failed", "needs_password"}}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--deadline", type=float, default=10)
    parser.add_argument("--real-ocr", action="store_true")
    asked = parser.parse_args()
    ocr = reading.OCR
    stand_ins.install(page_deadline=asked.deadline)
    if asked.real_ocr:
        reading.OCR = ocr
    listed = [json.loads(line) for line in (asked.data / "hostile.jsonl").read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        inputs = _copied(place / "inputs", [asked.data / one["file"] for one in listed])
        summary, lines = run_over(place, inputs, asked.deadline)
    differing = list(_differing(listed, lines))
    for line in differing:
        print(json.dumps(line, ensure_ascii=False))
    print(json.dumps(summary | {"differing": len(differing)}))
    return 1 if summary["wrong"] else 0


def run_over(place: Path, inputs: Path, deadline: float) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """One run over a folder: a summary with what is `wrong`, and the line of each file by label."""
    files = sorted(inputs.iterdir())
    run = Fork(docqa(place / "store", "ingest", *files), place, "run")  # named one by one, none is passed over
    code = run.wait()
    wrong = [f"the run ended with {code}: {run.complaints()[-2000:]}"] if code not in (0, 3) else []
    lines = {line["label"]: line for line in run.lines() if "label" in line}
    wrong += [f"{file.name} is in no line" for file in files if file.name not in lines]
    wrong += [sentence for line in lines.values() for sentence in _wrong_with(line, deadline)]
    seen = Fork(lambda: _looked_at(place / "store", files), place, "seen")
    wrong += seen.complaints().splitlines() if seen.wait() else []
    wrong += [line["wrong"] for line in seen.lines()]
    statuses = Counter(line["status"] for line in lines.values())
    slowest = max(lines.values(), key=lambda line: float(line["seconds"]))
    late = {"worst_seconds": slowest["seconds"], "worst": slowest["label"], "run_seconds": round(run.seconds, 1)}
    load = round(os.getloadavg()[0], 1)
    return {"files": len(files), **statuses, **late, "load": load, "wrong": wrong}, lines


def _copied(folder: Path, files: Sequence[Path]) -> Path:
    """The files in one folder, numbered: several have the same name."""
    folder.mkdir()
    for number, file in enumerate(files):
        shutil.copyfile(file, folder / _label(number, file))
    return folder


def _label(number: int, file: Path) -> str:
    return f"{number:02} {file.name}"


def _wrong_with(line: dict[str, Any], deadline: float) -> list[str]:
    wrong = []
    if line["status"] not in ("ready", "duplicate", "partial", "failed", "needs_password"):
        wrong.append(f"{line['label']} is {line['status']}")
    problem = line["problem"]
    if line["status"] not in ("ready", "duplicate") and not (problem and problem["message"] and problem["hint"]):
        wrong.append(f"{line['label']} is {line['status']} and nobody says why: {problem}")
    pages = line["pages"] or 1
    allowed = min(_CHILDREN, pages) * (deadline + _MARGIN) + pages  # honest pages take less than a second each
    if line["seconds"] > allowed:
        wrong.append(f"{line['label']} took {line['seconds']} s, {allowed} s are allowed")
    return wrong


def _looked_at(store: Path, files: list[Path]) -> int:
    for sentence in invariants(store, files, None):
        print(json.dumps({"wrong": sentence}, ensure_ascii=False))
    return 0


def _differing(listed: list[dict[str, Any]], lines: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Files that ended otherwise than their label says."""
    differing = []
    for number, one in enumerate(listed):
        line = lines.get(_label(number, Path(one["file"])))
        if line is not None and line["status"] not in _WELL_ENDED.get(one["expected"], {line["status"]}):
            told = {key: line[key] for key in ("status", "pages", "pages_done", "problem", "seconds")}
            differing.append({"file": one["file"], "kind": one["kind"], "expected": one["expected"]} | told)
    return differing


if __name__ == "__main__":
    raise SystemExit(main())
