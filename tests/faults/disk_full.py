"""Fill the disk under a run at one level after the other, make room, run again, and look at the store.

    unshare --mount --map-root-user python -m tests.faults.disk_full [--levels 20]

Wants a mount namespace of its own, where it mounts small file systems in memory. Prints one line of JSON for every
level and a summary; exit code 1 if a full disk was anything but the error "disk_full", or damaged anything.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from tests.faults import stand_ins
from tests.faults.folders import is_damaged, letters
from tests.faults.forked import Fork, docqa
from tests.faults.invariants import invariants

_DISK_FULL = 5  #: exit code of a StoreError
_ENOUGH = "64m"
_FIELDS = '[[field]]\nname = "page_of"\ntype = "text"\ndescription = "Page"\n'
#: What `docqa check` may say of a store whose run was broken off: it is mended by running again.
_HARMLESS = frozenset({"original_unknown"})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--levels", type=int, default=20)
    parser.add_argument("--tries", type=int, default=3, help="runs on the full disk; none may cost an attempt")
    asked = parser.parse_args()
    stand_ins.install()
    results = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        inputs = letters(place / "inputs", 10, 4)
        needed = _needed(place, inputs)
        sizes = [12 + needed * level // asked.levels for level in range(asked.levels)]
        for what, size in [("ingest", size) for size in sizes] + [
            ("inodes", number) for number in (4, 8, 12, 20)[: asked.levels // 2]
        ]:
            results.append(_filled(place, inputs, what, size, asked.tries))
            print(json.dumps(results[-1]), flush=True)
        results.append(_csv(place, inputs))
        print(json.dumps(results[-1]), flush=True)
        for room in (0, 8, 24, 48)[: max(1, asked.levels // 5)]:
            results.append(_ledger(place, room, asked.tries))
            print(json.dumps(results[-1]), flush=True)
    full = sum(bool(result["full"]) for result in results)
    bad = [result for result in results if result["wrong"]]
    print(json.dumps({"levels": len(results), "full": full, "bad": len(bad), "needed_kb": needed}))
    return 1 if bad else 0


def _needed(place: Path, inputs: Path) -> int:
    """Kilobytes that a whole run takes."""
    disk = _mounted(place / "whole", f"size={_ENOUGH}")
    Fork(docqa(disk / "store", "ingest", inputs), place, "whole").wait()
    status = os.statvfs(disk)
    _unmount(disk)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // 1024


def _filled(place: Path, inputs: Path, what: str, size: int, tries: int) -> dict[str, object]:
    """A run on a disk of `size` kilobytes (or files), and one after the disk was made larger."""
    disk = _mounted(place / f"{what} {size}", f"size={size}k" if what == "ingest" else f"size=64m,nr_inodes={size}")
    store = disk / "store"
    wrong: list[str] = []
    for _ in range(tries):
        run = Fork(docqa(store, "ingest", inputs), place, "run")
        code = run.wait()
        wrong += _clear_error(run) if code not in (0, 3) else []
    if code == _DISK_FULL:
        wrong += _damage(place, store)
    _run("mount", "-o", f"remount,size={_ENOUGH},nr_inodes=10000", str(disk))
    again = Fork(lambda: _finished(store, inputs), place, "again")
    wrong += again.complaints().splitlines() if again.wait() not in (0, 3) else []
    wrong += [line["wrong"] for line in again.lines() if "wrong" in line]
    _unmount(disk)
    return {"what": what, "size": size, "full": code == _DISK_FULL, "wrong": wrong}


def _clear_error(run: Fork) -> list[str]:
    """What is not as it should be about the way a run ended on a full disk."""
    if run.wait() != _DISK_FULL:
        return [f"ended with {run.wait()}: {run.complaints()[-600:]}"]
    said = run.lines()[-1].get("error", {}) if run.lines() else {}
    if said.get("code") != "disk_full" or not said.get("hint"):
        return [f"said {said} and {run.complaints()[-300:]}"]
    return []


def _damage(place: Path, store: Path) -> list[str]:
    """What `docqa check` finds while the disk is still full, but for what running again mends."""
    check = Fork(docqa(store, "check", "--read-data"), place, "check")
    if check.wait() not in (0, 2, 5):
        return [f"check ended with {check.wait()}: {check.complaints()[-600:]}"]
    found = [line for line in check.lines() if "code" in line]
    return [f"while it was full: {line['message']}" for line in found if line["code"] not in _HARMLESS]


def _finished(store: Path, inputs: Path) -> int:
    code = docqa(store, "ingest", inputs)()
    for wrong in invariants(store, inputs.iterdir(), is_damaged):
        print(json.dumps({"wrong": wrong}), flush=True)
    return code


def _csv(place: Path, inputs: Path) -> dict[str, object]:
    """An extraction whose CSV does not fit: the old file stays whole, and nothing lies beside it."""
    disk, store = _mounted(place / "csv", "size=4k"), place / "roomy"
    (place / "fields.toml").write_text(_FIELDS)
    out = disk / "table.csv"
    out.write_text("the old one")
    Fork(docqa(store, "ingest", inputs), place, "roomy").wait()
    run = Fork(docqa(store, "extract", "--fields", place / "fields.toml", "--out", out), place, "extract")
    code = run.wait()
    wrong = _clear_error(run)
    if [(file.name, file.read_text()) for file in disk.iterdir()] != [("table.csv", "the old one")]:
        wrong.append(f"there is {[file.name for file in disk.iterdir()]}")
    _unmount(disk)
    return {"what": "csv", "size": 4, "full": code == _DISK_FULL, "wrong": wrong}


def _ledger(place: Path, room: int, tries: int) -> dict[str, object]:
    """Extractions on a disk with so many kilobytes left, and one after it was made larger: no attempt was lost."""
    disk = _mounted(place / f"ledger {room}", f"size={_ENOUGH}")
    store, out = Path(shutil.copytree(place / "roomy", disk / "store")), place / f"ledger {room}.csv"
    extract = docqa(store, "extract", "--fields", place / "fields.toml", "--out", out)
    (disk / "ballast").write_bytes(bytes(_free(disk) - room * 1024))
    wrong: list[str] = []
    for _ in range(tries):
        run = Fork(extract, place, "run")
        code = run.wait()
        wrong += _clear_error(run) if code not in (0, 3) else []
    (disk / "ballast").unlink()
    again = Fork(extract, place, "again")
    wrong += again.complaints().splitlines() if again.wait() not in (0, 3) else []
    with closing(sqlite3.connect(store / "catalog.sqlite")) as catalog:
        [newest] = catalog.execute("SELECT max(run) FROM runs").fetchone()
        rows = catalog.execute("SELECT done, attempts FROM run_documents WHERE run = ? AND done", (newest,)).fetchall()
        [cells] = catalog.execute("SELECT count(*) FROM cells").fetchone()
    if cells != len(rows) or not rows or max(attempts for _, attempts in rows) > 1:
        wrong.append(f"{cells} cells of {len(rows)} documents: {rows}")
    _unmount(disk)
    return {"what": "ledger", "size": room, "full": code == _DISK_FULL, "wrong": wrong}


def _free(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def _mounted(folder: Path, options: str) -> Path:
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", options, "docqa-test", str(folder))
    return folder


def _unmount(folder: Path) -> None:
    _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    raise SystemExit(main())
