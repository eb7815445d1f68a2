"""Runs that are cut off, starved of disk or of peace: afterwards nothing is lost, doubled or left over.

Each suite is a program of its own, which can be run by hand and longer; here it runs once, thinned. The marker `faults`
is for the whole of it: `pytest -m faults`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_ISOLATED = ("unshare", "--mount", "--map-root-user")


def suite(name: str, *arguments: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """The summary of a suite, which must have found nothing wrong."""
    command = [*before, sys.executable, "-m", f"tests.faults.{name}", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    summary = json.loads(run.stdout.splitlines()[-1])
    assert isinstance(summary, dict)
    return summary


@cache
def may_mount() -> bool:
    """Whether this machine lets a process have its own mounts."""
    if shutil.which("unshare") is None:
        return False
    mount = "mount -t tmpfs -o size=1m docqa-test /mnt"
    return subprocess.run([*_ISOLATED, "sh", "-c", mount], capture_output=True, check=False).returncode == 0


@pytest.mark.thinned
def test_killed_at_every_fifteenth_step() -> None:
    assert suite("every_step", "--mode", "before", "--first", "7", "--stride", "15")["kills"] >= 4


@pytest.mark.thinned
def test_killed_at_random_moments() -> None:
    assert suite("random_kills", "--kills", "3")["kills"] == 3


@pytest.mark.thinned
def test_an_extraction_killed_at_every_fifth_step() -> None:
    assert suite("extraction", "--mode", "after", "--first", "4", "--stride", "5")["kills"] >= 3


@pytest.mark.thinned
def test_an_extraction_of_two_processes_killed_at_random_moments() -> None:
    assert suite("extraction", "--jobs", "2", "--random", "2")["bad"] == 0


@pytest.mark.thinned
def test_many_at_once() -> None:
    assert suite("at_once")["searches"] > 0


@pytest.mark.thinned
@pytest.mark.skipif(not may_mount(), reason="no mount namespace may be made here (unshare --mount --map-root-user)")
def test_a_full_disk() -> None:
    assert suite("disk_full", "--levels", "2", "--tries", "1", before=_ISOLATED)["full"] >= 4


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_killed_at_every_step() -> None:
    assert suite("every_step")["kills"] > 100


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_extraction_killed_at_every_step(jobs: str) -> None:
    assert suite("extraction", "--jobs", jobs)["kills"] > 20


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_an_extraction_killed_forty_times_at_random_moments() -> None:
    assert suite("extraction", "--jobs", "2", "--random", "40")["kills"] > 20


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_killed_a_hundred_times_at_random_moments() -> None:
    assert suite("random_kills", "--kills", "100")["kills"] == 100


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not may_mount(), reason="no mount namespace may be made here (unshare --mount --map-root-user)")
def test_a_full_disk_at_twenty_levels() -> None:
    assert suite("disk_full", "--levels", "20", before=_ISOLATED)["full"] >= 20
