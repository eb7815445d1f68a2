"""Hostile files: the run goes on, every file has a status and a named problem, and none takes for ever.

`corpus` and `mutants` are programs of their own; here they run once, thinned. The marker `faults` is for the whole.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DOCQA_DATA", ROOT.parent / "shared" / "data"))
_NO_DATA = not (DATA / "hostile.jsonl").exists()


def suite(name: str, *arguments: str | Path) -> dict[str, Any]:
    """The summary of a suite, which must have found nothing wrong."""
    command = [sys.executable, "-m", f"tests.hostile.{name}", *map(str, arguments)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    summary = json.loads(run.stdout.splitlines()[-1])
    assert isinstance(summary, dict)
    return summary


@pytest.mark.thinned
def test_forty_damaged_files_among_good_ones() -> None:
    summary = suite("mutants", "--count", "40", "--deadline", "20")
    assert summary["files"] == 50
    assert summary["failed"] > 5, "the damage does no damage"


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_five_hundred_damaged_files_among_good_ones() -> None:
    data = () if _NO_DATA else ("--data", DATA)
    assert suite("mutants", "--count", "500", *data)["files"] == 510


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.skipif(_NO_DATA, reason="the hostile files are not here (DOCQA_DATA, ../shared/data)")
def test_every_hostile_file_ends_in_time_as_it_should() -> None:
    summary = suite("corpus", DATA)
    assert summary["files"] > 90
    assert summary["partial"] < 10, "the stand-in for the OCR is not understood"
