"""Run docqa and end the process with SIGKILL at its N-th step that changes something on the disk.

    python -m tests.faults.killed N [--after] -- --store DIR ingest FOLDER

A step is a file that is made, renamed, synced or removed, a transaction that commits, a change of a LanceDB table, a
child that is started. Killed right before the N-th of them, or with `--after` right after it; with fewer steps the run
ends as it always does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from lancedb.db import LanceDBConnection
from lancedb.merge import LanceMergeInsertBuilder
from lancedb.table import LanceTable

from docqa.cli import main

_COMMITS = ("COMMIT", "PRAGMA JOURNAL_MODE", "PRAGMA USER_VERSION =")


class Steps:
    """Counts the steps of this process and kills it at one of them."""

    def __init__(self, deadly: int, *, after: bool) -> None:
        self.counted = 0
        self._deadly = deadly
        self._after = after
        self._lock = threading.Lock()

    def counting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, as a step."""

        def step(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  it stands for any function
            with self._lock:
                self.counted += 1
                number = self.counted
            if number == self._deadly and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return function(*arguments, **named)
            finally:
                if number == self._deadly:
                    os.kill(os.getpid(), signal.SIGKILL)

        return step


def install(steps: Steps) -> None:
    """Make steps of everything that changes the disk, for the rest of this process."""
    places: list[tuple[Any, tuple[str, ...]]] = [
        (os, ("rename", "replace", "link", "unlink", "remove", "mkdir", "rmdir", "fsync")),
        (tempfile, ("mkstemp",)),
        (LanceDBConnection, ("create_table", "drop_table")),
        (LanceTable, ("add", "delete", "update", "optimize", "create_index", "create_fts_index", "drop_index")),
        (LanceMergeInsertBuilder, ("execute",)),
        (subprocess.Popen, ("__init__",)),
    ]
    for place, names in places:
        for name in names:
            setattr(place, name, steps.counting(getattr(place, name)))
    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **named: connect(*a, **named, factory=_counted(steps))  # type: ignore[assignment]


def _counted(steps: Steps) -> type[sqlite3.Connection]:
    class Counted(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]  # noqa: ANN401
            run = super().execute
            if sql.lstrip().upper().startswith(_COMMITS):
                run = steps.counting(run)
            return run(sql, *values)  # type: ignore[no-any-return]

        def commit(self) -> None:
            steps.counting(super().commit)()

    return Counted


if __name__ == "__main__":
    from tests.faults import stand_ins

    parser = argparse.ArgumentParser()
    parser.add_argument("step", type=int)
    parser.add_argument("--after", action="store_true")
    parser.add_argument("arguments", nargs="+")
    asked = parser.parse_args()
    stand_ins.install(jobs=1)
    install(Steps(asked.step, after=asked.after))
    raise SystemExit(main(asked.arguments))
